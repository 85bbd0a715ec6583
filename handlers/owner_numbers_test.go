package handlers

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
)

func TestNumbersAreReadAsPeopleTypeThem(t *testing.T) {
	for _, test := range []struct {
		text, problem string
		want          float64
	}{
		{"50", "", 50}, {" 0.1 ", "", .1}, {".5", "", .5}, {"1.", "", 1}, {"0", "", 0}, {"-3", "", -3}, {"+3", "", 3},
		{"10,000", "", 10_000}, {"1,000,000.5", "", 1_000_000.5}, {"10 000", "", 10_000}, {"10\u00a0000", "", 10_000}, {"1_000", "", 1000}, {"1'000", "", 1000},
		{"", "Enter a number.", 0}, {"10x", `"10x" is not a number.`, 0}, {"10,5", "Write decimals with a dot: 10.5.", 0}, {"1,00", "Write decimals with a dot: 1.00.", 0},
		{"1e6", `"1e6" is not a number.`, 0}, {"0x10", `"0x10" is not a number.`, 0}, {"NaN", `"NaN" is not a number.`, 0}, {"Inf", `"Inf" is not a number.`, 0}, {"1,0000", "Write decimals with a dot: 1.0000.", 0},
		{"1,2,3", `"1,2,3" is not a number.`, 0}, {"--1", `"--1" is not a number.`, 0}, {"ten", `"ten" is not a number.`, 0},
	} {
		got, problem := parseDecimal(test.text)
		if got != test.want || problem != test.problem {
			t.Errorf("%q: got %v, %q, want %v, %q", test.text, got, problem, test.want, test.problem)
		}
	}
	if _, problem := parseDecimal(strings.Repeat("9", 400)); !strings.Contains(problem, "too large") || len(problem) > 200 {
		t.Errorf("a number of 400 digits: %q", problem)
	}
	for text, want := range map[string]string{"1.5": "Enter a whole number.", "1e99": `"1e99" is not a number.`, "9007199254740994": `"9007199254740994" is too large a number.`} {
		if _, problem := parseWhole(text); problem != want {
			t.Errorf("%q: got %q, want %q", text, problem, want)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"1", "1,000.5", "1 000", "10,5", "x", "-.5"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, problem := parseDecimal(text)
		if math.IsNaN(n) || math.IsInf(n, 0) || problem != "" && n != 0 {
			t.Errorf("%q: got %v, %q", text, n, problem)
		}
	})
}

var (
	testStage  = models.StageChoice{StageID: models.NewID[models.Stage](1), APIName: "Echo API", StageName: "prod", Deployed: true, Methods: []models.Method{testGet, testPost}}
	otherStage = models.StageChoice{StageID: models.NewID[models.Stage](2), APIName: "Echo API", StageName: "beta"}
	testGet    = models.Method{ID: models.NewID[models.Method](1), Verb: "GET", Path: "/get"}
	testPost   = models.Method{ID: models.NewID[models.Method](2), Verb: "POST", Path: "/post"}
)

func testTerms() models.Terms {
	return models.Terms{Name: "Growth", Throttle: &limit.Throttle{Rate: 80, Burst: 200}, Quota: &limit.Quota{Limit: 10_000, Period: limit.PeriodMonth}, Audience: models.AudienceAnyone,
		Charge: models.ChargeAccepted, KeysPerApp: 1, Stages: []models.PlanStage{{StageID: testStage.StageID}}}
}

