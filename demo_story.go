package main

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// The demo's story beside its main person: other customers, what the owner told them, and what waits for an answer, so that every list of the portal holds
// something. All of it goes through the use cases that the pages use.

// demoCustomers are developers who have the demo's password, too.
var demoCustomers = []struct{ name, email string }{
	{"Priya Nair", "priya@kestrel.example.com"},
	{"Tomas Berg", "tomas@halden.example.com"},
	{"Sara Haddad", "sara@lumen.example.com"},
	{"Wen Li", "wen@paperplane.example.com"},
}

// Who the keys belong to that the owner made himself.
const (
	demoNorthwind = "C-1042"
	demoFjord     = "C-1077"
)

// story tells it, step by step.
type story struct {
	*demoData
	ctx                     context.Context
	owner, developer, admin models.Actor
	customers               map[string]models.Actor // by first name
	plans                   map[string]models.Plan
	now                     time.Time
	err                     error // of the first step that failed
}

// ago is a time in the story.
func (t *story) ago(days int, and time.Duration) time.Time {
	return t.now.AddDate(0, 0, -days).Add(-and)
}

// step does what fails the story if it fails, unless it has failed.
func (t *story) step(what string, do func() error) {
	if t.err != nil {
		return
	}
	if err := do(); err != nil {
		t.err = fmt.Errorf("%s: %w", what, err)
	}
}

// people makes the other customers.
func (t *story) people(hash string) {
	t.customers = map[string]models.Actor{}
	for i, c := range demoCustomers {
		t.step(c.email, func() error {
			a, err := t.in.store.CreateAccount(t.ctx, models.CommandLine(), models.NewAccount{Email: c.email, Name: c.name, PasswordHash: hash, Role: models.RoleDeveloper}, t.ago(88-9*i, 0))
			first, _, _ := strings.Cut(c.name, " ")
			t.customers[first] = demoActor(a)
			if err != nil {
				return err
			}
			return t.in.store.MarkSeen(t.ctx, a.ID, t.ago(3*i, time.Duration(i+2)*time.Hour))
		})
	}
}

// tell is the story of those who came, and of what they were told.
func (t *story) tell() {
	t.subscribers()
	t.ownerKeys()
	t.alerts()
	t.guides()
	t.changelog()
	t.deprecation()
	t.coming()
	t.waiting()
	t.invitations()
	t.deliver()
}

// closedPlans are two plans that ask something of whoever joins.
func (t *story) closedPlans(stages []models.PlanStage) {
	for _, p := range []struct {
		terms   models.Terms
		joining models.Joining
	}{
		{models.Terms{Name: "Enterprise", Description: "A contract, a named contact and limits of your own.", Price: "From €900 a month", Throttle: &limit.Throttle{Rate: 2000, Burst: 4000}, Stages: stages,
			Audience: models.AudienceAsk, Charge: models.ChargeDelivered, KeysPerApp: 20}, models.Joining{Carries: true, Terms: demoTerms, Questions: []models.Question{
			{Label: "What will you build?", Kind: models.QuestionText, Required: true},
			{Label: "How many requests a second at your peak?", Kind: models.QuestionChoice, Required: true, Choices: []string{"Up to 500", "500 to 1,000", "More than 1,000"}},
			{Label: "Do your requests hold personal data?", Kind: models.QuestionYesNo},
		}}},
		{models.Terms{Name: "Partner", Description: "For those who build with us. By invitation.", Price: "Free for partners", Throttle: &limit.Throttle{Rate: 200, Burst: 400},
			Quota: &limit.Quota{Limit: 5_000_000, Period: limit.PeriodMonth}, Stages: stages, Audience: models.AudienceInvited, Charge: models.ChargeDelivered, KeysPerApp: 5}, models.Joining{WaitingList: true}},
	} {
		t.step("plan "+p.terms.Name, func() error {
			plan, err := t.in.store.CreatePlan(t.ctx, t.owner, p.terms, t.ago(70, 0))
			if err == nil {
				plan, err = t.in.store.PublishPlan(t.ctx, t.owner, plan.ID, t.ago(70, 0))
			}
			t.plans[p.terms.Name] = plan
			if err != nil {
				return err
			}
			return t.in.store.SetJoining(t.ctx, t.owner, plan.ID, p.joining, t.ago(69, 0))
		})
	}
}

