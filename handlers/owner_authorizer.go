package handlers

import (
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
