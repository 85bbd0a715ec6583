package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has when alerts tell. They look at what was metered, behind the request path: at the minutes since the last look, found by an index, and at the accounts and keys
// that called in them; never at all keys, and never at a table from end to end.

// How far a look goes back: over what was committed late, and at most so far where nobody looked for long.
const (
	lookBehind  = 2 * time.Minute
	lookAtMost  = 24 * time.Hour
	daysEvery   = time.Hour // how often an alert of days looks
	daysAtOnce  = 500       // alerts of days in one look
	keysTold    = 200       // that one alert of days tells of in one look
	pairsAtOnce = 300
	maxDays     = 365 // that a level may have
)

// RaiseAlerts looks at what happened since it did so last, and queues the notices of the alerts that are to tell. What was told is kept with it in one transaction, so that nothing is
// told twice, also over a restart.
func (s *Store) RaiseAlerts(ctx context.Context, now time.Time) error {
	now = now.UTC().Truncate(time.Millisecond)
	marks, err := selectAll[int64](s.read.WithContext(ctx), "progress", `SELECT at FROM progress WHERE name = 'alerts'`)
	if err != nil {
		return err
	}
	from := now.Add(-lookBehind)
	if len(marks) > 0 {
		from = timeOf(marks[0]).Add(-lookBehind)
	}
	if earliest := now.Add(-lookAtMost); from.Before(earliest) {
		from = earliest
	}
	from = from.Truncate(time.Minute)
	r := &raiser{Store: s, ctx: ctx, db: s.read.WithContext(ctx), now: now, known: map[models.AccountID][]models.Alert{}}
	if err := firstError(r.quotas(from), r.shares(from), r.days()); err != nil {
		return fmt.Errorf("raise alerts: %w", err)
	}
	err = s.write.WithContext(ctx).Exec(`INSERT INTO progress (name, at) VALUES ('alerts', ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at`, millis(now)).Error
	if err != nil {
		return fmt.Errorf("note look of alerts: %w", err)
	}
	return nil
}

// raiser is one look.
type raiser struct {
	*Store
	ctx   context.Context
	db    *gorm.DB
	now   time.Time
	known map[models.AccountID][]models.Alert // of quotas
}

// alerted is a key on a plan as alerts see it.
type alerted struct {
	KeyID     models.KeyID
	PlanID    models.PlanID
	Key       string
	Hint      string
	AppID     models.AppID
	App       string
	Developer models.AccountID
	Owner     models.AccountID
	Plan      string
}

