package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// erased stands where a person's name or address stood in the audit log.
const erased = "deleted account"

// AccountData gathers what is kept of an account, for its person or an administrator: no value of a key, and nothing that others noted for themselves. It is one moment of each
// part; usage is by month, of at most 13 months, and the newest 10,000 events that name the account.
func (s *Store) AccountData(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) (d models.AccountData, err error) {
	if err := mustBeSelf(actor, id); err != nil {
		return d, err
	}
	db := s.read.WithContext(ctx)
	row, err := accountByID(db, id)
	if err != nil {
		return d, err
	}
	a := row.account()
	d = models.AccountData{MadeAt: now, ID: a.ID, Email: a.Email, Name: a.Name, Role: a.Role.String(), CreatedAt: a.CreatedAt, LastSeenAt: a.LastSeenAt}
	apps, err := selectAll[appRow](db, "apps", appQuery+`WHERE a.account_id = ? ORDER BY a.created_at, a.id`, id)
	if err != nil {
		return d, err
	}
	for _, r := range apps {
		app := models.AppData{ID: r.ID, Name: r.Name, CreatedAt: timeOf(r.CreatedAt)}
		keys, err := selectAll[keyRow](db, "keys", keyQuery+`WHERE k.app_id = ? ORDER BY k.created_at, k.id`, r.ID)
		if err != nil {
			return d, err
		}
		for _, k := range keys {
			key := k.key()
			app.Keys = append(app.Keys, models.KeyData{ID: key.ID, Name: key.Name, Hint: key.Hint, CreatedAt: key.CreatedAt, ExpiresAt: key.ExpiresAt, RevokedAt: key.RevokedAt, LastUsedAt: key.LastUsedAt})
		}
		rows, err := selectAll[subscriptionListRow](db, "subscriptions", subscriptionQuery+`WHERE s.app_id = ? ORDER BY s.requested_at, s.id`, r.ID)
		if err != nil {
			return d, err
		}
		for _, sub := range rows {
			one := sub.Sub.subscription()
			joined, _, err := s.Joined(ctx, one.ID)
			if err != nil {
				return d, err
			}
			app.Subscriptions = append(app.Subscriptions, models.SubscriptionData{ID: one.ID, Plan: sub.PlanName, State: string(one.State), Message: one.Message, Reason: one.Reason,
				RequestedAt: one.RequestedAt, EndedAt: one.EndedAt, Answers: joined.Answers, Terms: joined.Terms, AcceptedAt: joined.At})
		}
		d.Apps = append(d.Apps, app)
	}
	accessKeys, err := accessKeysOf(db, id)
	if err != nil {
		return d, err
	}
	for _, k := range accessKeys {
		d.AccessKeys = append(d.AccessKeys, models.AccessKeyData{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt, LastUsedFrom: k.LastUsedFrom})
	}
	if d.Usage, err = s.monthsOf(ctx, id, now); err != nil {
		return d, err
	}
	events, err := selectAll[eventRow](db, "events", `SELECT * FROM (SELECT * FROM events WHERE actor_id = ? ORDER BY at DESC, id DESC LIMIT 10000)
		UNION SELECT * FROM (SELECT * FROM events WHERE object_id = ? ORDER BY at DESC, id DESC LIMIT 10000) ORDER BY at DESC, id DESC LIMIT 10000`, id, id.String())
	for _, r := range events {
		e := r.event()
		d.Events = append(d.Events, models.EventData{At: e.At, Action: e.Action, Object: e.ObjectKind + " " + e.ObjectName, ByYou: e.ActorID == id})
	}
	return d, err
}

func (s *Store) monthsOf(ctx context.Context, id models.AccountID, now time.Time) (months []models.MonthData, err error) {
	from := time.Date(now.Year(), now.Month()-12, 1, 0, 0, 0, 0, time.UTC)
	points, err := s.UsageSeries(ctx, models.UsageScope{Developer: id}, models.UsageRange{From: from, To: now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1), Step: models.StepDay})
	for _, p := range points {
		name := p.Start.UTC().Format("2006-01")
		if len(months) == 0 || months[len(months)-1].Month != name {
			months = append(months, models.MonthData{Month: name})
		}
		m := &months[len(months)-1]
		for o, n := range p.Counts {
			if models.Outcome(o).Admitted() {
				m.Admitted += n
			} else {
				m.Refused += n
			}
		}
	}
	return months, err
}

