package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

type subscriptionRow struct {
	ID          models.SubscriptionID
	AppID       models.AppID
	PlanID      models.PlanID
	State       string
	Message     string
	Reason      string
	RequestedAt int64
	DecidedAt   sql.NullInt64
	EndedAt     sql.NullInt64
	LostName    sql.NullString // of its plan, which has ended; NULL where the subscription says so itself
	LostAt      int64
}

const subscriptionColumns = `s.id, s.app_id, s.plan_id, s.state, s.message, s.reason, s.requested_at, s.decided_at, s.ended_at,
	(SELECT u.name FROM plans u WHERE u.id = s.plan_id AND u.unfinished = 1) AS lost_name, (SELECT coalesce(u.ends_at, 0) FROM plans u WHERE u.id = s.plan_id) AS lost_at`

func (r subscriptionRow) subscription() models.Subscription {
	if models.SubscriptionState(r.State).Open() && r.LostName.Valid {
		r.State, r.Reason = string(models.SubscriptionEnded), endedPlan{r.PlanID, r.LostName.String, r.LostAt}.reason()
		r.EndedAt = sql.NullInt64{Int64: r.LostAt, Valid: true}
	}
	return models.Subscription{ID: r.ID, AppID: r.AppID, PlanID: r.PlanID, State: models.SubscriptionState(r.State), Message: r.Message, Reason: r.Reason,
		RequestedAt: timeOf(r.RequestedAt), DecidedAt: nullTime(r.DecidedAt), EndedAt: nullTime(r.EndedAt)}
}

// subscriptionOf reads a subscription of a developer's app; nobody else's is found (R9).
func subscriptionOf(db *gorm.DB, account models.AccountID, id models.SubscriptionID) (models.Subscription, error) {
	row, err := selectOne[subscriptionRow](db, "subscription", `SELECT `+subscriptionColumns+` FROM subscriptions s JOIN apps a ON a.id = s.app_id
		WHERE s.id = ? AND a.account_id = ?`, id, account)
	return row.subscription(), err
}

// subscriptionObject is a subscription in an event, on the page of the plan's owner.
func subscriptionObject(sub models.Subscription, app models.App, p models.Plan) object {
	return object{kind: "subscription", id: sub.ID.String(), name: app.Name + " on " + p.Name(), owner: p.OwnerID}
}

// Subscribe puts an app on a plan with the keys that it has, or with a new one. On a plan that asks first the keys exist at once and may
// call when the owner has approved.
func (s *Store) Subscribe(ctx context.Context, actor models.Actor, in models.NewSubscription, now time.Time) (made models.Subscribed, v secret.Value, err error) {
	if in, err = in.Clean(); err != nil {
		return made, v, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		p, err := t.planToSubscribe(in.PlanID)
		if err != nil {
			return err
		}
		if made.App, err = t.appToSubscribe(in, p); err != nil {
			return err
		}
		state := models.SubscriptionActive
		if p.InForce.Audience == models.AudienceAsk {
			state = models.SubscriptionPending
		}
		if made.Subscription, err = t.newSubscription(made.App, p, state, in.Message); err != nil {
			return err
		}
		if err := t.joinBy(made.Subscription.ID, p.ID, in.Join); err != nil {
			return err
		}
		keys, err := t.usableKeys(made.App.ID, p.InForce.KeysPerApp)
		if err != nil {
			return err
		}
		if made.Attached = len(keys) > 0; !made.Attached {
			name := in.KeyName
			if name == "" {
				name = made.App.Name
			}
			if made.Key, v, err = s.newKey(t, models.Key{AppID: made.App.ID, Name: name}); err != nil {
				return err
			}
			keys = []models.Key{made.Key}
		}
		made.Key = keys[0]
		if err := t.joinAs(made.Subscription, p, keys); err != nil {
			return err
		}
		if !made.Attached {
			if err := t.keyEvent("key.create", made.Key, nil, keyFacts(made.Key)); err != nil {
				return err
			}
		}
		err = t.event("subscription.request", subscriptionObject(made.Subscription, made.App, p), nil,
			facts{"state": state, "plan": p.Name(), "app": made.App.Name, "message": in.Message, "keys": len(keys)})
		return firstError(err, t.tellOwner(models.NoticeSubscriptionAsked, made.Subscription, made.App, p))
	})
	if err != nil {
		return models.Subscribed{}, secret.Value{}, err
	}
	return made, v, nil
}

// planToSubscribe reads a plan that the actor may subscribe to. Somebody whom the owner suspended from it cannot come back with another app.
func (t *tx) planToSubscribe(id models.PlanID) (models.Plan, error) {
	p, err := planByID(t.DB, id)
	if err != nil {
		return p, err
	}
	isInvited, err := invited(t.DB, p, t.actor.AccountID)
	if err != nil {
		return p, err
	}
	if err := p.CheckSubscribe(isInvited); err != nil {
		return p, err
	}
	suspended, err := selectOne[bool](t.DB, "suspended subscription", `SELECT EXISTS (SELECT 1 FROM apps a JOIN subscriptions s ON s.app_id = a.id
		WHERE a.account_id = ? AND s.plan_id = ? AND s.state = 'suspended')`, t.actor.AccountID, id)
	if err == nil && suspended {
		err = models.Conflict(fmt.Sprintf("Your subscription to the plan %s is suspended. Ask the owner of the API to resume it.", p.Name()))
	}
	return p, err
}

