package store_test

import (
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// R9: what is not somebody's is not found, by any method, and nothing happens to it.
func TestNothingOfOthersIsFound(t *testing.T) {
	w := newWorld(t)
	ctx, now := t.Context(), storetest.Now().AddDate(0, 0, 1)
	st, beta := w.stage("prod"), w.stage("beta")
	p, other := w.plan("Free", st), w.plan("Other", beta)
	made, waiting := w.subscribe(p, "App"), w.subscribe(w.asking("Ask", beta), "Waiting")
	k := w.customerKey("Acme", p)
	methods, err := w.Methods(ctx, w.owner.ID, w.api.ID)
	ok(t, err)

	w.bring("{}", "read", methods...)
	document := w.wait("{}", "read again")
	certificate := w.clientCertificate("Gateway")
	login := w.authorizer("login")

	api, stage, plan, sub, app, key := w.api.ID, st.ID, p.ID, made.Subscription.ID, made.App.ID, made.Key.ID
	owners := map[string]func(a models.Actor) error{
		"API":       func(a models.Actor) error { _, err := w.API(ctx, a.AccountID, api); return err },
		"UpdateAPI": func(a models.Actor) error { return w.UpdateAPI(ctx, a, api, settings("stolen"), now) },
		"Draft":     func(a models.Actor) error { _, err := w.Draft(ctx, a.AccountID, api); return err },
		"BringDocument": func(a models.Actor) error {
			_, err := w.BringDocument(ctx, a, models.DocumentChange{APIID: api, Diff: []byte("{}"), Document: []byte("{}"), Reading: []byte("{}")}, now)
			return err
		},
		"WaitingDocument":  func(a models.Actor) error { _, err := w.WaitingDocument(ctx, a.AccountID, api); return err },
		"WaitingText":      func(a models.Actor) error { _, _, err := w.WaitingText(ctx, a.AccountID, api); return err },
		"ImportedDocument": func(a models.Actor) error { _, err := w.ImportedDocument(ctx, a.AccountID, api); return err },
		"CompareDocument":  func(a models.Actor) error { return w.CompareDocument(ctx, a, api, document.ID, "x", []byte("{}"), now) },
		"DiscardDocument":  func(a models.Actor) error { return w.DiscardDocument(ctx, a, api, now) },
		"ImportDocument": func(a models.Actor) error {
			_, err := w.ImportDocument(ctx, a, api, document.ID, nil, models.ChangelogEntry{}, now)
			return err
		},
		"CallersOf": func(a models.Actor) error {
			_, err := w.CallersOf(ctx, a.AccountID, api, []models.MethodID{methods[0].ID}, 5, now)
			return err
		},
		"MethodCalls": func(a models.Actor) error {
			_, err := w.MethodCalls(ctx, a.AccountID, api, []models.MethodID{methods[0].ID}, now)
			return err
		},
		"Document": func(a models.Actor) error { _, _, err := w.Document(ctx, a.AccountID, api); return err },
		"Methods":  func(a models.Actor) error { _, err := w.Methods(ctx, a.AccountID, api); return err },
		"AddMethod": func(a models.Actor) error {
			_, err := w.AddMethod(ctx, a, api, models.Method{Verb: "GET", Path: "/x"}, now)
			return err
		},
		"RemoveMethod":   func(a models.Actor) error { return w.RemoveMethod(ctx, a, api, methods[0].ID, now) },
		"SetKeyRequired": func(a models.Actor) error { return w.SetKeyRequired(ctx, a, api, nil, false, now) },
		"Authorizers":    func(a models.Actor) error { _, err := w.Authorizers(ctx, a.AccountID, api); return err },
		"Authorizer":     func(a models.Actor) error { _, err := w.Authorizer(ctx, a.AccountID, api, login.ID); return err },
		"SaveAuthorizer": func(a models.Actor) error { _, err := w.SaveAuthorizer(ctx, a, login, nil, now); return err },
		"NewAuthorizer": func(a models.Actor) error {
			another := login
			another.ID, another.Name = 0, "another"
			_, err := w.SaveAuthorizer(ctx, a, another, nil, now)
			return err
		},
		"AuthorizerUses":       func(a models.Actor) error { _, err := w.AuthorizerUses(ctx, a.AccountID, api); return err },
		"FlushAuthorizers":     func(a models.Actor) error { return w.FlushAuthorizers(ctx, a, api, login.ID, now) },
		"FlushAllAuthorizers":  func(a models.Actor) error { return w.FlushAuthorizers(ctx, a, api, 0, now) },
		"FlushStage":           func(a models.Actor) error { return w.FlushStageAuthorizers(ctx, a, api, stage, now) },
		"DeleteAuthorizer":     func(a models.Actor) error { return w.DeleteAuthorizer(ctx, a, api, login.ID, now) },
		"SetDefaultAuthorizer": func(a models.Actor) error { return w.SetDefaultAuthorizer(ctx, a, api, login.ID, now) },
		"SetAuthorization": func(a models.Actor) error {
			return w.SetAuthorization(ctx, a, api, nil, models.MethodAuthorization{Authorizer: login.ID}, now)
		},
		"DeleteAPI": func(a models.Actor) error { return w.DeleteAPI(ctx, a, api, now) },
		"APIPlans":  func(a models.Actor) error { _, err := w.APIPlans(ctx, a.AccountID, api); return err },
		"Stages":    func(a models.Actor) error { _, err := w.Stages(ctx, a.AccountID, api); return err },
		"Stage":     func(a models.Actor) error { _, err := w.Stage(ctx, a.AccountID, api, stage); return err },
		"CreateStage": func(a models.Actor) error {
			_, err := w.CreateStage(ctx, a, api, models.Stage{Name: "x", Upstream: "https://x"}, now)
			return err
		},
		"ChangeStage": func(a models.Actor) error {
			_, err := w.ChangeStage(ctx, a, api, stage, models.StageBasics, func(s *models.Stage) error { s.Upstream = "https://x"; return nil }, now)
			return err
		},
		"StartCanary": func(a models.Actor) error {
			_, err := w.StartCanary(ctx, a, api, stage, models.Canary{Percent: 10, Deployment: beta.Deployment}, "", now)
			return err
		},
		"PromoteCanary": func(a models.Actor) error { _, err := w.PromoteCanary(ctx, a, api, stage, now); return err },
		"AbortCanary":   func(a models.Actor) error { return w.AbortCanary(ctx, a, api, stage, now) },
		"PurgeCache":    func(a models.Actor) error { return w.PurgeCache(ctx, a, api, stage, now) },
		"ClientCertificate": func(a models.Actor) error {
			_, err := w.ClientCertificate(ctx, a.AccountID, certificate.ID)
			return err
		},
		"DeleteClientCertificate": func(a models.Actor) error { return w.DeleteClientCertificate(ctx, a, certificate.ID, now) },
		"DeleteStage":             func(a models.Actor) error { return w.DeleteStage(ctx, a, api, stage, now) },
		"StagePlans":              func(a models.Actor) error { _, err := w.StagePlans(ctx, a.AccountID, stage); return err },
		"Deploy":                  func(a models.Actor) error { _, err := w.Deploy(ctx, a, api, stage, "", now); return err },
		"Deployments":             func(a models.Actor) error { _, err := w.Deployments(ctx, a.AccountID, api); return err },
		"Deployment":              func(a models.Actor) error { _, err := w.Deployment(ctx, a.AccountID, api, st.Deployment); return err },
		"PointStage":              func(a models.Actor) error { return w.PointStage(ctx, a, api, stage, beta.Deployment, now) },
		"Releases":                func(a models.Actor) error { _, err := w.Releases(ctx, a.AccountID, stage); return err },
		"Plan":                    func(a models.Actor) error { _, err := w.Plan(ctx, a.AccountID, plan); return err },
		"SaveDraft":               func(a models.Actor) error { _, err := w.SaveDraft(ctx, a, plan, "", termsOf("x"), now); return err },
		"DiscardDraft":            func(a models.Actor) error { return w.DiscardDraft(ctx, a, plan, now) },
		"PublishPlan":             func(a models.Actor) error { _, err := w.PublishPlan(ctx, a, plan, now); return err },
		"EndPlan":                 func(a models.Actor) error { return w.EndPlan(ctx, a, plan, now.Add(time.Hour), now) },
		"KeepPlan":                func(a models.Actor) error { return w.KeepPlan(ctx, a, plan, now) },
		"RetirePlan":              func(a models.Actor) error { return w.RetirePlan(ctx, a, plan, now) },
		"DeletePlan":              func(a models.Actor) error { return w.DeletePlan(ctx, a, plan, now) },
		"PlanVersions":            func(a models.Actor) error { _, err := w.PlanVersions(ctx, a.AccountID, plan); return err },
		"PlanInvitations":         func(a models.Actor) error { _, err := w.PlanInvitations(ctx, a.AccountID, plan); return err },
		"SetPlanInvitations": func(a models.Actor) error {
			return w.SetPlanInvitations(ctx, a, plan, []string{"a@example.com"}, now)
		},
		"PlanKeys": func(a models.Actor) error {
			_, err := w.PlanKeys(ctx, a.AccountID, plan, now, models.Page{})
			return err
		},
		"SubscriptionKeys":  func(a models.Actor) error { _, err := w.SubscriptionKeys(ctx, a.AccountID, sub); return err },
		"OwnerSubscription": func(a models.Actor) error { _, err := w.OwnerSubscription(ctx, a.AccountID, sub); return err },
		"OwnerSubscriptions": func(a models.Actor) error {
			_, err := w.OwnerSubscriptions(ctx, a.AccountID, models.SubscriptionFilter{PlanID: plan}, models.Page{})
			return err
		},
		"OwnerKeys": func(a models.Actor) error {
			_, err := w.OwnerKeys(ctx, a.AccountID, models.KeyFilter{PlanID: plan}, models.Page{})
			return err
		},
		"DecideSubscription": func(a models.Actor) error {
			_, err := w.DecideSubscription(ctx, a, waiting.Subscription.ID, models.Approve, "", now)
			return err
		},
		"MoveSubscription": func(a models.Actor) error { _, err := w.MoveSubscription(ctx, a, sub, other.ID, true, now); return err },
		"UpdateCustomerKey": func(a models.Actor) error {
			return w.UpdateCustomerKey(ctx, a, k.ID, models.CustomerKeySettings{Name: "x"}, now)
		},
		"SetKeyEnabled":     func(a models.Actor) error { return w.SetKeyEnabled(ctx, a, k.ID, false, now) },
		"block":             func(a models.Actor) error { return w.SetKeyEnabled(ctx, a, key, false, now) },
		"AddKeyToPlan":      func(a models.Actor) error { return w.AddKeyToPlan(ctx, a, k.ID, other.ID, now) },
		"RemoveKeyFromPlan": func(a models.Actor) error { return w.RemoveKeyFromPlan(ctx, a, k.ID, plan, now) },
		"MoveKey":           func(a models.Actor) error { return w.MoveKey(ctx, a, k.ID, plan, other.ID, true, now) },
		"customer's key":    func(a models.Actor) error { return w.RevokeKey(ctx, a, k.ID, now) },
	}
	developers := map[string]func(a models.Actor) error{
		"Subscription":       func(a models.Actor) error { _, err := w.Subscription(ctx, a.AccountID, sub); return err },
		"CancelSubscription": func(a models.Actor) error { return w.CancelSubscription(ctx, a, sub, now) },
		"ChangePlan":         func(a models.Actor) error { _, err := w.ChangePlan(ctx, a, sub, other.ID, now); return err },
		"Subscribe": func(a models.Actor) error {
			_, _, err := w.Subscribe(ctx, a, models.NewSubscription{PlanID: other.ID, AppID: app}, now)
			return err
		},
		"RenameApp": func(a models.Actor) error { return w.RenameApp(ctx, a, app, "x", now) },
		"App":       func(a models.Actor) error { _, err := w.App(ctx, a.AccountID, app); return err },
		"AppKeys":   func(a models.Actor) error { _, err := w.AppKeys(ctx, a.AccountID, app); return err },
		"CreateKey": func(a models.Actor) error {
			_, _, err := w.CreateKey(ctx, a, models.NewKey{AppID: app, Name: "x"}, now)
			return err
		},
		"OwnKey":       func(a models.Actor) error { _, err := w.OwnKey(ctx, a.AccountID, key); return err },
		"RenameKey":    func(a models.Actor) error { return w.RenameKey(ctx, a, key, "x", now) },
		"SetKeyExpiry": func(a models.Actor) error { return w.SetKeyExpiry(ctx, a, key, now.Add(time.Hour), now) },
		"RotateKey": func(a models.Actor) error {
			_, _, err := w.RotateKey(ctx, a, key, models.Rotation{Overlap: models.OverlapNone}, now)
			return err
		},
		"StopOldValue": func(a models.Actor) error { return w.StopOldValue(ctx, a, key, now) },
		"RevokeKey":    func(a models.Actor) error { return w.RevokeKey(ctx, a, key, now) },
	}
	nobody := storetest.Developer(t, w.Store)
	strangers := []models.Actor{storetest.Actor(w.stranger()), storetest.Actor(storetest.Admin(t, w.Store)), storetest.Actor(nobody)}
	before := count(t, w.Store, `SELECT count(*) FROM events`) + count(t, w.Store, `SELECT count(*) FROM changes`) + count(t, w.Store, `SELECT count(*) FROM keys`)
	for name, call := range owners {
		for _, a := range []models.Actor{strangers[0], strangers[1], strangers[2], w.asDeveloper(), {}} {
			wantKind(t, name+" by "+a.Label, call(a), models.KindNotFound)
		}
	}
	for name, call := range developers {
		for _, a := range []models.Actor{strangers[0], strangers[1], strangers[2], w.asOwner(), {}} {
			if a.AccountID == 0 && name == "Subscribe" {
				continue // refused before anything is looked for
			}
			wantKind(t, name+" by "+a.Label, call(a), models.KindNotFound)
		}
	}
	for _, a := range []models.Actor{strangers[0], strangers[1], strangers[2], w.asDeveloper()} {
		_, _, err := w.CreateCustomerKey(ctx, a, models.NewCustomerKey{Name: "x", Plans: []models.PlanID{plan}}, now)
		wantKind(t, "CreateCustomerKey by "+a.Label, err, models.KindNotFound)
	}
	for what, err := range nobodyMakes(w) {
		wantKind(t, what+" by nobody", err, models.KindDenied)
	}
	for _, a := range append(strangers, models.Actor{}) {
		for _, id := range []models.KeyID{key, k.ID} {
			_, err := w.Key(ctx, a.AccountID, id)
			wantKind(t, "Key by "+a.Label, err, models.KindNotFound)
		}
		wantNothing(t, w, a.AccountID)
	}
	after := count(t, w.Store, `SELECT count(*) FROM events`) + count(t, w.Store, `SELECT count(*) FROM changes`) + count(t, w.Store, `SELECT count(*) FROM keys`)
	if before != after {
		t.Error("something happened")
	}
	// The same calls find it for whom it belongs to, or the test would prove nothing. In this order none takes away what another needs.
	for _, name := range []string{"API", "Methods", "Stage", "ClientCertificate", "StagePlans", "Deployment", "Releases", "Plan", "PlanVersions", "PlanKeys", "OwnerSubscription", "OwnerKeys", "block", "SetKeyEnabled"} {
		if err := owners[name](w.asOwner()); err != nil {
			t.Errorf("%s by its owner: %v", name, err)
		}
	}
	for _, name := range []string{"Subscription", "App", "AppKeys", "OwnKey", "RenameKey", "RotateKey"} {
		if err := developers[name](w.asDeveloper()); err != nil {
			t.Errorf("%s by its developer: %v", name, err)
		}
	}
	for _, account := range []models.AccountID{w.developer.ID, w.owner.ID} {
		if _, err := w.Key(ctx, account, key); err != nil {
			t.Errorf("the key is hidden from %s: %v", account, err)
		}
	}
}

// nobodyMakes tries to make things that would belong to nobody.
func nobodyMakes(w *world) map[string]error {
	ctx, a, now := w.t.Context(), models.CommandLine(), storetest.Now()
	_, apiErr := w.CreateAPI(ctx, a, models.NewAPI{Name: "x", Slug: "xx", KeySource: models.DefaultKeySource()}, now)
	_, planErr := w.CreatePlan(ctx, a, termsOf("x"), now)
	_, appErr := w.CreateApp(ctx, a, "x", now)
	_, _, keyErr := w.CreateCustomerKey(ctx, a, models.NewCustomerKey{Name: "x"}, now)
	_, _, subscribeErr := w.Subscribe(ctx, a, models.NewSubscription{PlanID: 1, AppName: "x"}, now)
	_, importErr := w.ImportKeys(ctx, a, models.NewImport{}, []models.KeyImport{{Line: 2, Name: "x", Value: value(1)}}, now)
	exportErr := w.ExportKeys(ctx, a, true, now, nil)
	return map[string]error{"API": apiErr, "plan": planErr, "app": appErr, "key": keyErr, "subscription": subscribeErr, "import": importErr, "export": exportErr}
}

func settings(slug string) models.APISettings {
	return models.APISettings{Name: slug, Slug: slug, KeySource: models.DefaultKeySource()}
}

// wantNothing fails when a list of somebody's has anything in it.
func wantNothing(t *testing.T, w *world, account models.AccountID) {
	t.Helper()
	ctx := t.Context()
	apis, err1 := w.APIs(ctx, account, models.Page{})
	plans, err2 := w.Plans(ctx, account, "", models.Page{})
	subscriptions, err3 := w.OwnerSubscriptions(ctx, account, models.SubscriptionFilter{}, models.Page{})
	keys, err4 := w.OwnerKeys(ctx, account, models.KeyFilter{}, models.Page{})
	apps, err5 := w.Apps(ctx, account, models.Page{})
	own, err6 := w.AccountKeys(ctx, account, models.Page{})
	choices, err7 := w.StageChoices(ctx, account)
	waiting, err8 := w.Undecided(ctx, account)
	for _, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8} {
		ok(t, err)
	}
	if n := len(apis.Items) + len(plans.Items) + len(subscriptions.Items) + len(keys.Items) + len(apps.Items) + len(own.Items) + len(choices) + waiting.All(); n != 0 {
		t.Errorf("%s has %d things of others in lists", account, n)
	}
}
