package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// change changes a part of a stage.
func (w *world) change(st models.Stage, part models.StagePart, change func(*models.Stage)) models.Stage {
	w.t.Helper()
	st, err := w.ChangeStage(w.t.Context(), w.asOwner(), st.APIID, st.ID, part, func(s *models.Stage) error { change(s); return nil }, w.later())
	ok(w.t, err)
	return st
}

// clientCertificate makes one of the owner's.
func (w *world) clientCertificate(name string) models.ClientCertificate {
	w.t.Helper()
	pair, err := models.NewClientKeyPair(name, w.now)
	ok(w.t, err)
	c, err := w.AddClientCertificate(w.t.Context(), w.asOwner(), name, true, pair, w.later())
	ok(w.t, err)
	return c
}

func allSettings() models.StageSettings {
	return models.StageSettings{
		Targets: models.StageTargets{Weight: 3, Others: []models.Target{{URL: "https://two.example.com", Weight: 1}}, Retries: 2,
			Health: &models.HealthCheck{Path: "/health", Interval: 5 * time.Second}, Breaker: models.Breaker{Failures: 7}},
		Timeouts: models.StageTimeouts{Connect: time.Second, Idle: time.Minute}, Limits: models.StageLimits{MaxBody: 1 << 20},
		Variables: map[string]string{"host": "one.example.com"},
		Request:   []models.HeaderRule{{Action: models.HeaderSet, Name: "Authorization", Value: "Basic topsecret"}},
		Response:  []models.HeaderRule{{Action: models.HeaderRemove, Name: "Server"}},
		CORS:      &models.CORS{Origins: []string{"https://app.example.com"}, MaxAge: time.Hour},
		Cache:     &models.StageCache{TTL: time.Minute, Epoch: 1}, Maintenance: &models.Maintenance{Message: "Back soon."},
		TLS: models.UpstreamTLS{ServerName: "api.internal"},
	}
}

func TestSettingsReadAsTheyWereSavedAndReachTheGateway(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	want := allSettings()
	w.wantChange(models.ChangeTopology, 0, func() { w.change(st, models.StageUpstream, func(s *models.Stage) { s.Settings = want }) })
	got, err := w.Stage(t.Context(), w.owner.ID, w.api.ID, st.ID)
	ok(t, err)
	want.Cache.Epoch = got.Settings.Cache.Epoch
	if diff := cmp.Diff(want, got.Settings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	topology, err := w.Topology(t.Context())
	ok(t, err)
	if diff := cmp.Diff(want, topology.APIs[0].Stages[0].Settings); diff != "" {
		t.Errorf("the gateway (-want +got):\n%s", diff)
	}
}

// Two pages that are open at once each change their own part.
func TestAPartIsSavedWithoutTheOthers(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	w.change(st, models.StageMaintenance, func(s *models.Stage) { s.Settings.Maintenance = &models.Maintenance{Message: "Back soon."} })
	w.wantEvent("stage.maintenance", st.ID.String(), w.owner.ID)
	w.change(st, models.StageVariables, func(s *models.Stage) { s.Settings.Variables = map[string]string{"a": "1"} })
	after := w.change(st, models.StageUpstream, func(s *models.Stage) { s.Settings.Targets.Retries = 1 })
	if after.Settings.Maintenance == nil || after.Settings.Variables["a"] != "1" || after.Settings.Targets.Retries != 1 {
		t.Errorf("got %+v", after.Settings)
	}
	_, err := w.ChangeStage(t.Context(), w.asOwner(), w.api.ID, st.ID, models.StageVariables, func(s *models.Stage) error {
		s.Upstream = "https://${stageVariables.b}"
		return nil
	}, w.later())
	wantField(t, "a variable that is not there", err, "upstream")
}

// What an owner tells the upstream by a header may be a password.
func TestEventsOfSettingsHoldNoSecrets(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	w.change(st, models.StageHeaders, func(s *models.Stage) { s.Settings = allSettings() })
	w.change(st, models.StageHeaders, func(s *models.Stage) { s.Settings.Request[0].Value = "Basic other" })
	c := w.clientCertificate("Gateway")
	events, err := w.Events(t.Context(), w.owner, models.EventFilter{}, models.Page{})
	ok(t, err)
	text, err := json.Marshal(events.Items)
	ok(t, err)
	for _, never := range []string{"topsecret", "Basic other", "PRIVATE"} {
		if bytes.Contains(text, []byte(never)) {
			t.Errorf("an event tells %q", never)
		}
	}
	for _, want := range []string{`set Authorization`, `request header values`, c.Fingerprint()} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no event tells %q", want)
		}
	}
}