func TestChangesOfTermsAreNamedOnce(t *testing.T) {
	names := namesOf([]models.StageChoice{testStage, otherStage})
	for _, test := range []struct {
		name   string
		change func(*models.Terms)
		want   []models.TermsChange
	}{
		{"nothing", func(*models.Terms) {}, nil},
		{"rate and burst", func(t *models.Terms) { t.Throttle = &limit.Throttle{Rate: 50, Burst: 100} }, []models.TermsChange{{What: "Rate", Before: "80\u00a0rps", After: "50\u00a0rps"}, {What: "Burst", Before: "200", After: "100"}}},
		{"no limit", func(t *models.Terms) { t.Throttle = nil }, []models.TermsChange{{What: "Rate", Before: "80\u00a0rps", After: "no limit"}, {What: "Burst", Before: "200", After: "no limit"}}},
		{"quota by the week", func(t *models.Terms) { t.Quota = &limit.Quota{Limit: 10_000, Period: limit.PeriodWeek, Offset: 2} }, []models.TermsChange{
			{What: "Quota", Before: "10,000\u00a0requests a month", After: "10,000\u00a0requests a week"}, {What: "Quota resets", Before: "on the 1st of each month, 00:00\u00a0UTC", After: "each Wednesday, 00:00\u00a0UTC"}}},
		{"another stage", func(t *models.Terms) { t.Stages = []models.PlanStage{{StageID: otherStage.StageID}} }, []models.TermsChange{{What: "Echo API · prod", Before: "open", After: "closed"}, {What: "Echo API · beta", Before: "closed", After: "open"}}},
		{"single methods", func(t *models.Terms) {
			t.Stages = []models.PlanStage{{StageID: testStage.StageID, Excluded: []models.MethodID{testGet.ID}, Throttles: []models.MethodThrottle{{MethodID: testPost.ID, Throttle: limit.Throttle{Rate: 5, Burst: 10}}}}}
		}, []models.TermsChange{{What: "GET /get on Echo API · prod", Before: "as the plan", After: "left out"}, {What: "POST /post on Echo API · prod", Before: "as the plan", After: "5\u00a0rps, burst 10"}}},
		{"the rest", func(t *models.Terms) {
			t.Name, t.Price, t.Audience, t.Charge, t.KeysPerApp = "Scale", "€99 a month", models.AudienceAsk, models.ChargeDelivered, 3
		}, []models.TermsChange{{What: "Name", Before: "Growth", After: "Scale"}, {What: "Price", Before: "none", After: "€99 a month"}, {What: "Who may subscribe", Before: "anyone", After: "ask first"},
			{What: "What counts", Before: "accepted requests", After: "delivered answers"}, {What: "Keys for an app", Before: "1", After: "3"}}},
	} {
		after := testTerms()
		test.change(&after)
		got := termsChanges(testTerms(), after, names)
		for i := range got { // where a no-break space stands is the words' own business
			for _, s := range []*string{&got[i].Before, &got[i].After} {
				*s = strings.ReplaceAll(*s, "\u00a0", " ")
			}
		}
		for i := range test.want {
			for _, s := range []*string{&test.want[i].Before, &test.want[i].After} {
				*s = strings.ReplaceAll(*s, "\u00a0", " ")
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// What the editor shows of terms is what it reads back: saving without a change must not change a plan.
func TestEditorReadsBackWhatItShows(t *testing.T) {
	gone := models.NewID[models.Method](99)
	for name, terms := range map[string]models.Terms{
		"plain": testTerms(),
		"rich": {Name: "Rich", Description: "Much", Price: "€1", Throttle: &limit.Throttle{Rate: .1, Burst: 1_000_000}, Quota: &limit.Quota{Limit: 0, Period: limit.PeriodWeek, Offset: 6}, Audience: models.AudienceInvited,
			Charge: models.ChargeDelivered, KeysPerApp: 20, Stages: []models.PlanStage{{StageID: testStage.StageID, Excluded: []models.MethodID{testGet.ID, gone},
				Throttles: []models.MethodThrottle{{MethodID: testPost.ID, Throttle: limit.Throttle{Rate: 0, Burst: 0}}}}, {StageID: otherStage.StageID}}},
		"day":   {Name: "Day", Quota: &limit.Quota{Limit: 5, Period: limit.PeriodDay}, Audience: models.AudienceAsk, Charge: models.ChargeAccepted, KeysPerApp: 1},
		"month": {Name: "Month", Quota: &limit.Quota{Limit: 5, Period: limit.PeriodMonth, Offset: 27}, Audience: models.AudienceAsk, Charge: models.ChargeAccepted, KeysPerApp: 1},
	} {
		f := termsForm(terms)
		got := readTerms(f, []models.StageChoice{testStage, otherStage}, terms)
		if !f.OK() {
			t.Errorf("%s: %v", name, f.Errors())
		}
		if diff := cmp.Diff(terms, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWarningsNameWhatIsLegalAndPerhapsNotMeant(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	names := namesOf([]models.StageChoice{testStage, otherStage})
	for want, change := range map[string]func(*models.Terms){
		"":                      func(*models.Terms) {},
		"A rate or burst of 0":  func(t *models.Terms) { t.Throttle = &limit.Throttle{} },
		"A quota of 0":          func(t *models.Terms) { t.Quota.Limit = 0 },
		"is never reached":      func(t *models.Terms) { t.Throttle = &limit.Throttle{Rate: .001, Burst: 1} },
		"has no deployment yet": func(t *models.Terms) { t.Stages = []models.PlanStage{{StageID: otherStage.StageID}} },
		"No stage is chosen":    func(t *models.Terms) { t.Stages = nil },
		"each of its calls":     func(t *models.Terms) { t.Stages[0].Throttles = []models.MethodThrottle{{MethodID: testGet.ID}} },
	} {
		terms := testTerms()
		change(&terms)
		got := strings.Join(termsWarnings(terms, names, now), "|")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
