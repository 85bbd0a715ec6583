package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/store"
)

// authorizer makes one of the world's API that asks a service with a secret.
func (w *world) authorizer(name string) models.Authorizer {
	w.t.Helper()
	value := "a secret of " + name
	a, err := w.SaveAuthorizer(w.t.Context(), w.asOwner(), models.Authorizer{APIID: w.api.ID, Name: name, Kind: models.AuthorizerHTTP, TTL: time.Minute,
		HTTP: models.HTTPSettings{URL: "https://auth.example.com/check", SecretHeader: "X-Gateway-Secret"}}, &value, w.later())
	ok(w.t, err)
	return a
}

func (w *world) gatewayAPI() models.GatewayAPI {
	w.t.Helper()
	topology, err := w.Topology(w.t.Context())
	ok(w.t, err)
	for _, a := range topology.APIs {
		if a.ID == w.api.ID {
			return a
		}
	}
	w.t.Fatal("the API is not in the topology")
	return models.GatewayAPI{}
}

func TestAnAuthorizerReadsAsItWasSaved(t *testing.T) {
	w := newWorld(t)
	made, err := w.SaveAuthorizer(t.Context(), w.asOwner(), models.Authorizer{APIID: w.api.ID, Name: "login", Kind: models.AuthorizerJWT, TTL: 5 * time.Minute, Forward: true,
		Identity: models.Identity{Headers: []string{"Authorization"}, Pattern: "^Bearer .+$"},
		JWT: models.JWTSettings{Issuer: "https://login.example.com/", Audiences: []string{"weather"}, Algorithms: []string{"RS256"}, Leeway: time.Minute, KeyClaim: "api_key_id",
			KeyIs: models.KeyByID, Claims: []string{"email"}}}, nil, w.later())
	ok(t, err)
	w.wantEvent("authorizer.create", made.ID.String(), w.owner.ID)
	got, err := w.Authorizer(t.Context(), w.owner.ID, w.api.ID, made.ID)
	ok(t, err)
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("(-saved +read):\n%s", diff)
	}
	again := made
	again.ID = 0
	_, err = w.SaveAuthorizer(t.Context(), w.asOwner(), again, nil, w.later())
	wantField(t, "a name that is taken", err, "name")
	told := w.gatewayAPI().Authorizers
	if len(told) != 1 || cmp.Diff(got, told[0].Authorizer) != "" || told[0].Fault != "" {
		t.Errorf("the gateway is told %+v", told)
	}
}

// A secret is sealed in its row, is told to the gateway alone, and outlives a change that does not name another.
func TestAnAuthorizersSecretIsSealed(t *testing.T) {
	w := newWorld(t)
	a := w.authorizer("check")
	a.TTL = 0
	a, err := w.SaveAuthorizer(t.Context(), w.asOwner(), a, nil, w.later())
	ok(t, err)
	if told := w.gatewayAPI().Authorizers[0]; told.Secret != "a secret of check" || told.Epoch != 2 {
		t.Errorf("the gateway is told %q of epoch %d", told.Secret, told.Epoch)
	}
	var row struct {
		Config string
		Secret []byte
	}
	ok(t, store.Writer(w.Store).Raw(`SELECT config, secret FROM authorizers`).Scan(&row).Error)
	if strings.Contains(row.Config+string(row.Secret), "a secret of") {
		t.Error("the secret is in the row in clear")
	}
	events, err := w.Events(t.Context(), w.owner, models.EventFilter{}, models.Page{})
	ok(t, err)
	for _, e := range events.Items {
		if strings.Contains(string(e.Before)+string(e.After), "a secret of") {
			t.Errorf("event %s tells the secret", e.Action)
		}
	}
	nothing := ""
	_, err = w.SaveAuthorizer(t.Context(), w.asOwner(), a, &nothing, w.later())
	wantField(t, "a header without its secret", err, "secret")
	ok(t, store.Writer(w.Store).Exec(`UPDATE authorizers SET secret = x'00'`).Error)
	if told := w.gatewayAPI().Authorizers[0]; told.Fault == "" || told.Secret != "" {
		t.Errorf("a secret that cannot be opened is told as %+v", told)
	}
}

