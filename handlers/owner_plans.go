package handlers

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerPlanStore is what the pages of plans need of the store.
type OwnerPlanStore interface {
	Joining(ctx context.Context, plan models.PlanID) (models.Joining, error)
	SetJoining(ctx context.Context, actor models.Actor, plan models.PlanID, in models.Joining, now time.Time) error
	WaitingList(ctx context.Context, owner models.AccountID, plan models.PlanID) ([]models.Waiting, error)
	DecideWaiting(ctx context.Context, actor models.Actor, plan models.PlanID, account models.AccountID, invite bool, reason string, now time.Time) error
	Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	CreatePlan(ctx context.Context, actor models.Actor, t models.Terms, now time.Time) (models.Plan, error)
	SaveDraft(ctx context.Context, actor models.Actor, id models.PlanID, seen string, t models.Terms, now time.Time) (models.Plan, error)
	DiscardDraft(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error
	PublishPlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time, changes ...models.TermsChange) (models.Plan, error)
	SchedulePlan(ctx context.Context, actor models.Actor, id models.PlanID, at time.Time, changes []models.TermsChange, now time.Time) (models.Plan, error)
	UnschedulePlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error
	PlanChangeNotices(ctx context.Context, owner models.AccountID, id models.PlanID) ([]models.ChangeNotice, error)
	KeysWithoutDeveloper(ctx context.Context, owner models.AccountID, id models.PlanID) (int, error)
	RetirePlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error
	EndPlan(ctx context.Context, actor models.Actor, id models.PlanID, ends, now time.Time) error
	KeepPlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error
	DeletePlan(ctx context.Context, actor models.Actor, id models.PlanID, now time.Time) error
	PlanVersions(ctx context.Context, owner models.AccountID, id models.PlanID) ([]models.PlanVersion, error)
	PlanInvitations(ctx context.Context, owner models.AccountID, id models.PlanID) ([]string, error)
	SetPlanInvitations(ctx context.Context, actor models.Actor, id models.PlanID, emails []string, now time.Time) error
	PlanKeys(ctx context.Context, owner models.AccountID, id models.PlanID, month time.Time, p models.Page) (models.List[models.PlanKeyUse], error)
	KeysOfPlan(ctx context.Context, owner models.AccountID, id models.PlanID, ids []models.KeyID, since, now time.Time) ([]models.KeyRow, error)
	StageChoices(ctx context.Context, owner models.AccountID) ([]models.StageChoice, error)
	StageNames(ctx context.Context, owner models.AccountID) ([]models.StageChoice, error)
}

// OwnerPlans are the pages of usage plans.
type OwnerPlans struct {
	Store      OwnerPlanStore
	Rehearsals *Rehearsals
}

func plansCrumb() ui.Crumb { return ui.Crumb{Label: "Plans", Href: "/owner/plans"} }

// List is the list of plans.
func (o *OwnerPlans) List(r *Request) (Reply, error) {
	state := models.PlanState(r.Query("state"))
	if !slices.Contains([]models.PlanState{models.PlanDraft, models.PlanPublished, models.PlanRetired, models.PlanEnded}, state) {
		state = ""
	}
	p := r.Page()
	list, err := o.Store.Plans(r.Context(), r.Account.ID, state, p)
	if err != nil {
		return Reply{}, err
	}
	v := owner.PlansView{Now: r.Now, Query: p.Search, State: string(state), Pages: listPages(r, p, list.Next)}
	for _, row := range list.Items {
		v.Rows = append(v.Rows, planRow(row, r.Now))
	}
	if len(v.Rows) == 0 {
		choices, err := o.Store.StageNames(r.Context(), r.Account.ID)
		if err != nil {
			return Reply{}, err
		}
		v.HasAPIs = len(choices) > 0
	}
	return Page(owner.Plans(r.layout("Plans", ui.Crumb{}), v)), nil
}

func planRow(row models.PlanRow, now time.Time) owner.PlanRow {
	id := row.ID.String()
	end, ending := endBadge(row.Plan, now)
	row.Plan = row.Plan.At(now)
	limits := row.InForce
	if row.Version == 0 {
		limits = row.Current()
	}
	return owner.PlanRow{
		Gone: row.State == models.PlanRetired || row.State == models.PlanEnded, Ending: ending, Ends: end,
		Name: row.Name(), Href: ownerPlanPath(row.ID), ID: id, State: planBadge(row.Plan), Draft: row.State == models.PlanPublished && row.Draft != nil, Changes: row.PublishAt,
		Limits: limitsLine(limits), Stages: row.Stages, Subscribers: row.Subscribers, Waiting: row.Waiting, Asks: row.Asks, AsksHref: ownerPlanPath(row.ID) + "/invitations#waiting", Keys: row.Keys,
		SubscribersHref: "/owner/subscriptions?plan=" + id, WaitingHref: "/owner/subscriptions?state=pending&plan=" + id, KeysHref: "/owner/keys?plan=" + id,
	}
}