// appToSubscribe reads the app, or makes it. A form that is sent twice must not make two apps, each with a key and a quota of its own.
func (t *tx) appToSubscribe(in models.NewSubscription, p models.Plan) (models.App, error) {
	if in.AppID != 0 {
		return appOf(t.DB, t.actor.AccountID, in.AppID)
	}
	twice, err := selectOne[bool](t.DB, "app of this name", `SELECT EXISTS (SELECT 1 FROM apps a JOIN subscriptions s ON s.app_id = a.id
		WHERE a.account_id = ? AND s.plan_id = ? AND s.state NOT IN ('refused', 'ended') AND a.name = ? COLLATE NOCASE)`, t.actor.AccountID, p.ID, in.AppName)
	if err != nil {
		return models.App{}, err
	}
	if twice {
		return models.App{}, conflictAt("app_name", fmt.Sprintf("You have an app %s on the plan %s already. Give another one a name of its own.", in.AppName, p.Name()))
	}
	return t.newApp(in.AppName)
}

// newSubscription writes a subscription; an app is on a plan once.
func (t *tx) newSubscription(app models.App, p models.Plan, state models.SubscriptionState, message string) (models.Subscription, error) {
	sub := models.Subscription{ID: newID[models.Subscription](), AppID: app.ID, PlanID: p.ID, State: state, Message: message, RequestedAt: t.now}
	if state != models.SubscriptionPending {
		sub.DecidedAt = t.now
	}
	err := t.run("make subscription", `INSERT INTO subscriptions (id, app_id, plan_id, state, message, reason, requested_at, decided_at)
		VALUES (?, ?, ?, ?, ?, '', ?, ?)`, sub.ID, sub.AppID, sub.PlanID, string(sub.State), sub.Message, millis(t.now), nullMillis(sub.DecidedAt))
	if isDuplicate(err) {
		return sub, models.Conflict(fmt.Sprintf("The app %s is on the plan %s already.", app.Name, p.Name()))
	}
	return sub, firstError(err, t.tellNewcomer(sub, app))
}

// usableKeys reads the newest keys of an app that can call, at most so many.
func (t *tx) usableKeys(app models.AppID, most int) ([]models.Key, error) {
	live, err := t.liveKeys(app)
	if err != nil {
		return nil, err
	}
	var keys []models.Key
	for _, k := range live {
		if k.Status(t.now) != models.KeyExpired && len(keys) < most {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// joinAs puts keys on a plan by a subscription, and tells the gateway.
func (t *tx) joinAs(sub models.Subscription, p models.Plan, keys []models.Key) error {
	ids := make([]models.KeyID, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
		if err := t.join(p, member{key: k.ID, subscription: sub.ID}); err != nil {
			return err
		}
	}
	return t.keysChanged(ids...)
}

// CancelSubscription ends a subscription for its developer; the keys stay. One that the owner suspended is his to end, or suspending would
// last until the developer subscribes anew.
func (s *Store) CancelSubscription(ctx context.Context, actor models.Actor, id models.SubscriptionID, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		sub, err := subscriptionOf(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		if sub.State == models.SubscriptionSuspended {
			return errSuspended()
		}
		if _, err := sub.Decide(models.End, ""); err != nil {
			return err
		}
		return firstError(t.finish(sub, models.SubscriptionEnded, "", "subscription.cancel"), t.tellDecision(sub, models.SubscriptionEnded, ""))
	})
}

func errSuspended() error {
	return models.Conflict("The owner of the API suspended this subscription. Ask them to resume or end it.")
}

// finish ends a subscription: its keys leave the plan and stay with the app.
func (t *tx) finish(sub models.Subscription, state models.SubscriptionState, reason, action string) error {
	p, app, err := t.partiesOf(sub)
	if err != nil {
		return err
	}
	if _, err := t.takeOff(sub); err != nil {
		return err
	}
	if err := t.setState(sub, state, reason); err != nil {
		return err
	}
	return t.event(action, subscriptionObject(sub, app, p), facts{"state": sub.State}, facts{"state": state, "reason": reason})
}

// partiesOf reads a subscription's plan and app.
func (t *tx) partiesOf(sub models.Subscription) (p models.Plan, app models.App, err error) {
	if p, err = planByID(t.DB, sub.PlanID); err != nil {
		return p, app, err
	}
	row, err := selectOne[appRow](t.DB, "app", appQuery+`WHERE a.id = ?`, sub.AppID)
	return p, row.app(), err
}

// takeOff takes a subscription's keys off its plan, tells the gateway, and returns those that are not revoked with their blocks.
func (t *tx) takeOff(sub models.Subscription) ([]member, error) {
	type on struct {
		KeyID   models.KeyID
		Blocked bool
		Revoked bool
	}
	rows, err := selectAll[on](t.DB, "keys of subscription", `SELECT pk.key_id, pk.blocked, k.revoked_at IS NOT NULL AS revoked
		FROM plan_keys pk JOIN keys k ON k.id = pk.key_id WHERE pk.subscription_id = ? ORDER BY pk.added_at, pk.key_id`, sub.ID)
	if err != nil {
		return nil, err
	}
	var members []member
	for _, r := range rows {
		if err := t.leave(r.KeyID, sub.PlanID); err != nil {
			return nil, err
		}
		if err := t.keysChanged(r.KeyID); err != nil {
			return nil, err
		}
		if !r.Revoked {
			members = append(members, member{key: r.KeyID, blocked: r.Blocked})
		}
	}
	return members, nil
}

// setState writes what became of a subscription.
func (t *tx) setState(sub models.Subscription, state models.SubscriptionState, reason string) error {
	var ended sql.NullInt64
	if !state.Open() {
		ended = nullMillis(t.now)
	}
	return t.run("change subscription", `UPDATE subscriptions SET state = ?, reason = ?, decided_at = ?, ended_at = ? WHERE id = ?`,
		string(state), reason, millis(t.now), ended, sub.ID)
}
