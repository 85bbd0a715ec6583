package handlers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/templates/admin"
)

// TestChangesOfShowsWhatDiffers: value by value, with numbers as they are, and nothing that stayed the same.
func TestChangesOfShowsWhatDiffers(t *testing.T) {
	tests := []struct {
		name, before, after string
		want                []admin.Change
	}{
		{"nothing", "", "", nil},
		{"made", "", `{"name":"Free","keysPerApp":1}`, []admin.Change{{Name: "keysPerApp", After: "1"}, {Name: "name", After: "Free"}}},
		{"ended", `{"name":"Free"}`, "", []admin.Change{{Name: "name", Before: "Free"}}},
		{"changed", `{"name":"Free","throttle":{"Rate":50,"Burst":100}}`, `{"name":"Free","throttle":{"Rate":80,"Burst":100}}`,
			[]admin.Change{{Name: "throttle.Rate", Before: "50", After: "80"}}},
		{"large numbers", `{"quota":10000000}`, `{"quota":1000000000000}`, []admin.Change{{Name: "quota", Before: "10000000", After: "1000000000000"}}},
		{"lists", `{"stages":["a","b"]}`, `{"stages":["a"]}`, []admin.Change{{Name: "stages.2", Before: "b"}}},
		{"switches", `{"on":false}`, `{"on":true}`, []admin.Change{{Name: "on", Before: "no", After: "yes"}}},
		{"no object", `"a"`, `"b"`, []admin.Change{{Name: "value", Before: "a", After: "b"}}},
		{"nulls", `{"a":null}`, `{"a":1}`, []admin.Change{{Name: "a", After: "1"}}},
		{"what is no JSON", `{`, `{"a":1}`, []admin.Change{{Name: "a", After: "1"}, {Name: "value", Before: "{"}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, changesOf(json.RawMessage(tt.before), json.RawMessage(tt.after))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestActionsHaveWords: each action that the store notes reads as a sentence.
func TestActionsHaveWords(t *testing.T) {
	for _, action := range strings.Fields(`account.create account.disable account.enable account.invite_accept account.password account.rename account.role
		account.setup account.signup api.create api.delete api.import api.update app.create app.rename key.add_to_plan key.create key.disable key.enable key.expiry
		key.export key.import key.move key.remove_from_plan key.rename key.revoke key.rotate key.stop_old key.stop_unused key.update link.create link.use method.add
		method.key_required method.remove plan.create plan.delete plan.detach plan.discard_draft plan.invitations plan.publish plan.retire plan.save_draft session.end
		settings.save stage.create stage.delete stage.deploy stage.point stage.update subscription.approve subscription.cancel subscription.change_plan
		subscription.end subscription.move subscription.refuse subscription.request subscription.resume subscription.suspend`) {
		if words := actionWords(action); strings.Contains(words, "(") {
			t.Errorf("%s has no words: %q", action, words)
		}
	}
	if got := actionWords("kettle.boil_over"); got != "boil over (kettle)" {
		t.Errorf("an unknown action is said as %q", got)
	}
}

// TestChangesOfIsBounded: a document of thousands of methods does not fill the page.
func TestChangesOfIsBounded(t *testing.T) {
	var values []string
	for i := range 1000 {
		values = append(values, fmt.Sprintf(`"v%d":%d`, i, i))
	}
	got := changesOf(nil, json.RawMessage("{"+strings.Join(values, ",")+"}"))
	if want := (admin.Change{Name: "and more", After: "940\u00a0values"}); len(got) != maxChanges+1 || got[maxChanges] != want {
		t.Errorf("%d rows, the last one %v", len(got), got[len(got)-1])
	}
}