const demoTerms = `## Fair use

The limits of the plan hold for each key. Load tests are welcome: tell us a day before.

## Availability

We aim at 99.9 % of requests answered in each month. What we miss is credited on the next invoice.

## Data

Requests are logged for 30 days, without bodies and without the values of keys. Nothing is passed on.

## Notice

Either side may end the contract at the end of a month.`

// subscribe puts an app of a customer on a plan.
func (t *story) subscribe(who models.Actor, plan string, in models.NewSubscription, at time.Time) (made models.Subscribed) {
	t.step(in.AppName, func() (err error) {
		in.PlanID = t.plans[plan].ID
		made, _, err = t.in.store.Subscribe(t.ctx, who, in, at)
		return err
	})
	return made
}

// subscribers come, and some go.
func (t *story) subscribers() {
	s := t.in.store
	tracker := t.subscribe(t.customers["Priya"], "Growth", models.NewSubscription{AppName: "Parcel tracker", KeyName: "tracker-eu"}, t.ago(86, 0))
	t.step("keys of the tracker", func() error {
		if _, _, err := s.CreateKey(t.ctx, t.customers["Priya"], models.NewKey{AppID: tracker.App.ID, Name: "tracker-staging", ExpiresAt: t.now.AddDate(0, 0, 9).Truncate(24 * time.Hour)}, t.ago(50, 0)); err != nil {
			return err
		}
		if _, _, err := s.RotateKey(t.ctx, t.customers["Priya"], tracker.Key.ID, models.Rotation{Overlap: models.OverlapWeek}, t.ago(2, 0)); err != nil {
			return err
		}
		return s.SetSubscriptionOverride(t.ctx, t.owner, tracker.Subscription.ID, models.NewOverride{Throttle: &limit.Throttle{Rate: 80, Burst: 160},
			Reason: "More room for the season, as agreed on the phone.", EndsAt: t.now.AddDate(0, 0, 26).Truncate(24 * time.Hour)}, t.ago(9, 0))
	})
	t.subscribe(t.customers["Tomas"], "Free", models.NewSubscription{AppName: "Status board", KeyName: "board"}, t.ago(77, 0))
	old := t.subscribe(t.customers["Tomas"], "Growth", models.NewSubscription{AppName: "Old dashboard", KeyName: "dashboard"}, t.ago(75, 0))
	t.step("end", func() error {
		return s.CancelSubscription(t.ctx, t.customers["Tomas"], old.Subscription.ID, t.ago(21, 0))
	})
	kiosk := t.subscribe(t.customers["Wen"], "Growth", models.NewSubscription{AppName: "Paper Plane kiosk", KeyName: "kiosk"}, t.ago(28, 0))
	t.step("suspend", func() error {
		_, err := s.DecideSubscription(t.ctx, t.owner, kiosk.Subscription.ID, models.Suspend, "The first invoice is open.", t.ago(4, 0))
		return err
	})
	crawl := t.subscribe(t.developer, "Scale", models.NewSubscription{AppName: "Price crawler", KeyName: "crawler", Message: "We read the whole catalog every hour."}, t.ago(17, 5*time.Hour))
	t.step("refuse", func() error {
		_, err := s.DecideSubscription(t.ctx, t.owner, crawl.Subscription.ID, models.Refuse, "Growth is enough for this: read what has changed instead of all of it.", t.ago(17, 0))
		return err
	})
}

