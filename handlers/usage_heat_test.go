package handlers

import (
	"net/url"
	"testing"

	"gatehouse/models"
)

// A heat map is of the chosen range, and says so where it cannot be.
func TestHeatMapIsOfTheRangeOrSaysOfWhat(t *testing.T) {
	now := at("2026-03-30T15:04:05Z")
	short, many := "A shorter time has not every weekday.", "Of more than 20 keys no longer time is summed by the hour."
	for _, test := range []struct {
		name, query string
		keys        int
		from, to    string
		words, note string
	}{
		{"a day", "range=24h", 1, "2026-03-23T16:00:00Z", "2026-03-30T16:00:00Z", "the last 7 days", short},
		{"seven days", "range=7d", 1, "2026-03-23T18:00:00Z", "2026-03-30T16:00:00Z", "the last 7 days", ""},
		{"thirty days", "range=30d", 1, "2026-03-01T00:00:00Z", "2026-03-30T16:00:00Z", "the last 30 days", ""},
		{"thirty days of many keys", "range=30d", 21, "2026-03-23T16:00:00Z", "2026-03-30T16:00:00Z", "the last 7 days", many},
		{"ninety days", "range=90d", 1, "2026-02-24T15:00:00Z", "2026-03-30T16:00:00Z", "the time since 24 Feb 2026", heatOldNote},
		{"an hour last week", "from=2026-03-20T10:00:00Z&to=2026-03-20T11:00:00Z", 1, "2026-03-13T11:00:00Z", "2026-03-20T11:00:00Z", "the 7 days to 20 Mar 2026, 11:00\u00a0UTC", short},
	} {
		query, err := url.ParseQuery(test.query)
		if err != nil {
			t.Fatal(err)
		}
		from, to, words, note := heatSpan(parseRange(query, now), test.keys)
		if !from.Equal(at(test.from)) || !to.Equal(at(test.to)) || words != test.words || note != test.note {
			t.Errorf("%s: got %v to %v, %q, %q; want %s to %s, %q, %q", test.name, from, to, words, note, test.from, test.to, test.words, test.note)
		}
	}
	long := parseRange(url.Values{"from": {"2025-10-01T00:00:00Z"}, "to": {"2025-11-01T00:00:00Z"}}, now)
	if h, err := heatFor(t.Context(), nil, models.UsageScope{}, long); err != nil || h.None == "" {
		t.Errorf("of what is forgotten it says %+v, %v", h, err)
	}
}
