package transport

import (
	"testing"

	"gatehouse/models"
)

// What a client cannot send, an owner's rule cannot send in its place.
func TestNoHeaderRuleMakesAPrivateHeader(t *testing.T) {
	names := []string{headerKeyID, headerConsumer, headerRequestID, headerPrefix}
	for name := range private {
		names = append(names, name)
	}
	for _, prefix := range privatePrefixes {
		names = append(names, prefix+"x")
	}
	for _, name := range names {
		r := models.HeaderRule{Action: models.HeaderSet, Name: name, Value: "x"}
		if r.Problem(models.ToUpstream, models.DefaultKeySource(), nil) == "" {
			t.Errorf("a rule may set %s", name)
		}
	}
}
