package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// usageModel is usage as a child would keep it: a list of everything that happened.
type usageModel struct {
	cells   []models.UsageCell
	charges []models.QuotaUse
	parties
}

// parties are an owner of all plans and stages, and a developer of some keys.
type parties struct {
	owner, developer models.AccountID
	developed        []models.KeyID
}

func newParties(t *testing.T, s *store.Store) parties {
	t.Helper()
	p := parties{owner: storetest.Owner(t, s).ID, developer: storetest.Developer(t, s).ID, developed: []models.KeyID{1, 3}}
	insert(t, s, "apis", map[string]any{"id": 1, "owner_id": p.owner, "slug": "usage", "name": "Usage", "summary": "", "key_place": "header", "key_name": "x", "key_forward": 0,
		"undeployed": 0, "created_at": 0, "updated_at": 0})
	insert(t, s, "apps", map[string]any{"id": 1, "account_id": p.developer, "name": "App", "created_at": 0})
	for id := 1; id <= 2; id++ {
		insert(t, s, "stages", map[string]any{"id": id, "api_id": 1, "name": fmt.Sprint(id), "upstream": "", "timeout_ms": 1, "created_at": 0})
		insert(t, s, "plans", map[string]any{"id": id, "owner_id": p.owner, "state": "published", "name": fmt.Sprint(id), "version": 1, "created_at": 0, "updated_at": 0})
		insert(t, s, "plan_versions", map[string]any{"plan_id": id, "version": 1, "terms": `{"stages":[{"stage":"1"},{"stage":"2"}]}`, "published_at": 0, "published_by": ""})
	}
	for _, id := range p.developed {
		insert(t, s, "keys", map[string]any{"id": id, "app_id": 1, "name": "Key", "description": "", "customer_id": "", "enabled": 1, "source": "generated", "created_at": 0})
	}
	return p
}

func (m usageModel) series(sc models.UsageScope, r models.UsageRange) []models.UsagePoint {
	byStart := map[int64]models.UsagePoint{}
	for _, c := range m.cells {
		if !m.inScope(sc, c) || c.Minute < r.From.Unix() || c.Minute >= r.To.Unix() {
			continue
		}
		step := int64(time.Duration(r.Step).Seconds())
		start := c.Minute - (c.Minute-r.From.Unix())%step
		p := byStart[start]
		p.Start = time.Unix(start, 0).UTC()
		addCell(&p, c)
		byStart[start] = p
	}
	var points []models.UsagePoint
	for _, p := range byStart {
		if p.Total() != 0 || p.BytesOut != 0 || p.ThrottledSeconds != 0 {
			points = append(points, p)
		}
	}
	slices.SortFunc(points, func(a, b models.UsagePoint) int { return a.Start.Compare(b.Start) })
	return points
}

func (m usageModel) breakdown(sc models.UsageScope, r models.UsageRange, by models.UsageGroup) []models.UsageRow {
	groups := map[models.UsageRow]models.UsagePoint{}
	for _, c := range m.cells {
		if !m.inScope(sc, c) || c.Minute < r.From.Unix() || c.Minute >= r.To.Unix() {
			continue
		}
		var g models.UsageRow
		switch by {
		case models.ByKey:
			g.KeyID = c.KeyID
		case models.ByPlan:
			g.PlanID = c.PlanID
		case models.ByStage:
			g.StageID = c.StageID
		case models.ByMethod:
			g.StageID, g.MethodID = c.StageID, c.MethodID
		}
		p := groups[g]
		p.Start = r.From
		addCell(&p, c)
		groups[g] = p
	}
	var rows []models.UsageRow
	for g, p := range groups {
		if p.Total() == 0 && p.BytesOut == 0 {
			continue
		}
		g.UsagePoint = p
		rows = append(rows, g)
	}
	slices.SortFunc(rows, func(a, b models.UsageRow) int {
		return cmp.Or(cmp.Compare(b.Total(), a.Total()), cmp.Compare(a.KeyID, b.KeyID), cmp.Compare(a.PlanID, b.PlanID),
			cmp.Compare(a.StageID, b.StageID), cmp.Compare(a.MethodID, b.MethodID))
	})
	return rows
}

