package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/store/storetest"
)

func TestPlanFormKeepsWhatWasTypedAndSaysWhatIsWrongAtItsField(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	rate, burst := "rate."+w.stage.ID.String()+"."+methods[0].ID.String(), "burst."+w.stage.ID.String()+"."+methods[0].ID.String()
	for _, test := range []struct {
		field, typed, want string
	}{
		{"name", " ", "Enter a name."},
		{"name", strings.Repeat("x", 81), "Use at most 80 characters."},
		{"rate", "10x", `&#34;10x&#34; is not a number.`},
		{"rate", "10,5", "Write decimals with a dot: 10.5."},
		{"rate", "-1", "cannot be negative"},
		{"rate", "9000000", "at most 1,000,000 requests a second"},
		{"rate", "", "A burst needs a rate."},
		{"burst", "1.5", "Enter a whole number."},
		{"burst", "many", `&#34;many&#34; is not a number.`},
		{"quota", "", "Enter how many requests, or turn the quota off."},
		{"quota", "10k", `&#34;10k&#34; is not a number.`},
		{"period", "YEAR", "Choose a day, a week or a month."},
		{"month_day", "31", "between 0 and 27 days"},
		{"audience", "me", "Choose who may subscribe."},
		{"keys_per_app", "0", "Enter 1 to 20 keys."},
		{"keys_per_app", "a few", `&#34;a few&#34; is not a number.`},
		{rate, "fast", `&#34;fast&#34; is not a number.`},
		{burst, "7", "A burst needs a rate."},
	} {
		got := b.post("/owner/plans", with(planFields(w.stage), test.field, test.typed)...)
		got.again(t, test.want)
		if typed := fmt.Sprintf(`value="%s"`, test.typed); test.typed != " " && !strings.Contains(got.body, typed) && test.field != "period" && test.field != "audience" && test.field != "month_day" {
			t.Errorf("%s: what was typed is lost", test.field)
		}
		got.hasNot(t, `value="Growth" `+"\n")
	}
	list, err := p.store.Plans(t.Context(), p.owner.ID, "", models.Page{})
	ok(t, err)
	if len(list.Items) != 1 {
		t.Errorf("%d plans after refused forms, want the one that was there", len(list.Items))
	}
}

func TestRateWithoutBurstGetsOneSecondsWorthAndThePageSaysSo(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	form := with(planFields(w.stage), "rate", "0.1", "burst", "")
	b.post("/owner/plans", append(form, "action", "preview")...).has(t, "The burst is empty, so it is 1", "1 every 10 seconds")
	page := b.sees(b.post("/owner/plans", with(form, "rate", "12.5")...))
	page.has(t, "The burst was left empty, so it is 13", `value="13"`, `value="12.5"`, "13 requests at once", "12.5 a second")
}

func TestZeroIsLegalAndWarnedOf(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	page := b.sees(b.post("/owner/plans", with(planFields(w.stage), "rate", "0", "burst", "0", "quota", "0")...))
	page.has(t, "A rate or burst of 0 refuses every request", "A quota of 0 refuses every request")
}

func TestPreviewSavesNothing(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	got := b.post(path, with(planFields(w.stage), "rate", "50", "action", "preview")...)
	if got.status != http.StatusOK {
		t.Errorf("got %d", got.status)
	}
	got.has(t, "unsaved changes", "80 rps", "50 rps", "50 a second")
	fragment := b.part(path + "/preview?name=Growth&throttled=on&rate=7&burst=&limited=on&quota=5&period=DAY&audience=ask&charge=accepted&keys_per_app=1")
	fragment.has(t, "<hx-partial", "7 requests at once", "5 requests a day", "calls pass after approval")
	b.part("/owner/plans/new/preview?throttled=on&rate=10x").has(t, "Enter a rate to see")
	row, err := p.store.Plan(t.Context(), p.owner.ID, w.plan.ID)
	ok(t, err)
	if row.Draft != nil {
		t.Errorf("a preview left the draft %+v", row.Draft)
	}
}

func TestDraftIsShownAsADiffUntilItIsPublishedOrDiscarded(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	p.subscribe(w.plan, "App")
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	b.get(path).has(t, "No unpublished changes", "1 subscriber", "1 key")
	b.get(path+"/publish").has(t, "Nothing to publish")
	save := with(planFields(w.stage), "name", "echo plan", "burst", "200")
	page := b.sees(b.post(path, save...))
	page.has(t, "1 unpublished change", "<del>", "80 rps", "50 rps", "Discard")
	b.get("/owner/plans").has(t, "Unpublished changes")
	page = b.sees(b.post(path + "/discard"))
	page.has(t, "The unpublished changes are gone", `value="80"`)

	b.sees(b.post(path, with(save, "action", "review")...)).has(t, "What changes", "holds for 1 key of 1 subscriber from the next request", "80 rps")
	b.sees(b.post(path+"/publish")).has(t, "Version 2 of echo plan is in force")
	b.get(path+"/versions").has(t, "Version 2", "In force", "80 rps", "50 rps", "Version 1")
}

