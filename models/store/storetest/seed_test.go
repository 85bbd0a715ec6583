package storetest_test

import (
	"testing"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

func TestSeedMakesAsMuchAsItSays(t *testing.T) {
	s := storetest.Open(t)
	size := storetest.Few()
	made := storetest.Seed(t, s, size)
	keys := 0
	if err := s.Credentials(t.Context(), func(models.Credential) error { keys++; return nil }); err != nil {
		t.Fatal(err)
	}
	plans := 0
	for page := (models.Page{Limit: 200}); ; {
		list, err := s.Plans(t.Context(), made.Owner.ID, "", page)
		if err != nil {
			t.Fatal(err)
		}
		if plans, page.After = plans+len(list.Items), list.Next; page.After == "" {
			break
		}
	}
	// Revoked keys have no credentials, and strangers have one of their own.
	if keys < size.Keys*9/10 || keys > size.Keys*11/10 || plans != size.Plans {
		t.Errorf("%d keys on %d plans, want about %d on %d", keys, plans, size.Keys, size.Plans)
	}
}