func TestACanaryIsStartedPromotedAndAborted(t *testing.T) {
	w := newWorld(t)
	ctx, actor, api := t.Context(), w.asOwner(), w.api.ID
	st := w.stage("prod")
	start := func(c models.Canary) error {
		_, err := w.StartCanary(ctx, actor, api, st.ID, c, "try", w.later())
		return err
	}
	bare := w.bareStage("bare")
	_, err := w.StartCanary(ctx, actor, api, bare.ID, models.Canary{Percent: 5, Deployment: st.Deployment}, "", w.later())
	wantField(t, "a stage without a deployment", err, "canary_deployment")
	wantField(t, "everybody's deployment", start(models.Canary{Percent: 5, Deployment: st.Deployment}), "canary_deployment")
	wantField(t, "no deployment", start(models.Canary{Percent: 5, Deployment: models.NewID[models.Deployment](7)}), "canary_deployment")
	wantField(t, "more than all", start(models.Canary{Percent: 101}), "canary_percent")

	_, err = w.AddMethod(ctx, actor, api, models.Method{Verb: "GET", Path: "/new"}, w.later())
	ok(t, err)
	w.wantChange(models.ChangeTopology, 0, func() { ok(t, start(models.Canary{Percent: 5, Variables: map[string]string{"v": "2"}})) })
	w.wantEvent("stage.canary", st.ID.String(), w.owner.ID)
	topology, err := w.Topology(ctx)
	ok(t, err)
	if got := topology.APIs[0].Stages[0]; len(got.Methods) != 2 || got.Canary == nil || len(got.Canary.Methods) != 3 {
		t.Errorf("the gateway has %+v", got)
	}
	got, err := w.PromoteCanary(ctx, actor, api, st.ID, w.later())
	ok(t, err)
	w.wantEvent("stage.canary_promote", st.ID.String(), w.owner.ID)
	read, err := w.Stage(ctx, w.owner.ID, api, st.ID)
	ok(t, err)
	if diff := cmp.Diff(read, got); diff != "" || read.Settings.Canary != nil || read.Number != 2 || read.Settings.Variables["v"] != "2" {
		t.Errorf("promoted: %+v (-read +returned)\n%s", read, diff)
	}
	releases, err := w.Releases(ctx, w.owner.ID, st.ID)
	ok(t, err)
	if len(releases) != 2 || releases[0].Number != 2 {
		t.Errorf("the history is %+v", releases)
	}
	wantKind(t, "promoted again", w.AbortCanary(ctx, actor, api, st.ID, w.later()), models.KindConflict)

	ok(t, start(models.Canary{Percent: 50, Deployment: st.Deployment}))
	ok(t, w.AbortCanary(ctx, actor, api, st.ID, w.later()))
	w.wantEvent("stage.canary_abort", st.ID.String(), w.owner.ID)
	ok(t, start(models.Canary{Percent: 50, Deployment: st.Deployment}))
	if err := store.Writer(w.Store).Exec(`DELETE FROM deployments WHERE id = ?`, st.Deployment).Error; err == nil {
		t.Error("a deployment went from under its canary")
	}
	ok(t, w.DeleteStage(ctx, actor, api, st.ID, w.later()))
}

func TestAPurgeIsAnEpochThatNoGatewayHasSeen(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	wantKind(t, "no cache", w.PurgeCache(t.Context(), w.asOwner(), w.api.ID, st.ID, w.later()), models.KindConflict)
	seen := map[int64]bool{}
	next := func(st models.Stage) {
		t.Helper()
		if e := st.Settings.Cache.Epoch; e == 0 || seen[e] {
			t.Errorf("epoch %d again", e)
		} else {
			seen[e] = true
		}
	}
	keep := func(s *models.Stage) { s.Settings.Cache = &models.StageCache{TTL: time.Minute} }
	next(w.change(st, models.StageCaching, keep))
	before := w.now
	w.wantChange(models.ChangeTopology, 0, func() { ok(t, w.PurgeCache(t.Context(), w.asOwner(), w.api.ID, st.ID, before)) })
	read, err := w.Stage(t.Context(), w.owner.ID, w.api.ID, st.ID)
	ok(t, err)
	next(read)
	next(w.change(st, models.StageCaching, func(s *models.Stage) { s.Settings.Cache.Vary = []string{"Accept"} }))
	w.change(st, models.StageCaching, func(s *models.Stage) { s.Settings.Cache = nil })
	next(w.change(st, models.StageCaching, keep))
	if same := w.change(st, models.StageCaching, keep); !seen[same.Settings.Cache.Epoch] {
		t.Error("saving what is saved forgot what was kept")
	}
}

