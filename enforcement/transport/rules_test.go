package transport

import (
	"testing"

	"gatehouse/enforcement/wire"
	"gatehouse/models"
)

// What a client cannot send, an owner's rule cannot send in its place.
func TestNoHeaderRuleMakesAPrivateHeader(t *testing.T) {
	names := []string{headerKeyID, headerConsumer, headerRequestID, headerPrefix}
	private, prefixes := wire.Private()
	names = append(names, private...)
	for _, prefix := range prefixes {
		names = append(names, prefix+"x")
	}
	for _, name := range names {
		r := models.HeaderRule{Action: models.HeaderSet, Name: name, Value: "x"}
		if r.Problem(models.ToUpstream, models.DefaultKeySource(), nil) == "" {
			t.Errorf("a rule may set %s", name)
		}
	}
}
