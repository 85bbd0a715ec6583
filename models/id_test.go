package models_test

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/models"
)

// An id must survive its text form, or links and CSV files would lead elsewhere.
func TestIDsSurviveTheirTextForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := models.NewID[models.Key](rapid.Uint64().Draw(t, "random"))
		text := id.String()
		if len(text) != 10 {
			t.Fatalf("got %q, want ten characters", text)
		}
		back, err := models.ParseID[models.Key](text)
		if err != nil || back != id {
			t.Fatalf("ParseID(%q) = %v, %v; want %d", text, back, err, id)
		}
	})
}

func TestNewIDStaysWithinTenCharacters(t *testing.T) {
	for _, random := range []uint64{0, 1, math.MaxUint64, 1 << 63, 3656158440062975} {
		if id := models.NewID[models.Key](random); len(id.String()) != 10 {
			t.Errorf("NewID(%d) = %q, want ten characters", random, id)
		}
	}
}

func TestParseIDRefusesWhatStringNeverMakes(t *testing.T) {
	for _, text := range []string{"", "0", "abc", "0123456789", "0zzzzzzzzz", "ABCDEFGHIJ", "abcdefghi ", "+bcdefghij", "-bcdefghij", "abcdefghijk", "abc_efghij", "äbcdefghi"} {
		if id, err := models.ParseID[models.Key](text); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", text, id)
		}
	}
}

func TestZeroIDIsEmptyInJSON(t *testing.T) {
	type holder struct{ ID models.PlanID }
	text, err := json.Marshal(holder{})
	if err != nil || string(text) != `{"ID":""}` {
		t.Fatalf("got %s, %v", text, err)
	}
	got := holder{ID: 7}
	if err := json.Unmarshal(text, &got); err != nil || got.ID != 0 {
		t.Fatalf("got %v, %v; want the zero id", got.ID, err)
	}
	if err := json.Unmarshal([]byte(`{"ID":"nonsense"}`), &got); err == nil {
		t.Fatal("nonsense was read as an id")
	}
}
