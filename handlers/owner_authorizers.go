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

// OwnerAuthorizerStore is what the pages of authorizers need of the store.
type OwnerAuthorizerStore interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	Methods(ctx context.Context, owner models.AccountID, id models.APIID) ([]models.Method, error)
	Authorizers(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Authorizer, error)
	Authorizer(ctx context.Context, owner models.AccountID, api models.APIID, id models.AuthorizerID) (models.Authorizer, error)
	AuthorizerUses(ctx context.Context, owner models.AccountID, api models.APIID) (map[models.AuthorizerID]models.AuthorizerUse, error)
	SaveAuthorizer(ctx context.Context, actor models.Actor, in models.Authorizer, secret *string, now time.Time) (models.Authorizer, error)
	FlushAuthorizers(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, now time.Time) error
	DeleteAuthorizer(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, now time.Time) error
	SetDefaultAuthorizer(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, now time.Time) error
	SetAuthorization(ctx context.Context, actor models.Actor, api models.APIID, ids []models.MethodID, to models.MethodAuthorization, now time.Time) error
}

// AuthorizerTester asks an authorizer about what its owner enters. The gateway implements it.
type AuthorizerTester interface {
	TryAuthorizer(ctx context.Context, api models.APIID, id models.AuthorizerID, values []string) (models.AuthorizerTrial, error)
}

// OwnerAuthorizers is where owners say who decides about the callers of an API.
type OwnerAuthorizers struct {
	Store     OwnerAuthorizerStore
	Tester    AuthorizerTester
	Addresses AddressChecker
}

func authorizersPath(api models.APIID) string { return ownerAPIPath(api) + "/authorizers" }

func authorizerPath(api models.APIID, id models.AuthorizerID) string {
	return authorizersPath(api) + "/" + id.String()
}

func authorizerNames(list []models.Authorizer) map[models.AuthorizerID]string {
	names := make(map[models.AuthorizerID]string, len(list))
	for _, a := range list {
		names[a.ID] = a.Name
	}
	return names
}

func (o *OwnerAuthorizers) api(r *Request) (models.API, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return models.API{}, err
	}
	return o.Store.API(r.Context(), r.Account.ID, id)
}

func (o *OwnerAuthorizers) authorizer(r *Request) (api models.API, a models.Authorizer, err error) {
	if api, err = o.api(r); err != nil {
		return api, a, err
	}
	id, err := param[models.Authorizer](r, "authorizer")
	if err != nil {
		return api, a, err
	}
	a, err = o.Store.Authorizer(r.Context(), r.Account.ID, api.ID, id)
	return api, a, err
}

func authorizerCrumbs(api models.API, more ...ui.Crumb) []ui.Crumb {
	return append([]ui.Crumb{apisCrumb(), {Label: api.Name, Href: ownerAPIPath(api.ID)}}, more...)
}

// List is an API's authorizers, and which methods ask them.
func (o *OwnerAuthorizers) List(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.listPage(r, api, NewForm("q", r.Query("q"), "from", r.Query("from")))
	return Page(page), err
}

// listPage is the list with the form for methods, whose fields q and from are the part of them that it has.
func (o *OwnerAuthorizers) listPage(r *Request, api models.API, f *Form) (templ.Component, error) {
	list, err := o.Store.Authorizers(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, err
	}
	uses, err := o.Store.AuthorizerUses(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, err
	}
	v := owner.AuthorizersView{API: api.Name, Href: authorizersPath(api.ID), Full: len(list) >= models.MaxAuthorizers, Default: api.Authorizer.String(), Query: f.Trimmed("q")}
	v.Defaults = []ui.Option{{Value: "", Label: "None"}}
	v.Choices = []ui.Option{{Value: "", Label: "The default"}, {Value: "none", Label: "None"}}
	for _, a := range list {
		v.Rows = append(v.Rows, owner.AuthorizerRow{Name: a.Name, Href: authorizerPath(api.ID, a.ID), Kind: authorizerKind(a), What: authorizerAddress(a), Uses: useWords(uses[a.ID])})
		choice := ui.Option{Value: a.ID.String(), Label: a.Name}
		v.Defaults, v.Choices = append(v.Defaults, choice), append(v.Choices, choice)
	}
	if len(list) > 0 {
		methods, err := o.Store.Methods(r.Context(), r.Account.ID, api.ID)
		if err != nil {
			return nil, err
		}
		authorizedRows(f.Get("from"), &v, methods, authorizerNames(list), api.Authorizer)
	}
	return owner.Authorizers(r.layout("Authorizers", authorizerCrumbs(api, ui.Crumb{})...), v, f), nil
}