// limitsLine is what a plan allows, short: "50 rps · burst 100 · 10,000 requests a month".
func limitsLine(t models.Terms) string {
	parts := []string{"no rate limit"}
	if t.Throttle != nil {
		parts = []string{format.RPS(t.Throttle.Rate), "burst " + format.Count(t.Throttle.Burst)}
	}
	if t.Quota != nil {
		parts = append(parts, quotaWords(t.Quota))
	} else {
		parts = append(parts, "no quota")
	}
	if t.Price != "" {
		parts = append(parts, t.Price)
	}
	return strings.Join(parts, " · ")
}

// New is the editor of a plan to be. ?stage= says what it opens, ?preset= what it begins with.
func (o *OwnerPlans) New(r *Request) (Reply, error) {
	choices, err := o.Store.StageChoices(r.Context(), r.Account.ID)
	if err != nil {
		return Reply{}, err
	}
	terms := presets()[0].terms
	for _, p := range presets() {
		if p.id == r.Query("preset") {
			terms = p.terms
		}
	}
	wanted := r.Query("stage")
	for _, c := range choices {
		if c.StageID.String() == wanted || wanted == "" && len(choices) == 1 {
			terms.Stages = []models.PlanStage{{StageID: c.StageID}}
		}
	}
	return Page(o.newPage(r, termsForm(terms), terms, choices)), nil
}

func (o *OwnerPlans) newPage(r *Request, f *Form, terms models.Terms, choices []models.StageChoice) templ.Component {
	v := editorView(f, terms, choices, r.Now)
	v.New, v.Action, v.Preview = true, "/owner/plans", "/owner/plans/new/preview"
	v.PlanHead = owner.PlanHead{Name: "New plan", Href: "/owner/plans", Subtitle: "Every number can be changed later; keys follow the change on their next request."}
	now := r.Query("preset")
	for _, p := range presets() {
		href := pathWith("/owner/plans/new", "preset", p.id, "stage", r.Query("stage"))
		v.Presets = append(v.Presets, owner.Preset{Label: p.label, Text: p.text, Href: href, Current: p.id == now || now == "" && p.id == presets()[0].id})
	}
	page := r.layout("New plan", plansCrumb(), ui.Crumb{})
	page.Htmx = true
	return owner.PlanEditor(page, v, f)
}