// Deletion says what deleting an account stops.
func (s *Store) Deletion(ctx context.Context, actor models.Actor, id models.AccountID) (d models.Deletion, err error) {
	if err := mustBeSelf(actor, id); err != nil {
		return d, err
	}
	db := s.read.WithContext(ctx)
	if d.Obstacle, err = obstacle(db, id); err != nil {
		return d, err
	}
	d.Keys, err = selectAll[string](db, "keys", `SELECT a.name || ': ' || k.name FROM apps a CROSS JOIN keys k ON k.app_id = a.id WHERE a.account_id = ? AND k.revoked_at IS NULL ORDER BY a.name, k.name LIMIT 50`, id)
	if err != nil {
		return d, err
	}
	d.Subscriptions, err = selectOne[int](db, "subscriptions", `SELECT count(*) FROM apps a CROSS JOIN subscriptions s ON s.app_id = a.id WHERE a.account_id = ? AND s.state IN ('pending', 'active', 'suspended')`, id)
	return d, err
}

// obstacle says what its person must do before an account can be deleted; "": nothing.
func obstacle(db *gorm.DB, id models.AccountID) (string, error) {
	type have struct {
		Plans int
		APIs  int `gorm:"column:apis"`
	}
	h, err := selectOne[have](db, "what is owned", `SELECT (SELECT count(*) FROM plans WHERE owner_id = ? AND state <> 'draft' AND ended = 0) AS plans, (SELECT count(*) FROM apis WHERE owner_id = ?) AS apis`, id, id)
	switch {
	case err != nil:
		return "", err
	case h.Plans > 0:
		return fmt.Sprintf("This account has published plans that are in force (%d), and others depend on them. End them first.", h.Plans), nil
	case h.APIs > 0:
		return fmt.Sprintf("This account publishes APIs (%d). Delete them first.", h.APIs), nil
	}
	return "", nil
}

// DeleteAccount ends an account for good, for its person or an administrator: its subscriptions end, its keys are revoked, and what tells who it was is erased or replaced. Usage,
// statements and the audit log keep ids alone. It goes step by step, and can be repeated where it was interrupted. A Conflict says what is in the way.
func (s *Store) DeleteAccount(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) error {
	if err := mustBeSelf(actor, id); err != nil {
		return err
	}
	err := s.changeAccount(ctx, actor, id, now, func(t *tx, a models.Account) error {
		text, err := obstacle(t.DB, id)
		if err == nil && text != "" {
			err = models.Conflict(text)
		}
		return firstError(err, t.keepAdmin(a))
	})
	if err != nil {
		return err
	}
	if err := s.endSubscriptionsOf(ctx, actor, id, now); err != nil {
		return err
	}
	if err := s.revokeKeysOf(ctx, actor, id, now); err != nil {
		return err
	}
	objects, err := s.objectsOf(ctx, id)
	if err != nil {
		return err
	}
	if err := s.change(ctx, actor, now, func(t *tx) error { return t.erase(id) }); err != nil {
		return err
	}
	system := models.Actor{Label: "account deletion", Address: actor.Address, RequestID: actor.RequestID} // the actor may be gone
	return s.eraseEvents(ctx, system, id, objects, now)
}

func (s *Store) endSubscriptionsOf(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) error {
	for {
		ids, err := selectAll[models.SubscriptionID](s.read.WithContext(ctx), "subscriptions", `SELECT s.id FROM apps a CROSS JOIN subscriptions s ON s.app_id = a.id CROSS JOIN plans p ON p.id = s.plan_id
			WHERE a.account_id = ? AND s.state IN ('pending', 'active', 'suspended') AND p.ended = 0 LIMIT 50`, id)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, one := range ids {
			err := s.change(ctx, actor, now, func(t *tx) error {
				sub, err := subscriptionOf(t.DB, id, one)
				if err != nil {
					return err
				}
				return t.finish(sub, models.SubscriptionEnded, "The account was deleted.", "subscription.cancel")
			})
			if err != nil {
				return err
			}
		}
	}
}

func (s *Store) revokeKeysOf(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) error {
	for {
		ids, err := selectAll[models.KeyID](s.read.WithContext(ctx), "keys", `SELECT k.id FROM apps a CROSS JOIN keys k ON k.app_id = a.id WHERE a.account_id = ? AND k.revoked_at IS NULL LIMIT 50`, id)
		if err != nil || len(ids) == 0 {
			return err
		}
		err = s.change(ctx, actor, now, func(t *tx) error {
			if err := t.run("revoke keys", `UPDATE keys SET revoked_at = ? WHERE id IN ?`, millis(t.now), ids); err != nil {
				return err
			}
			if err := t.run("close stages for keys", `DELETE FROM key_stages WHERE key_id IN ?`, ids); err != nil {
				return err
			}
			return t.keysChanged(ids...)
		})
		if err != nil {
			return err
		}
	}
}