// Methods get the API's authorizer, their own one or none, as of the deployment: what is deployed does not follow the draft.
func TestADeploymentKeepsWhoAuthorizes(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	check, other := w.authorizer("check"), w.authorizer("other")
	methods, err := w.Methods(ctx, w.owner.ID, w.api.ID)
	ok(t, err)
	ok(t, w.SetDefaultAuthorizer(ctx, w.asOwner(), w.api.ID, check.ID, w.later()))
	w.wantEvent("api.authorizer", w.api.ID.String(), w.owner.ID)
	ok(t, w.SetAuthorization(ctx, w.asOwner(), w.api.ID, []models.MethodID{methods[1].ID}, models.MethodAuthorization{Authorizer: other.ID, Scopes: []string{"write", "admin"}}, w.later()))
	w.wantEvent("method.authorizer", w.api.ID.String(), w.owner.ID)
	w.stage("prod")
	ok(t, w.SetAuthorization(ctx, w.asOwner(), w.api.ID, nil, models.MethodAuthorization{NoAuthorizer: true}, w.later()))
	deployed := w.gatewayAPI().Stages[0].Methods
	want := []models.MethodAuthorization{{Authorizer: check.ID}, {Authorizer: other.ID, Scopes: []string{"write", "admin"}}}
	if got := []models.MethodAuthorization{deployed[0].MethodAuthorization, deployed[1].MethodAuthorization}; cmp.Diff(want, got) != "" {
		t.Errorf("deployed (-want +got):\n%s", cmp.Diff(want, got))
	}
	draft, err := w.Methods(ctx, w.owner.ID, w.api.ID)
	if err != nil || !draft[0].NoAuthorizer || len(draft[1].Scopes) != 0 {
		t.Errorf("the draft is %+v, %v", draft, err)
	}
	api, err := w.API(ctx, w.owner.ID, w.api.ID)
	if err != nil || !api.Undeployed || api.Authorizer != check.ID {
		t.Errorf("got %+v, %v", api, err)
	}
}

// What asks an authorizer would refuse everybody without it, now or after a rollback.
func TestAnAuthorizerInUseIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	check := w.authorizer("check")
	ok(t, w.SetDefaultAuthorizer(ctx, w.asOwner(), w.api.ID, check.ID, w.later()))
	st := w.stage("prod")
	_, err := w.Deploy(ctx, w.asOwner(), w.api.ID, st.ID, "", w.later())
	ok(t, err)
	uses, err := w.AuthorizerUses(ctx, w.owner.ID, w.api.ID)
	if diff := cmp.Diff(map[models.AuthorizerID]models.AuthorizerUse{check.ID: {Default: true, Stages: []string{"prod"}}}, uses); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s, %v", diff, err)
	}
	for _, want := range []string{"default", "prod"} {
		err := w.DeleteAuthorizer(ctx, w.asOwner(), w.api.ID, check.ID, w.later())
		wantKind(t, "an authorizer in use", err, models.KindConflict)
		if !strings.Contains(models.Sentence(err), want) {
			t.Errorf("%q does not name %s", models.Sentence(err), want)
		}
		ok(t, w.SetDefaultAuthorizer(ctx, w.asOwner(), w.api.ID, 0, w.later()))
	}
	_, err = w.Deploy(ctx, w.asOwner(), w.api.ID, st.ID, "", w.later())
	ok(t, err)
	ok(t, w.DeleteAuthorizer(ctx, w.asOwner(), w.api.ID, check.ID, w.later()))
	w.wantEvent("authorizer.delete", check.ID.String(), w.owner.ID)
	err = w.PointStage(ctx, w.asOwner(), w.api.ID, st.ID, st.Deployment, w.later())
	wantKind(t, "a deployment whose authorizer is gone", err, models.KindConflict)
	_, err = w.StartCanary(ctx, w.asOwner(), w.api.ID, st.ID, models.Canary{Percent: 5, Deployment: st.Deployment}, "", w.later())
	wantField(t, "a canary whose authorizer is gone", err, "canary_deployment")
	ok(t, w.DeleteAPI(ctx, w.asOwner(), w.api.ID, w.later()))
}

