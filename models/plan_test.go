package models_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
)

func TestTermsCheckMarksEachField(t *testing.T) {
	with := func(change func(*models.Terms)) models.Terms {
		terms := models.NewTerms("Free")
		change(&terms)
		return terms
	}
	throttles := func(n int) (list []models.MethodThrottle) {
		for i := range n {
			list = append(list, models.MethodThrottle{MethodID: models.MethodID(i + 1), Throttle: limit.Throttle{Rate: 1, Burst: 1}})
		}
		return list
	}
	for _, c := range []struct {
		name  string
		terms models.Terms
		want  []string
	}{
		{"new", models.NewTerms("Free"), nil},
		{"refuses everything", with(func(t *models.Terms) { t.Throttle = &limit.Throttle{}; t.Quota = &limit.Quota{Period: limit.PeriodDay} }), nil},
		{"zero", models.Terms{}, []string{"audience", "charge", "keys_per_app", "name"}},
		{"long texts", with(func(t *models.Terms) {
			t.Description, t.Price = strings.Repeat("a", 201), strings.Repeat("a", 61)
		}), []string{"description", "price"}},
		{"not a number", with(func(t *models.Terms) { t.Throttle = &limit.Throttle{Rate: math.NaN(), Burst: 1} }), []string{"rate"}},
		{"quota", with(func(t *models.Terms) { t.Quota = &limit.Quota{Limit: -1, Period: limit.PeriodWeek, Offset: 7} }), []string{"offset", "quota"}},
		{"period", with(func(t *models.Terms) { t.Quota = &limit.Quota{Limit: 1} }), []string{"period"}},
		{"too many keys", with(func(t *models.Terms) { t.KeysPerApp = models.MaxKeysPerApp + 1 }), []string{"keys_per_app"}},
		{"stage twice", with(func(t *models.Terms) { t.Stages = []models.PlanStage{{StageID: 1}, {StageID: 1}} }), []string{"stages"}},
		{"twenty method limits", with(func(t *models.Terms) { t.Stages = []models.PlanStage{{StageID: 1, Throttles: throttles(20)}} }), nil},
		{"one too many", with(func(t *models.Terms) { t.Stages = []models.PlanStage{{StageID: 1, Throttles: throttles(21)}} }), []string{"stages"}},
		{"method twice", with(func(t *models.Terms) {
			t.Stages = []models.PlanStage{{StageID: 1, Throttles: append(throttles(1), throttles(1)...)}}
		}), []string{"stages"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, fields(c.terms.Check())); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// Versions are kept as JSON: a term that did not survive it would change a promise.
func TestTermsSurviveTheDatabase(t *testing.T) {
	want := models.Terms{
		Name: "Growth", Description: "d", Price: "€49", Throttle: &limit.Throttle{Rate: 0.1, Burst: 1},
		Quota: &limit.Quota{Limit: 1000, Period: limit.PeriodMonth, Offset: 27},
		Stages: []models.PlanStage{{StageID: models.NewID[models.Stage](1), Excluded: []models.MethodID{models.NewID[models.Method](2)},
			Throttles: []models.MethodThrottle{{MethodID: models.NewID[models.Method](3), Throttle: limit.Throttle{Rate: 2.5, Burst: 3}}}}},
		Audience: models.AudienceAsk, Charge: models.ChargeDelivered, KeysPerApp: 3,
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got models.Terms
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOnlyADraftWithStagesIsPublished(t *testing.T) {
	stages := models.NewTerms("Free")
	stages.Stages = []models.PlanStage{{StageID: 1}}
	empty := models.NewTerms("Free")
	for _, c := range []struct {
		name string
		plan models.Plan
		want models.Kind
	}{
		{"draft", models.Plan{State: models.PlanDraft, Draft: &stages}, models.KindNone},
		{"change of a published plan", models.Plan{State: models.PlanPublished, Version: 1, Draft: &stages}, models.KindNone},
		{"no stages", models.Plan{State: models.PlanDraft, Draft: &empty}, models.KindInvalid},
		{"no draft", models.Plan{State: models.PlanPublished}, models.KindConflict},
		{"retired", models.Plan{State: models.PlanRetired, Draft: &stages}, models.KindConflict},
	} {
		if got := models.KindOf(c.plan.CheckPublish()); got != c.want {
			t.Errorf("%s: got kind %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWhoMaySubscribe(t *testing.T) {
	plan := func(state models.PlanState, audience models.Audience) models.Plan {
		return models.Plan{State: state, Version: 1, InForce: models.Terms{Audience: audience}}
	}
	for _, c := range []struct {
		name    string
		plan    models.Plan
		invited bool
		want    models.Kind
	}{
		{"anyone", plan(models.PlanPublished, models.AudienceAnyone), false, models.KindNone},
		{"ask", plan(models.PlanPublished, models.AudienceAsk), false, models.KindNone},
		{"invited", plan(models.PlanPublished, models.AudienceInvited), true, models.KindNone},
		{"not invited", plan(models.PlanPublished, models.AudienceInvited), false, models.KindNotFound},
		{"draft", plan(models.PlanDraft, models.AudienceAnyone), false, models.KindNotFound},
		{"retired", plan(models.PlanRetired, models.AudienceAnyone), false, models.KindConflict},
	} {
		if got := models.KindOf(c.plan.CheckSubscribe(c.invited)); got != c.want {
			t.Errorf("%s: got kind %d, want %d", c.name, got, c.want)
		}
	}
}

// R1: the pure rule refuses exactly when a wanted stage is held by another plan.
func TestOnePlanPerStage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 6), 0, 6, rapid.ID[int64])
		var held []models.HeldStage
		clash := false
		wanted := ids.Draw(t, "wanted")
		for _, stage := range ids.Draw(t, "held") {
			plan := models.PlanID(rapid.Int64Range(1, 3).Draw(t, "plan"))
			held = append(held, models.HeldStage{StageID: models.StageID(stage), StageName: "Echo · prod", PlanID: plan, PlanName: "Other"})
			clash = clash || plan != 1 && slices.Contains(wanted, stage)
		}
		want := make([]models.StageID, len(wanted))
		for i, id := range wanted {
			want[i] = models.StageID(id)
		}
		err := models.CheckOnePlanPerStage(held, 1, want)
		if (err != nil) != clash {
			t.Fatalf("held %v, wanted %v: got %v", held, wanted, err)
		}
		if clash && (models.KindOf(err) != models.KindConflict || !strings.Contains(err.Error(), "Echo · prod") || !strings.Contains(err.Error(), "Other")) {
			t.Fatalf("the conflict does not name stage and plan: %v", err)
		}
	})
}

func TestNameOfAPlanIsTheOneInForce(t *testing.T) {
	draft := models.NewTerms("New")
	p := models.Plan{State: models.PlanDraft, Draft: &draft}
	if p.Name() != "New" {
		t.Errorf("a draft is called %q", p.Name())
	}
	p.Version, p.InForce = 1, models.NewTerms("Old")
	if p.Name() != "Old" || p.Current().Name != "New" {
		t.Errorf("in force %q, in the editor %q", p.Name(), p.Current().Name)
	}
}

func TestKeysPerAppCountsToTheLimit(t *testing.T) {
	p := models.Plan{Version: 1, InForce: models.Terms{Name: "Free", KeysPerApp: 2}}
	for keys, want := range []models.Kind{models.KindNone, models.KindNone, models.KindNone, models.KindConflict} {
		if got := models.KindOf(p.CheckKeysPerApp(keys)); got != want {
			t.Errorf("%d keys: got kind %d, want %d", keys, got, want)
		}
	}
}

func TestWithoutLeavesTheOtherTermsAlone(t *testing.T) {
	terms := models.Terms{Stages: []models.PlanStage{{StageID: 1}, {StageID: 2}, {StageID: 3}}}
	got := terms.Without([]models.StageID{2})
	if diff := cmp.Diff([]models.StageID{1, 3}, got.StageIDs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(terms.Stages) != 3 || terms.Stages[1].StageID != 2 {
		t.Error("the terms themselves were changed")
	}
}