// objectsOf are the ids under which events tell of an account and its things.
func (s *Store) objectsOf(ctx context.Context, id models.AccountID) ([]string, error) {
	ids, err := selectAll[int64](s.read.WithContext(ctx), "things of account", `SELECT id FROM apps WHERE account_id = ? UNION ALL SELECT k.id FROM apps a CROSS JOIN keys k ON k.app_id = a.id WHERE a.account_id = ?
		UNION ALL SELECT s.id FROM apps a CROSS JOIN subscriptions s ON s.app_id = a.id WHERE a.account_id = ?`, id, id, id)
	objects := []string{id.String()}
	for _, one := range ids {
		objects = append(objects, models.AppID(one).String())
	}
	if err != nil {
		return nil, err
	}
	accessKeys, err := accessKeysOf(s.read.WithContext(ctx), id)
	for _, k := range accessKeys {
		objects = append(objects, k.ID)
	}
	return objects, err
}

// erase replaces what tells who an account was.
func (t *tx) erase(id models.AccountID) error {
	row, err := accountByID(t.DB, id)
	if err != nil {
		return err
	}
	t.signing = true
	a := row.account()
	address := "deleted-" + id.String() + "@invalid"
	statements := []struct {
		doing, sql string
		args       []any
	}{
		{"erase account", `UPDATE accounts SET email = ?, name = 'Deleted account', password_hash = '!', role = 'developer', disabled_at = coalesce(disabled_at, ?), deleted_at = ?, rate = NULL, burst = NULL WHERE id = ?`,
			[]any{address, millis(t.now), millis(t.now), id}},
		{"end sessions", `DELETE FROM sessions WHERE account_id = ?`, []any{id}},
		{"remove links", `DELETE FROM links WHERE account_id = ? OR lower(email) = lower(?)`, []any{id, a.Email}},
		{"remove invitations", `DELETE FROM plan_invitations WHERE email = lower(?)`, []any{a.Email}},
		{"leave waiting lists", `DELETE FROM plan_waiting WHERE account_id = ?`, []any{id}},
		{"remove notes", `DELETE FROM customer_notes WHERE account_id = ?`, []any{id}},
		{"remove webhooks", `DELETE FROM webhooks WHERE account_id = ?`, []any{id}},
		{"remove messages", `DELETE FROM messages WHERE account_id = ?`, []any{id}},
		{"end digests", `DELETE FROM digests WHERE account_id = ?`, []any{id}},
		{"remove client certificates", `DELETE FROM client_certificates WHERE owner_id = ?`, []any{id}}, // no stage shows one: there is no API
		{"remove access keys", `DELETE FROM access_keys WHERE account_id = ?`, []any{id}},
		{"remove alerts", `DELETE FROM alerts WHERE account_id = ?`, []any{id}},
		{"erase statements", `UPDATE statements SET customer = 'Deleted account', detail = '' WHERE account_id = ?`, []any{id}},
		{"rename apps", `UPDATE apps SET name = 'Deleted app' WHERE account_id = ?`, []any{id}},
		{"rename keys", `UPDATE keys SET name = 'Deleted key', description = '' WHERE app_id IN (SELECT id FROM apps WHERE account_id = ?)`, []any{id}},
		{"erase messages", `UPDATE subscriptions SET message = '' WHERE app_id IN (SELECT id FROM apps WHERE account_id = ?)`, []any{id}},
		{"erase answers", `DELETE FROM subscription_answers WHERE subscription_id IN (SELECT s.id FROM apps a JOIN subscriptions s ON s.app_id = a.id WHERE a.account_id = ?)`, []any{id}},
	}
	for _, st := range statements {
		if err := t.run(st.doing, st.sql, st.args...); err != nil {
			return err
		}
	}
	return t.event("account.delete", object{kind: "account", id: id.String(), owner: id}, nil, nil)
}

// erasedAtOnce is how many events one transaction changes.
const erasedAtOnce = 200

// eraseEvents leaves ids alone of an account and its things in the audit log.
func (s *Store) eraseEvents(ctx context.Context, actor models.Actor, id models.AccountID, objects []string, now time.Time) error {
	step := func(sql string, args ...any) (more bool, err error) {
		err = s.change(ctx, actor, now, func(t *tx) error {
			done := t.Exec(sql, args...)
			more = done.RowsAffected == erasedAtOnce
			return done.Error
		})
		return more, err
	}
	for more := true; more; {
		var err error
		more, err = step(`UPDATE events SET actor = ?, address = '' WHERE id IN (SELECT id FROM events WHERE actor_id = ? AND actor <> ? LIMIT ?)`, erased, id, erased, erasedAtOnce)
		if err != nil {
			return fmt.Errorf("erase what an account did: %w", err)
		}
	}
	for some := range slices.Chunk(objects, 100) {
		for more := true; more; {
			var err error
			more, err = step(`UPDATE events SET object_name = '', before = NULL, after = NULL WHERE id IN (SELECT id FROM events WHERE object_id IN ? AND (object_name <> '' OR before IS NOT NULL OR after IS NOT NULL) LIMIT ?)`,
				some, erasedAtOnce)
			if err != nil {
				return fmt.Errorf("erase what was done to an account: %w", err)
			}
		}
	}
	return nil
}