// What a part of the callers gets counts as well.
func TestAnAuthorizerOfACanaryIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	st, check := w.stage("prod"), w.authorizer("check")
	ok(t, w.SetDefaultAuthorizer(ctx, w.asOwner(), w.api.ID, check.ID, w.later()))
	_, err := w.StartCanary(ctx, w.asOwner(), w.api.ID, st.ID, models.Canary{Percent: 5}, "", w.later())
	ok(t, err)
	ok(t, w.SetDefaultAuthorizer(ctx, w.asOwner(), w.api.ID, 0, w.later()))
	err = w.DeleteAuthorizer(ctx, w.asOwner(), w.api.ID, check.ID, w.later())
	wantKind(t, "a canary's", err, models.KindConflict)
	if !strings.Contains(models.Sentence(err), "prod") {
		t.Errorf("%q does not name the stage", models.Sentence(err))
	}
	ok(t, w.AbortCanary(ctx, w.asOwner(), w.api.ID, st.ID, w.later()))
	ok(t, w.DeleteAuthorizer(ctx, w.asOwner(), w.api.ID, check.ID, w.later()))
}

// What is kept of one stage's callers is forgotten there alone, each time anew.
func TestAFlushOfAStageIsAnEpochThatItHasNotHad(t *testing.T) {
	w := newWorld(t)
	st, other := w.stage("prod"), w.stage("beta")
	seen := map[int64]bool{0: true}
	for range 3 { // in one millisecond
		w.wantChange(models.ChangeTopology, 0, func() { ok(t, w.FlushStageAuthorizers(t.Context(), w.asOwner(), w.api.ID, st.ID, w.now)) })
		read, err := w.Stage(t.Context(), w.owner.ID, w.api.ID, st.ID)
		ok(t, err)
		if e := read.Settings.AuthorizerEpoch; seen[e] {
			t.Errorf("epoch %d again", e)
		} else {
			seen[e] = true
		}
	}
	w.wantEvent("stage.flush", st.ID.String(), w.owner.ID)
	read, err := w.Stage(t.Context(), w.owner.ID, w.api.ID, other.ID)
	if ok(t, err); read.Settings.AuthorizerEpoch != 0 {
		t.Error("another stage was flushed, too")
	}
	wantKind(t, "a stage that is not there", w.FlushStageAuthorizers(t.Context(), w.asOwner(), w.api.ID, st.ID+1<<40, w.now), models.KindNotFound)
}

// A flush reaches every process by the change log, as each change does.
func TestAFlushTellsTheGateway(t *testing.T) {
	w := newWorld(t)
	a, b := w.authorizer("a"), w.authorizer("b")
	before, err := w.Version(t.Context())
	ok(t, err)
	ok(t, w.FlushAuthorizers(t.Context(), w.asOwner(), w.api.ID, a.ID, w.later()))
	w.wantEvent("authorizer.flush", a.ID.String(), w.owner.ID)
	ok(t, w.FlushAuthorizers(t.Context(), w.asOwner(), w.api.ID, 0, w.later()))
	epochs := map[models.AuthorizerID]int64{}
	for _, told := range w.gatewayAPI().Authorizers {
		epochs[told.ID] = told.Epoch
	}
	if epochs[a.ID] != 3 || epochs[b.ID] != 2 {
		t.Errorf("the epochs are %v", epochs)
	}
	if after, err := w.Version(t.Context()); err != nil || after <= before {
		t.Errorf("version %d, before %d, %v", after, before, err)
	}
}

// A key that an authorizer names needs an authorizer.
func TestAKeyFromAnAuthorizerNeedsOne(t *testing.T) {
	w := newWorld(t)
	in := settings("echo")
	in.KeySource = models.KeySource{Place: models.KeyInAuthorizer, Name: "dropped", Forward: true}
	ok(t, w.UpdateAPI(t.Context(), w.asOwner(), w.api.ID, in, w.later()))
	api, err := w.API(t.Context(), w.owner.ID, w.api.ID)
	if err != nil || api.KeySource != (models.KeySource{Place: models.KeyInAuthorizer}) {
		t.Errorf("the source is %+v, %v", api.KeySource, err)
	}
	st := w.bareStage("prod")
	_, err = w.Deploy(t.Context(), w.asOwner(), w.api.ID, st.ID, "", w.later())
	wantKind(t, "a key from nowhere", err, models.KindConflict)
	ok(t, w.SetDefaultAuthorizer(t.Context(), w.asOwner(), w.api.ID, w.authorizer("check").ID, w.later()))
	_, err = w.Deploy(t.Context(), w.asOwner(), w.api.ID, st.ID, "", w.later())
	ok(t, err)
}
