package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has what notices say of what happens to subscriptions, keys and imports.

// subscriptionNotice is what a notice says of a subscription.
func (t *tx) subscriptionNotice(sub models.Subscription, app models.App, p models.Plan) (d models.NoticeData, developer models.AccountID, err error) {
	type person struct {
		ID    models.AccountID
		Email string
		Name  string
	}
	who, err := selectOne[person](t.DB, "developer", `SELECT c.id, c.email, c.name FROM apps a JOIN accounts c ON c.id = a.account_id WHERE a.id = ?`, app.ID)
	if err != nil {
		return d, 0, err
	}
	apis, err := apisOfPlans(t.DB, []models.PlanID{p.ID})
	if err != nil {
		return d, 0, err
	}
	d = models.NoticeData{SubscriptionID: sub.ID, State: string(sub.State), Message: sub.Message, PlanID: p.ID, Plan: p.Name(), AppID: app.ID, App: app.Name, Email: who.Email, Name: who.Name}
	if refs := apis[p.ID]; len(refs) > 0 {
		d.API = refs[0].Name
	}
	return d, who.ID, nil
}

// tellOwner tells the owner of a plan of a subscription to it. By mail where he has something to decide.
func (t *tx) tellOwner(kind models.NoticeKind, sub models.Subscription, app models.App, p models.Plan) error {
	d, _, err := t.subscriptionNotice(sub, app, p)
	if err != nil {
		return err
	}
	d.Href = "/owner/subscriptions/" + sub.ID.String()
	decides := sub.State == models.SubscriptionPending
	return t.notify(models.Notice{Kind: kind, Account: p.OwnerID, Side: models.SideOwner, Data: d, ByMail: decides, ByWebhook: true})
}

// tellDeveloper tells who has an app what became of its subscription.
func (t *tx) tellDeveloper(kind models.NoticeKind, sub models.Subscription, app models.App, p models.Plan, reason string) error {
	d, developer, err := t.subscriptionNotice(sub, app, p)
	if err != nil {
		return err
	}
	d.Href, d.Reason = "/subscriptions/"+sub.ID.String(), reason
	d.Email, d.Name, d.Message = "", "", ""
	return t.notify(models.Notice{Kind: kind, Account: developer, Side: models.SideDeveloper, Data: d})
}

// tellDecision tells both parties what became of a subscription, but for who did it himself.
func (t *tx) tellDecision(before models.Subscription, state models.SubscriptionState, reason string) error {
	p, app, err := t.partiesOf(before)
	if err != nil {
		return err
	}
	sub := before
	sub.State = state
	kind := models.NoticeSubscriptionChanged
	switch {
	case before.State == models.SubscriptionPending && state == models.SubscriptionActive:
		kind = models.NoticeSubscriptionApproved
	case state == models.SubscriptionRefused:
		kind = models.NoticeSubscriptionRefused
	case state == models.SubscriptionEnded:
		kind = models.NoticeSubscriptionEnded
	}
	if t.actor.AccountID == p.OwnerID {
		return t.tellDeveloper(kind, sub, app, p, reason)
	}
	return t.tellOwner(models.NoticeSubscriptionEnded, sub, app, p)
}

// tellKey tells a developer what was done to a key of theirs. Who makes keys for customers did it himself.
func (t *tx) tellKey(kind models.NoticeKind, k models.Key) error {
	if k.AppID == 0 {
		return nil
	}
	type home struct {
		AccountID models.AccountID
		Name      string
	}
	app, err := selectOne[home](t.DB, "app", `SELECT account_id, name FROM apps WHERE id = ?`, k.AppID)
	if err != nil {
		return err
	}
	d := models.NoticeData{KeyID: k.ID, Key: k.Name, KeyHint: k.Hint, AppID: k.AppID, App: app.Name, Actor: t.actor.Label, Href: "/keys/" + k.ID.String()}
	if kind == models.NoticeKeyRotated {
		d.At = k.OldStopsAt
	}
	return t.notify(models.Notice{Kind: kind, Account: app.AccountID, Side: models.SideDeveloper, Data: d})
}

// tellLimits tells a developer that a key of theirs, or with the zero Key each of the app, has other limits on a plan from now on. A nil in says that the plan's hold again.
func (t *tx) tellLimits(app models.AppID, k models.Key, p models.Plan, in *models.NewOverride) error {
	d := models.NoticeData{State: models.LimitsEnded}
	o := models.Override{}
	if in != nil {
		d.State, d.Reason, d.At = models.LimitsSet, in.Reason, in.EndsAt
		o.Throttle, o.Quota = in.Throttle, in.Quota
	}
	now := o.On(p.InForce)
	d.Throttle, d.Quota = now.Throttle, now.Quota
	return t.tellKeyOn(models.NoticeLimits, app, k, p.ID, p.Name(), d)
}