// waiting are those whom nobody has answered yet.
func (t *story) waiting() {
	t.subscribe(t.customers["Sara"], "Enterprise", models.NewSubscription{AppName: "Ward monitor", KeyName: "ward-monitor", Message: "We would like to start with one hospital in January.",
		Join: models.JoinForm{Accept: true, Version: 1, Answers: []string{"Alarms of bedside devices, sent on to the nurses' phones.", "500 to 1,000", "Yes"}}}, t.ago(1, 3*time.Hour))
	for first, message := range map[string]string{"Priya": "We resell your answers inside our tracker and would share the numbers.", "Wen": "We print boarding passes at small airports and could test your beta."} {
		t.step(first+" asks", func() error {
			return t.in.store.AskInvitation(t.ctx, t.customers[first], t.plans["Partner"].ID, message, t.ago(3, time.Duration(len(message))*time.Minute))
		})
	}
}

// invitations are the administrator's.
func (t *story) invitations() {
	t.step("invite", func() error {
		_, _, err := t.in.store.CreateLink(t.ctx, t.admin, models.NewLink{Kind: models.LinkInvite, Email: "lena@example.com", Role: models.RoleOwner, Mail: true}, t.ago(1, 0))
		return err
	})
}

// ownerKeys are made by the owner, or come from a file.
func (t *story) ownerKeys() {
	t.step("import", func() error {
		var rows []models.KeyImport
		for i, c := range []struct{ name, customer string }{
			{"fjord-kiosk", demoFjord}, {"fjord-booking", demoFjord}, {"harbour-display", "C-1081"}, {"museum-audio", "C-1090"}, {"museum-tickets", "C-1090"}, {"tram-times", "C-1102"},
		} {
			row := models.KeyImport{Line: i + 2, Value: crand.Text(), Name: c.name, CustomerID: c.customer, Enabled: i != 3, Plans: []models.PlanID{t.plans["Growth"].ID}}
			if c.name == "museum-tickets" {
				row.ExpiresAt = t.now.AddDate(0, 0, 12).Truncate(24 * time.Hour)
			}
			rows = append(rows, row)
		}
		_, err := t.in.store.ImportKeys(t.ctx, t.owner, models.NewImport{File: "partners-autumn.csv", Bytes: 612}, rows, t.ago(64, 0))
		return err
	})
	for _, n := range []struct {
		ref  models.CustomerRef
		text string
		days int
	}{
		{models.CustomerRef{AccountID: t.developer.AccountID}, "Mira asked for a test stage of her own. We offered beta, she is happy with it.", 33},
		{models.CustomerRef{AccountID: t.developer.AccountID}, "Renewal talk in January. Interested in Scale for the nightly export.", 6},
		{models.CustomerRef{AccountID: t.customers["Priya"].AccountID}, "Season until Christmas: twice the usual traffic. Limits raised until then.", 9},
		{models.CustomerRef{CustomerID: demoNorthwind}, "Signed on paper, no account here. Write to ops@northwind.example.com before Founders ends.", 20},
	} {
		t.step("note", func() error { return t.in.store.AddCustomerNote(t.ctx, t.owner, n.ref, n.text, t.ago(n.days, 0)) })
	}
}

// after is what follows from the made-up past.
func (t *story) after() {
	// Where the demo's alerts begin to look as soon as it serves.
	t.step("alerts", func() error { return t.in.store.RaiseAlerts(t.ctx, t.now.Add(-3*time.Hour)) })
	t.step("statements", func() error { // each was closed when its month was over
		for month := models.MonthOf(t.ago(demoDays, 0)).AddDate(0, 1, 0); !month.Add(2 * time.Hour).After(t.now); month = month.AddDate(0, 1, 0) {
			if err := t.in.store.CloseMonths(t.ctx, month.Add(90*time.Minute)); err != nil {
				return err
			}
		}
		return nil
	})
	t.step("extend a quota", func() error {
		for _, c := range t.callers {
			if c.key == 0 || c.burst == 0 {
				continue
			}
			q, err := t.in.store.QuotaStanding(t.ctx, c.key, c.plan, t.now)
			if err != nil {
				return err
			}
			return t.in.store.GrantExtra(t.ctx, t.owner, c.key, c.plan, models.Extension{Form: "demo", Window: q.Window.Start.Unix() / 86400, Add: true, N: 2000}, t.now)
		}
		return nil
	})
	t.pager()
}
