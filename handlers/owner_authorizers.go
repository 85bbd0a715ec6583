package handlers

import (
	"context"
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

func listOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
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
