package handlers

import (
	"context"
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

// OwnerChangesStore is what the pages of deprecations and of the changelog need of the store.
type OwnerChangesStore interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	Methods(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.Method, error)
	Stages(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Stage, error)
	Deprecations(ctx context.Context, api models.APIID) ([]models.Deprecation, error)
	Deprecation(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeprecationID) (models.Deprecation, error)
	Deprecate(ctx context.Context, actor models.Actor, d models.Deprecation, now time.Time) (models.Deprecation, error)
	ChangeDeprecation(ctx context.Context, actor models.Actor, d models.Deprecation, now time.Time) error
	KeepOperation(ctx context.Context, actor models.Actor, api models.APIID, id models.DeprecationID, now time.Time) error
	Callers(ctx context.Context, owner models.AccountID, d models.Deprecation, most int, now time.Time) (models.OperationCallers, error)
	Changelog(ctx context.Context, api models.APIID) ([]models.ChangelogEntry, error)
	ChangelogProposals(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.ChangelogEntry, error)
	ChangelogEntry(ctx context.Context, owner models.AccountID, api models.APIID, id models.ChangelogID) (models.ChangelogEntry, error)
	SaveChangelogEntry(ctx context.Context, actor models.Actor, e models.ChangelogEntry, now time.Time) (models.ChangelogEntry, error)
	DeleteChangelogEntry(ctx context.Context, actor models.Actor, api models.APIID, id models.ChangelogID, now time.Time) error
}

// OwnerChanges are the pages on which an owner takes operations away, and tells what changed.
type OwnerChanges struct{ Store OwnerChangesStore }

// callersShown is how many callers a page lists.
const callersShown = 100

func deprecationsPath(api models.APIID) string { return ownerAPIPath(api) + "/deprecations" }

func (o *OwnerChanges) api(r *Request) (models.API, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return models.API{}, err
	}
	return o.Store.API(r.Context(), r.Account.ID, id)
}

// subjects knows what can be deprecated by its name: "GET /users", "stage prod".
type subjects struct {
	methods []models.Method
	stages  []models.Stage
}

func (o *OwnerChanges) subjects(r *Request, api models.APIID) (s subjects, err error) {
	if s.methods, err = o.Store.Methods(r.Context(), r.Account.ID, api); err == nil {
		s.stages, err = o.Store.Stages(r.Context(), r.Account.ID, api)
	}
	return s, err
}

// suggested is how many names a form suggests.
const suggested = 300

func (s subjects) names() []string {
	var out []string
	for _, st := range s.stages {
		out = append(out, "stage "+st.Name)
	}
	for _, m := range s.methods[:min(len(s.methods), suggested)] {
		out = append(out, m.Name())
	}
	return out
}

// of finds what a name stands for.
func (s subjects) of(name string) (stage models.StageID, method models.MethodID, ok bool) {
	if rest, is := strings.CutPrefix(name, "stage "); is {
		if i := slices.IndexFunc(s.stages, func(st models.Stage) bool { return st.Name == rest }); i >= 0 {
			return s.stages[i].ID, 0, true
		}
	}
	if i := slices.IndexFunc(s.methods, func(m models.Method) bool { return m.Name() == name }); i >= 0 {
		return 0, s.methods[i].ID, true
	}
	return 0, 0, false
}

// name says what is deprecated.
func (s subjects) name(d models.Deprecation) string {
	if i := slices.IndexFunc(s.stages, func(st models.Stage) bool { return d.StageID != 0 && st.ID == d.StageID }); i >= 0 {
		return "stage " + s.stages[i].Name
	}
	if i := slices.IndexFunc(s.methods, func(m models.Method) bool { return d.MethodID != 0 && m.ID == d.MethodID }); i >= 0 {
		return s.methods[i].Name()
	}
	return "an operation that the API does not have any more"
}

// Deprecations lists what is deprecated.
func (o *OwnerChanges) Deprecations(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	names, err := o.subjects(r, api.ID)
	if err != nil {
		return Reply{}, err
	}
	all, err := o.Store.Deprecations(r.Context(), api.ID)
	if err != nil {
		return Reply{}, err
	}
	v := owner.DeprecationsView{API: api.Name, Href: deprecationsPath(api.ID), Now: r.Now, Empty: len(names.methods) == 0}
	for _, d := range all {
		v.Rows = append(v.Rows, owner.DeprecationRow{What: names.name(d), Href: v.Href + "/" + d.ID.String(), State: deprecationBadge(d, r.Now), Since: d.Since, Sunset: d.Sunset, Brownouts: len(d.Brownouts)})
	}
	return Page(owner.Deprecations(r.layout("Deprecations", apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{}), v)), nil
}

func deprecationBadge(d models.Deprecation, now time.Time) ui.BadgeProps {
	_, dark := d.DarkUntil(now)
	switch {
	case d.Gone(now):
		return ui.BadgeProps{Kind: ui.Plain, Text: "Gone"}
	case dark:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Brownout now"}
	case d.Since.After(now):
		return ui.BadgeProps{Kind: ui.Info, Text: "Announced"}
	}
	return ui.BadgeProps{Kind: ui.Warn, Text: "Deprecated"}
}

