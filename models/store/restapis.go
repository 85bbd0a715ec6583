package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// apiDetails is a column of JSON; empty: there are none.
type apiDetails models.APIDetails

// Scan implements sql.Scanner.
func (d *apiDetails) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("an API's details are no text but %T", value)
	}
	*d = apiDetails{}
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), (*models.APIDetails)(d)); err != nil {
		return fmt.Errorf("read an API's details: %w", err)
	}
	return nil
}

// Value implements driver.Valuer.
func (d apiDetails) Value() (driver.Value, error) {
	text, err := json.Marshal(models.APIDetails(d))
	if string(text) == "{}" {
		return "", err
	}
	return string(text), err
}

// freeSlug returns a slug that no API has: the one that was asked for, or with a number behind it.
func (t *tx) freeSlug(slug string) (string, error) {
	free := slug
	for n := 2; ; n++ {
		taken, err := selectAll[int](t.DB, "slugs", `SELECT 1 FROM apis WHERE slug = ?`, free)
		if err != nil || len(taken) == 0 {
			return free, err
		}
		behind := fmt.Sprintf("-%d", n)
		free = strings.TrimRight(slug[:min(len(slug), 40-len(behind))], "-") + behind
	}
}

// ChangeAPI changes an API's settings and details: change gets the API as it is. What is not of these stays: id, owner, slug, authorizer. Its errors are those of
// APISettings.Clean and APIDetails.Check, and change's own. Change may be called several times. The key source holds with the next deployment, all else at once.
func (s *Store) ChangeAPI(ctx context.Context, actor models.Actor, id models.APIID, change func(*models.API) error, now time.Time) (a models.API, err error) {
	err = s.changeAPI(ctx, actor, id, now, func(t *tx, before models.API) error {
		a = before
		a.Tags, a.Details.BinaryTypes = slices.Clone(before.Tags), slices.Clone(before.Details.BinaryTypes)
		if err := change(&a); err != nil {
			return err
		}
		return t.saveAPI(before, &a)
	})
	return a, err
}

// saveAPI makes an API's settings and details what after has of them, and says what became of it.
func (t *tx) saveAPI(before models.API, after *models.API) error {
	in, err := apiSettingsOf(*after).Clean()
	if err := firstError(err, after.Details.Check()); err != nil {
		return err
	}
	a := before
	a.Name, a.Summary, a.Tags, a.KeySource, a.Details = in.Name, in.Summary, in.Tags, in.KeySource, after.Details
	if *after = a; a.Name == before.Name && a.Summary == before.Summary && slices.Equal(a.Tags, before.Tags) && a.KeySource == before.KeySource && a.Details.Equal(before.Details) {
		return nil
	}
	after.Undeployed, after.UpdatedAt = before.Undeployed || a.KeySource != before.KeySource, t.now
	err = t.run("change API", `UPDATE apis SET name = ?, summary = ?, tags = ?, key_place = ?, key_name = ?, key_forward = ?, details = ?, undeployed = ?, updated_at = ? WHERE id = ?`,
		a.Name, a.Summary, strings.Join(a.Tags, ","), string(a.KeySource.Place), a.KeySource.Name, a.KeySource.Forward, apiDetails(a.Details), after.Undeployed, millis(t.now), a.ID)
	if err := firstError(err, t.changed(models.ChangeTopology)); err != nil {
		return err
	}
	return t.event("api.update", apiObject(before), detailedFacts(before), detailedFacts(*after))
}

// detailedFacts is what events tell of an API, details included.
func detailedFacts(a models.API) facts {
	f := apiFacts(apiSettingsOf(a))
	if !a.Details.Equal(models.APIDetails{}) {
		d := a.Details
		d.Description = models.CutLine(d.Description, 1000)
		f["details"] = d
	}
	return f
}
