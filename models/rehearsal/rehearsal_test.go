package rehearsal_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/rehearsal"
)

var from = time.Date(2026, 2, 27, 23, 59, 30, 0, time.UTC) // windows of a day, a week and a month end soon

func arrival(key, stage, method, second, admitted int64) models.Arrival {
	return models.Arrival{KeyID: models.KeyID(key), PlanID: 1, StageID: models.StageID(stage), MethodID: models.MethodID(method), Second: from.Unix() + second, Admitted: admitted}
}

func opening(change func(*models.Terms)) models.Terms {
	t := models.NewTerms("Plan")
	t.Stages = []models.PlanStage{{StageID: 1}}
	if change != nil {
		change(&t)
	}
	return t
}

func replay(today, draft models.Terms, arrivals []models.Arrival) rehearsal.Result {
	r := rehearsal.New(today, draft, from)
	r.Add(arrivals)
	return r.Result(100)
}

// naive replays one key under one terms, request by request, with limit.Decide.
type naive struct {
	terms     models.Terms
	together  bool
	plan      int64
	methods   map[[2]int64]int64
	window    limit.Span
	used      int64
	throttled int64
	overQuota int64
	closed    int64
}

func (n *naive) second(second int64, some []models.Arrival) {
	var queue []models.Arrival
	total, failed := int64(0), int64(0)
	for _, a := range some {
		if i := slices.IndexFunc(n.terms.Stages, func(s models.PlanStage) bool { return s.StageID == a.StageID }); i < 0 || slices.Contains(n.terms.Stages[i].Excluded, a.MethodID) {
			n.closed += a.Requests()
			continue
		}
		queue = append(queue, a)
		total += a.Requests()
		failed += a.Failed
	}
	if total == 0 {
		return
	}
	if q := n.terms.Quota; q != nil {
		if w := q.Window(time.Unix(second, 0)); w != n.window {
			n.window, n.used = w, 0
		}
	}
	before, now, gap := n.used, (second-from.Unix())*int64(time.Second), int64(time.Second)/total
	if n.together {
		gap = 0
	}
	credit := make([]int64, len(queue))
	for i := range total {
		turn := 0
		if n.together {
			for sum := queue[0].Requests(); sum <= i; sum += queue[turn].Requests() {
				turn++
			}
		} else {
			for j := range queue {
				credit[j] += queue[j].Requests()
			}
			turn = slices.Index(credit, slices.Max(credit))
			credit[turn] -= total
		}
		n.decide(now+i*gap, queue[turn])
	}
	if n.terms.Charge == models.ChargeDelivered {
		n.used -= min(failed, n.used-before)
	}
}

func (n *naive) decide(now int64, a models.Arrival) {
	l := limit.Layers{Plan: limit.OwnLayer{TAT: n.plan}}
	if n.terms.Throttle != nil {
		l.Plan.Bucket = n.terms.Throttle.Compile()
	}
	name := [2]int64{int64(a.StageID), int64(a.MethodID)}
	for _, s := range n.terms.Stages {
		for _, m := range s.Throttles {
			if s.StageID == a.StageID && m.MethodID == a.MethodID {
				l.Method = limit.OwnLayer{Bucket: m.Throttle.Compile(), TAT: n.methods[name]}
			}
		}
	}
	if q := n.terms.Quota; q != nil {
		l.Quota = limit.Allowance{Limited: true, Final: true, Limit: q.Limit, Held: q.Limit - n.used}
	}
	spent := l.Quota.Limited && l.Quota.Held == 0
	d := limit.Decide(now, &l)
	n.plan, n.methods[name] = l.Plan.TAT, l.Method.TAT
	switch {
	case d.Allowed():
		n.used++
	case spent:
		n.overQuota++
	default:
		n.throttled++
	}
}