// Create makes a plan as a draft.
func (o *OwnerPlans) Create(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	choices, err := o.Store.StageChoices(r.Context(), r.Account.ID)
	if err != nil {
		return Reply{}, err
	}
	terms := readTerms(f, choices, models.Terms{})
	askForStage(f, terms)
	if f.Get("action") == "preview" {
		return Page(o.newPage(r, f, terms, choices)), nil
	}
	if !f.OK() {
		return Again(o.newPage(r, f, terms, choices)), nil
	}
	plan, err := o.Store.CreatePlan(r.Context(), r.Actor(), terms, r.Now)
	if f.Accept(err) {
		return Again(o.newPage(r, f, terms, choices)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return saved(r, f, plan.ID, terms), nil
}

// askForStage notes what a draft may lack but a publication may not, before somebody goes on to publish.
func askForStage(f *Form, t models.Terms) {
	if f.Get("action") == "review" && len(t.Stages) == 0 {
		f.Fail("stages", "Choose at least one stage that the plan opens.")
	}
}

// saved goes on to where the pressed button leads.
func saved(r *Request, f *Form, id models.PlanID, terms models.Terms) Reply {
	derived := ""
	if f.Checked(fieldThrottled) && f.Trimmed("burst") == "" && terms.Throttle != nil {
		derived = fmt.Sprintf("The burst was left empty, so it is %s: one second's worth.", format.Count(terms.Throttle.Burst))
	}
	switch review := ownerPlanPath(id) + "/publish"; {
	case f.Get("action") != "review":
		return r.Done(ownerPlanPath(id), strings.TrimSpace("Saved as a draft: nothing has changed for anybody yet. "+derived))
	case derived != "":
		return r.Done(review, derived)
	default:
		return See(review)
	}
}

func (o *OwnerPlans) plan(r *Request) (models.PlanRow, error) {
	id, err := param[models.Plan](r, "plan")
	if err != nil {
		return models.PlanRow{}, err
	}
	return o.Store.Plan(r.Context(), r.Account.ID, id)
}

func (o *OwnerPlans) planAndChoices(r *Request) (models.PlanRow, []models.StageChoice, error) {
	row, err := o.plan(r)
	if err != nil {
		return row, nil, err
	}
	choices, err := o.Store.StageChoices(r.Context(), r.Account.ID)
	return row, choices, err
}

// Edit is the editor.
func (o *OwnerPlans) Edit(r *Request) (Reply, error) {
	row, choices, err := o.planAndChoices(r)
	if err != nil {
		return Reply{}, err
	}
	card, err := o.rehearsalCard(r, row, row.Current(), rehearsed{})
	return Page(o.editPage(r, row, termsForm(row.Current()), row.Current(), choices, card, true)), err
}

// editPage draws the editor; saved says that the form holds what is stored.
func (o *OwnerPlans) editPage(r *Request, row models.PlanRow, f *Form, terms models.Terms, choices []models.StageChoice, card owner.Rehearsal, saved bool) templ.Component {
	v := editorView(f, terms, choices, r.Now)
	v.PlanHead = planHead(row, r.Here())
	v.Action, v.Preview, v.Rehearsal = v.Href, v.Href+"/preview", card
	v.Saved = saved && row.Draft != nil
	before := row.InForce
	if row.Version == 0 {
		before = row.Current()
	}
	v.Changes = changeViews(termsChanges(before, terms, namesOf(choices)))
	page := r.layout(row.Name(), plansCrumb(), ui.Crumb{})
	v.Notes = lifeNotes(row.Plan.At(r.Now), r.Local)
	v.Schedule = scheduleOf(row)
	if v.Retired || v.Ended {
		return owner.RetiredPlan(page, v)
	}
	v.Seen, v.DraftBy, v.DraftAt, v.Now = row.Current().Digest(), row.DraftBy, row.DraftAt, r.Now
	if seen := f.Get("seen"); !saved && seen != "" && seen != v.Seen {
		v.Differs = changeViews(termsChanges(row.Current(), terms, namesOf(choices)))
		v.Moved = true
	}
	page.Htmx = true
	return owner.PlanEditor(page, v, f)
}

func planHead(row models.PlanRow, now time.Time) owner.PlanHead {
	end, ending := endBadge(row.Plan, now)
	row.Plan = row.Plan.At(now)
	h := owner.PlanHead{
		Ended: row.State == models.PlanEnded, Ending: ending,
		Name: row.Name(), Href: ownerPlanPath(row.ID), Badges: []ui.BadgeProps{planBadge(row.Plan)}, Published: row.Version > 0, Retired: row.State == models.PlanRetired,
		Deletable: row.Version == 0, Subtitle: count(row.Subscribers, "subscriber") + " · " + count(row.Keys, "key") + " · edited " + format.Ago(row.UpdatedAt, now),
	}
	if row.Draft != nil && row.DraftBy != "" {
		h.Subtitle += " by " + row.DraftBy
	}
	if row.Version > 0 {
		h.Badges = append(h.Badges, ui.BadgeProps{Kind: ui.Line, Text: "Version " + strconv.Itoa(row.Version)})
	}
	if ending {
		h.Badges = append(h.Badges, end)
	}
	if !row.PublishAt.IsZero() {
		h.Badges = append(h.Badges, ui.BadgeProps{Kind: ui.Info, Text: "Changes " + format.Date(row.PublishAt.In(now.Location()))})
	}
	return h
}

// Save keeps the form as the plan's draft, or shows what it means when the button says so.
func (o *OwnerPlans) Save(r *Request) (Reply, error) {
	row, choices, err := o.planAndChoices(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	terms := readTerms(f, choices, row.Current())
	askForStage(f, terms)
	switch f.Get("action") {
	case "preview":
		card, err := o.rehearsalCard(r, row, terms, rehearsed{})
		return Page(o.editPage(r, row, f, terms, choices, card, false)), err
	case "rehearse":
		card, err := o.rehearsePressed(r, row, f, terms)
		page := o.editPage(r, row, f, terms, choices, card, false)
		if !f.OK() {
			return Again(page), err
		}
		return Page(page), err
	}
	if f.OK() {
		_, err = o.Store.SaveDraft(r.Context(), r.Actor(), row.ID, f.Get("seen"), terms, r.Now)
		if err == nil {
			return saved(r, f, row.ID, terms), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
		if row, err = o.plan(r); err != nil { // somebody else may have saved since it was read
			return Reply{}, err
		}
		if row.CheckSeen(f.Get("seen")) != nil {
			f.message = "" // the page says it, with what differs
		}
	}
	card, err := o.rehearsalCard(r, row, terms, rehearsed{})
	return Again(o.editPage(r, row, f, terms, choices, card, false)), err
}

// Preview answers what the numbers in the URL mean, for a page that is being edited; nothing is saved. A plan to be is named new.
func (o *OwnerPlans) Preview(r *Request) (Reply, error) {
	was := models.Terms{}
	if r.Param("plan") != "new" {
		row, err := o.plan(r)
		if err != nil {
			return Reply{}, err
		}
		was = row.Current()
	}
	choices, err := o.Store.StageChoices(r.Context(), r.Account.ID)
	if err != nil {
		return Reply{}, err
	}
	f := &Form{values: r.URL.Query(), errors: map[string]string{}}
	terms := readTerms(f, choices, was)
	return Page(owner.PlanPreview(effect(f, terms, choices, r.Now))), nil
}

func changeViews(changes []models.TermsChange) []owner.Change {
	out := make([]owner.Change, len(changes))
	for i, c := range changes {
		out[i] = owner.Change(c)
	}
	return out
}