func (p parties) inScope(sc models.UsageScope, c models.UsageCell) bool {
	whose := slices.Contains(sc.Keys, c.KeyID) && (len(sc.Plans) == 0 || slices.Contains(sc.Plans, c.PlanID))
	switch {
	case sc.Owner != 0:
		whose = sc.Owner == p.owner && c.PlanID != 0
	case sc.Developer != 0:
		whose = sc.Developer == p.developer && slices.Contains(p.developed, c.KeyID)
	case len(sc.Keys) == 0:
		whose = slices.Contains(sc.Plans, c.PlanID)
	}
	return whose && (sc.Stages == nil || slices.Contains(sc.Stages, c.StageID)) && (sc.Method == 0 || sc.Method == c.MethodID)
}

func addCell(p *models.UsagePoint, c models.UsageCell) {
	p.Counts[c.Outcome] += c.Count
	p.BytesIn += c.BytesIn
	p.BytesOut += c.BytesOut
	p.ThrottledSeconds += c.ThrottledSeconds
	p.Latency.Add(&c.Latency)
}

// drawBatch lets requests come, end and be refused, in any order that a gateway could report.
func drawBatch(t *rapid.T, day time.Time, open *[]models.UsageCell) (b models.UsageBatch) {
	for range rapid.IntRange(0, 20).Draw(t, "requests") {
		c := models.UsageCell{
			KeyID: models.KeyID(rapid.IntRange(1, 4).Draw(t, "key")), PlanID: models.PlanID(rapid.IntRange(0, 2).Draw(t, "plan")),
			StageID: models.StageID(rapid.IntRange(1, 2).Draw(t, "stage")), MethodID: models.MethodID(rapid.IntRange(0, 2).Draw(t, "method")),
			Minute: day.Unix() + 60*rapid.Int64Range(0, 3*24*60-1).Draw(t, "minute"), Count: 1,
		}
		switch what := rapid.IntRange(0, 2).Draw(t, "what"); {
		case what == 0:
			*open = append(*open, c) // OutcomeOpen
		case what == 1 && len(*open) > 0:
			c = (*open)[0]
			*open = (*open)[1:]
			left := c
			left.Count = -1
			b.Cells = append(b.Cells, left)
			c.Outcome = rapid.SampledFrom([]models.Outcome{models.OutcomeSuccess, models.OutcomeAborted}).Draw(t, "outcome")
			c.BytesIn, c.BytesOut = 7, rapid.Int64Range(0, 1<<40).Draw(t, "bytes")
			c.Latency[rapid.IntRange(0, models.NumLatencies-1).Draw(t, "latency")]++
			b.Charged = append(b.Charged, models.QuotaUse{KeyID: c.KeyID, PlanID: c.PlanID, Day: c.Minute / 86400, Used: 1})
		default:
			c.Outcome, c.ThrottledSeconds = models.OutcomeThrottled, 1
		}
		b.Cells = append(b.Cells, c)
	}
	return b
}

func drawScope(t *rapid.T, p parties) models.UsageScope {
	sc := models.UsageScope{
		Method: models.MethodID(rapid.IntRange(0, 2).Draw(t, "scope method")),
	}
	if rapid.Bool().Draw(t, "narrowed to stages") {
		sc.Stages = rapid.SliceOfNDistinct(rapid.Map(rapid.Int64Range(1, 3), func(n int64) models.StageID { return models.StageID(n) }), 0, 2, rapid.ID).Draw(t, "stages")
	}
	whose := rapid.SampledFrom([]string{"keys", "plans", "keys on plans", "owner", "developer"}).Draw(t, "whose")
	if strings.HasPrefix(whose, "keys") {
		sc.Keys = rapid.SliceOfNDistinct(rapid.Map(rapid.Int64Range(1, 5), func(n int64) models.KeyID { return models.KeyID(n) }), 1, 4, rapid.ID).Draw(t, "keys")
	}
	if strings.HasSuffix(whose, "plans") {
		sc.Plans = rapid.SliceOfNDistinct(rapid.Map(rapid.Int64Range(1, 3), func(n int64) models.PlanID { return models.PlanID(n) }), 1, 2, rapid.ID).Draw(t, "plans")
	}
	switch whose {
	case "owner":
		sc.Owner = rapid.SampledFrom([]models.AccountID{p.owner, p.developer}).Draw(t, "owner") // the other one owns nothing
	case "developer":
		sc.Developer = rapid.SampledFrom([]models.AccountID{p.owner, p.developer}).Draw(t, "developer")
	}
	return sc
}

