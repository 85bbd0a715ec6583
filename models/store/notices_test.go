package store_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

const lease = 5 * time.Minute

// claimed takes what is due, or fails.
func (w *world) claimed(by models.Channel) models.Delivery {
	w.t.Helper()
	d, err := w.ClaimMessage(w.t.Context(), by, w.now, lease)
	ok(w.t, err)
	return d
}

// wantNone fails when something is due.
func (w *world) wantNone(by models.Channel) {
	w.t.Helper()
	if d, err := w.ClaimMessage(w.t.Context(), by, w.now, lease); models.KindOf(err) != models.KindNotFound {
		w.t.Errorf("claimed %+v, %v; want nothing to be due", d.Messages, err)
	}
}

func (w *world) sent(d models.Delivery) {
	w.t.Helper()
	ok(w.t, w.FinishMessage(w.t.Context(), d, models.Delivered{State: models.MessageSent, Subject: "Told", Email: d.To.Email, Attempt: &models.Attempt{At: w.now, Status: 250}}, w.now))
}

// What happened is told, and what did not is not: both are one transaction.
func TestADecisionIsToldInItsTransaction(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.asking("Partner", w.stage("prod")), "App")
	asked := w.claimed(models.ByMail)
	if m := asked.Messages[0]; m.Kind != models.NoticeSubscriptionAsked || asked.To.Email != w.owner.Email || m.Data.App != "App" || m.Data.Plan != "Partner" || m.Data.Email != w.developer.Email {
		t.Errorf("asked: %+v to %+v", m, asked.To)
	}
	w.sent(asked)
	_, err := w.DecideSubscription(t.Context(), w.asOwner(), made.Subscription.ID, models.Refuse, "", w.later())
	wantKind(t, "a refusal without a reason", err, models.KindInvalid)
	w.wantNone(models.ByMail)
	_, err = w.DecideSubscription(t.Context(), w.asOwner(), made.Subscription.ID, models.Approve, "", w.later())
	ok(t, err)
	if d := w.claimed(models.ByMail); d.Messages[0].Kind != models.NoticeSubscriptionApproved || d.To.Email != w.developer.Email || d.To.Verified {
		t.Errorf("approved: %+v to %+v", d.Messages[0], d.To)
	}
}

// Two workers that had one mail would send it twice.
func TestNoMessageIsClaimedTwice(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	const n = 12
	for range n {
		w.now = w.now.Add(2 * time.Hour) // so that none gathers
		_, _, err := w.RotateKey(t.Context(), w.asDeveloper(), made.Key.ID, models.Rotation{}, w.now)
		ok(t, err)
	}
	w.now = w.now.AddDate(0, 0, 2)
	var mu sync.Mutex
	seen := map[models.MessageID]int{}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				d, err := w.ClaimMessage(context.Background(), models.ByMail, w.now, lease)
				if err != nil {
					return
				}
				mu.Lock()
				for _, m := range d.Messages {
					seen[m.ID]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s was claimed %d times", id, times)
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d were claimed", len(seen), n)
	}
	w.wantNone(models.ByMail)
	// Its worker was killed: the next process takes it at once, this one after the lease. Who comes back too late notes nothing.
	w.now = w.now.Add(lease)
	again := w.claimed(models.ByMail)
	ok(t, w.ReleaseClaims(t.Context(), w.now))
	anew := w.claimed(models.ByMail)
	if anew.Messages[0].ID != again.Messages[0].ID || anew.Messages[0].Attempts < 3 {
		t.Errorf("%+v, then %+v", again.Messages[0], anew.Messages[0])
	}
	ok(t, w.FinishMessage(t.Context(), again, models.Delivered{State: models.MessageFailed}, w.now))
	if got := count(t, w.Store, `SELECT count(*) FROM messages WHERE state = 'failed'`); got != 0 {
		t.Errorf("%d messages failed by a claim that was lost", got)
	}
}

