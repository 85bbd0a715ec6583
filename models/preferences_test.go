package models_test

import (
	"testing"
	"time"

	"gatehouse/models"
)

// A zone in the list that cannot be chosen would be a dead end.
func TestEveryListedZoneCanBeChosen(t *testing.T) {
	zones := models.Zones()
	if len(zones) < 300 {
		t.Fatalf("%d zones, want those of the world", len(zones))
	}
	for _, name := range zones {
		p, err := models.Preferences{Zone: name}.Clean()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name != "UTC" && p.Location().String() != name {
			t.Errorf("%s became %s", name, p.Location())
		}
	}
	if got := (models.Preferences{Zone: "Gone/Since"}).Location(); got != time.UTC {
		t.Errorf("a zone that is not known any more: %v, want UTC", got)
	}
}