func drawRange(t *rapid.T, day time.Time) models.UsageRange {
	step := rapid.SampledFrom([]models.Step{models.StepMinute, 5 * models.StepMinute, models.StepHalfHour, models.StepHour, 6 * models.StepHour, models.StepDay, 2 * models.StepDay}).Draw(t, "step")
	length := time.Duration(step)
	from := day.Add(-length).Truncate(length).Add(length * time.Duration(rapid.IntRange(0, int(3*24*time.Hour/length)).Draw(t, "from")))
	return models.UsageRange{From: from, To: from.Add(length * time.Duration(rapid.IntRange(1, 100).Draw(t, "length"))), Step: step}
}

// R6 from here on: what was committed, in whatever batches, is what every chart, table and quota shows, to the unit.
func TestUsageSumsAreWhatHappened(t *testing.T) {
	s := storetest.Open(t)
	day := storetest.Now().Truncate(24 * time.Hour)
	parties := newParties(t, s)
	check := 0
	rapid.Check(t, func(rt *rapid.T) {
		// A fresh period for each check: opening a database costs more than all its queries.
		check++
		day := day.AddDate(0, 0, check*10)
		m := usageModel{parties: parties}
		var open []models.UsageCell
		for range rapid.IntRange(1, 4).Draw(rt, "batches") {
			b := drawBatch(rt, day, &open)
			if err := s.CommitUsage(t.Context(), b); err != nil {
				rt.Fatal(err)
			}
			m.cells, m.charges = append(m.cells, b.Cells...), append(m.charges, b.Charged...)
		}
		for range 5 {
			checkUsage(t, rt, s, m, drawScope(rt, parties), drawRange(rt, day))
		}
		key, plan := models.KeyID(rapid.IntRange(1, 4).Draw(rt, "quota key")), models.PlanID(rapid.IntRange(1, 2).Draw(rt, "quota plan"))
		var want int64
		for _, c := range m.charges {
			if c.KeyID == key && c.PlanID == plan && c.Day == day.Unix()/86400 {
				want += c.Used
			}
		}
		if got, err := s.QuotaUsed(t.Context(), key, plan, day, day.AddDate(0, 0, 1)); err != nil || got != want {
			rt.Errorf("quota used %d, %v; want %d", got, err, want)
		}
	})
	wantSumsEqual(t, s)
}

// wantSumsEqual fails when a table has an empty row, or when what is summed for one reader is not what is summed for another, or not at another resolution.
func wantSumsEqual(t *testing.T, s *store.Store) {
	t.Helper()
	sums := func(table, where string) (total [3]int64) {
		t.Helper()
		row := store.Writer(s).Raw(`SELECT coalesce(sum(o0+o1+o2+o3+o4+o5+o6+o7+o8+o9), 0), coalesce(sum(bytes_out), 0), coalesce(sum(l0+l1+l2+l3+l4+l5+l6+l7+l8+l9+l10+l11+l12+l13+l14+l15+l16+l17+l18+l19), 0)
			FROM ` + table + ` WHERE ` + where).Row()
		ok(t, row.Scan(&total[0], &total[1], &total[2]))
		return total
	}
	all, onPlans := sums("usage_minutes", "kind = 1"), sums("usage_minutes", "kind = 1 AND plan_id <> 0")
	if all[0] == 0 || onPlans[0] == 0 {
		t.Error("nothing was stored")
	}
	for _, table := range []string{"usage_minutes", "usage_half_hours", "usage_days"} {
		if got := sums(table, "kind = 1"); got != all {
			t.Errorf("%s: keys have %v, by the minute %v", table, got, all)
		}
		for _, kind := range []int{4, 5, 6, 7} { // and 3, of plans that have an owner
			if got := sums(table, fmt.Sprintf("kind = %d", kind)); got != onPlans {
				t.Errorf("%s: kind %d has %v, keys on plans %v", table, kind, got, onPlans)
			}
		}
		var empty int64
		ok(t, store.Writer(s).Raw(`SELECT count(*) FROM `+table+` WHERE o0+o1+o2+o3+o4+o5+o6+o7+o8+o9 <= 0`).Scan(&empty).Error)
		if empty != 0 {
			t.Errorf("%s: %d rows without requests", table, empty)
		}
	}
}

