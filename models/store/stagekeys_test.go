package store_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

// Who sends a request chooses among his own keys on the stage, and is told which of them the operation is not for.
func TestKeysOfAStageAreOnesOwnWithWhatTheyOpen(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	methods, err := w.Methods(t.Context(), w.owner.ID, w.api.ID)
	ok(t, err)
	some, wide := termsOf("Some", prod), w.plan("Wide", beta)
	some.Stages[0].Excluded = []models.MethodID{methods[1].ID}
	narrow := w.publish(some)
	asked := w.asking("Asked", prod)
	first, _, waiting, gone := w.subscribe(narrow, "a"), w.subscribe(wide, "b"), w.subscribe(asked, "c"), w.subscribe(narrow, "d")
	ok(t, w.RevokeKey(t.Context(), w.asDeveloper(), gone.Key.ID, w.later()))
	w.customerKey("not an app's", narrow)
	show := func(account models.AccountID, stage models.Stage, method models.Method) (out []string) {
		keys, err := w.StageKeys(t.Context(), account, stage.ID, method.ID)
		ok(t, err)
		for _, k := range keys {
			out = append(out, fmt.Sprint(k.ID, k.PlanName, k.State, k.Opens))
		}
		return out
	}
	want := []string{fmt.Sprint(waiting.Key.ID, "Asked", models.MemberPending, true), fmt.Sprint(first.Key.ID, "Some", models.MemberActive, true)}
	if diff := cmp.Diff(want, show(w.developer.ID, prod, methods[0])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want[1] = fmt.Sprint(first.Key.ID, "Some", models.MemberActive, false)
	if diff := cmp.Diff(want, show(w.developer.ID, prod, methods[1])); diff != "" {
		t.Errorf("of an excluded method (-want +got):\n%s", diff)
	}
	if got := show(w.owner.ID, prod, methods[0]); len(got) != 0 {
		t.Errorf("another account sees %v", got)
	}
}