// R1: a plan that would put a key on two plans of one stage is refused on the page, with the other plan named.
func TestPublishingThatClashesNamesTheOtherPlan(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	other := p.world(p.owner, "maps", nil)
	actor := storetest.Actor(p.owner)
	_, _, err := p.store.CreateCustomerKey(t.Context(), actor, models.NewCustomerKey{Name: "Northwind", Plans: []models.PlanID{w.plan.ID, other.plan.ID}}, p.clock)
	ok(t, err)
	terms := other.plan.InForce
	terms.Stages = []models.PlanStage{{StageID: other.stage.ID}, {StageID: w.stage.ID}}
	_, err = p.store.SaveDraft(t.Context(), actor, other.plan.ID, "", terms, p.clock)
	ok(t, err)
	b := p.signedIn("owner@example.com")
	b.post("/owner/plans/"+other.plan.ID.String()+"/publish").again(t, "echo plan", "What changes")
}

func TestPlanCannotGoOnToPublishingWithoutAStage(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	b.post("/owner/plans", with(planFields(w.stage), "stage", "", "action", "review")...).again(t, "Choose at least one stage")
	b.sees(b.post("/owner/plans", with(planFields(w.stage), "stage", "")...)).has(t, "Saved as a draft", "No stage is chosen yet")
}

func TestRetiredAndDuplicatedPlans(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String()
	b.get(path+"/retire").has(t, "Retire echo plan?")
	b.sees(b.post(path+"/retire")).has(t, "Retired: nobody new can subscribe", "This plan is retired")
	copied := b.post(path + "/duplicate")
	b.sees(copied).has(t, "echo plan copy", "Draft", `value="80"`)
	b.get(copied.location+"/delete").has(t, "never published")
	b.sees(b.post(path+"/delete")).has(t, "Retire it instead")
	b.sees(b.post(copied.location+"/delete")).has(t, "The plan is deleted.")
}

func TestInvitationsAreCheckedLineByLine(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", func(t *models.Terms) { t.Audience = models.AudienceInvited })
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + w.plan.ID.String() + "/invitations"
	b.post(path, "emails", "ana@example.com\nnot an address").again(t, "is not an e-mail address", "not an address")
	b.sees(b.post(path, "emails", "ben@example.com, ana@example.com\r\nana@example.com")).has(t, "2 persons invited", "ana@example.com ben@example.com")
}

// A large API must not make the editor large, nor lose the limits of methods that the page does not list.
func TestEditorOfALargeAPIStaysSmallAndKeepsAllLimits(t *testing.T) {
	p := openOwnerPortal(t)
	actor := storetest.Actor(p.owner)
	var methods []models.Method
	for i := range 500 {
		methods = append(methods, models.Method{Verb: "GET", Path: fmt.Sprintf("/things/%d", i), KeyRequired: true})
	}
	api, err := p.store.CreateAPI(t.Context(), actor, models.NewAPI{Name: "Large", Slug: "large", KeySource: models.DefaultKeySource(), Methods: methods}, p.clock)
	ok(t, err)
	stage, err := p.store.CreateStage(t.Context(), actor, api.ID, models.Stage{Name: "prod", Upstream: "https://example.com", Timeout: models.DefaultTimeout}, p.clock)
	ok(t, err)
	_, err = p.store.Deploy(t.Context(), actor, api.ID, stage.ID, "", p.clock)
	ok(t, err)
	stored, err := p.store.Methods(t.Context(), p.owner.ID, api.ID)
	ok(t, err)
	plan := p.plan(p.owner, "Plan", stage, func(terms *models.Terms) {
		terms.Stages[0].Throttles = []models.MethodThrottle{{MethodID: stored[400].ID, Throttle: limit.Throttle{Rate: 1, Burst: 2}}}
		terms.Stages[0].Excluded = []models.MethodID{stored[401].ID}
	})
	b := p.signedIn("owner@example.com")
	path := "/owner/plans/" + plan.ID.String()
	page := b.get(path)
	page.has(t, "500 methods, 1 limited, 1 left out", "/things/400", "498 methods more")
	if size := gzipped(page.body); size > 20<<10 {
		t.Errorf("the editor has %d bytes, want at most 20 KB", size)
	}
	fields := with(planFields(stage), "rate."+stage.ID.String()+"."+stored[400].ID.String(), "1", "burst."+stage.ID.String()+"."+stored[400].ID.String(), "2", "without."+stage.ID.String(), stored[401].ID.String())
	b.post(path, with(fields, "find", "things/33", "action", "preview")...).has(t, "/things/333", "/things/400")
	b.sees(b.post(path, fields...))
	row, err := p.store.Plan(t.Context(), p.owner.ID, plan.ID)
	ok(t, err)
	if s := row.Draft.Stages[0]; len(s.Throttles) != 1 || len(s.Excluded) != 1 {
		t.Errorf("saved %+v", s)
	}
	if size := gzipped(b.get("/owner/apis/" + api.ID.String()).body); size > 20<<10 {
		t.Errorf("the API's page has %d bytes, want at most 20 KB", size)
	}
}