func checkUsage(t *testing.T, rt *rapid.T, s *store.Store, m usageModel, sc models.UsageScope, r models.UsageRange) {
	points, err := s.UsageSeries(t.Context(), sc, r)
	if err != nil {
		rt.Fatal(err)
	}
	if diff := gocmp.Diff(points, m.series(sc, r)); diff != "" {
		rt.Errorf("series of %+v in %+v (-got +want):\n%s", sc, r, diff)
	}
	groups := []models.UsageGroup{models.ByMethod, models.ByPlan, models.ByStage}
	if len(sc.Keys) > 0 || sc.Developer != 0 {
		groups = append(groups, models.ByKey)
	}
	for _, by := range groups {
		rows, err := s.UsageBreakdown(t.Context(), sc, r, by, 100)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range rows {
			rows[i].Label, rows[i].Detail = "", ""
		}
		if diff := gocmp.Diff(rows, m.breakdown(sc, r, by)); diff != "" {
			rt.Errorf("by %s of %+v in %+v (-got +want):\n%s", by, sc, r, diff)
		}
	}
}

func TestUsageIsAskedForByKeysOrPlans(t *testing.T) {
	s := storetest.Open(t)
	day := models.UsageRange{From: storetest.Now().Truncate(24 * time.Hour), To: storetest.Now().Truncate(24*time.Hour).AddDate(0, 0, 1), Step: models.StepHour}
	for name, sc := range map[string]models.UsageScope{"nothing": {}, "nobody's": {Keys: []models.KeyID{5}}} {
		points, err := s.UsageSeries(t.Context(), sc, day)
		rows, rowsErr := s.UsageBreakdown(t.Context(), sc, day, models.ByMethod, 10)
		if len(points)+len(rows) != 0 || err != nil || rowsErr != nil {
			t.Errorf("%s: %v, %v, %v, %v; want none", name, points, rows, err, rowsErr)
		}
	}
	for name, call := range map[string]func() error{
		"an owner and a developer": func() error {
			_, err := s.UsageSeries(t.Context(), models.UsageScope{Owner: 1, Developer: 1}, day)
			return err
		},
		"an owner and plans": func() error {
			_, err := s.UsageSeries(t.Context(), models.UsageScope{Owner: 1, Plans: []models.PlanID{1}}, day)
			return err
		},
		"half a minute": func() error {
			_, err := s.UsageSeries(t.Context(), models.UsageScope{Keys: []models.KeyID{1}}, models.UsageRange{Step: models.Step(30 * time.Second)})
			return err
		},
		"keys of a plan": func() error {
			_, err := s.UsageBreakdown(t.Context(), models.UsageScope{Plans: []models.PlanID{1}}, day, models.ByKey, 10)
			return err
		},
		"an outcome that there is not": func() error {
			return s.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{{Outcome: models.NumOutcomes, Count: 1}}})
		},
	} {
		if call() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBreakdownsNameWhatTheyFound(t *testing.T) {
	s := storetest.Open(t)
	f := newFixture(t, s)
	minute := storetest.Now().Unix()
	cell := models.UsageCell{KeyID: f.key, PlanID: f.plan, StageID: f.stage, MethodID: f.method, Minute: minute, Outcome: models.OutcomeSuccess, Count: 5}
	gone := models.UsageCell{KeyID: 9, StageID: 9, MethodID: 9, Minute: minute, Outcome: models.OutcomeDenied, Count: 3}
	nothing := models.UsageCell{KeyID: f.key, StageID: f.stage, Minute: minute, Outcome: models.OutcomeDenied, Count: 1}
	ok(t, s.CommitUsage(t.Context(), models.UsageBatch{Cells: []models.UsageCell{cell, gone, nothing}}))
	sc := models.UsageScope{Keys: []models.KeyID{f.key, 9}}
	r := models.UsageRange{From: storetest.Now(), To: storetest.Now().Add(time.Hour), Step: models.StepHour}
	for by, want := range map[models.UsageGroup][]string{
		models.ByKey:    {"Production key|gwk1…8Pz2", "Deleted key|"},
		models.ByPlan:   {"Gold|", "No plan|"},
		models.ByStage:  {"Echo API · prod|", "Deleted stage|"},
		models.ByMethod: {"GET /users|Echo API · prod", "Deleted method|", "No method|Echo API · prod"},
	} {
		rows, err := s.UsageBreakdown(t.Context(), sc, r, by, 10)
		ok(t, err)
		var got []string
		for _, row := range rows {
			got = append(got, row.Label+"|"+row.Detail)
		}
		if diff := gocmp.Diff(got, want); diff != "" {
			t.Errorf("by %s (-got +want):\n%s", by, diff)
		}
	}
	rows, err := s.UsageBreakdown(t.Context(), sc, r, models.ByKey, 1)
	if err != nil || len(rows) != 1 || rows[0].KeyID != f.key || rows[0].Total() != 6 {
		t.Errorf("the busiest key: %+v, %v", rows, err)
	}
}

func TestCommitNotesWhenKeysWereLastUsed(t *testing.T) {
	s := storetest.Open(t)
	f := newFixture(t, s)
	lastUsed := func() time.Time {
		var ms int64
		ok(t, store.Writer(s).Raw(`SELECT coalesce(last_used_at, 0) FROM keys WHERE id = ?`, int64(f.key)).Scan(&ms).Error)
		return time.UnixMilli(ms).UTC()
	}
	at := storetest.Now()
	for _, use := range []time.Time{at.Add(300 * time.Millisecond), at.Add(-time.Hour)} {
		ok(t, s.CommitUsage(t.Context(), models.UsageBatch{LastUsed: []models.LastUse{{KeyID: f.key, At: use}, {KeyID: 12345, At: use}}}))
		if got := lastUsed(); !got.Equal(at) {
			t.Errorf("after a use at %v: %v, want %v", use, got, at)
		}
	}
}

func TestPruningForgetsByResolution(t *testing.T) {
	s := storetest.Open(t)
	f := newFixture(t, s)
	now := storetest.Now()
	var b models.UsageBatch
	for i := range 500 { // one request a day
		at := now.AddDate(0, 0, -i)
		b.Cells = append(b.Cells, models.UsageCell{KeyID: f.key, PlanID: f.plan, StageID: f.stage, MethodID: f.method, Minute: at.Unix(), Outcome: models.OutcomeSuccess, Count: 1})
		b.Charged = append(b.Charged, models.QuotaUse{KeyID: f.key, PlanID: f.plan, Day: at.Unix() / 86400, Used: 1})
	}
	for i := range 2500 { // more than one transaction forgets
		b.Cells = append(b.Cells, models.UsageCell{KeyID: models.KeyID(i + 10), StageID: 1, Minute: now.AddDate(0, 0, -10).Unix(), Outcome: models.OutcomeSuccess, Count: 1})
	}
	ok(t, s.CommitUsage(t.Context(), b))
	ok(t, s.PruneUsage(t.Context(), now))
	got := map[string]int64{}
	for _, table := range []string{"usage_minutes", "usage_half_hours", "usage_days", "usage_key_months", "quota_days"} {
		var n int64
		ok(t, store.Writer(s).Raw(fmt.Sprintf(`SELECT count(*) FROM %s`, table)).Scan(&n).Error)
		got[table] = n
	}
	const kinds = 8 // of a developer's key on a plan
	want := map[string]int64{
		"usage_minutes": 4 * kinds, "usage_half_hours": 36*kinds + 2500, "usage_days": 400*kinds + 2500, "usage_key_months": 14, "quota_days": 123,
	}
	if diff := gocmp.Diff(got, want); diff != "" {
		t.Errorf("rows left (-got +want):\n%s", diff)
	}
}

// A heat map is read in the zone of who looks at it: New York's clocks went forward at 07:00 UTC on the 8th, and India is half an hour off.
func TestUsageByHourIsOfTheReadersZone(t *testing.T) {
	s := storetest.Open(t)
	var cells []models.UsageCell
	for _, at := range []string{"2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T18:30:00Z"} {
		moment, err := time.Parse(time.RFC3339, at)
		ok(t, err)
		cells = append(cells, models.UsageCell{KeyID: 5, Minute: moment.Unix(), Outcome: models.OutcomeSuccess, Count: 1})
	}
	ok(t, s.CommitUsage(t.Context(), models.UsageBatch{Cells: cells}))
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for name, want := range map[string][][2]int{"UTC": {{6, 6}, {6, 7}, {6, 18}}, "America/New_York": {{6, 1}, {6, 3}, {6, 14}}, "Asia/Kolkata": {{0, 0}, {6, 12}, {6, 12}}} {
		zone, err := time.LoadLocation(name)
		ok(t, err)
		var expected [7][24]int64
		for _, at := range want {
			expected[at[0]][at[1]]++
		}
		got, err := s.UsageHours(t.Context(), models.UsageScope{Keys: []models.KeyID{5}}, from, from.AddDate(0, 0, 14), zone)
		ok(t, err)
		if diff := gocmp.Diff(expected, got); diff != "" {
			t.Errorf("in %s (-want +got):\n%s", name, diff)
		}
	}
}
