package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

func names(methods []models.Method) (names []string) {
	for _, m := range methods {
		names = append(names, m.Name())
	}
	return names
}

func TestAnAPIReadsAsItWasMade(t *testing.T) {
	w := newWorld(t)
	in := models.NewAPI{Name: " Weather ", Slug: "weather", Summary: "Sun and rain", KeySource: models.KeySource{Place: models.KeyInQuery, Name: "key", Forward: true},
		Document: []byte("openapi: 3.0.3\x00"), Reading: []byte("what was read"), Methods: []models.Method{{Verb: "GET", Path: "/b"}, {Verb: "GET", Path: "/a", KeyRequired: true}}}
	made, err := w.CreateAPI(t.Context(), w.asOwner(), in, w.later())
	ok(t, err)
	w.wantEvent("api.create", made.ID.String(), w.owner.ID)
	got, err := w.API(t.Context(), w.owner.ID, made.ID)
	ok(t, err)
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("(-made +read):\n%s", diff)
	}
	if got.Name != "Weather" || !got.HasDocument || !got.Undeployed {
		t.Errorf("got %+v", got)
	}
	document, description, err := w.Document(t.Context(), w.owner.ID, made.ID)
	if err != nil || string(document) != string(in.Document) || string(description) != "what was read" {
		t.Errorf("got %q, %q, %v", document, description, err)
	}
	methods, err := w.Methods(t.Context(), w.owner.ID, made.ID)
	if diff := cmp.Diff([]string{"GET /b", "GET /a"}, names(methods)); diff != "" || err != nil {
		t.Errorf("methods (-want +got):\n%s, %v", diff, err)
	}
	document, description, err = w.Document(t.Context(), w.owner.ID, w.api.ID)
	if len(document)+len(description) != 0 || err != nil {
		t.Errorf("an API of a form has %q, %q, %v", document, description, err)
	}
}

func TestInputOfAPIsIsJudgedAtItsFields(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateAPI(t.Context(), w.asOwner(), models.NewAPI{Slug: "A", KeySource: models.KeySource{Place: "x"}, Methods: []models.Method{{}}}, w.now)
	for _, field := range []string{"name", "slug", "key_place", "path"} {
		wantField(t, "an empty API", err, field)
	}
	_, err = w.CreateAPI(t.Context(), w.asOwner(), models.NewAPI{Name: "Echo", Slug: "echo", KeySource: models.DefaultKeySource()}, w.now)
	wantKind(t, "a slug that is taken", err, models.KindConflict)
	wantField(t, "a slug that is taken", err, "slug")
	second := w.newAPI(w.owner, "second")
	err = w.UpdateAPI(t.Context(), w.asOwner(), second.ID, models.APISettings{Name: "x", Slug: "echo", KeySource: models.DefaultKeySource()}, w.now)
	wantField(t, "a slug that is taken later", err, "slug")
	_, err = w.CreateStage(t.Context(), w.asOwner(), w.api.ID, models.Stage{Upstream: "nonsense"}, w.now)
	wantField(t, "a stage without a name", err, "name")
	wantField(t, "a stage without a name", err, "upstream")
	w.bareStage("prod")
	_, err = w.CreateStage(t.Context(), w.asOwner(), w.api.ID, models.Stage{Name: "prod", Upstream: "https://example.com"}, w.now)
	wantField(t, "a stage that is there", err, "name")
	_, err = w.AddMethod(t.Context(), w.asOwner(), w.api.ID, models.Method{Verb: "get", Path: "x"}, w.now)
	wantField(t, "a method of nothing", err, "verb")
	wantField(t, "a method of nothing", err, "path")
}

