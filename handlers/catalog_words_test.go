package handlers

import (
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/openapi"
	"gatehouse/templates/snippet"
)

// plain makes a no-break space a space.
func plain(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r == '\u00a0' {
			out[i] = ' '
		}
	}
	return string(out)
}

// TestLimitsAreSaidInWords: every limit that a plan can have has a sentence with its own numbers.
func TestLimitsAreSaidInWords(t *testing.T) {
	now := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) // a Monday
	quota := func(n int64, p limit.Period, offset int) *limit.Quota {
		return &limit.Quota{Limit: n, Period: p, Offset: offset}
	}
	tests := []struct{ got, want string }{
		{throttleWords(nil), "No limit of the rate"},
		{throttleWords(&limit.Throttle{Rate: 50, Burst: 100}), "50 requests a second, bursts of 100"},
		{throttleWords(&limit.Throttle{Rate: 0.1, Burst: 1}), "1 request every 10 seconds, one at a time"},
		{throttleWords(&limit.Throttle{}), "Refuses every request"},
		{quotaWords(nil), "No quota"},
		{quotaWords(&limit.Quota{}), "No quota"},
		{quotaWords(quota(10_000, limit.PeriodMonth, 0)), "10,000 requests a month"},
		{quotaWords(quota(1, limit.PeriodDay, 0)), "1 request a day"},
		{quotaSentence(nil, now), ""},
		{quotaSentence(quota(0, limit.PeriodDay, 0), now), "A quota of 0 refuses every request."},
		{quotaSentence(quota(500, limit.PeriodDay, 0), now), "Each key may make 500 requests a day in all. The count starts anew each day, 00:00 UTC, next on 24 Nov 2026."},
		{quotaSentence(quota(500, limit.PeriodWeek, 0), now), "Each key may make 500 requests a week in all. The count starts anew each Monday, 00:00 UTC, next on 30 Nov 2026."},
		{quotaSentence(quota(500, limit.PeriodWeek, 6), now), "Each key may make 500 requests a week in all. The count starts anew each Sunday, 00:00 UTC, next on 29 Nov 2026."},
		{quotaSentence(quota(500, limit.PeriodMonth, 0), now), "Each key may make 500 requests a month in all. The count starts anew on the 1st of each month, 00:00 UTC, next on 1 Dec 2026."},
		{quotaSentence(quota(500, limit.PeriodMonth, 27), now), "Each key may make 500 requests a month in all. The count starts anew on the 28th of each month, 00:00 UTC, next on 28 Nov 2026."},
		{ordinal(2) + ordinal(3) + ordinal(4) + ordinal(11) + ordinal(12) + ordinal(13) + ordinal(21) + ordinal(22) + ordinal(23), "2nd3rd4th11th12th13th21st22nd23rd"},
		{keyWords(models.KeySource{Place: models.KeyInBearer}), "Send your key in the header Authorization: Bearer YOUR_KEY."},
		{keyWords(models.KeySource{Place: models.KeyInQuery, Name: "k"}), "Send your key in the query parameter k."},
		{keyWords(models.DefaultKeySource()), "Send your key in the header x-api-key."},
	}
	for _, tt := range tests {
		if plain(tt.got) != tt.want {
			t.Errorf("got  %q\nwant %q", plain(tt.got), tt.want)
		}
	}
}

// TestPricesAreParted: the amount stands large, the rest small; what cannot be parted stays whole.
func TestPricesAreParted(t *testing.T) {
	for price, want := range map[string][2]string{
		"€49 a month": {"€49", "a month"}, "€49 / month": {"€49", "/ month"}, "$5 per 1,000": {"$5", "per 1,000"}, "Free": {"Free", ""},
		"Pay as you go": {"Pay as you go", ""}, "EUR 49": {"EUR 49", ""}, "From €900 a month": {"From €900", "a month"}, "One call a day": {"One call a day", ""}, "": {"", "No price is stated"},
	} {
		if large, small := splitPrice(price); large != want[0] || small != want[1] {
			t.Errorf("splitPrice(%q) = %q, %q", price, large, small)
		}
	}
}