func TestAClientCertificateIsKeptSealedAndOpenedForTheGateway(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	st := w.stage("prod")
	c := w.clientCertificate("Gateway")
	w.wantEvent("client_certificate.create", c.ID.String(), w.owner.ID)
	foreign, err := w.AddClientCertificate(ctx, storetest.Actor(w.stranger()), "Theirs", true, mustPair(t, w.now), w.later())
	ok(t, err)
	show := func(id models.ClientCertificateID) error {
		_, err := w.ChangeStage(ctx, actor, w.api.ID, st.ID, models.StageUpstream, func(s *models.Stage) error { s.Settings.TLS.Certificate = id; return nil }, w.later())
		return err
	}
	wantField(t, "another owner's", show(foreign.ID), "certificate")
	ok(t, show(c.ID))
	list, err := w.ClientCertificates(ctx, w.owner.ID)
	ok(t, err)
	if len(list) != 1 || list[0].ID != c.ID || len(list[0].Stages) != 1 || list[0].Stages[0].StageID != st.ID {
		t.Errorf("the list is %+v", list)
	}
	topology, err := w.Topology(ctx)
	ok(t, err)
	got := topology.APIs[0].Stages[0]
	if got.Broken != "" || got.Certificate == nil || pemOf(got.Certificate.Certificate[0]) != c.Chain {
		t.Fatalf("the gateway has %+v", got)
	}
	wantKind(t, "in use", w.DeleteClientCertificate(ctx, actor, c.ID, w.later()), models.KindConflict)

	var rows []string
	ok(t, store.Writer(w.Store).Raw(`SELECT CAST(key AS TEXT) || chain FROM client_certificates`).Scan(&rows).Error)
	for _, row := range rows {
		if strings.Contains(row, "PRIVATE KEY") {
			t.Error("a key stands in clear in the database")
		}
	}
	ok(t, store.Writer(w.Store).Exec(`UPDATE client_certificates SET key = (SELECT key FROM client_certificates WHERE id = ?) WHERE id = ?`, foreign.ID, c.ID).Error)
	topology, err = w.Topology(ctx)
	ok(t, err)
	if got := topology.APIs[0].Stages[0]; got.Broken == "" || got.Certificate != nil {
		t.Errorf("a key that cannot be opened: %+v", got)
	}
	ok(t, show(0))
	ok(t, w.DeleteClientCertificate(ctx, actor, c.ID, w.later()))
}

// An owner hears of the end of a certificate that his stages show three times, and of no other.
func TestTheEndOfAClientCertificateIsTold(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	st := w.stage("prod")
	c := w.clientCertificate("Gateway")
	w.clientCertificate("Not shown")
	w.change(st, models.StageUpstream, func(s *models.Stage) { s.Settings.TLS.Certificate = c.ID })
	told := func() (n int) {
		var rows []int
		ok(t, store.Writer(w.Store).Raw(`SELECT count(*) FROM messages WHERE kind = ? AND account_id = ?`, string(models.NoticeCertificate), w.owner.ID).Scan(&rows).Error)
		return rows[0]
	}
	for i, before := range []time.Duration{31 * 24 * time.Hour, 30 * 24 * time.Hour, 8 * 24 * time.Hour, 7 * 24 * time.Hour, time.Hour, 0, -time.Hour} {
		for range 2 {
			ok(t, w.TellCertificates(ctx, c.NotAfter.Add(-before)))
		}
		if got, want := told(), []int{0, 1, 1, 2, 2, 3, 3}[i]; got != want {
			t.Errorf("%v before its end %d were told, want %d", before, got, want)
		}
	}
}