// The draft is the owner's to edit; callers go on with what was deployed (R3).
func TestEditsReachCallersByTheNextDeploymentOnly(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	ctx, actor, api := t.Context(), w.asOwner(), w.api.ID
	wantUndeployed := func(want bool) {
		t.Helper()
		if a, err := w.API(ctx, w.owner.ID, api); err != nil || a.Undeployed != want {
			t.Errorf("undeployed %t, %v; want %t", a.Undeployed, err, want)
		}
	}
	wantUndeployed(false)
	first, err := w.Deployment(ctx, w.owner.ID, api, st.Deployment)
	ok(t, err)

	methods, err := w.Methods(ctx, w.owner.ID, api)
	ok(t, err)
	ok(t, w.RemoveMethod(ctx, actor, api, methods[0].ID, w.later()))
	wantUndeployed(true)
	ok(t, w.SetKeyRequired(ctx, actor, api, nil, false, w.later()))
	_, err = w.AddMethod(ctx, actor, api, models.Method{Verb: "GET", Path: "/new"}, w.later())
	ok(t, err)
	ok(t, w.UpdateAPI(ctx, actor, api, models.APISettings{Name: "Echo", Slug: "echo", KeySource: models.KeySource{Place: models.KeyInBearer}}, w.later()))
	again, err := w.Deployment(ctx, w.owner.ID, api, st.Deployment)
	ok(t, err)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the deployment changed (-before +after):\n%s", diff)
	}
	if err := store.Writer(w.Store).Exec(`UPDATE deployments SET methods = '[]'`).Error; err == nil {
		t.Error("the database let a deployment be changed")
	}

	second, err := w.Deploy(ctx, actor, api, st.ID, " fixes ", w.later())
	ok(t, err)
	wantUndeployed(false)
	if second.Number != 2 || second.Note != "fixes" || second.KeySource.Place != models.KeyInBearer || second.CreatedBy != w.owner.Email {
		t.Errorf("got %+v", second)
	}
	if diff := cmp.Diff([]string{"POST /users", "GET /new"}, names(second.Methods)); diff != "" || second.Methods[0].KeyRequired {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
}