// The first is told at once; who has many keys gets one mail of the others, not one each.
func TestMailsOfAKindGatherForAnHour(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	rotate := func() {
		t.Helper()
		_, _, err := w.RotateKey(t.Context(), w.asDeveloper(), made.Key.ID, models.Rotation{}, w.later())
		ok(t, err)
	}
	rotate()
	first := w.claimed(models.ByMail)
	w.sent(first)
	for range 5 {
		rotate()
	}
	w.wantNone(models.ByMail)
	ok(t, w.RevokeKey(t.Context(), w.asDeveloper(), made.Key.ID, w.later())) // of another kind
	w.sent(w.claimed(models.ByMail))
	w.wantNone(models.ByMail)
	w.now = w.now.Add(models.GatherFor)
	rest := w.claimed(models.ByMail)
	if len(first.Messages) != 1 || len(rest.Messages) != 5 {
		t.Errorf("mails of %d and %d notices, want 1 and 5", len(first.Messages), len(rest.Messages))
	}
	w.sent(rest)
	w.wantNone(models.ByMail)
	messages, attempts, err := w.OutboxMail(t.Context(), rest.Messages[0].ID)
	ok(t, err)
	if len(messages) != 5 || len(attempts) != 1 || messages[0].State != models.MessageSent {
		t.Errorf("the outbox has %d notices, %d attempts", len(messages), len(attempts))
	}
	w.wantOutbox(rest.Messages[0].ID, 4)
}

// wantOutbox looks whether the outbox, read one mail a page, has each mail once, and this one with so many others in it.
func (w *world) wantOutbox(lead models.MessageID, others int) {
	w.t.Helper()
	mails, messages, after := 0, 0, ""
	for {
		list, err := w.Outbox(w.t.Context(), "", models.Page{Limit: 1, After: after})
		ok(w.t, err)
		for _, m := range list.Items {
			mails, messages = mails+1, messages+1+m.Others
			if m.ID == lead && m.Others != others {
				w.t.Errorf("the mail %s gathers %d others, want %d", m.ID, m.Others, others)
			}
		}
		if after = list.Next; after == "" {
			break
		}
	}
	if queued := count(w.t, w.Store, `SELECT count(*) FROM messages WHERE channel = 'mail'`); messages != queued || mails != queued-others {
		w.t.Errorf("the outbox has %d mails with %d messages, want %d with %d", mails, messages, queued-others, queued)
	}
}

func TestADayHasSoManyMails(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	w.now = w.now.Truncate(24 * time.Hour)
	mails := 0
	for range 3*24 - 1 {
		w.now = w.now.Add(20 * time.Minute)
		_, _, err := w.RotateKey(t.Context(), w.asDeveloper(), made.Key.ID, models.Rotation{}, w.now)
		ok(t, err)
		for {
			d, err := w.ClaimMessage(t.Context(), models.ByMail, w.now, lease)
			if err != nil {
				break
			}
			mails++
			w.sent(d)
		}
	}
	if mails > models.MailsPerDay {
		t.Errorf("%d mails in a day", mails)
	}
}

func TestNobodyIsMailedWhatTheyRefuse(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	ok(t, w.RefuseMail(t.Context(), w.developer.ID, models.TopicKeys, true, w.now))
	wantKind(t, "refusing mails of the account", w.RefuseMail(t.Context(), w.developer.ID, models.TopicAccount, true, w.now), models.KindNotFound)
	_, _, err := w.RotateKey(t.Context(), w.asDeveloper(), made.Key.ID, models.Rotation{}, w.later())
	ok(t, err)
	w.wantNone(models.ByMail)
	ok(t, w.RefuseMail(t.Context(), w.developer.ID, models.TopicKeys, false, w.now))
	ok(t, w.RevokeKey(t.Context(), w.asDeveloper(), made.Key.ID, w.later()))
	w.claimed(models.ByMail)
}

// A dump of the database lets nobody in by a link that waits in a mail, and tells no webhook's secret.
func TestWhatNoticesSayIsSealed(t *testing.T) {
	w := newWorld(t)
	made := w.subscribe(w.plan("Free", w.stage("prod")), "Secret app of mine")
	_, v, err := w.CreateWebhook(t.Context(), w.asDeveloper(), models.SideDeveloper, models.NewWebhook{URL: "https://example.com/hook", Kinds: []models.NoticeKind{models.NoticeKeyRotated}}, w.now)
	ok(t, err)
	_, _, err = w.RotateKey(t.Context(), w.asDeveloper(), made.Key.ID, models.Rotation{}, w.later())
	ok(t, err)
	var rows []string
	ok(t, store.Writer(w.Store).Raw(`SELECT CAST(data AS TEXT) FROM messages UNION ALL SELECT CAST(secret AS TEXT) FROM webhooks`).Scan(&rows).Error)
	if text := strings.Join(rows, " "); len(rows) < 2 || strings.Contains(text, "Secret app") || strings.Contains(text, v.Reveal()[6:20]) {
		t.Errorf("in clear: %q", text)
	}
}

