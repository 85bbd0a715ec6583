package handlers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerAPIStore is what the pages of APIs need of the store.
type OwnerAPIStore interface {
	APIs(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.APIRow], error)
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	CreateAPI(ctx context.Context, actor models.Actor, in models.NewAPI, now time.Time) (models.API, error)
	UpdateAPI(ctx context.Context, actor models.Actor, id models.APIID, in models.APISettings, now time.Time) error
	DeleteAPI(ctx context.Context, actor models.Actor, id models.APIID, now time.Time) error
	APIPlans(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.PlanUse, error)
	Document(ctx context.Context, owner models.AccountID, id models.APIID) (document, description []byte, err error)
	ImportDocument(ctx context.Context, actor models.Actor, id models.APIID, document, description []byte, methods []models.Method, now time.Time) (models.ImportChanges, error)
	Methods(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.Method, error)
	AddMethod(ctx context.Context, actor models.Actor, api models.APIID, m models.Method, now time.Time) (models.Method, error)
	RemoveMethod(ctx context.Context, actor models.Actor, api models.APIID, id models.MethodID, now time.Time) error
	SetKeyRequired(ctx context.Context, actor models.Actor, api models.APIID, ids []models.MethodID, required bool, now time.Time) error
	Stages(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Stage, error)
	CreateStage(ctx context.Context, actor models.Actor, api models.APIID, s models.Stage, now time.Time) (models.Stage, error)
	Deploy(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, note string, now time.Time) (models.Deployment, error)
	Deployments(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Deployment, error)
}

// AddressChecker says whether the gateway may send requests to an address. Its error is a sentence for the owner, also of what the operator can do.
type AddressChecker interface {
	CheckUpstream(ctx context.Context, url string) error
}

// OwnerAPIs are the pages of APIs.
type OwnerAPIs struct {
	Store     OwnerAPIStore
	Reader    DocumentReader
	Addresses AddressChecker
}

func apisCrumb() ui.Crumb { return ui.Crumb{Label: "APIs", Href: "/owner/apis"} }

// List is the list of APIs.
func (o *OwnerAPIs) List(r *Request) (Reply, error) {
	p := r.Page()
	list, err := o.Store.APIs(r.Context(), r.Account.ID, p)
	if err != nil {
		return Reply{}, err
	}
	v := owner.APIsView{Query: p.Search, Pages: listPages(r, p, list.Next)}
	for _, row := range list.Items {
		one := owner.APIRow{Name: row.Name, Slug: row.Slug, Href: ownerAPIPath(row.ID), Summary: row.Summary, Methods: row.Methods, Plans: row.Plans, Undeployed: row.Undeployed,
			PlansHref: ownerAPIPath(row.ID) + "#plans", MethodsHref: ownerAPIPath(row.ID) + "#methods", UsageHref: "/owner/usage?api=" + row.ID.String()}
		for _, s := range row.Stages {
			one.Stages = append(one.Stages, owner.StageChip{Name: s.Name, Href: ownerStagePath(row.ID, s.ID), Deployed: s.Deployment != 0})
		}
		v.Rows = append(v.Rows, one)
	}
	return Page(owner.APIs(r.layout("APIs", ui.Crumb{}), v)), nil
}

// New is the form of an API to be.
func (o *OwnerAPIs) New(r *Request) (Reply, error) {
	key := models.DefaultKeySource()
	return Page(newAPIPage(r, NewForm("source", "document", "key_place", string(key.Place), "key_name", key.Name, "stage", "prod"))), nil
}

func newAPIPage(r *Request, f *Form) templ.Component {
	return owner.NewAPI(r.layout("New API", apisCrumb(), ui.Crumb{}), f)
}