func TestRollbackAndPromotionPointAtWhatWasDeployed(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod, beta := w.stage("prod"), w.bareStage("beta")
	first := prod.Deployment
	second, err := w.Deploy(ctx, actor, w.api.ID, prod.ID, "second", w.now) // in the millisecond of the first
	ok(t, err)
	w.wantChange(models.ChangeTopology, 0, func() { ok(t, w.PointStage(ctx, actor, w.api.ID, prod.ID, first, w.now)) })
	w.wantEvent("stage.point", prod.ID.String(), w.owner.ID)
	ok(t, w.PointStage(ctx, actor, w.api.ID, beta.ID, second.ID, w.later()))
	wantKind(t, "what is there already", w.PointStage(ctx, actor, w.api.ID, beta.ID, second.ID, w.later()), models.KindConflict)
	releases, err := w.Releases(ctx, w.owner.ID, prod.ID)
	ok(t, err)
	var got []int
	for i, r := range releases {
		got = append(got, r.Number)
		if r.Current != (i == 0) || r.By != w.owner.Email {
			t.Errorf("release %d is %+v", i, r)
		}
	}
	if diff := cmp.Diff([]int{1, 2, 1}, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	stages, err := w.Stages(ctx, w.owner.ID, w.api.ID)
	ok(t, err)
	if len(stages) != 2 || stages[0].Number != 1 || stages[1].Number != 2 || stages[1].DeployedAt.IsZero() {
		t.Errorf("got %+v", stages)
	}
	deployments, err := w.Deployments(ctx, w.owner.ID, w.api.ID)
	if err != nil || len(deployments) != 2 || deployments[0].Number != 2 || len(deployments[0].Methods) != 2 {
		t.Errorf("got %+v, %v", deployments, err)
	}
	other := w.newAPI(w.owner, "other")
	wantKind(t, "another API's deployment", w.PointStage(ctx, actor, other.ID, prod.ID, second.ID, w.now), models.KindNotFound)
}

func TestNothingIsDeployedOfAnAPIWithoutMethods(t *testing.T) {
	w := newWorld(t)
	a, err := w.CreateAPI(t.Context(), w.asOwner(), models.NewAPI{Name: "Empty", Slug: "empty", KeySource: models.DefaultKeySource()}, w.now)
	ok(t, err)
	st, err := w.CreateStage(t.Context(), w.asOwner(), a.ID, models.Stage{Name: "prod", Upstream: "https://example.com"}, w.now)
	ok(t, err)
	_, err = w.Deploy(t.Context(), w.asOwner(), a.ID, st.ID, "", w.now)
	wantKind(t, "deploy", err, models.KindConflict)
}

// Plans and usage know methods by id: an import must not give a method another one, also when it was away for a while.
func TestMethodsKeepTheirIdsOverImportsAndRemovals(t *testing.T) {
	w := newWorld(t)
	ctx, actor, api := t.Context(), w.asOwner(), w.api.ID
	before, err := w.Methods(ctx, w.owner.ID, api)
	ok(t, err)
	ok(t, w.SetKeyRequired(ctx, actor, api, []models.MethodID{before[1].ID}, false, w.later()))
	changes := w.bring("{}", "read", models.Method{Verb: "POST", Path: "/users", Summary: "new words", KeyRequired: true}, models.Method{Verb: "GET", Path: "/new"})
	w.wantEvent("api.import", api.String(), w.owner.ID)
	if len(changes.Added) != 1 || len(changes.Changed) != 1 || len(changes.Removed) != 1 || changes.Removed[0].ID != before[0].ID {
		t.Errorf("got %+v", changes)
	}
	after, err := w.Methods(ctx, w.owner.ID, api)
	ok(t, err)
	if diff := cmp.Diff([]string{"POST /users", "GET /new"}, names(after)); diff != "" {
		t.Fatalf("methods (-want +got):\n%s", diff)
	}
	if after[0].ID != before[1].ID || after[0].KeyRequired || after[0].Summary != "new words" || after[1].ID == 0 {
		t.Errorf("got %+v", after)
	}
	back, err := w.AddMethod(ctx, actor, api, models.Method{Verb: "GET", Path: "/users", KeyRequired: true}, w.later())
	ok(t, err)
	if back.ID != before[0].ID {
		t.Error("a method that came back has another id")
	}
	_, err = w.AddMethod(ctx, actor, api, models.Method{Verb: "GET", Path: "/users/"}, w.later())
	wantField(t, "a method that answers the same requests", err, "path")
	wantKind(t, "removing what is not there", w.RemoveMethod(ctx, actor, api, 5, w.later()), models.KindNotFound)
	wantKind(t, "requiring keys of what is not there", w.SetKeyRequired(ctx, actor, api, []models.MethodID{5}, true, w.later()), models.KindNotFound)
}

// Who reads about a stage must read what was deployed there, and not what its owner is drafting.
func TestADeploymentKeepsItsDocument(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	bring := func(reading string) {
		t.Helper()
		w.bring("openapi: "+reading, reading, models.Method{Verb: "GET", Path: "/users"})
	}
	bring("first")
	w.plan("Free", w.stage("prod"))
	bring("second")
	bring("third")
	page, err := w.CatalogAPI(ctx, 0, "echo")
	ok(t, err)
	deployed, err := w.Reading(ctx, page.Stages[0].Document)
	ok(t, err)
	document, drafted, err := w.Document(ctx, w.owner.ID, w.api.ID)
	ok(t, err)
	if string(deployed) != "first" || string(drafted) != "third" || string(document) != "openapi: third" {
		t.Errorf("deployed %q, drafted %q of %q", deployed, drafted, document)
	}
	var kept int
	ok(t, store.Writer(w.Store).Raw(`SELECT count(*) FROM documents`).Scan(&kept).Error)
	if kept != 2 {
		t.Errorf("%d documents are kept, want the deployed and the drafted one", kept)
	}
}

// What an earlier version left unread is read once, and nothing else is read again.
func TestUnreadDocumentsAreReadOnce(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.bring("openapi: old", "x", models.Method{Verb: "GET", Path: "/users"})
	ok(t, store.Writer(w.Store).Exec(`UPDATE documents SET reading = NULL`).Error)
	unread, err := w.UnreadDocument(ctx, 0)
	ok(t, err)
	text, err := w.DocumentText(ctx, unread)
	ok(t, err)
	if string(text) != "openapi: old" {
		t.Errorf("the document is %q", text)
	}
	ok(t, w.KeepReading(ctx, unread, []byte("new"), w.later()))
	if left, err := w.UnreadDocument(ctx, 0); err != nil || left != 0 {
		t.Errorf("%s is left, %v", left, err)
	}
}

func TestStagesChangeAtOnceAndKeepTheirName(t *testing.T) {
	w := newWorld(t)
	st := w.stage("prod")
	if st.Timeout != models.DefaultTimeout || st.Throttle != nil {
		t.Errorf("got %+v", st)
	}
	upstream, throttle := "http://127.0.0.1:1/base", limit.Throttle{Rate: 0, Burst: 0}
	w.wantChange(models.ChangeTopology, 0, func() {
		w.change(st, models.StageBasics, func(s *models.Stage) {
			s.Name, s.Deployment, s.Upstream, s.Timeout, s.Throttle = "renamed", 0, upstream, 1500*time.Millisecond, &throttle
		})
	})
	w.wantEvent("stage.update", st.ID.String(), w.owner.ID)
	got, err := w.Stage(t.Context(), w.owner.ID, w.api.ID, st.ID)
	ok(t, err)
	want := st
	want.Upstream, want.Timeout, want.Throttle, want.UpdatedAt = upstream, 1500*time.Millisecond, &throttle, got.UpdatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.wantChange("", 0, func() { w.change(st, models.StageBasics, func(*models.Stage) {}) })
	_, err = w.ChangeStage(t.Context(), w.asOwner(), w.api.ID, st.ID, models.StageBasics, func(s *models.Stage) error { s.Upstream = "ftp://x"; return nil }, w.later())
	wantField(t, "a broken change", err, "upstream")
}

// DECISIONS 21: a deleted stage leaves its plans, in force and in draft, and history says so.
func TestDeletingAStageTakesItOffItsPlans(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	prod, beta := w.stage("prod"), w.stage("beta")
	both, drafted := w.plan("Both", prod, beta), w.plan("Drafted", beta)
	_, err := w.SaveDraft(ctx, w.asOwner(), drafted.ID, "", termsOf("Drafted", prod, beta), w.later())
	ok(t, err)
	made := w.subscribe(both, "App")
	uses, err := w.StagePlans(ctx, w.owner.ID, prod.ID)
	ok(t, err)
	want := []models.PlanUse{{PlanID: both.ID, PlanName: "Both", StageName: "prod", Subscribers: 1, Keys: 1}, {PlanID: drafted.ID, PlanName: "Drafted", StageName: "prod"}}
	if diff := cmp.Diff(want, uses); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
	w.wantChange(models.ChangeTopology, 0, func() { ok(t, w.DeleteStage(ctx, w.asOwner(), w.api.ID, prod.ID, w.later())) })
	wantR1(t, w.Store)
	p, err := w.Plan(ctx, w.owner.ID, both.ID)
	ok(t, err)
	if p.Version != 2 || p.InForce.Opens(prod.ID) || !p.InForce.Opens(beta.ID) || p.State != models.PlanPublished {
		t.Errorf("got %+v", p.Plan)
	}
	versions, err := w.PlanVersions(ctx, w.owner.ID, both.ID)
	ok(t, err)
	if len(versions) != 2 || versions[0].PublishedBy != "system" || !versions[1].Terms.Opens(prod.ID) {
		t.Errorf("versions are %+v", versions)
	}
	// The draft without the stage says what is in force: there is none any more.
	if p, err := w.Plan(ctx, w.owner.ID, drafted.ID); err != nil || p.Draft != nil || p.Version != 1 {
		t.Errorf("got %+v, %v", p.Plan, err)
	}
	list, err := w.Events(ctx, w.owner, models.EventFilter{Action: "plan.detach"}, models.Page{})
	if err != nil || len(list.Items) != 2 {
		t.Errorf("%d events of plans, %v", len(list.Items), err)
	}
	_, err = w.Stage(ctx, w.owner.ID, w.api.ID, prod.ID)
	wantKind(t, "the stage", err, models.KindNotFound)
	// The key is free for another plan of a stage by that name.
	again := w.stage("prod")
	_, _, err = w.Subscribe(ctx, w.asDeveloper(), models.NewSubscription{PlanID: w.plan("New", again).ID, AppID: made.App.ID}, w.later())
	ok(t, err)
}

func TestDeletingAnAPILeavesNothingHalfDone(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	p := w.plan("Free", w.stage("prod"), w.stage("beta"))
	made := w.subscribe(p, "App")
	uses, err := w.APIPlans(ctx, w.owner.ID, w.api.ID)
	if err != nil || len(uses) != 2 {
		t.Errorf("got %+v, %v", uses, err)
	}
	ok(t, w.PointStage(ctx, w.asOwner(), w.api.ID, models.StageID(count(t, w.Store, `SELECT id FROM stages WHERE name = 'prod'`)),
		models.DeploymentID(count(t, w.Store, `SELECT id FROM deployments WHERE number = 2`)), w.later()))
	ok(t, w.DeleteAPI(ctx, w.asOwner(), w.api.ID, w.later()))
	w.wantEvent("api.delete", w.api.ID.String(), w.owner.ID)
	wantR1(t, w.Store)
	ok(t, w.PruneStages(ctx))
	for _, table := range []string{"apis", "stages", "deployments", "methods", "releases", "plan_stages", "key_stages"} {
		if n := count(t, w.Store, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	if w.state(made.Key.ID, p.ID) != models.MemberActive {
		t.Error("the subscription did not stay")
	}
	d, err := w.Key(ctx, w.developer.ID, made.Key.ID)
	if err != nil || len(d.Calls) != 0 {
		t.Errorf("the key may call %+v, %v", d.Calls, err)
	}
}

func TestStageChoicesComeWithTheirMethods(t *testing.T) {
	w := newWorld(t)
	prod := w.stage("prod")
	w.bareStage("beta")
	_, err := w.AddMethod(t.Context(), w.asOwner(), w.api.ID, models.Method{Verb: "GET", Path: "/new"}, w.later())
	ok(t, err)
	choices, err := w.StageChoices(t.Context(), w.owner.ID)
	ok(t, err)
	if len(choices) != 2 || choices[0].StageID != prod.ID || !choices[0].Deployed || len(choices[0].Methods) != 2 || choices[0].Label() != "ECHO · prod" {
		t.Fatalf("got %+v", choices)
	}
	if choices[1].Deployed || len(choices[1].Methods) != 3 {
		t.Errorf("got %+v", choices[1])
	}
}

func TestTheListOfAPIsCountsWhatBelongsToThem(t *testing.T) {
	w := newWorld(t)
	prod, beta := w.stage("prod"), w.stage("beta")
	w.plan("One", prod, beta)
	w.plan("Two", prod)
	w.draft(termsOf("Draft", prod))
	w.newAPI(w.owner, "other")
	list, err := w.APIs(t.Context(), w.owner.ID, models.Page{})
	ok(t, err)
	if len(list.Items) != 2 || list.Items[0].Slug != "other" {
		t.Fatalf("got %+v", list)
	}
	got := list.Items[1]
	if got.Methods != 2 || got.Plans != 2 || len(got.Stages) != 2 || got.Stages[0].Name != "prod" || got.ID != w.api.ID || got.CreatedAt.IsZero() {
		t.Errorf("got %+v", got)
	}
	for search, want := range map[string]int{"ec": 1, "OT": 1, "x": 0, "": 2, "%": 0, strings.Repeat("e", 300): 0} {
		list, err := w.APIs(t.Context(), w.owner.ID, models.Page{Search: search})
		if err != nil || len(list.Items) != want {
			t.Errorf("search %q: %d, %v; want %d", search, len(list.Items), err, want)
		}
	}
	if list, err := w.APIs(t.Context(), storetest.Owner(t, w.Store).ID, models.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("another owner sees %+v, %v", list, err)
	}
}