func naiveRefusals(terms models.Terms, arrivals []models.Arrival) rehearsal.Refusals {
	runs := [2]naive{{terms: terms, methods: map[[2]int64]int64{}}, {terms: terms, together: true, methods: map[[2]int64]int64{}}}
	for len(arrivals) > 0 {
		n := 1
		for n < len(arrivals) && arrivals[n].Second == arrivals[0].Second {
			n++
		}
		for i := range runs {
			runs[i].second(arrivals[0].Second, arrivals[:n])
		}
		arrivals = arrivals[n:]
	}
	span := func(a, b int64) rehearsal.Range { return rehearsal.Range{Low: min(a, b), High: max(a, b)} }
	return rehearsal.Refusals{Refused: span(runs[0].throttled+runs[0].overQuota, runs[1].throttled+runs[1].overQuota),
		Throttled: span(runs[0].throttled, runs[1].throttled), Quota: span(runs[0].overQuota, runs[1].overQuota), Closed: runs[0].closed}
}

func anyTerms(t *rapid.T, name string) models.Terms {
	throttle := func(name string) *limit.Throttle {
		if rapid.Bool().Draw(t, "no "+name) {
			return nil
		}
		return &limit.Throttle{Rate: rapid.SampledFrom([]float64{0, 0.1, 1, 3, 7.5, 40}).Draw(t, name+" rate"), Burst: rapid.Int64Range(0, 30).Draw(t, name+" burst")}
	}
	terms := models.NewTerms("Plan")
	terms.Charge = rapid.SampledFrom([]models.Charge{models.ChargeAccepted, models.ChargeDelivered}).Draw(t, name+" charge")
	terms.Throttle = throttle(name)
	if rapid.Bool().Draw(t, name+" has a quota") {
		terms.Quota = &limit.Quota{Limit: rapid.Int64Range(0, 400).Draw(t, name+" quota"), Period: rapid.SampledFrom([]limit.Period{limit.PeriodDay, limit.PeriodWeek, limit.PeriodMonth}).Draw(t, name+" period")}
	}
	for stage := range models.StageID(rapid.IntRange(0, 2).Draw(t, name+" stages")) {
		s := models.PlanStage{StageID: stage + 1}
		for method := range models.MethodID(3) {
			if one := throttle(name + " method"); one != nil && rapid.IntRange(0, 2).Draw(t, "limited") == 0 {
				s.Throttles = append(s.Throttles, models.MethodThrottle{MethodID: method, Throttle: *one})
			} else if rapid.IntRange(0, 4).Draw(t, "excluded") == 0 {
				s.Excluded = append(s.Excluded, method)
			}
		}
		terms.Stages = append(terms.Stages, s)
	}
	return terms
}

// A rehearsal says what limit.Decide says, request by request.
func TestReplayIsDecideRequestByRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		today, draft := anyTerms(t, "today"), anyTerms(t, "draft")
		var all []models.Arrival
		for key := range int64(2) {
			second := int64(0)
			for range rapid.IntRange(0, 25).Draw(t, "seconds") {
				second += rapid.Int64Range(1, 5).Draw(t, "pause")
				for range rapid.IntRange(1, 3).Draw(t, "methods") {
					a := arrival(key+1, rapid.Int64Range(1, 2).Draw(t, "stage"), rapid.Int64Range(0, 2).Draw(t, "method"), second, rapid.SampledFrom([]int64{0, 1, 1, 1, 2, 9, 50}).Draw(t, "n"))
					a.Throttled, a.OverQuota = rapid.Int64Range(0, 2).Draw(t, "throttled"), rapid.Int64Range(0, 2).Draw(t, "over quota")
					a.Failed = rapid.Int64Range(0, 3).Draw(t, "failed")
					all = append(all, a)
				}
			}
		}
		got := replay(today, draft, all)
		for _, k := range got.Keys {
			own := slices.DeleteFunc(slices.Clone(all), func(a models.Arrival) bool { return a.KeyID != k.KeyID })
			if diff := gocmp.Diff(naiveRefusals(today, own), k.Today); diff != "" {
				t.Fatalf("key %d today (-stepped +replayed):\n%s", k.KeyID, diff)
			}
			if diff := gocmp.Diff(naiveRefusals(draft, own), k.Draft); diff != "" {
				t.Fatalf("key %d under the draft (-stepped +replayed):\n%s", k.KeyID, diff)
			}
		}
		checkTotals(t, got, all)
	})
}

