package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store/storetest"
)

// The page of a key's old values counts whom it tells apart, and does not claim to know how many the others are.
func TestOldValuesSayWhoHasToChangeHisProgram(t *testing.T) {
	p := openDeveloperPortal(t)
	made, old, err := p.store.Subscribe(t.Context(), storetest.Actor(p.developer), models.NewSubscription{PlanID: p.free.ID, AppName: "Acme", KeyName: "k"}, p.clock)
	ok(t, err)
	key := made.Key.ID
	b, path := p.signedIn("developer@example.com"), "/keys/"+key.String()+"/callers"
	use := func(old secret.Value, at time.Time, agents ...string) {
		t.Helper()
		u := models.ValueUse{Digest: p.ring.Digest(old.Reveal()), Last: at}
		for _, agent := range agents {
			u.Callers = append(u.Callers, models.Caller{Address: "192.0.2.7", UserAgent: models.CleanUserAgent(agent), First: at, Last: at, Requests: 1})
		}
		ok(t, p.store.NoteValueUses(t.Context(), []models.ValueUse{u}))
	}
	b.get(path).says(t, "No old value", "The key was not rotated")
	_, _, err = p.store.RotateKey(t.Context(), storetest.Actor(p.developer), key, models.Rotation{Overlap: models.Overlap(24 * time.Hour)}, p.clock)
	ok(t, err)
	b.get(path).says(t, "Nobody has used it", `aria-current="page">Old values<`)
	use(old, p.clock, "curl/8")
	b.get(path).says(t, "1 caller still uses the old value")
	use(old, p.clock, "<script>alert(1)</script>", "\u202egnp.exe", strings.Repeat("long", 500))
	got := b.get(path)
	got.says(t, "4 callers still use the old value", "&lt;script&gt;alert(1)&lt;/script&gt;", "\ufffdgnp.exe")
	got.hasNot(t, "<script>alert", "\u202e", strings.Repeat("long", 200))
	for i := range 20 {
		use(old, p.clock, fmt.Sprint("bot/", i))
	}
	b.get(path).says(t, "At least 21 callers still use the old value", "Other callers", "Only the first 20 are told apart.")
	ok(t, p.store.StopOldValue(t.Context(), storetest.Actor(p.developer), key, p.clock.Add(time.Minute)))
	p.clock = p.clock.Add(time.Hour)
	b.get(path).says(t, "Nobody has sent it since it stopped.")
	use(old, p.clock, "another/1")
	b.get(path).says(t, "At least 1 caller still sends the old value and gets 403")
	use(old, p.clock, "curl/8")
	b.get(path).says(t, "At least 2 callers still send the old value and get 403", "refused")
	p.clock = p.clock.Add(models.CallersKept + time.Hour)
	b = p.signedIn("developer@example.com")
	b.get(path).says(t, "No old value")
}