// New asks what is to be deprecated; ?what= names it.
func (o *OwnerChanges) New(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	names, err := o.subjects(r, api.ID)
	if err != nil {
		return Reply{}, err
	}
	return Page(o.newPage(r, api, names, NewForm("what", r.Query("what"), "since", r.Now.Format(time.DateOnly)))), nil
}

func (o *OwnerChanges) newPage(r *Request, api models.API, names subjects, f *Form) templ.Component {
	v := owner.DeprecationView{API: api.Name, List: deprecationsPath(api.ID), Names: names.names(), Now: r.Now, SinceAt: clockOf(r, time.Time{}), SunsetAt: clockOf(r, time.Time{})}
	return owner.NewDeprecation(r.layout("Deprecate", apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: "Deprecations", Href: v.List}, ui.Crumb{}), v, f)
}

// readDeprecation reads dates and texts. The form has days: each keeps the time of day that it had, and begins at 00:00 UTC where it had none.
func readDeprecation(r *Request, f *Form, was models.Deprecation) models.Deprecation {
	d := models.Deprecation{Note: f.Get("note"), Link: f.Get("link"), Successor: f.Get("successor")}
	d.Since = onDay(r, day(f, "since"), was.Since)
	if d.Since.IsZero() {
		f.Fail("since", "Enter a day such as 2027-03-31.")
	}
	d.Sunset = onDay(r, day(f, "sunset"), was.Sunset)
	return d
}

// inForm is a time of a deprecation in the zone in which its form has it: UTC where it is a day of UTC or none, else the reader's.
func inForm(r *Request, t time.Time) time.Time {
	if t = t.UTC(); t.IsZero() || t.Equal(t.Truncate(24*time.Hour)) {
		return t
	}
	return r.Local(t)
}

// onDay is a day of the form at the time of day that was; zero for none.
func onDay(r *Request, day, was time.Time) time.Time {
	if day.IsZero() || was.IsZero() {
		return day
	}
	was = inForm(r, was)
	return time.Date(day.Year(), day.Month(), day.Day(), was.Hour(), was.Minute(), was.Second(), 0, was.Location()).UTC()
}

// clockOf is the time of day of onDay, as a hint has it: "00:00 UTC".
func clockOf(r *Request, was time.Time) string {
	if was.IsZero() {
		return "00:00 UTC"
	}
	_, clock, _ := strings.Cut(format.DateTime(inForm(r, was)), ", ")
	return clock
}