func TestAWebhookGetsWhatItAsksFor(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	_, _, err := w.CreateWebhook(ctx, w.asDeveloper(), models.SideDeveloper, models.NewWebhook{URL: "ftp://example.com", Kinds: []models.NoticeKind{models.NoticeSubscriptionAsked}}, w.now)
	wantKind(t, "an address that is none, for events of owners", err, models.KindInvalid)
	hook, first, err := w.CreateWebhook(ctx, w.asDeveloper(), models.SideDeveloper, models.NewWebhook{URL: "https://example.com/hook", Kinds: []models.NoticeKind{models.NoticeKeyRotated}}, w.now)
	ok(t, err)
	_, _, err = w.RotateKey(ctx, w.asDeveloper(), made.Key.ID, models.Rotation{}, w.later())
	ok(t, err)
	ok(t, w.TestWebhook(ctx, w.asDeveloper(), models.SideDeveloper, hook.ID, w.later()))
	d := w.claimed(models.ByWebhook)
	if d.Webhook.URL != hook.URL || len(d.Secrets) != 1 || d.Secrets[0] != first.Reveal() || d.Messages[0].Kind != models.NoticeKeyRotated {
		t.Errorf("claimed %+v", d)
	}
	w.wantNone(models.ByWebhook) // one at a time for an address
	second, err := w.RotateWebhook(ctx, w.asDeveloper(), models.SideDeveloper, hook.ID, w.now)
	ok(t, err)
	ok(t, w.FinishMessage(ctx, d, models.Delivered{State: models.MessageWaiting, Due: w.now.Add(5 * time.Second), Attempt: &models.Attempt{At: w.now, Status: 500, Problem: "It answered 500."}}, w.now))
	w.wantNone(models.ByWebhook)
	w.now = w.now.Add(5 * time.Second)
	other := d
	d = w.claimed(models.ByWebhook)
	if len(d.Secrets) != 2 || d.Secrets[0] != second.Reveal() || d.Secrets[1] != first.Reveal() || d.Webhook.Failures != 1 {
		t.Errorf("after a rotation: %+v", d)
	}
	ok(t, w.FinishMessage(ctx, d, models.Delivered{State: models.MessageWaiting, Due: w.now.Add(time.Hour), Attempt: &models.Attempt{At: w.now, Status: 410, Problem: "Gone"}, Disable: "It answered 410 Gone."}, w.now))
	hook, err = w.Webhook(ctx, w.developer.ID, models.SideDeveloper, hook.ID)
	ok(t, err)
	if hook.DisabledAt.IsZero() || hook.DisabledWhy != "It answered 410 Gone." {
		t.Errorf("not disabled: %+v", hook)
	}
	told := false
	for range 3 {
		if d, err := w.ClaimMessage(ctx, models.ByMail, w.now, lease); err == nil {
			told = told || d.Messages[0].Kind == models.NoticeWebhookDisabled
		}
	}
	if !told {
		t.Error("its owner is not told")
	}
	wantKind(t, "a test of it", w.TestWebhook(ctx, w.asDeveloper(), models.SideDeveloper, hook.ID, w.now), models.KindConflict)
	ok(t, w.EnableWebhook(ctx, w.asDeveloper(), models.SideDeveloper, hook.ID, true, w.now))
	list, err := w.Deliveries(ctx, w.developer.ID, models.SideDeveloper, hook.ID, models.Page{})
	ok(t, err)
	if len(list.Items) != 2 {
		t.Fatalf("%d deliveries", len(list.Items))
	}
	_, attempts, err := w.WebhookDelivery(ctx, w.developer.ID, models.SideDeveloper, hook.ID, d.Messages[0].ID)
	ok(t, err)
	_, before, err := w.WebhookDelivery(ctx, w.developer.ID, models.SideDeveloper, hook.ID, other.Messages[0].ID)
	ok(t, err)
	if attempts = append(before, attempts...); len(attempts) != 2 || attempts[0].Status != 500 || attempts[1].Status != 410 {
		t.Errorf("attempts %+v", attempts)
	}
	// R9
	for what, err := range map[string]error{
		"another's page":      third(w.Webhook(ctx, w.owner.ID, models.SideDeveloper, hook.ID)),
		"the other side":      third(w.Webhook(ctx, w.developer.ID, models.SideOwner, hook.ID)),
		"another's delivery":  second3(w.WebhookDelivery(ctx, w.owner.ID, models.SideDeveloper, hook.ID, d.Messages[0].ID)),
		"another's rotation":  third(w.RotateWebhook(ctx, w.asOwner(), models.SideDeveloper, hook.ID, w.now)),
		"another's test":      w.TestWebhook(ctx, w.asOwner(), models.SideDeveloper, hook.ID, w.now),
		"another's deletion":  w.DeleteWebhook(ctx, w.asOwner(), models.SideDeveloper, hook.ID, w.now),
		"another's repeating": w.ResendDelivery(ctx, w.asOwner(), models.SideDeveloper, hook.ID, d.Messages[0].ID, w.now),
	} {
		wantKind(t, what, err, models.KindNotFound)
	}
	ok(t, w.DeleteWebhook(ctx, w.asDeveloper(), models.SideDeveloper, hook.ID, w.now))
	if n := count(t, w.Store, `SELECT count(*) FROM message_attempts`); n != 0 {
		t.Errorf("%d attempts of a webhook that is gone", n)
	}
}