// quotas looks at the keys that called.
func (r *raiser) quotas(from time.Time) error {
	type pair struct {
		ID     models.KeyID
		PlanID models.PlanID
	}
	// The index has all of it; the primary key would find the kind, and read all there is of it.
	pairs, err := selectAll[pair](r.db, "keys that called", `SELECT DISTINCT id, plan_id FROM usage_minutes INDEXED BY usage_minutes_start
		WHERE start >= ? AND start <= ? AND kind = ? AND plan_id <> 0`, from.Unix(), r.now.Unix(), int64(usageOfKey))
	if err != nil {
		return err
	}
	for some := range slices.Chunk(pairs, pairsAtOnce) {
		asked := make([][2]int64, len(some))
		for i, p := range some {
			asked[i] = [2]int64{int64(p.ID), int64(p.PlanID)}
		}
		text, err := json.Marshal(asked)
		if err != nil {
			return fmt.Errorf("list keys that called: %w", err)
		}
		found, err := selectAll[alerted](r.db, "keys with quotas", `SELECT k.id AS key_id, p.id AS plan_id, k.name AS key, c.hint, coalesce(ap.id, 0) AS app_id, coalesce(ap.name, '') AS app,
				coalesce(ap.account_id, 0) AS developer, p.owner_id AS owner, p.name AS plan
			FROM json_each(?) x CROSS JOIN keys k ON k.id = json_extract(x.value, '$[0]') CROSS JOIN plans p ON p.id = json_extract(x.value, '$[1]')
				JOIN key_secrets c ON c.key_id = k.id AND c.is_current = 1 LEFT JOIN apps ap ON ap.id = k.app_id
			WHERE p.quota_limit IS NOT NULL AND (EXISTS (SELECT 1 FROM alerts l WHERE l.kind = 'quota' AND l.account_id = ap.account_id)
				OR EXISTS (SELECT 1 FROM alerts l WHERE l.kind = 'quota' AND l.account_id = p.owner_id))`, string(text))
		if err != nil {
			return err
		}
		for _, a := range found {
			if err := r.quota(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// quotaAlerts are the alerts of quotas of an account.
func (r *raiser) quotaAlerts(account models.AccountID) ([]models.Alert, error) {
	if account == 0 {
		return nil, nil
	}
	if alerts, ok := r.known[account]; ok {
		return alerts, nil
	}
	alerts, err := alertsOf(r.db, `WHERE l.kind = 'quota' AND l.account_id = ? ORDER BY l.created_at, l.id`, account)
	r.known[account] = alerts
	return alerts, err
}

// quota looks at one key on one plan for its developer and for the plan's owner.
func (r *raiser) quota(a alerted) error {
	var interested []models.Alert
	for side, account := range map[models.Side]models.AccountID{models.SideDeveloper: a.Developer, models.SideOwner: a.Owner} {
		alerts, err := r.quotaAlerts(account)
		if err != nil {
			return err
		}
		for _, l := range alerts {
			if l.Side != side {
				continue
			}
			looks, err := r.looksAt(l, a)
			if err != nil {
				return err
			}
			if looks {
				interested = append(interested, l)
			}
		}
	}
	if len(interested) == 0 {
		return nil
	}
	q, err := r.QuotaStanding(r.ctx, a.KeyID, a.PlanID, r.now)
	if err != nil || !q.Quota.IsSet() {
		return err
	}
	total := q.Quota.Limit + q.Extra
	used := total - q.Remaining()
	for _, l := range interested {
		level, reached := models.Reached(l.Levels, used, total)
		if !reached {
			continue
		}
		d := a.data(l)
		d.Level, d.Used, d.Limit, d.From, d.To = level, used, total, q.Window.Start, q.Window.End
		if err := r.tellOnce(l, a.KeyID, a.PlanID, q.Window.Start.Unix()/secondsPerDay, level, d); err != nil {
			return err
		}
	}
	return nil
}

// looksAt reports whether an alert's scope has a key on a plan.
func (r *raiser) looksAt(l models.Alert, a alerted) (bool, error) {
	switch {
	case l.AppID != 0:
		return l.AppID == a.AppID, nil
	case l.KeyID != 0:
		return l.KeyID == a.KeyID, nil
	case l.PlanID != 0:
		return l.PlanID == a.PlanID, nil
	case l.APIID != 0:
		return selectOne[bool](r.db, "APIs of a plan", `SELECT EXISTS (SELECT 1 FROM plan_stages ps JOIN stages s ON s.id = ps.stage_id WHERE ps.plan_id = ? AND s.api_id = ?)`, a.PlanID, l.APIID)
	}
	return true, nil
}

// data is what a notice says of the key.
func (a alerted) data(l models.Alert) models.NoticeData {
	d := models.NoticeData{AlertID: l.ID, KeyID: a.KeyID, Key: a.Key, KeyHint: a.Hint, AppID: a.AppID, App: a.App, PlanID: a.PlanID, Plan: a.Plan, Href: "/keys/" + a.KeyID.String()}
	if l.Side == models.SideOwner {
		d.Href = "/owner/keys/" + a.KeyID.String()
	}
	return d
}

// tellOnce tells of a level unless it, or a higher one, was told of before in the same window.
func (r *raiser) tellOnce(l models.Alert, key models.KeyID, plan models.PlanID, window, level int64, d models.NoticeData) error {
	const told = `SELECT EXISTS (SELECT 1 FROM alert_firings WHERE alert_id = ? AND key_id = ? AND plan_id = ? AND window = ? AND level >= ?)`
	known, err := selectOne[bool](r.db, "what was told", told, l.ID, key, plan, window, level)
	if err != nil || known {
		return err
	}
	return r.tell(l, d, func(t *tx) (bool, error) {
		noted := t.Exec(`INSERT INTO alert_firings (alert_id, key_id, plan_id, window, level, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, l.ID, key, plan, window, level, millis(t.now))
		return noted.RowsAffected == 1, noted.Error
	})
}

// tell queues the notice of an alert if note says that it is new, in one transaction with that. One that is muted is noted, and told to nobody.
func (r *raiser) tell(l models.Alert, d models.NoticeData, note func(*tx) (bool, error)) error {
	return r.change(r.ctx, models.System(), r.now, func(t *tx) error {
		there, err := selectOne[bool](t.DB, "alert", `SELECT EXISTS (SELECT 1 FROM alerts WHERE id = ?)`, l.ID)
		if err != nil || !there {
			return err
		}
		fresh, err := note(t)
		if err != nil || !fresh || l.Muted(t.now) {
			return err
		}
		if err := t.run("note that an alert told", `UPDATE alerts SET fired_at = ? WHERE id = ?`, millis(t.now), l.ID); err != nil {
			return err
		}
		kind := l.Kind.Notice()
		if kind == models.NoticeKeyExpiring && !d.At.After(t.now) {
			kind = models.NoticeKeyExpired
		}
		return t.notify(models.Notice{Kind: kind, Account: l.AccountID, Side: l.Side, Data: d, ByMail: l.Mail, ByWebhook: l.Webhook})
	})
}

// shares looks at the accounts whose keys, or whose plans, were called.
func (r *raiser) shares(from time.Time) error {
	type active struct {
		Kind int64
		ID   models.AccountID
	}
	accounts, err := selectAll[active](r.db, "accounts that called", `SELECT DISTINCT kind, id FROM usage_minutes INDEXED BY usage_minutes_start
		WHERE start >= ? AND start <= ? AND kind IN (?, ?)`, from.Unix(), r.now.Unix(), int64(usageOfDeveloper), int64(usageOfOwner))
	if err != nil {
		return err
	}
	sides := map[models.Side][]models.AccountID{}
	for _, a := range accounts {
		side := models.SideDeveloper
		if a.Kind == int64(usageOfOwner) {
			side = models.SideOwner
		}
		sides[side] = append(sides[side], a.ID)
	}
	for side, ids := range sides {
		alerts, err := alertsOf(r.db, `WHERE l.kind IN ('throttled', 'errors') AND l.account_id IN (SELECT value FROM json_each(?)) AND l.side = ? ORDER BY l.account_id, l.id`, numberList(ids), string(side))
		if err != nil {
			return err
		}
		for _, l := range alerts {
			if err := r.share(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// scopeOf is whose usage an alert looks at.
func (r *raiser) scopeOf(l models.Alert) (sc models.UsageScope, err error) {
	switch {
	case l.KeyID != 0:
		sc.Keys = []models.KeyID{l.KeyID}
	case l.AppID != 0:
		sc.Keys, err = selectAll[models.KeyID](r.db, "keys of app", `SELECT id FROM keys WHERE app_id = ?`, l.AppID)
	case l.PlanID != 0:
		sc.Plans = []models.PlanID{l.PlanID}
	case l.APIID != 0:
		sc.Owner = l.AccountID
		sc.Stages, err = selectAll[models.StageID](r.db, "stages of API", `SELECT id FROM stages WHERE api_id = ?`, l.APIID)
		if sc.Stages == nil {
			sc.Stages = []models.StageID{}
		}
	case l.Side == models.SideOwner:
		sc.Owner = l.AccountID
	default:
		sc.Developer = l.AccountID
	}
	return sc, err
}

// share looks at what part of the requests of the last minutes was refused, or failed, or at the minutes in which some were refused. It tells when that comes over the level, and again
// only after it was below.
func (r *raiser) share(l models.Alert) error {
	sc, err := r.scopeOf(l)
	if err != nil || len(l.Levels) == 0 || l.AppID != 0 && len(sc.Keys) == 0 {
		return err
	}
	to := r.now.Truncate(time.Minute).Add(time.Minute)
	span := models.UsageRange{From: to.Add(-time.Duration(l.Minutes) * time.Minute), To: to, Step: models.StepMinute}
	points, err := r.UsageSeries(r.ctx, sc, span)
	if err != nil {
		return err
	}
	sum := models.Sum(points)
	part, of := sum.Counts[models.OutcomeThrottled], sum.Total()
	if l.Kind == models.AlertErrors {
		part = sum.Counts[models.OutcomeServerError] + sum.Counts[models.OutcomeUpstream]
	}
	_, over := models.Reached(l.Levels, part, of)
	over = over && of >= models.MinAlertRequests
	minutes := int64(0)
	if l.Kind == models.AlertMinutes {
		for _, p := range points {
			if p.Counts[models.OutcomeThrottled] > 0 {
				minutes++
			}
		}
		over = minutes >= l.Levels[0]
	}
	// An episode that nobody looked at for long is over.
	still := l.Firing && r.now.Sub(l.CheckedAt) <= 2*time.Duration(l.Minutes)*time.Minute
	switch {
	case !over && !l.Firing:
		return nil
	case over && still, !over:
		return r.write.WithContext(r.ctx).Exec(`UPDATE alerts SET firing = ?, checked_at = ? WHERE id = ?`, over, millis(r.now), l.ID).Error
	}
	d := models.NoticeData{AlertID: l.ID, Name: l.Scope, Level: l.Levels[0], Minutes: minutes, Requests: of, Failed: part, From: span.From, To: r.now, Href: "/usage"}
	if d.Name == "" {
		d.Name = "your keys"
	}
	if l.Side == models.SideOwner {
		d.Href = "/owner/usage"
		if l.Scope == "" {
			d.Name = "your plans"
		}
	}
	if l.Kind != models.AlertErrors {
		d.Refused, d.Failed = part, 0
	}
	return r.tell(l, d, func(t *tx) (bool, error) {
		noted := t.Exec(`UPDATE alerts SET firing = 1, checked_at = ? WHERE id = ?`, millis(t.now), l.ID)
		return noted.RowsAffected == 1, noted.Error
	})
}

// days looks at keys that expire or are not used: each alert from time to time, at the keys that have come over a level since.
func (r *raiser) days() error {
	alerts, err := alertsOf(r.db, `WHERE l.kind IN ('unused', 'expiring') AND l.checked_at <= ? ORDER BY l.checked_at LIMIT ?`, millis(r.now.Add(-daysEvery)), daysAtOnce)
	if err != nil {
		return err
	}
	for _, l := range alerts {
		levels := l.Levels
		if l.Kind == models.AlertExpiring {
			levels = append(slices.Clone(levels), 0) // who is told before is told when it is so far, too
		}
		for _, level := range levels {
			if err := r.day(l, level); err != nil {
				return err
			}
		}
		err := r.write.WithContext(r.ctx).Exec(`UPDATE alerts SET checked_at = ? WHERE id = ?`, millis(r.now), l.ID).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// day tells of the keys that came over a level since the alert looked last.
func (r *raiser) day(l models.Alert, level int64) error {
	type aged struct {
		Key  alerted `gorm:"embedded"`
		At   int64
		Used int64
	}
	away := level * 24 * time.Hour.Milliseconds()
	low, high, of := millis(l.CheckedAt)+away, millis(r.now)+away, `k.expires_at`
	if l.Kind == models.AlertUnused {
		low, high, of = millis(l.CheckedAt)-away, millis(r.now)-away, `coalesce(k.last_used_at, k.created_at)`
	}
	whose, args := `apps ap JOIN keys k ON k.app_id = ap.id WHERE ap.account_id = ?`, []any{l.AccountID}
	if l.Side == models.SideOwner {
		whose = `keys k LEFT JOIN apps ap ON ap.id = k.app_id WHERE k.owner_id = ?`
	}
	args = append(args, low, high, l.AppID, l.AppID, l.KeyID, l.KeyID, keysTold)
	keys, err := selectAll[aged](r.db, "keys of days", `SELECT k.id AS key_id, k.name AS key, (SELECT hint FROM key_secrets c WHERE c.key_id = k.id AND c.is_current = 1) AS hint,
			coalesce(ap.id, 0) AS app_id, coalesce(ap.name, '') AS app, `+of+` AS at, coalesce(k.last_used_at, 0) AS used
		FROM `+whose+` AND k.revoked_at IS NULL AND `+of+` > ? AND `+of+` <= ? AND (? = 0 OR k.app_id = ?) AND (? = 0 OR k.id = ?) AND `+isThere+` ORDER BY at LIMIT ?`, args...)
	if err != nil {
		return err
	}
	for _, k := range keys {
		d := k.Key.data(l)
		d.Level, d.LastUsed = level, timeOf(k.Used)
		if l.Kind == models.AlertExpiring {
			d.At = timeOf(k.At)
		}
		// Days count down: each level of a date is a window of its own, or none would be told after a higher one.
		if err := r.tellOnce(l, k.Key.KeyID, 0, k.At/1000*(maxDays+1)+level, level, d); err != nil {
			return err
		}
	}
	return nil
}