func checkTotals(t *rapid.T, got rehearsal.Result, all []models.Arrival) {
	var want rehearsal.Key
	for _, k := range got.Keys {
		want.Requests += k.Requests
		want.Throttled += k.Throttled
		want.OverQuota += k.OverQuota
		for _, side := range []struct{ sum, add *rehearsal.Refusals }{{&want.Today, &k.Today}, {&want.Draft, &k.Draft}} {
			side.sum.Refused, side.sum.Quota = side.sum.Refused.Add(side.add.Refused), side.sum.Quota.Add(side.add.Quota)
			side.sum.Throttled = side.sum.Throttled.Add(side.add.Throttled)
			side.sum.Closed += side.add.Closed
		}
	}
	if diff := gocmp.Diff(want, got.Total); diff != "" {
		t.Fatalf("the total is not the sum of the keys:\n%s", diff)
	}
	requests := int64(0)
	for i := range all {
		requests += all[i].Requests()
	}
	if got.Total.Requests != requests {
		t.Fatalf("%d requests, want %d", got.Total.Requests, requests)
	}
}

func TestRangeIsFromEvenlySpacedToAllAtOnce(t *testing.T) {
	limited := opening(func(t *models.Terms) { t.Throttle = &limit.Throttle{Rate: 5, Burst: 10} })
	burst := arrival(1, 1, 1, 0, 10)
	burst.Throttled = 6
	got := replay(limited, opening(nil), []models.Arrival{burst, arrival(1, 1, 1, 60, 1)})
	// 16 in a second: all at once 10 pass, evenly spaced the 4 tokens that come back meanwhile, too.
	want := rehearsal.Key{KeyID: 1, Requests: 17, Throttled: 6, Today: rehearsal.Refusals{Refused: rehearsal.Range{Low: 2, High: 6}, Throttled: rehearsal.Range{Low: 2, High: 6}}}
	if diff := gocmp.Diff([]rehearsal.Key{want}, got.Keys); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Calling != 1 || got.Refused != 1 || got.Today != 1 || got.Draft != 0 {
		t.Errorf("keys: %+v", got)
	}
}

func TestDraftWithoutLimitsRefusesNothing(t *testing.T) {
	strict := opening(func(t *models.Terms) {
		t.Throttle, t.Quota = &limit.Throttle{Rate: 1, Burst: 1}, &limit.Quota{Limit: 3, Period: limit.PeriodMonth}
	})
	got := replay(strict, opening(nil), []models.Arrival{arrival(1, 1, 1, 0, 1_000_000_000)})
	if got.Total.Draft != (rehearsal.Refusals{}) || got.Total.Today.Refused.High < 999_999_990 {
		t.Errorf("got %+v", got.Total)
	}
}