// tellKeyOn tells a developer what the owner of a plan did to a key of theirs on it, or with the zero Key to each of the app's. A key without an app is its owner's own.
func (t *tx) tellKeyOn(kind models.NoticeKind, app models.AppID, k models.Key, plan models.PlanID, name string, d models.NoticeData) error {
	if app == 0 {
		return nil
	}
	type home struct {
		AccountID models.AccountID
		Name      string
	}
	of, err := selectOne[home](t.DB, "app", `SELECT account_id, name FROM apps WHERE id = ?`, app)
	if err != nil {
		return err
	}
	d.PlanID, d.Plan, d.AppID, d.App, d.KeyID, d.Key, d.KeyHint, d.Href = plan, name, app, of.Name, k.ID, k.Name, k.Hint, "/apps/"+app.String()
	if k.ID != 0 {
		d.Href = "/keys/" + k.ID.String()
	}
	return t.notify(models.Notice{Kind: kind, Account: of.AccountID, Side: models.SideDeveloper, Data: d})
}

// tellWaiting tells the owner of a plan by invitation that somebody asks to be let in, or who asked what the owner decided.
func (t *tx) tellWaiting(kind models.NoticeKind, p models.Plan, w models.Waiting) error {
	apis, err := apisOfPlans(t.DB, []models.PlanID{p.ID})
	if err != nil {
		return err
	}
	d := models.NoticeData{PlanID: p.ID, Plan: p.Name(), Reason: w.Reason, State: string(w.State)}
	n := models.Notice{Kind: kind, Account: w.AccountID, Side: models.SideDeveloper}
	if refs := apis[p.ID]; len(refs) > 0 {
		d.API, d.Href = refs[0].Name, "/apis/"+refs[0].Slug
	}
	if kind == models.NoticeInvitationAsked {
		n.Account, n.Side = p.OwnerID, models.SideOwner
		d.Email, d.Name, d.Message, d.Href = w.Email, w.Name, w.Message, "/owner/plans/"+p.ID.String()+"/invitations"
	}
	n.Data = d
	return t.notify(n)
}

// tellImport tells an owner that an import of theirs has ended by itself.
func (t *tx) tellImport(i models.Import, state models.ImportState, reason string) error {
	if state != models.ImportDone && state != models.ImportFailed {
		return nil
	}
	return t.notify(models.Notice{Kind: models.NoticeImportEnded, Account: i.OwnerID, Side: models.SideOwner, Data: models.NoticeData{
		Name: i.File, State: string(state), Reason: reason, Created: i.Counts.Created, Updated: i.Counts.Updated, Bad: i.Counts.Bad, Href: "/owner/imports/" + i.ID.String()}})
}

// tellEnded tells developers that their subscriptions ended with a plan.
func (t *tx) tellEnded(p endedPlan, ended []models.SubscriptionID) error {
	for _, id := range ended {
		row, err := selectOne[subscriptionRow](t.DB, "subscription", `SELECT `+subscriptionColumns+` FROM subscriptions s WHERE s.id = ?`, id)
		if err != nil {
			return err
		}
		app, err := selectOne[appRow](t.DB, "app", appQuery+`WHERE a.id = ?`, row.AppID)
		if err != nil {
			return err
		}
		d := models.NoticeData{SubscriptionID: id, State: string(models.SubscriptionEnded), PlanID: p.ID, Plan: p.Name, AppID: row.AppID, App: app.Name, Reason: p.reason(), Href: "/subscriptions/" + id.String()}
		if err := t.notify(models.Notice{Kind: models.NoticeSubscriptionEnded, Account: app.AccountID, Side: models.SideDeveloper, Data: d, Dedupe: "ended " + id.String()}); err != nil {
			return err
		}
	}
	return nil
}

// MailTopics returns of which topics an account wants no mail.
func (s *Store) MailTopics(ctx context.Context, account models.AccountID) (refused []models.Topic, err error) {
	return refusesMail(s.read.WithContext(ctx), account)
}

// RefuseMail says that an account wants no mail of a topic, or wants it again. The link that says so is signed: whoever has it acts, and is nobody's session.
func (s *Store) RefuseMail(ctx context.Context, account models.AccountID, topic models.Topic, refuse bool, now time.Time) error {
	known := false
	for _, t := range models.Topics() {
		known = known || t == topic
	}
	if !known {
		return models.NotFound("topic")
	}
	return s.change(ctx, models.Actor{Label: "mail link"}, now, func(t *tx) error {
		row, err := accountByID(t.DB, account)
		if err != nil {
			return err
		}
		var changed *gorm.DB
		if refuse {
			changed = t.Exec(`INSERT INTO mail_refusals (account_id, topic, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, account, string(topic), millis(t.now))
		} else {
			changed = t.Exec(`DELETE FROM mail_refusals WHERE account_id = ? AND topic = ?`, account, string(topic))
		}
		if changed.Error != nil || changed.RowsAffected == 0 {
			return changed.Error
		}
		return t.event("account.mail", accountObject(row.account()), nil, facts{"topic": topic, "refused": refuse})
	})
}
