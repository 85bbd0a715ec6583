package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// ownerSubscription reads a subscription to a plan of an owner; nobody else's is found (R9).
func ownerSubscription(db *gorm.DB, owner models.AccountID, id models.SubscriptionID) (models.Subscription, error) {
	row, err := selectOne[subscriptionRow](db, "subscription", `SELECT `+subscriptionColumns+` FROM subscriptions s JOIN plans p ON p.id = s.plan_id
		WHERE s.id = ? AND p.owner_id = ?`, id, owner)
	return row.subscription(), err
}

// DecideSubscription approves, refuses, suspends, resumes or ends a subscription to a plan of the actor's; field "reason", at most 500
// characters. An approval lets the keys call without a further step.
func (s *Store) DecideSubscription(ctx context.Context, actor models.Actor, id models.SubscriptionID, d models.Decision, reason string, now time.Time) (
	sub models.Subscription, err error) {
	if reason, err = models.CleanText("reason", reason, 500); err != nil {
		return sub, err
	}
	err = s.change(ctx, actor, now, func(t *tx) error {
		if sub, err = ownerSubscription(t.DB, actor.AccountID, id); err != nil {
			return err
		}
		p, err := planByID(t.DB, sub.PlanID)
		if err != nil {
			return err
		}
		if sub.State.Open() {
			if err := p.CheckDecide(d); err != nil {
				return err
			}
		}
		state, err := sub.Decide(d, reason)
		if err != nil {
			return err
		}
		if err := firstError(t.decide(sub, state, reason, "subscription."+string(d)), t.tellDecision(sub, state, reason)); err != nil {
			return err
		}
		sub, err = ownerSubscription(t.DB, actor.AccountID, id)
		return err
	})
	return sub, err
}

func (t *tx) decide(sub models.Subscription, state models.SubscriptionState, reason, action string) error {
	if !state.Open() {
		return t.finish(sub, state, reason, action)
	}
	p, app, err := t.partiesOf(sub)
	if err != nil {
		return err
	}
	if err := t.setState(sub, state, reason); err != nil {
		return err
	}
	keys, err := selectAll[models.KeyID](t.DB, "keys of subscription", `SELECT key_id FROM plan_keys WHERE subscription_id = ?`, sub.ID)
	if err != nil {
		return err
	}
	if err := t.keysChanged(keys...); err != nil {
		return err
	}
	return t.event(action, subscriptionObject(sub, app, p), facts{"state": sub.State}, facts{"state": state, "reason": reason})
}

// ChangePlan moves a developer's app to another plan at once, with its keys. A plan that asks first cannot be had this way: while its owner
// thinks the app could not call.
func (s *Store) ChangePlan(ctx context.Context, actor models.Actor, id models.SubscriptionID, to models.PlanID, now time.Time) (sub models.Subscription, err error) {
	return s.ChangePlanBy(ctx, actor, id, to, models.JoinForm{}, now)
}

// ChangePlanBy is ChangePlan with what the other plan asks of those who subscribe; fields as models.Joining.Check. Where its owner says so, what was used comes along.
func (s *Store) ChangePlanBy(ctx context.Context, actor models.Actor, id models.SubscriptionID, to models.PlanID, join models.JoinForm, now time.Time) (sub models.Subscription, err error) {
	err = s.change(ctx, actor, now, func(t *tx) error {
		before, err := subscriptionOf(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		if before.State == models.SubscriptionSuspended {
			return errSuspended()
		}
		p, err := t.planToSubscribe(to)
		if err != nil {
			return err
		}
		if p.InForce.Audience == models.AudienceAsk {
			return models.Conflict(fmt.Sprintf("The plan %s is given on request, and your calls would stop until then. Ask the owner of the API to move your subscription.", p.Name()))
		}
		j, err := joiningOf(t.DB, to)
		if err != nil {
			return err
		}
		counted, err := t.countsOf(before)
		if err != nil {
			return err
		}
		if sub, err = t.move(before, p, models.SubscriptionActive, "subscription.change_plan"); err != nil {
			return err
		}
		for key, plans := range counted {
			if !j.Carries {
				break
			}
			if err := t.carry(key, to, plans); err != nil {
				return err
			}
		}
		return t.joinBy(sub.ID, to, join)
	})
	return sub, err
}

// MoveSubscription moves a subscription with its keys to another plan of the same owner. It keeps its state; counts are as in MoveKey.
func (s *Store) MoveSubscription(ctx context.Context, actor models.Actor, id models.SubscriptionID, to models.PlanID, withCount bool, now time.Time) (
	sub models.Subscription, err error) {
	err = s.change(ctx, actor, now, func(t *tx) error {
		before, err := ownerSubscription(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		p, err := ownedPlan(t.DB, actor.AccountID, to)
		if err != nil {
			return err
		}
		if err := p.CheckJoin(); err != nil {
			return err
		}
		counted, err := t.countsOf(before)
		if err != nil {
			return err
		}
		if sub, err = t.move(before, p, before.State, "subscription.move"); err != nil || !withCount {
			return err
		}
		for key, plans := range counted {
			if err := t.carry(key, to, plans); err != nil {
				return err
			}
		}
		return nil
	})
	return sub, err
}

// countsOf returns the plans whose charges count for the keys of a subscription now.
func (t *tx) countsOf(sub models.Subscription) (map[models.KeyID][]models.PlanID, error) {
	keys, err := selectAll[models.KeyID](t.DB, "keys of subscription", `SELECT key_id FROM plan_keys WHERE subscription_id = ?`, sub.ID)
	if err != nil {
		return nil, err
	}
	counted := make(map[models.KeyID][]models.PlanID, len(keys))
	for _, key := range keys {
		if counted[key], err = t.countedWith(key, sub.PlanID); err != nil {
			return nil, err
		}
	}
	return counted, nil
}

// move ends a subscription and makes one to another plan with the same keys, blocked ones blocked as they were.
func (t *tx) move(before models.Subscription, to models.Plan, state models.SubscriptionState, action string) (sub models.Subscription, err error) {
	from, app, err := t.partiesOf(before)
	if err != nil {
		return sub, err
	}
	switch {
	case !before.State.Open():
		_, err := before.Decide(models.End, "")
		return sub, err
	case from.ID == to.ID:
		return sub, models.Conflict(fmt.Sprintf("The app %s is on the plan %s already.", app.Name, to.Name()))
	}
	members, err := t.takeOff(before)
	if err != nil {
		return sub, err
	}
	if err := to.CheckKeysPerApp(len(members)); err != nil {
		return sub, err
	}
	if err := t.setState(before, models.SubscriptionEnded, "Moved to the plan "+to.Name()+"."); err != nil {
		return sub, err
	}
	if sub, err = t.newSubscription(app, to, state, before.Message); err != nil {
		return sub, err
	}
	for i := range members {
		members[i].subscription = sub.ID
	}
	if err := t.join(to, members...); err != nil {
		return sub, err
	}
	err = t.event(action, subscriptionObject(sub, app, to), facts{"plan": from.Name(), "state": before.State}, facts{"plan": to.Name(), "state": state})
	if err != nil {
		return sub, err
	}
	if t.actor.AccountID != to.OwnerID { // the developer moved by himself
		before.State = models.SubscriptionEnded
		return sub, firstError(t.tellOwner(models.NoticeSubscriptionEnded, before, app, from), t.tellOwner(models.NoticeSubscriptionAsked, sub, app, to))
	}
	return sub, t.tellDeveloper(models.NoticeSubscriptionChanged, sub, app, to, "Moved here from the plan "+from.Name()+".")
}