// TestExampleRequestsCanBeSent: names in the path are filled, what is required is there, the key is where the API reads it, and it is
// not asked for twice.
func TestExampleRequestsCanBeSent(t *testing.T) {
	op := openapi.Operation{
		Verb: "POST", Path: "/users/{id}/files/{path+}", KeyRequired: true,
		Parameters: []openapi.Parameter{
			{Name: "id", In: "path", Type: "integer (int64)", Example: "42"}, {Name: "path", In: "path", Type: "string", Example: "a b/c"},
			{Name: "limit", In: "query", Type: "integer", Required: true}, {Name: "kind", In: "query", Required: true, Enum: []string{"all", "own"}},
			{Name: "hidden", In: "query"}, {Name: "x-api-key", In: "header", Required: true, Type: "string"}, {Name: "X-Trace", In: "header", Example: "abc"},
		},
		Body: &openapi.Body{Contents: []openapi.Content{{MediaType: "application/json", Example: `{"a":1}`}}},
	}
	text := func(source models.KeySource, op openapi.Operation) string {
		return snippet.Curl(exampleRequest("https://g.example/api/prod", "API_KEY", source, op)).Text()
	}
	tests := []struct{ name, got, want string }{
		{"header", text(models.DefaultKeySource(), op),
			"curl \"https://g.example/api/prod/users/42/files/a%20b/c?limit=1&kind=all\" \\\n  -H \"X-Trace: abc\" \\\n  -H \"x-api-key: $API_KEY\" \\\n  -H \"Content-Type: application/json\" \\\n  --data-raw '{\"a\":1}'"},
		{"query", text(models.KeySource{Place: models.KeyInQuery, Name: "key"}, openapi.Operation{Verb: "GET", Path: "/", KeyRequired: true}),
			"curl \"https://g.example/api/prod/?key=$API_KEY\""},
		{"bearer", text(models.KeySource{Place: models.KeyInBearer}, openapi.Operation{Verb: "ANY", Path: "/{proxy+}", KeyRequired: true}),
			"curl https://g.example/api/prod/1 \\\n  -H \"Authorization: Bearer $API_KEY\""},
		{"no key", text(models.DefaultKeySource(), openapi.Operation{Verb: "DELETE", Path: "/a"}), "curl -X DELETE https://g.example/api/prod/a"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, tt.got, tt.want)
		}
	}
	for slug, want := range map[string]string{"weather": "WEATHER_KEY", "my-api": "MY_API_KEY", "3scale": "API_3SCALE_KEY"} {
		if got := keyVariable(slug); got != want {
			t.Errorf("keyVariable(%q) = %q, want %q", slug, got, want)
		}
	}
}

// TestFirstCallIsTheEasiest: a newcomer's first call needs nothing but the key.
func TestFirstCallIsTheEasiest(t *testing.T) {
	methods := []models.Method{
		{Verb: "DELETE", Path: "/a", KeyRequired: true}, {Verb: "GET", Path: "/b/{id}", KeyRequired: true}, {Verb: "GET", Path: "/search", KeyRequired: true},
		{Verb: "GET", Path: "/open"}, {Verb: "GET", Path: "/users", KeyRequired: true},
	}
	pack, err := openapi.Description{Operations: []openapi.Operation{{Verb: "GET", Path: "/search", Parameters: []openapi.Parameter{{Name: "q", In: "query", Required: true}}}}}.Pack()
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi.OpenReference(pack)
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Request: httptest.NewRequest("GET", "/apis/a", nil), Site: &Site{GatewayURL: "https://g.example"}}
	api := models.CatalogAPI{API: models.API{Slug: "a", KeySource: models.DefaultKeySource()}, Stages: []models.CatalogStage{{Name: "prod", Methods: methods}}}
	if got, err := firstCall(r, api, d, nil, "x"); err != nil || got.Title != "GET /users" || got.KeyWords == "" {
		t.Errorf("the first call is %q (%q), %v", got.Title, got.KeyWords, err)
	}
	if got, err := firstCall(r, models.CatalogAPI{}, d, nil, "x"); err != nil || got != nil {
		t.Errorf("an API without stages has the call %q, %v", got.Title, err)
	}
}

// TestExamplesAreColouredAndWhole: colouring loses no character.
func TestExamplesAreColouredAndWhole(t *testing.T) {
	for _, text := range []string{"{\n  \"a\\\"b\": [1, -2.5e3, true, null, \"x: y\"]\n}", "", "{", `"open`, "no json at all", "{\"a\" : \"b\"}"} {
		code := exampleCode("application/json", text)
		if code.Text() != text {
			t.Errorf("%q became %q", text, code.Text())
		}
	}
	if code := exampleCode("application/json", `{"a":"b"}`); len(code) < 5 || code[1].Class != "tok-fn" {
		t.Errorf("names are not told from texts: %v", code)
	}
	if code := exampleCode("text/plain", `"a"`); len(code) != 1 {
		t.Errorf("plain text is coloured: %v", code)
	}
}
