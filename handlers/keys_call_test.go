package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/models/secret"
	"gatehouse/templates/snippet"
)

func keyCall(source models.KeySource, methods ...models.Method) models.KeyCall {
	return models.KeyCall{APISlug: "echo", StageName: "prod", KeySource: source, Methods: methods}
}

// TestSnippetsCarryTheKeyWhereTheAPIReadsIt: pasted code must work as it stands, with the key in the one place that the gateway looks at.
func TestSnippetsCarryTheKeyWhereTheAPIReadsIt(t *testing.T) {
	value := secret.NewValue("gwk1abcdefghijklmnopqrstuvwxyz0123456789AB")
	op := openapi.Operation{Verb: "GET", Path: "/users/{id}", KeyRequired: true}
	tests := []struct {
		name   string
		source models.KeySource
		value  secret.Value
		want   string
	}{
		{"header", models.DefaultKeySource(), value, "curl https://gw.example.com/echo/prod/users/1 \\\n  -H \"x-api-key: " + value.Reveal() + `"`},
		{"header, key kept elsewhere", models.DefaultKeySource(), secret.Value{}, "curl https://gw.example.com/echo/prod/users/1 \\\n  -H \"x-api-key: $ECHO_KEY\""},
		{"bearer", models.KeySource{Place: models.KeyInBearer}, value, "curl https://gw.example.com/echo/prod/users/1 \\\n  -H \"Authorization: Bearer " + value.Reveal() + `"`},
		{"bearer, key kept elsewhere", models.KeySource{Place: models.KeyInBearer}, secret.Value{}, "curl https://gw.example.com/echo/prod/users/1 \\\n  -H \"Authorization: Bearer $ECHO_KEY\""},
		{"query", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, value, `curl "https://gw.example.com/echo/prod/users/1?api_key=` + value.Reveal() + `"`},
		{"query, key kept elsewhere", models.KeySource{Place: models.KeyInQuery, Name: "api_key"}, secret.Value{}, `curl "https://gw.example.com/echo/prod/users/1?api_key=$ECHO_KEY"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := snippet.Curl(keyRequest("https://gw.example.com/echo/prod", keyCall(tt.source), op, tt.value)).Text(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestSnippetOfAnOpenMethodHoldsNoKey(t *testing.T) {
	value := secret.NewValue("gwk1abcdefghijklmnopqrstuvwxyz0123456789AB")
	got := snippet.Curl(keyRequest("https://gw.example.com/echo/prod", keyCall(models.DefaultKeySource()), openapi.Operation{Verb: "GET", Path: "/health"}, value)).Text()
	if strings.Contains(got, value.Reveal()) {
		t.Errorf("the key is in %s", got)
	}
}

func TestTestRequestHoldsNoCredential(t *testing.T) {
	for _, source := range []models.KeySource{models.DefaultKeySource(), {Place: models.KeyInBearer}, {Place: models.KeyInQuery, Name: "api_key"}} {
		got := tryRequest("http://gw", keyCall(source), operation{1, openapi.Operation{Verb: "ANY", Path: "/files/{proxy+}", KeyRequired: true}})
		if got.Method != "GET" || got.URL != "http://gw/echo/prod/files/1" || len(got.Headers) != 0 {
			t.Errorf("%s: %+v", source.Place, got)
		}
	}
}

func TestPageBeginsWithAStageThatCanBeCalled(t *testing.T) {
	first, second := models.NewID[models.Stage](1), models.NewID[models.Stage](2)
	calls := []models.KeyCall{{StageID: first, State: models.MemberPending}, {StageID: second, State: models.MemberActive}}
	tests := []struct {
		name, stage string
		calls       []models.KeyCall
		want        int
	}{
		{"none", "", nil, -1},
		{"the one that calls pass on", "", calls, 1},
		{"the one in the URL", first.String(), calls, 0},
		{"one that is not the key's", "zzzzzzzzzz", calls, 1},
		{"nothing passes", "", calls[:1], 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := chosenCall(tt.calls, tt.stage); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestAnswersAreShownAsFarAsTheyAreText(t *testing.T) {
	large := strings.Repeat("x", shownBytes+5)
	tests := []struct{ name, kind, body, text, note string }{
		{"JSON is laid out", "application/json; charset=utf-8", `{"a":1}`, "{\n  \"a\": 1\n}", ""},
		{"JSON of a vendor", "application/vnd.x+json", `[]`, "[]", ""},
		{"broken JSON as it is", "application/json", `{"a":`, `{"a":`, ""},
		{"text", "text/plain", "hello", "hello", ""},
		{"no type, but text", "", "hello", "hello", ""},
		{"nothing", "text/plain", "", "", "no body"},
		{"an image", "image/png", "\x89PNG", "", "image/png"},
		{"no type and no text", "", "\xff\xfe", "", "not text"},
		{"broken text", "text/plain", "a\xffb\x00", "a\uFFFDb\uFFFD", ""},
		{"too much", "text/plain", large, large[:shownBytes], "first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, note := shownBody(tt.kind, []byte(tt.body))
			if text != tt.text || (tt.note == "") != (note == "") || !strings.Contains(note, tt.note) {
				t.Errorf("got %.80q and %q", text, note)
			}
		})
	}
}

func TestWhatIsLeftIsSaidOfAnswersThatTell(t *testing.T) {
	now := time.Date(2026, time.November, 30, 22, 30, 0, 0, time.UTC)
	h := http.Header{}
	if got := leftLines(h, now); got != nil {
		t.Errorf("no headers: %q", got)
	}
	h.Set("RateLimit-Policy", `"plan";q=10;w=1, "quota";q=10000;w=86400`)
	h.Set("RateLimit", `"plan";r=9;t=1, "quota";r=9998;t=5400`)
	want := "9,998 of 10,000 requests of the quota left; it resets on 1 Dec, 00:00 UTC, in 1 h 30 min.|At once now: 9 of 10 by the plan's rate."
	if got := plain(strings.Join(leftLines(h, now), "|")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	h.Set("RateLimit", `"plan";r=many, "other";r=1`)
	h.Set("RateLimit-Policy", `"quota"`)
	if got := leftLines(h, now); got != nil {
		t.Errorf("headers that are not ours: %q", got)
	}
}

func TestKeyIsNotActiveWhenNoPlanLetsItThrough(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	member := func(states ...models.MembershipState) (out []models.Membership) {
		for _, s := range states {
			out = append(out, models.Membership{State: s})
		}
		return out
	}
	tests := []struct {
		want    string
		key     models.Key
		members []models.Membership
	}{
		{"Active", models.Key{Enabled: true}, member(models.MemberPending, models.MemberActive)},
		{"Rotating", models.Key{Enabled: true, OldStopsAt: now.Add(1)}, member(models.MemberActive)},
		{"Waiting", models.Key{Enabled: true, OldStopsAt: now.Add(1)}, member(models.MemberPending)},
		{"Blocked", models.Key{Enabled: true}, member(models.MemberBlocked)},
		{"Suspended", models.Key{Enabled: true}, member(models.MemberSuspended)},
		{"On no plan", models.Key{Enabled: true}, nil},
		{"Disabled", models.Key{}, member(models.MemberActive)},
		{"Expired", models.Key{Enabled: true, ExpiresAt: now}, member(models.MemberActive)},
		{"Revoked", models.Key{Enabled: true, RevokedAt: now}, nil},
	}
	for _, tt := range tests {
		if got := keyStatus(tt.key, tt.members, now).Text; got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