func third[T any](_ T, err error) error           { return err }
func second3[T, U any](_ T, _ U, err error) error { return err }

func TestTheQueueStartsInAnIndex(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	developer := storetest.Developer(t, s)
	for what, call := range map[string]func() error{
		"a claim of a mail":  func() error { _, err := s.ClaimMessage(ctx, models.ByMail, now, lease); return ignoreNotFound(err) },
		"a claim of a call":  func() error { _, err := s.ClaimMessage(ctx, models.ByWebhook, now, lease); return ignoreNotFound(err) },
		"the queue's length": func() error { _, err := s.QueueStates(ctx, now); return err },
		"the outbox":         func() error { _, err := s.Outbox(ctx, "", models.Page{}); return err },
		"one mail":           func() error { _, _, err := s.OutboxMail(ctx, 5); return ignoreNotFound(err) },
		"webhooks":           func() error { _, err := s.Webhooks(ctx, developer.ID, models.SideDeveloper); return err },
		"deliveries": func() error {
			_, err := s.Deliveries(ctx, developer.ID, models.SideDeveloper, 5, models.Page{})
			return err
		},
		"refused topics": func() error { _, err := s.MailTopics(ctx, developer.ID); return err },
	} {
		wantNoScan(t, s, what, func() { ok(t, call()) })
	}
}

// toldOf are the notices of mails that wait, whoever gets them, in the order in which they were queued.
func (w *world) toldOf(kinds ...models.NoticeKind) (out []models.Message) {
	w.t.Helper()
	for {
		d, err := w.ClaimMessage(w.t.Context(), models.ByMail, w.now.Add(25*time.Hour), lease)
		if models.KindOf(err) == models.KindNotFound {
			return out
		}
		ok(w.t, err)
		w.sent(d)
		for _, m := range d.Messages {
			if slices.Contains(kinds, m.Kind) {
				out = append(out, m)
			}
		}
	}
}

// Who asks for a plan by invitation is heard, once, and hears what became of it.
func TestAWaitingListTellsBothSides(t *testing.T) {
	w := newWorld(t)
	terms := termsOf("Private", w.stage("prod"))
	terms.Audience = models.AudienceInvited
	p := w.publish(terms)
	ctx := t.Context()
	ok(t, w.SetJoining(ctx, w.asOwner(), p.ID, models.Joining{WaitingList: true}, w.later()))
	kinds := []models.NoticeKind{models.NoticeInvitationAsked, models.NoticeInvitationApproved, models.NoticeInvitationRefused}
	want := func(what string, to models.AccountID, kind models.NoticeKind, href, reason string) {
		t.Helper()
		got := w.toldOf(kinds...)
		if len(got) != 1 || got[0].Kind != kind || got[0].AccountID != to || got[0].Data.Plan != "Private" || got[0].Data.Href != href || got[0].Data.Reason != reason {
			t.Errorf("%s: told %+v", what, got)
		}
	}
	ok(t, w.AskInvitation(ctx, w.asDeveloper(), p.ID, "Let me in", w.later()))
	ok(t, w.AskInvitation(ctx, w.asDeveloper(), p.ID, "Now", w.later()))
	want("asked twice", w.owner.ID, models.NoticeInvitationAsked, "/owner/plans/"+p.ID.String()+"/invitations", "")
	ok(t, w.DecideWaiting(ctx, w.asOwner(), p.ID, w.developer.ID, false, "Not yet", w.later()))
	want("declined", w.developer.ID, models.NoticeInvitationRefused, "/apis/echo", "Not yet")
	ok(t, w.AskInvitation(ctx, w.asDeveloper(), p.ID, "Again", w.later()))
	want("asked again", w.owner.ID, models.NoticeInvitationAsked, "/owner/plans/"+p.ID.String()+"/invitations", "")
	ok(t, w.DecideWaiting(ctx, w.asOwner(), p.ID, w.developer.ID, true, "", w.later()))
	want("let in", w.developer.ID, models.NoticeInvitationApproved, "/apis/echo", "")
	wantKind(t, "decided twice", w.DecideWaiting(ctx, w.asOwner(), p.ID, w.developer.ID, true, "", w.later()), models.KindConflict)
	if more := w.toldOf(kinds...); len(more) != 0 {
		t.Errorf("told of what did not happen: %+v", more)
	}
}