func mustPair(t *testing.T, now time.Time) models.ClientKeyPair {
	t.Helper()
	pair, err := models.NewClientKeyPair("x", now)
	ok(t, err)
	return pair
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// The gateway serves no stage whose rules would change where its key is read, so none comes to be.
func TestNoRuleChangesWhereTheKeyIsRead(t *testing.T) {
	w := newWorld(t)
	ctx, actor, api := t.Context(), w.asOwner(), w.api.ID
	st := w.stage("prod")
	set := func(name string) error {
		_, err := w.ChangeStage(ctx, actor, api, st.ID, models.StageHeaders, func(s *models.Stage) error {
			s.Settings.Request = []models.HeaderRule{{Action: models.HeaderSet, Name: name, Value: "x"}}
			return nil
		}, w.later())
		return err
	}
	wantField(t, "the key's header", set("X-Api-Key"), "request_1")
	ok(t, set("Authorization"))
	ok(t, w.UpdateAPI(ctx, actor, api, models.APISettings{Name: "Echo", Slug: "echo", KeySource: models.KeySource{Place: models.KeyInBearer}}, w.later()))
	_, err := w.Deploy(ctx, actor, api, st.ID, "", w.later())
	wantKind(t, "a deployment that reads the key there", err, models.KindConflict)
	_, err = w.StartCanary(ctx, actor, api, st.ID, models.Canary{Percent: 5}, "", w.later())
	wantField(t, "a canary that does", err, "request_1")
	ok(t, set("X-Tenant"))
	_, err = w.Deploy(ctx, actor, api, st.ID, "", w.later())
	ok(t, err)
}

// A stage that compares with nothing would answer 503, so none comes to be.
func TestRequestsAreComparedOnlyWithWhatIsDeployed(t *testing.T) {
	w := newWorld(t)
	ctx, actor, api := t.Context(), w.asOwner(), w.api.ID
	st := w.stage("prod")
	first := st.Deployment
	compare := func() error {
		_, err := w.ChangeStage(ctx, actor, api, st.ID, models.StageBounds, func(s *models.Stage) error { s.Settings.Validation.Body = true; return nil }, w.later())
		return err
	}
	wantField(t, "no document", compare(), "body")
	methods, err := w.Methods(ctx, w.owner.ID, api)
	ok(t, err)
	w.bring("{}", "read", methods...)
	wantField(t, "a document that is not deployed", compare(), "body")
	_, err = w.Deploy(ctx, actor, api, st.ID, "", w.later())
	ok(t, err)
	ok(t, compare())
	wantKind(t, "back to a deployment without one", w.PointStage(ctx, actor, api, st.ID, first, w.later()), models.KindConflict)
	_, err = w.StartCanary(ctx, actor, api, st.ID, models.Canary{Percent: 1, Deployment: first}, "", w.later())
	wantKind(t, "a canary without one", err, models.KindInvalid)
}

// A document that requests cannot be compared with is refused where it would begin to be served, with the reason, and nowhere else.
func TestADocumentIsTriedBeforeRequestsAreComparedWithIt(t *testing.T) {
	var fault error
	tries := 0
	w := newWorld(t, func(c *store.Config) {
		c.Comparable = func(_ context.Context, reading []byte, methods []string) error {
			if tries++; string(reading) == "good" {
				return nil
			}
			if len(methods) != 2 {
				t.Errorf("methods are %q", methods)
			}
			return fault
		}
	})
	ctx, actor, api := t.Context(), w.asOwner(), w.api.ID
	fault = errors.New("GET /users: the parameter q: its pattern is none")
	methods, err := w.Methods(ctx, w.owner.ID, api)
	ok(t, err)
	w.bring("{}", "bad", methods...)
	st := w.stage("prod")
	bad := st.Deployment
	save := func(change func(*models.StageSettings)) error {
		_, err := w.ChangeStage(ctx, actor, api, st.ID, models.StageBounds, func(s *models.Stage) error { change(&s.Settings); return nil }, w.later())
		return err
	}
	compare := func(s *models.StageSettings) { s.Validation.Parameters = true }
	if tries != 0 {
		t.Error("a document is tried though nothing is compared")
	}
	err = save(compare)
	wantField(t, "switching it on", err, "parameters")
	if text := models.Sentence(err); !strings.Contains(text, fault.Error()) || !strings.Contains(text, "deployment 1") {
		t.Errorf("the reason is %q", text)
	}
	w.bring("{ }", "good", methods...)
	_, err = w.Deploy(ctx, actor, api, st.ID, "", w.later())
	ok(t, err)
	ok(t, save(compare))
	wantKind(t, "back to the other document", w.PointStage(ctx, actor, api, st.ID, bad, w.later()), models.KindConflict)
	_, err = w.StartCanary(ctx, actor, api, st.ID, models.Canary{Percent: 5, Deployment: bad}, "", w.later())
	wantField(t, "a canary of it", err, "parameters")
	w.bring("{  }", "bad", methods...)
	_, err = w.Deploy(ctx, actor, api, st.ID, "", w.later())
	wantKind(t, "deploying it", err, models.KindConflict)
	_, err = w.StartCanary(ctx, actor, api, st.ID, models.Canary{Percent: 5}, "", w.later())
	wantField(t, "a new canary of it", err, "parameters")
	fault = nil
	_, err = w.StartCanary(ctx, actor, api, st.ID, models.Canary{Percent: 5}, "", w.later())
	ok(t, err)
	fault = errors.New("a later version finds more")
	tries = 0
	ok(t, save(func(s *models.StageSettings) { s.Maintenance = &models.Maintenance{} }))
	_, err = w.PromoteCanary(ctx, actor, api, st.ID, w.later())
	wantKind(t, "promoting what cannot be compared any more", err, models.KindConflict)
	ok(t, w.AbortCanary(ctx, actor, api, st.ID, w.later()))
	if tries != 1 {
		t.Errorf("it was tried %d times, for the promotion alone", tries)
	}
}