// Create makes an API and, when a stage was named and its upstream is known, the stage and its first deployment.
func (o *OwnerAPIs) Create(r *Request) (Reply, error) {
	f, err := r.Upload()
	if err != nil {
		return Reply{}, err
	}
	in := models.NewAPI{Name: f.Trimmed("name"), Slug: f.Trimmed("slug"), Summary: f.Trimmed("summary"), KeySource: readKeySource(f)}
	var d document
	if f.Get("source") == "form" {
		in.Methods = readMethodLines(f)
		if len(in.Methods) == 0 {
			f.Fail("methods", "Enter at least one method, such as GET /users/{id}.")
		}
	} else {
		var ok bool
		if d, ok, err = readDocument(r.Context(), o.Reader, f); err != nil {
			return Reply{}, err
		}
		if !ok {
			f.Fail("document", "Choose a file, or paste the document.")
		}
		in.Document, in.Methods = d.bytes, d.methods
		if in.Description, err = d.json(); err != nil {
			return Reply{}, err
		}
	}
	if in.Name == "" {
		in.Name = cut(strings.Join(strings.Fields(d.description.Title), " "), 78)
	}
	if in.Slug == "" {
		in.Slug = models.Slugify(in.Name)
	}
	if in.Summary == "" {
		in.Summary = d.summary()
	}
	stage, wanted, said := o.firstStage(r.Context(), f, d)
	if f.OK() {
		_, err := in.Clean()
		f.Accept(err)
	}
	if !f.OK() {
		return Again(newAPIPage(r, f)), nil
	}
	api, err := o.Store.CreateAPI(r.Context(), r.Actor(), in, r.Now)
	if f.Accept(err) {
		return Again(newAPIPage(r, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return o.created(r, api, d, len(in.Methods), stage, wanted, said)
}

func readKeySource(f *Form) models.KeySource {
	return models.KeySource{Place: models.KeyPlace(f.Get("key_place")), Name: f.Trimmed("key_name"), Forward: f.Checked("key_forward")}
}

// firstStage reads the optional stage of the form. Wanted is false when there is none to make; said is a sentence about it for the API's page. A mistake
// in what the owner typed is noted at its field; an address that only the document names is no mistake of his.
func (o *OwnerAPIs) firstStage(ctx context.Context, f *Form, d document) (s models.Stage, wanted bool, said string) {
	s = models.Stage{Name: f.Trimmed("stage"), Upstream: f.Trimmed("upstream"), Timeout: models.DefaultTimeout}
	typed := s.Upstream != ""
	if !typed {
		s.Upstream = d.server()
	}
	if s.Name == "" {
		if typed {
			f.Fail("stage", "Name the stage that sends requests there, such as prod.")
		}
		return s, false, ""
	}
	if s.Upstream == "" && typedDocument(f) {
		return s, false, " The document names no server, so no stage is made yet."
	}
	err := s.Check()
	if err == nil {
		said, err = upstreamAllowed(ctx, o.Addresses, s.Upstream)
	}
	switch e := (*models.Error)(nil); {
	case err == nil:
		return s, true, said
	case !errors.As(err, &e):
	case e.Fields["name"] != "":
		f.Fail("stage", e.Fields["name"])
	case typed:
		f.Fail("upstream", e.Fields["upstream"])
	case s.Upstream == "":
		f.Fail("upstream", "Say where requests go, or leave the stage empty to add one later.")
	default:
		return s, false, " No stage is made yet: " + e.Fields["upstream"]
	}
	return s, false, ""
}

// typedDocument reports whether the form brings a document.
func typedDocument(f *Form) bool { return f.Get("source") != "form" }

// upstreamWait bounds how long a page waits for the addresses of a name.
const upstreamWait = 3 * time.Second

// upstreamAllowed asks whether the gateway may dial an address; a refusal is a mistake at the field upstream. A name without an address is none: it may
// get one later, and is judged again whenever it is dialled. Doubt says so in a sentence.
func upstreamAllowed(ctx context.Context, addresses AddressChecker, upstream string) (doubt string, err error) {
	ctx, cancel := context.WithTimeout(ctx, upstreamWait)
	defer cancel()
	err = addresses.CheckUpstream(ctx, upstream)
	var noAddress *net.DNSError
	switch e := (*models.Error)(nil); {
	case err == nil:
		return "", nil
	case errors.As(err, &noAddress), errors.Is(err, context.DeadlineExceeded):
		return " Its upstream has no address now: calls get 502 until it has one.", nil
	case errors.As(err, &e):
		return "", models.Invalid("upstream", e.Message)
	}
	text := err.Error()
	return "", models.Invalid("upstream", strings.ToUpper(text[:1])+text[1:])
}

func (o *OwnerAPIs) created(r *Request, api models.API, d document, methods int, stage models.Stage, wanted bool, said string) (Reply, error) {
	message := fmt.Sprintf("%s is created with %s.", api.Name, count(methods, "method"))
	if d.bytes != nil && !d.description.Secured {
		message += " The document says nothing about security, so each of them needs an API key."
	}
	if n := len(d.notes); n > 0 {
		message += fmt.Sprintf(" There are %s on the document.", count(n, "note"))
	}
	if !wanted {
		return r.Done(ownerAPIPath(api.ID), message+said), nil
	}
	made, err := o.Store.CreateStage(r.Context(), r.Actor(), api.ID, stage, r.Now)
	if err == nil {
		_, err = o.Store.Deploy(r.Context(), r.Actor(), api.ID, made.ID, "First deployment", r.Now)
	}
	if models.KindOf(err) != models.KindNone {
		return r.Sorry(ownerAPIPath(api.ID), message+" The stage could not be made: "+models.Sentence(err)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerAPIPath(api.ID), message+" It is deployed to the stage "+made.Name+"."+said), nil
}

func (o *OwnerAPIs) api(r *Request) (models.API, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return models.API{}, err
	}
	return o.Store.API(r.Context(), r.Account.ID, id)
}

// Settings changes name, address, summary and where callers put their key.
func (o *OwnerAPIs) Settings(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := models.APISettings{Name: f.Trimmed("name"), Slug: f.Trimmed("slug"), Summary: f.Trimmed("summary"), KeySource: readKeySource(f)}
	err = o.Store.UpdateAPI(r.Context(), r.Actor(), api.ID, in, r.Now)
	if f.Accept(err) {
		page, err := o.showPage(r, api, f, nil)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	message := "Saved."
	if in.Slug != api.Slug {
		message = "Saved. The gateway answers under the new address now, and no longer under /" + api.Slug + "/."
	}
	if in.KeySource != api.KeySource {
		message += " Where callers put their key takes effect with the next deployment of each stage."
	}
	return r.Done(ownerAPIPath(api.ID), message), nil
}

// AddMethod adds a method that no document describes.
func (o *OwnerAPIs) AddMethod(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	m := models.Method{Verb: f.Get("verb"), Path: f.Trimmed("path"), Summary: f.Trimmed("summary"), KeyRequired: f.Checked("key_required")}
	err = models.CheckMethod(m.Verb, m.Path)
	if err == nil {
		_, err = o.Store.AddMethod(r.Context(), r.Actor(), api.ID, m, r.Now)
	}
	if f.Accept(err) {
		page, err := o.showPage(r, api, nil, f)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerAPIPath(api.ID)+"#methods", m.Name()+" is added. Deploy to bring it to callers."), nil
}

// RemoveMethod takes a method out of the API; deployments that have it keep it.
func (o *OwnerAPIs) RemoveMethod(r *Request) (Reply, error) {
	api, err := param[models.API](r, "api")
	if err != nil {
		return Reply{}, err
	}
	id, err := param[models.Method](r, "method")
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.RemoveMethod(r.Context(), r.Actor(), api, id, r.Now), ownerAPIPath(api), ownerAPIPath(api)+"#methods", "The method is removed. Callers have it until the next deployment.")
}

// KeyRequired says which methods need an API key: of the methods that were shown the ticked ones, or all or none of the API's.
func (o *OwnerAPIs) KeyRequired(r *Request) (Reply, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	back := pathWith(ownerAPIPath(id), "q", f.Trimmed("q"), "from", f.Get("from")) + "#methods"
	const later = " Deploy to bring it to callers."
	set := func(ids []models.MethodID, required bool) error {
		return o.Store.SetKeyRequired(r.Context(), r.Actor(), id, ids, required, r.Now)
	}
	switch f.Get("action") {
	case "all":
		return ownerDone(r, set(nil, true), back, back, "Every method needs an API key."+later)
	case "none":
		return ownerDone(r, set(nil, false), back, back, "No method needs an API key."+later)
	}
	methods, err := o.Store.Methods(r.Context(), r.Account.ID, id)
	if err != nil {
		return Reply{}, err
	}
	need, open := changedKeys(f, methods)
	if len(need) > 0 {
		err = set(need, true)
	}
	if err == nil && len(open) > 0 {
		err = set(open, false)
	}
	if len(need)+len(open) == 0 {
		return r.Done(back, "Nothing has changed."), nil
	}
	return ownerDone(r, err, back, back, count(len(need)+len(open), "method")+" changed."+later)
}

// changedKeys compares the boxes of the form with the methods; methods that the form did not show stay as they are.
func changedKeys(f *Form, methods []models.Method) (need, open []models.MethodID) {
	shown, ticked := f.All("shown"), f.All("key")
	for _, m := range methods {
		id := m.ID.String()
		if !slices.Contains(shown, id) {
			continue
		}
		switch tick := slices.Contains(ticked, id); {
		case tick && !m.KeyRequired:
			need = append(need, m.ID)
		case !tick && m.KeyRequired:
			open = append(open, m.ID)
		}
	}
	return need, open
}

// ImportForm asks for a newer document and says what there is to say about the present one.
func (o *OwnerAPIs) ImportForm(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.importPage(r, api, NewForm())
	return Page(page), err
}

func (o *OwnerAPIs) importPage(r *Request, api models.API, f *Form) (templ.Component, error) {
	v := owner.ImportView{Name: api.Name, Href: ownerAPIPath(api.ID), Has: api.HasDocument}
	if api.HasDocument {
		_, description, err := o.Store.Document(r.Context(), r.Account.ID, api.ID)
		if err != nil {
			return nil, err
		}
		d, err := documentOf(description)
		if err != nil {
			return nil, err
		}
		v.Format, v.Title, v.Version, v.Unsecured = d.description.Format, d.description.Title, d.description.Version, !d.description.Secured
		for _, n := range d.notes {
			v.Notes = append(v.Notes, owner.Note{Where: n.Where, Text: n.Text})
		}
	}
	return owner.Import(r.layout("Document", apisCrumb(), ui.Crumb{Label: api.Name, Href: v.Href}, ui.Crumb{}), v, f), nil
}

// Import replaces the API's document and methods.
func (o *OwnerAPIs) Import(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Upload()
	if err != nil {
		return Reply{}, err
	}
	again := func() (Reply, error) {
		page, err := o.importPage(r, api, f)
		return Again(page), err
	}
	d, ok, err := readDocument(r.Context(), o.Reader, f)
	if err != nil {
		return Reply{}, err
	}
	if !ok {
		f.Fail("document", "Choose a file, or paste the document.")
		return again()
	}
	description, err := d.json()
	if err != nil {
		return Reply{}, err
	}
	changes, err := o.Store.ImportDocument(r.Context(), r.Actor(), api.ID, d.bytes, description, d.methods, r.Now)
	if f.Accept(err) {
		return again()
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerAPIPath(api.ID)+"#methods", importWords(changes, len(d.notes))), nil
}

func importWords(c models.ImportChanges, notes int) string {
	if len(c.Added)+len(c.Changed)+len(c.Removed) == 0 {
		return "The document is imported; no method has changed."
	}
	text := fmt.Sprintf("Imported: %d methods added, %d changed, %d removed. Deploy to bring that to callers.", len(c.Added), len(c.Changed), len(c.Removed))
	if notes > 0 {
		text += fmt.Sprintf(" There are %s on the document.", count(notes, "note"))
	}
	return text
}

// DeleteForm names what would lose the API.
func (o *OwnerAPIs) DeleteForm(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.deletePage(r, api, "")
	return Page(page), err
}

func (o *OwnerAPIs) deletePage(r *Request, api models.API, problem string) (templ.Component, error) {
	plans, err := o.Store.APIPlans(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, err
	}
	c := ui.Confirm{Title: "Delete " + api.Name + "?", Action: ownerAPIPath(api.ID) + "/delete", Button: "Delete API", Danger: true, Cancel: ownerAPIPath(api.ID), Problem: problem,
		Text: "Its stages stop answering at once: callers get 404. Methods, deployments and the document are gone for good; usage that was counted stays."}
	if subscribers(plans) > 0 {
		c.Typed = api.Slug
	}
	return owner.ConfirmUses(r.layout("Delete "+api.Name, apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{}), c, planUses(plans)), nil
}

func subscribers(plans []models.PlanUse) (n int) {
	for _, p := range plans {
		n += p.Subscribers + p.Keys
	}
	return n
}

func planUses(plans []models.PlanUse) []owner.PlanUse {
	out := make([]owner.PlanUse, len(plans))
	for i, p := range plans {
		out[i] = owner.PlanUse{Plan: p.PlanName, Href: ownerPlanPath(p.PlanID), Stage: p.StageName, Who: count(p.Subscribers, "subscriber") + ", " + count(p.Keys, "key")}
	}
	return out
}

// Delete deletes the API and takes its stages out of plans.
func (o *OwnerAPIs) Delete(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	plans, err := o.Store.APIPlans(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	if subscribers(plans) > 0 && f.Trimmed("confirm") != api.Slug {
		page, err := o.deletePage(r, api, "Type "+api.Slug+" to confirm: people use this API.")
		return Again(page), err
	}
	return ownerDone(r, o.Store.DeleteAPI(r.Context(), r.Actor(), api.ID, r.Now), ownerAPIPath(api.ID), "/owner/apis", api.Name+" is deleted.")
}