func TestWhatTheDraftDoesNotOpenIsCountedApart(t *testing.T) {
	draft := opening(func(t *models.Terms) { t.Stages[0].Excluded = []models.MethodID{2} })
	today := opening(func(t *models.Terms) { t.Stages = append(t.Stages, models.PlanStage{StageID: 2}) })
	got := replay(today, draft, []models.Arrival{arrival(1, 1, 1, 0, 5), arrival(1, 1, 2, 0, 7), arrival(1, 2, 1, 0, 11)})
	if got.Total.Draft != (rehearsal.Refusals{Closed: 18}) || got.Total.Today != (rehearsal.Refusals{}) || got.Draft != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestQuotaBeginsAnewWithItsWindow(t *testing.T) {
	daily := opening(func(t *models.Terms) { t.Quota = &limit.Quota{Limit: 10, Period: limit.PeriodDay} })
	monthly := opening(func(t *models.Terms) { t.Quota = &limit.Quota{Limit: 10, Period: limit.PeriodMonth} })
	var all []models.Arrival
	for day := range int64(4) { // 27 Feb to 2 Mar
		all = append(all, arrival(1, 1, 1, 86400*day, 12))
	}
	got := replay(daily, monthly, all)
	if got.Total.Today.Quota.High != 8 || got.Total.Draft.Quota.High != 2+12+2+12 {
		t.Errorf("got %+v", got.Total)
	}
}

func TestKeysForWhichMostChangesComeFirst(t *testing.T) {
	draft := opening(func(t *models.Terms) { t.Throttle = &limit.Throttle{Rate: 1, Burst: 2} })
	var all []models.Arrival
	for key := range int64(300) {
		all = append(all, arrival(key+1, 1, 1, 0, (key*7)%300+1))
	}
	got := replay(opening(nil), draft, all)
	if len(got.Keys) != 100 || got.Calling != 300 || got.Draft != 298 || got.Newly != 298 {
		t.Fatalf("%d keys listed of %d, %d refused", len(got.Keys), got.Calling, got.Draft)
	}
	if !slices.IsSortedFunc(got.Keys, func(a, b rehearsal.Key) int { return cmp.Compare(b.Draft.Refused.High, a.Draft.Refused.High) }) || got.Keys[0].Requests != 300 {
		t.Errorf("not in order")
	}
}

func TestStragglersAreTakenForNow(t *testing.T) {
	limited := opening(func(t *models.Terms) { t.Quota = &limit.Quota{Limit: 10, Period: limit.PeriodDay} })
	// The second request is of the day before, and must not begin its window anew.
	got := replay(limited, limited, []models.Arrival{arrival(1, 1, 1, 40, 9), arrival(2, 1, 1, 0, 1), arrival(1, 1, 1, 10, 9), arrival(1, 1, 1, 50, 9)})
	if got.Total.Today.Quota.High != 17 {
		t.Errorf("got %+v", got.Total.Today)
	}
}

func TestTermsDifferWhereTheyCouldDecideDifferently(t *testing.T) {
	base := func(change func(*models.Terms)) models.Terms {
		return opening(func(t *models.Terms) {
			t.Stages = []models.PlanStage{{StageID: 1, Excluded: []models.MethodID{1, 2}}, {StageID: 2, Throttles: []models.MethodThrottle{{MethodID: 3, Throttle: limit.Throttle{Rate: 1, Burst: 1}}, {MethodID: 4}}}}
			if change != nil {
				change(t)
			}
		})
	}
	for _, tt := range []struct {
		name   string
		change func(*models.Terms)
		want   bool
	}{
		{"words", func(t *models.Terms) {
			t.Name, t.Price, t.Description, t.KeysPerApp, t.Audience = "Other", "1", "2", 7, models.AudienceAsk
		}, false},
		{"order", func(t *models.Terms) {
			slices.Reverse(t.Stages)
			slices.Reverse(t.Stages[0].Throttles)
			slices.Reverse(t.Stages[1].Excluded)
		}, false},
		{"what counts, without a quota", func(t *models.Terms) { t.Charge = models.ChargeDelivered }, false},
		{"throttle", func(t *models.Terms) { t.Throttle = &limit.Throttle{} }, true},
		{"quota", func(t *models.Terms) { t.Quota = &limit.Quota{Period: limit.PeriodDay} }, true},
		{"method", func(t *models.Terms) { t.Stages[1].Throttles[0].Throttle.Burst++ }, true},
		{"stage", func(t *models.Terms) { t.Stages = t.Stages[:1] }, true},
		{"left out", func(t *models.Terms) { t.Stages[0].Excluded = nil }, true},
	} {
		if got := rehearsal.Differ(base(nil), base(tt.change)); got != tt.want {
			t.Errorf("%s: differ = %t", tt.name, got)
		}
	}
}