// Other limits are no surprise: the developer is told of each change, with what holds now. A key that its owner made is told to nobody.
func TestADeveloperIsToldOfWhatAnOwnerDoesToKeys(t *testing.T) {
	w := newWorld(t)
	p := w.meteredPlan(w.stage("prod"), 100)
	made := w.subscribe(p, "App")
	theirs := w.customerKey("customer", p)
	ctx := t.Context()
	in := models.NewOverride{Throttle: &limit.Throttle{Rate: 80, Burst: 160}, Reason: "A launch", EndsAt: w.now.AddDate(0, 1, 0)}
	w.toldOf()
	next := func(what string, kind models.NoticeKind, state string) models.NoticeData {
		t.Helper()
		got := w.toldOf(models.NoticeLimits, models.NoticeKeyBlocked, models.NoticeSubscriptionChanged)
		if len(got) != 1 || got[0].Kind != kind || got[0].AccountID != w.developer.ID || got[0].Data.State != state || got[0].Data.Plan != "Metered" {
			t.Fatalf("%s: told %+v", what, got)
		}
		return got[0].Data
	}
	ok(t, w.SetKeyOverride(ctx, w.asOwner(), theirs.ID, p.ID, in, w.later()))
	ok(t, w.SetKeyOverride(ctx, w.asOwner(), made.Key.ID, p.ID, in, w.later()))
	if d := next("a key's limits", models.NoticeLimits, models.LimitsSet); d.Throttle.Rate != 80 || d.Quota.Limit != 100 || d.Reason != "A launch" || !d.At.Equal(in.EndsAt) || d.Href != "/keys/"+made.Key.ID.String() {
		t.Errorf("told %+v", d)
	}
	ok(t, w.EndKeyOverride(ctx, w.asOwner(), made.Key.ID, p.ID, w.later()))
	if d := next("the plan's again", models.NoticeLimits, models.LimitsEnded); d.Throttle != nil || d.Quota.Limit != 100 {
		t.Errorf("told %+v", d)
	}
	ok(t, w.SetSubscriptionOverride(ctx, w.asOwner(), made.Subscription.ID, in, w.later()))
	if d := next("each key's", models.NoticeLimits, models.LimitsSet); d.KeyID != 0 || d.App != "App" {
		t.Errorf("told %+v", d)
	}
	ok(t, w.EndSubscriptionOverride(ctx, w.asOwner(), made.Subscription.ID, w.later()))
	next("no key's", models.NoticeLimits, models.LimitsEnded)
	ok(t, w.GrantExtra(ctx, w.asOwner(), made.Key.ID, p.ID, models.Extension{Add: true, N: 50, Window: w.now.Unix() / 86400, Form: "f"}, w.later()))
	if d := next("more of the quota", models.NoticeLimits, models.LimitsExtended); d.Extra != 50 || d.Limit != 150 {
		t.Errorf("told %+v", d)
	}
	ok(t, w.SetKeyEnabled(ctx, w.asOwner(), made.Key.ID, false, w.later()))
	next("blocked", models.NoticeKeyBlocked, models.KeyWasBlocked)
	ok(t, w.SetKeyEnabled(ctx, w.asOwner(), made.Key.ID, true, w.later()))
	next("let in", models.NoticeKeyBlocked, models.KeyWasLetIn)
	for _, d := range []models.Decision{models.Suspend, models.Resume} {
		_, err := w.DecideSubscription(ctx, w.asOwner(), made.Subscription.ID, d, "Look at your errors", w.later())
		ok(t, err)
		next(string(d), models.NoticeSubscriptionChanged, map[models.Decision]string{models.Suspend: "suspended", models.Resume: "active"}[d])
	}
}