// Create deprecates an operation or a stage.
func (o *OwnerChanges) Create(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	names, err := o.subjects(r, api.ID)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	d := readDeprecation(r, f, models.Deprecation{})
	d.APIID = api.ID
	var known bool
	if d.StageID, d.MethodID, known = names.of(f.Trimmed("what")); !known {
		f.Fail("what", "Name an operation as the API has it, such as GET /users, or a stage, such as stage prod.")
	}
	if f.OK() {
		if d, err = o.Store.Deprecate(r.Context(), r.Actor(), d, r.Now); err == nil {
			return r.Done(deprecationsPath(api.ID)+"/"+d.ID.String(), "Deprecated: its answers say so from the next one on. Who called it in the last 30 days is told."), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	return Again(o.newPage(r, api, names, f)), nil
}

func (o *OwnerChanges) deprecation(r *Request) (api models.API, d models.Deprecation, err error) {
	if api, err = o.api(r); err != nil {
		return api, d, err
	}
	id, err := param[models.Deprecation](r, "deprecation")
	if err != nil {
		return api, d, err
	}
	d, err = o.Store.Deprecation(r.Context(), r.Account.ID, api.ID, id)
	return api, d, err
}

// Deprecation is one: its dates, its brownouts, and who still calls it.
func (o *OwnerChanges) Deprecation(r *Request) (Reply, error) {
	api, d, err := o.deprecation(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.deprecationPage(r, api, d, deprecationForm(r, d))
	return Page(page), err
}

func deprecationForm(r *Request, d models.Deprecation) *Form {
	f := NewForm("since", inForm(r, d.Since).Format(time.DateOnly), "note", d.Note, "link", d.Link, "successor", d.Successor)
	if !d.Sunset.IsZero() {
		f.Set("sunset", inForm(r, d.Sunset).Format(time.DateOnly))
		f.Set("dark_on", d.Sunset.UTC().AddDate(0, 0, -14).Format(time.DateOnly))
	}
	f.Set("dark_at", "09:00")
	f.Set("dark", "hourly")
	return f
}

func (o *OwnerChanges) deprecationPage(r *Request, api models.API, d models.Deprecation, f *Form) (templ.Component, error) {
	names, err := o.subjects(r, api.ID)
	if err != nil {
		return nil, err
	}
	callers, err := o.Store.Callers(r.Context(), r.Account.ID, d, callersShown, r.Now)
	if err != nil {
		return nil, err
	}
	what := names.name(d)
	v := owner.DeprecationView{API: api.Name, List: deprecationsPath(api.ID), Href: deprecationsPath(api.ID) + "/" + d.ID.String(), What: what, State: deprecationBadge(d, r.Now), Now: r.Now,
		Sunset: d.Sunset, SinceAt: clockOf(r, d.Since), SunsetAt: clockOf(r, d.Sunset), PublicHref: apiPath(api.Slug) + "/changes#" + d.ID.String(), Callers: callers.Keys, Gone: d.Gone(r.Now)}
	for i, b := range d.Brownouts {
		v.Brownouts = append(v.Brownouts, owner.BrownoutRow{Index: strconv.Itoa(i), From: b.From, To: b.To, Words: brownoutWords(b), Over: !b.To.After(r.Now)})
	}
	v.Rows = callerRows(callers.Newest)
	return owner.Deprecation(r.layout(what, apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: "Deprecations", Href: v.List}, ui.Crumb{}), v, f), nil
}

// callerRows are keys that call something, with whose they are.
func callerRows(callers []models.OperationCaller) []owner.CallerRow {
	rows := make([]owner.CallerRow, len(callers))
	for i, c := range callers {
		who := "Made by you"
		switch {
		case c.AppName != "":
			who = c.AppName + " · " + c.Email
		case c.CustomerID != "":
			who = "Customer " + c.CustomerID
		}
		rows[i] = owner.CallerRow{Name: c.KeyName, Hint: c.Hint, Href: ownerKeyPath(c.KeyID), Who: who, Last: c.Last, Calls: c.Calls}
	}
	return rows
}

func brownoutWords(b models.Brownout) string {
	if b.Every == 0 {
		return "all of it"
	}
	return strconv.Itoa(int(b.For/time.Minute)) + " min of each " + strconv.Itoa(int(b.Every/time.Minute)) + " min"
}

// Change changes dates and texts.
func (o *OwnerChanges) Change(r *Request) (Reply, error) {
	return o.change(r, "Saved, and in force on the next request.", func(f *Form, d *models.Deprecation) {
		next := readDeprecation(r, f, *d)
		d.Since, d.Sunset, d.Note, d.Link, d.Successor = next.Since, next.Sunset, next.Note, next.Link, next.Successor
	})
}

// change runs a form that changes a deprecation.
func (o *OwnerChanges) change(r *Request, done string, edit func(*Form, *models.Deprecation)) (Reply, error) {
	api, d, err := o.deprecation(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	before := d
	edit(f, &d)
	if f.OK() {
		if err = o.Store.ChangeDeprecation(r.Context(), r.Actor(), d, r.Now); err == nil {
			return r.Done(deprecationsPath(api.ID)+"/"+d.ID.String(), done), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	page, err := o.deprecationPage(r, api, before, f.Over(deprecationForm(r, before)))
	return Again(page), err
}

// AddBrownout schedules a brownout by a preset.
func (o *OwnerChanges) AddBrownout(r *Request) (Reply, error) {
	return o.change(r, "Scheduled. The gateway switches it off by itself, and on again.", func(f *Form, d *models.Deprecation) {
		on := day(f, "dark_on")
		if on.IsZero() {
			f.Fail("dark_on", "Enter a day such as 2027-03-31.")
		}
		b := models.Brownout{From: on, To: on.AddDate(0, 0, 1)}
		switch kind := f.Get("dark"); kind {
		case "hourly":
			b.Every, b.For = time.Hour, 5*time.Minute
		case "day":
		case "quarter", "hour":
			at, err := time.Parse("15:04", f.Trimmed("dark_at"))
			if err != nil {
				f.Fail("dark_at", "Enter a time such as 09:00.")
			}
			b.From = time.Date(on.Year(), on.Month(), on.Day(), at.Hour(), at.Minute(), 0, 0, r.Here().Location()).UTC()
			b.To = b.From.Add(map[string]time.Duration{"quarter": 15 * time.Minute, "hour": time.Hour}[kind])
		default:
			f.Fail("dark", "Choose how long.")
		}
		d.Brownouts = append(slices.Clone(d.Brownouts), b)
	})
}

// RemoveBrownout takes one back.
func (o *OwnerChanges) RemoveBrownout(r *Request) (Reply, error) {
	return o.change(r, "Taken back: it stays on in that time.", func(f *Form, d *models.Deprecation) {
		i, err := strconv.Atoi(f.Get("index"))
		from, fromErr := time.Parse(time.RFC3339, f.Get("from"))
		if err != nil || fromErr != nil || i < 0 || i >= len(d.Brownouts) || !d.Brownouts[i].From.Equal(from) {
			f.Fail("dark", "The list has changed since you opened the page. Look at it again.")
			return
		}
		d.Brownouts = slices.Delete(slices.Clone(d.Brownouts), i, i+1)
	})
}

// Keep takes a deprecation back.
func (o *OwnerChanges) Keep(r *Request) (Reply, error) {
	api, d, err := o.deprecation(r)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.KeepOperation(r.Context(), r.Actor(), api.ID, d.ID, r.Now), deprecationsPath(api.ID), deprecationsPath(api.ID), "Taken back: it stays. Who was told that it goes is told that, too.")
}