// authorizedRows is the part of the methods that is asked for, from the one of that number.
func authorizedRows(start string, v *owner.AuthorizersView, methods []models.Method, names map[models.AuthorizerID]string, byDefault models.AuthorizerID) {
	var found []models.Method
	for _, m := range methods {
		if v.Query == "" || strings.Contains(strings.ToLower(m.Name()+" "+m.Summary), strings.ToLower(v.Query)) {
			found = append(found, m)
		}
	}
	from, err := strconv.Atoi(start)
	if err != nil || from < 0 || from >= len(found) {
		from = 0
	}
	to := min(len(found), from+methodsOnPage)
	for _, m := range found[from:to] {
		row := owner.AuthorizedMethod{ID: m.ID.String(), Verb: m.Verb, Path: m.Path, Name: m.Name(), By: names[m.Authorizer], Scopes: strings.Join(m.Scopes, " "), Key: m.KeyRequired}
		switch {
		case m.NoAuthorizer:
			row.By, row.None = "None", true
		case m.Authorizer == 0 && byDefault == 0:
			row.By, row.None = "None, the default", true
		case m.Authorizer == 0:
			row.By = names[byDefault] + ", the default"
		}
		v.Methods = append(v.Methods, row)
	}
	if from > 0 {
		v.From = strconv.Itoa(from)
		v.Pages.Prev = pathWith(v.Href, "q", v.Query, "from", strconv.Itoa(max(0, from-methodsOnPage))) + "#methods"
	}
	if to < len(found) {
		v.Pages.Next = pathWith(v.Href, "q", v.Query, "from", strconv.Itoa(to)) + "#methods"
	}
	if len(found) > methodsOnPage {
		v.Pages.Summary = format.Count(int64(from+1)) + "–" + format.Count(int64(to)) + " of " + count(len(found), "method")
	}
}

func authorizerKind(a models.Authorizer) string {
	if a.Kind == models.AuthorizerJWT {
		return "Tokens of an issuer"
	}
	return "Answers of a service"
}

func authorizerAddress(a models.Authorizer) string {
	if a.Kind == models.AuthorizerJWT {
		return a.JWT.Issuer
	}
	return a.HTTP.URL
}

