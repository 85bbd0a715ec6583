package store_test

import (
	"testing"

	"gatehouse/models"
	"gatehouse/models/store"
)

// A model that the gateway cannot compile is refused with the reason, and nothing of the change is kept; what did not change is not tried again.
func TestAModelIsTriedBeforeItIsKept(t *testing.T) {
	tries := 0
	w := newWorld(t, func(c *store.Config) {
		c.Modelled = func(name, schema string, others map[string]models.SchemaModel) error {
			if tries++; len(others[name].Schema) == 0 {
				t.Errorf("%s is not among the others", name)
			}
			if schema == `{"bad":1}` {
				return models.Invalid("schema", "Invalid model specified: it is bad")
			}
			return nil
		}
	})
	put := func(name, schema string) error {
		_, err := w.ChangeParts(t.Context(), w.asOwner(), w.api.ID, func(p *models.DeploymentParts) error {
			if p.Models == nil {
				p.Models = map[string]models.SchemaModel{}
			}
			p.Models[name] = models.SchemaModel{ID: p.Models[name].ID, Name: name, ContentType: "application/json", Schema: schema}
			return nil
		}, w.later())
		return err
	}
	ok(t, put("One", "{}"))
	wantField(t, "a bad model", put("Two", `{"bad":1}`), "schema")
	ok(t, put("Two", `{"type":"object"}`))
	ok(t, put("Two", `{"type":"object"}`))
	if tries != 3 {
		t.Errorf("models were tried %d times, want 3", tries)
	}
	parts, err := w.Parts(t.Context(), w.owner.ID, w.api.ID)
	ok(t, err)
	if len(parts.Models) < 2 || parts.Models["Two"].Schema != `{"type":"object"}` {
		t.Errorf("kept are %v", parts.Models)
	}
}