// useWords says what asks an authorizer.
func useWords(u models.AuthorizerUse) string {
	var parts []string
	if u.Default {
		parts = append(parts, "the API's default")
	}
	if u.Methods > 0 {
		parts = append(parts, count(u.Methods, "method"))
	}
	if len(u.Stages) > 0 {
		parts = append(parts, "deployed to "+strings.Join(u.Stages, ", "))
	}
	if len(parts) == 0 {
		return "Nothing asks it yet"
	}
	text := strings.Join(parts, ", ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// New is the form of an authorizer to be, of the kind that ?kind= names.
func (o *OwnerAuthorizers) New(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	a := models.Authorizer{APIID: api.ID, Kind: models.AuthorizerJWT, TTL: models.DefaultAuthorizerTTL, Identity: models.Identity{Headers: []string{"Authorization"}}}
	a.JWT.Leeway = models.DefaultLeeway
	if r.Query("kind") == string(models.AuthorizerHTTP) {
		a.Kind, a.JWT = models.AuthorizerHTTP, models.JWTSettings{}
		a.HTTP = models.HTTPSettings{Verb: "POST", Timeout: models.DefaultAuthorizerTimeout, Reuse: models.ReuseMethod}
	}
	return Page(o.formPage(r, api, a, models.AuthorizerUse{}, authorizerForm(a), nil)), nil
}

// Show is an authorizer.
func (o *OwnerAuthorizers) Show(r *Request) (Reply, error) {
	api, a, err := o.authorizer(r)
	if err != nil {
		return Reply{}, err
	}
	uses, err := o.Store.AuthorizerUses(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	return Page(o.formPage(r, api, a, uses[a.ID], authorizerForm(a), nil)), nil
}

// Create makes an authorizer.
func (o *OwnerAuthorizers) Create(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	return o.save(r, api, models.Authorizer{APIID: api.ID})
}

// Save changes an authorizer.
func (o *OwnerAuthorizers) Save(r *Request) (Reply, error) {
	api, a, err := o.authorizer(r)
	if err != nil {
		return Reply{}, err
	}
	return o.save(r, api, a)
}

func (o *OwnerAuthorizers) save(r *Request, api models.API, was models.Authorizer) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	a := readAuthorizer(f, was)
	var secret *string
	if typed := f.Get("secret"); typed != "" {
		secret = &typed
	}
	doubt := ""
	if _, err := a.Clean(); err != nil && !f.Accept(err) {
		return Reply{}, err
	}
	if f.OK() {
		doubt = o.checkAddresses(r, f, a)
	}
	if f.OK() {
		saved, err := o.Store.SaveAuthorizer(r.Context(), r.Actor(), a, secret, r.Now)
		if err == nil {
			message := "Saved. Methods that ask it are judged by it at once."
			if was.ID == 0 {
				message = saved.Name + " is made. Try it below, then say which methods ask it."
			}
			return r.Done(authorizerPath(api.ID, saved.ID), message+doubt), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	a.HasSecret = was.HasSecret
	return Again(o.formPage(r, api, a, models.AuthorizerUse{}, f, nil)), nil
}

// checkAddresses tells early what the dialer would say later; doubt is what is no mistake.
func (o *OwnerAuthorizers) checkAddresses(r *Request, f *Form, a models.Authorizer) (doubt string) {
	field, address := "url", a.HTTP.URL
	if a.Kind == models.AuthorizerJWT {
		if field, address = "jwks", a.JWT.JWKS; address == "" {
			field, address = "issuer", a.JWT.Issuer
		}
	}
	if _, err := a.Clean(); err != nil || o.Addresses == nil {
		return "" // the store says what is wrong
	}
	missing, err := upstreamAllowed(r.Context(), o.Addresses, address)
	if err != nil {
		f.Fail(field, models.Sentence(err))
	}
	if missing != "" {
		return " Its host has no address now: callers get 503 until it has one."
	}
	return ""
}

func listOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

// wholeSeconds reads a whole number of seconds, or notes a mistake.
func wholeSeconds(f *Form, name string) time.Duration {
	n, err := strconv.Atoi(f.Trimmed(name))
	if err != nil || n < 0 || n > 1<<20 {
		f.Fail(name, "Enter whole seconds.")
		return 0
	}
	return time.Duration(n) * time.Second
}

func readAuthorizer(f *Form, was models.Authorizer) models.Authorizer {
	a := models.Authorizer{
		ID: was.ID, APIID: was.APIID, Name: f.Trimmed("name"), Kind: models.AuthorizerKind(f.Get("kind")), Forward: f.Checked("forward"), TTL: wholeSeconds(f, "ttl"),
		Identity: models.Identity{Headers: listOf(f.Get("headers")), Query: listOf(f.Get("query")), Pattern: f.Trimmed("pattern")},
	}
	switch a.Kind {
	case models.AuthorizerJWT:
		a.JWT = models.JWTSettings{
			Issuer: f.Get("issuer"), JWKS: f.Get("jwks"), Audiences: strings.Split(strings.ReplaceAll(f.Get("audiences"), "\r", ""), "\n"), Algorithms: f.All("algorithms"), Leeway: wholeSeconds(f, "leeway"),
			KeyClaim: f.Get("key_claim"), KeyIs: models.KeyNaming(f.Get("key_is")), Claims: listOf(f.Get("claims")),
		}
	case models.AuthorizerHTTP:
		ms, err := strconv.Atoi(f.Trimmed("timeout"))
		if err != nil || ms <= 0 || ms > 1<<20 {
			f.Fail("timeout", "Enter 100 to 29,000 milliseconds.")
		}
		a.HTTP = models.HTTPSettings{URL: f.Get("url"), Verb: f.Get("verb"), Timeout: time.Duration(ms) * time.Millisecond, Reuse: models.AuthorizerUses(f.Get("reuse")), SecretHeader: f.Get("secret_header")}
	}
	return a
}

func authorizerForm(a models.Authorizer) *Form {
	whole := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	f := NewForm("name", a.Name, "kind", string(a.Kind), "headers", strings.Join(a.Identity.Headers, ", "), "query", strings.Join(a.Identity.Query, ", "), "pattern", a.Identity.Pattern, "ttl", whole(a.TTL),
		"issuer", a.JWT.Issuer, "jwks", a.JWT.JWKS, "audiences", strings.Join(a.JWT.Audiences, "\n"), "leeway", whole(a.JWT.Leeway), "key_claim", a.JWT.KeyClaim, "key_is", string(a.JWT.KeyIs), "claims", strings.Join(a.JWT.Claims, ", "),
		"url", a.HTTP.URL, "verb", a.HTTP.Verb, "timeout", strconv.Itoa(int(a.HTTP.Timeout/time.Millisecond)), "reuse", string(a.HTTP.Reuse), "secret_header", a.HTTP.SecretHeader)
	if a.Forward {
		f.Set("forward", "on")
	}
	taken := a.JWT.Algorithms
	if len(taken) == 0 {
		taken = models.JWTAlgorithms
	}
	for _, name := range taken {
		f.Add("algorithms", name)
	}
	return f
}

func (o *OwnerAuthorizers) formPage(r *Request, api models.API, a models.Authorizer, use models.AuthorizerUse, f *Form, trial *owner.AuthorizerTrial) templ.Component {
	v := owner.AuthorizerView{API: api.Name, List: authorizersPath(api.ID), JWT: a.Kind != models.AuthorizerHTTP, Algorithms: models.JWTAlgorithms, HasSecret: a.HasSecret, Now: r.Now, Trial: trial}
	title := "New authorizer"
	if v.Action = v.List; a.ID != 0 {
		title = a.Name
		v.Name, v.Action = a.Name, authorizerPath(api.ID, a.ID)
		v.Flush, v.Delete, v.Test, v.Uses = v.Action+"/flush", v.Action+"/delete", v.Action+"/test", useWords(use)+"."
		v.Sources = append(slices.Clone(a.Identity.Headers), a.Identity.Query...)
	}
	for _, name := range []string{"headers", "query", "pattern", "ttl", "claims", "leeway", "key_claim", "algorithms"} {
		v.Open = v.Open || f.Error(name) != ""
	}
	return owner.Authorizer(r.layout(title, authorizerCrumbs(api, ui.Crumb{Label: "Authorizers", Href: v.List}, ui.Crumb{})...), v, f)
}

// Test says what the authorizer makes of what is entered. Nothing is kept, and what was entered is not shown again.
func (o *OwnerAuthorizers) Test(r *Request) (Reply, error) {
	api, a, err := o.authorizer(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	values := make([]string, 0, 1)
	for _, v := range f.All("source") {
		values = append(values, strings.TrimSpace(v))
	}
	uses, err := o.Store.AuthorizerUses(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	trial, err := o.Tester.TryAuthorizer(r.Context(), api.ID, a.ID, values)
	if models.KindOf(err) == models.KindConflict {
		return r.Sorry(authorizerPath(api.ID, a.ID), models.Sentence(err)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return Page(o.formPage(r, api, a, uses[a.ID], authorizerForm(a), trialView(trial))), nil
}

func trialView(t models.AuthorizerTrial) *owner.AuthorizerTrial {
	v := &owner.AuthorizerTrial{Kind: ui.OK, Words: "It would pass."}
	switch {
	case t.Allowed:
	case t.Refused:
		v.Kind, v.Words, v.Detail = ui.Warn, "It would be refused.", t.Reason
	default:
		v.Kind, v.Words, v.Detail = ui.Bad, "The authorizer could not be asked: callers get 503.", t.Reason
	}
	fact := func(name, value string) {
		if value != "" {
			v.Facts = append(v.Facts, ui.Definition{Term: name, Text: value})
		}
	}
	fact("What went wrong", t.Fault)
	fact("Who calls", t.Principal)
	fact("Scopes", strings.Join(t.Scopes, " "))
	for _, told := range t.Told {
		fact(told.Name, told.Value)
	}
	if t.HasKey {
		fact("API key", "named")
	}
	if !t.Until.IsZero() {
		fact("Holds until", t.Until.UTC().Format("2 January 2006 15:04:05 UTC"))
	}
	fact("Took", format.Latency(t.Took))
	return v
}

// Flush forgets the kept answers of an authorizer.
func (o *OwnerAuthorizers) Flush(r *Request) (Reply, error) {
	api, a, err := o.authorizer(r)
	if err != nil {
		return Reply{}, err
	}
	back := authorizerPath(api.ID, a.ID)
	return ownerDone(r, o.Store.FlushAuthorizers(r.Context(), r.Actor(), api.ID, a.ID, r.Now), back, back, "Forgotten: each caller is judged anew.")
}

// FlushAll forgets those of all.
func (o *OwnerAuthorizers) FlushAll(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	back := authorizersPath(api.ID)
	return ownerDone(r, o.Store.FlushAuthorizers(r.Context(), r.Actor(), api.ID, 0, r.Now), back, back, "Forgotten: each caller is judged anew.")
}

// Default says who is asked for methods that say nothing else.
func (o *OwnerAuthorizers) Default(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	id, err := chosenAuthorizer(f)
	if err != nil {
		return Reply{}, err
	}
	back := authorizersPath(api.ID)
	return ownerDone(r, o.Store.SetDefaultAuthorizer(r.Context(), r.Actor(), api.ID, id, r.Now), back, back+"#methods", "The default is saved. Deploy to bring it to callers.")
}

func chosenAuthorizer(f *Form) (models.AuthorizerID, error) {
	text := f.Get("authorizer")
	if text == "" {
		return 0, nil
	}
	id, err := models.ParseID[models.Authorizer](text)
	if err != nil {
		return 0, models.NotFound("authorizer")
	}
	return id, nil
}

// Methods says who is asked for some methods, or all.
func (o *OwnerAuthorizers) Methods(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	to := models.MethodAuthorization{Scopes: strings.Fields(f.Get("scopes"))}
	if to.NoAuthorizer = f.Get("authorizer") == "none"; !to.NoAuthorizer {
		if to.Authorizer, err = chosenAuthorizer(f); err != nil {
			return Reply{}, err
		}
	}
	back := pathWith(authorizersPath(api.ID), "q", f.Trimmed("q"), "from", f.Get("from")) + "#methods"
	var ids []models.MethodID
	if f.Get("action") != "all" {
		ids = []models.MethodID{}
		for _, text := range f.All("method") {
			id, err := models.ParseID[models.Method](text)
			if err != nil {
				return Reply{}, models.NotFound("method")
			}
			ids = append(ids, id)
		}
		if len(ids) == 0 {
			f.Fail("method", "Tick the methods that are meant first.")
		}
	}
	if f.OK() {
		err := o.Store.SetAuthorization(r.Context(), r.Actor(), api.ID, ids, to, r.Now)
		if err == nil {
			return r.Done(back, "Saved. Deploy to bring it to callers."), nil
		}
		if !f.Accept(err) {
			return Reply{}, err
		}
	}
	page, err := o.listPage(r, api, f)
	return Again(page), err
}

// DeleteForm asks first.
func (o *OwnerAuthorizers) DeleteForm(r *Request) (Reply, error) {
	api, a, err := o.authorizer(r)
	if err != nil {
		return Reply{}, err
	}
	path := authorizerPath(api.ID, a.ID)
	c := ui.Confirm{Title: "Delete " + a.Name + "?", Action: path + "/delete", Button: "Delete authorizer", Danger: true, Cancel: path,
		Text: "Nothing may ask it any more: not a method, not the API's default, not what is deployed. Deployments that asked it cannot be used again."}
	return Page(owner.Confirm(r.layout("Delete authorizer", authorizerCrumbs(api, ui.Crumb{Label: "Authorizers", Href: authorizersPath(api.ID)}, ui.Crumb{Label: a.Name, Href: path}, ui.Crumb{})...), c)), nil
}

// Delete deletes an authorizer that nothing asks.
func (o *OwnerAuthorizers) Delete(r *Request) (Reply, error) {
	api, a, err := o.authorizer(r)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.DeleteAuthorizer(r.Context(), r.Actor(), api.ID, a.ID, r.Now), authorizerPath(api.ID, a.ID), authorizersPath(api.ID), a.Name+" is deleted.")
}
