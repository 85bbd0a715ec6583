package handlers

import (
	"context"
	"net/url"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/admin"
	"gatehouse/templates/ui"
)

// AuditStore is what the audit log's page needs of the store.
type AuditStore interface {
	Events(ctx context.Context, viewer models.Account, f models.EventFilter, p models.Page) (models.List[models.Event], error)
}

// Audit is the audit log: who did what, when. Owners see theirs, administrators see all; the page is the same.
type Audit struct{ Store AuditStore }

// Show lists events, newest first, narrowed by ?actor=, ?action=, ?object=, ?credential= (id of an access key), ?from= and ?to= (days of the reader's zone, both included).
func (a *Audit) Show(r *Request) (Reply, error) {
	f, problems := auditFilter(r)
	v := admin.AuditView{
		Action: r.URL.Path, Actor: f.Actor, Verb: f.Action, Object: f.Object, Credential: f.Credential, From: r.Query("from"), To: r.Query("to"), Actions: auditActions(),
		Problems: problems, Pills: auditPills(r), All: r.Account.Role == models.RoleAdmin, Now: r.Now,
	}
	page := r.layout("Audit log", ui.Crumb{})
	if len(problems) > 0 {
		return Again(admin.Audit(page, v)), nil
	}
	p := r.Page()
	list, err := a.Store.Events(r.Context(), r.Account, f, p)
	if err != nil {
		return Reply{}, err
	}
	v.Pages = listPages(r, p, list.Next)
	for _, e := range list.Items {
		v.Events = append(v.Events, eventView(r, e))
	}
	return Page(admin.Audit(page, v)), nil
}

func auditFilter(r *Request) (models.EventFilter, []ui.FieldError) {
	f := models.EventFilter{
		Actor: strings.TrimSpace(r.Query("actor")), Action: strings.TrimSpace(r.Query("action")), Object: strings.TrimSpace(r.Query("object")),
		Credential: strings.TrimSpace(r.Query("credential")),
	}
	var problems []ui.FieldError
	day := func(name string) time.Time {
		text := strings.TrimSpace(r.Query(name))
		if text == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation(time.DateOnly, text, r.Here().Location())
		if err != nil {
			problems = append(problems, ui.FieldError{Field: "f-" + name, Text: "Enter a day such as 2026-11-23."})
		}
		return t
	}
	f.From, f.To = day("from"), day("to")
	if !f.To.IsZero() {
		f.To = f.To.AddDate(0, 0, 1)
		if len(problems) == 0 && !f.From.Before(f.To) {
			problems = append(problems, ui.FieldError{Field: "f-to", Text: "The last day is before the first one."})
		}
	}
	return f, problems
}

// auditPills are the filters in force; each one's link is the page without it.
func auditPills(r *Request) []ui.Pill {
	var pills []ui.Pill
	for _, name := range []string{"actor", "action", "object", "credential", "from", "to"} {
		value := strings.TrimSpace(r.Query(name))
		if value == "" {
			continue
		}
		q := r.URL.Query()
		q.Del(name)
		q.Del("after")
		pills = append(pills, ui.Pill{Label: pillName(name) + ": " + value, RemoveHref: r.URL.Path + "?" + q.Encode()})
	}
	return pills
}

// pillName is what people call a filter.
func pillName(name string) string {
	if name == "credential" {
		return "access key"
	}
	return name
}

// auditActions are the beginnings of actions that the filter offers: the kinds of things that events are about.
func auditActions() []ui.Option {
	return []ui.Option{
		{Value: "", Label: "Everything"}, {Value: "access_key.", Label: "Access keys"}, {Value: "account.", Label: "Accounts"}, {Value: "alert.", Label: "Alerts"}, {Value: "api.", Label: "APIs"}, {Value: "app.", Label: "Apps"}, {Value: "authorizer.", Label: "Authorizers"},
		{Value: "backup.", Label: "Backups"}, {Value: "changelog.", Label: "Changelogs"}, {Value: "deployment.", Label: "Deployments"}, {Value: "deprecation.", Label: "Deprecations"}, {Value: "document.", Label: "Documents"}, {Value: "domain.", Label: "Domains"}, {Value: "guide.", Label: "Guides"},
		{Value: "key.", Label: "Keys"}, {Value: "look.", Label: "Look"}, {Value: "mail.", Label: "Mails"}, {Value: "method.", Label: "Methods"}, {Value: "link.", Label: "One-time links"},
		{Value: "plan.", Label: "Plans"}, {Value: "session.", Label: "Sessions"}, {Value: "settings.", Label: "Settings"},
		{Value: "stage.", Label: "Stages"}, {Value: "subscription.", Label: "Subscriptions"}, {Value: "webhook.", Label: "Webhooks"},
	}
}

func eventView(r *Request, e models.Event) admin.EventView {
	v := admin.EventView{
		ID: e.ID.String(), At: e.At, Actor: e.Actor, ActorHref: auditLink(r, "actor", e.Actor), Action: e.Action, Words: actionWords(e.Action),
		Icon: kindIcon(e.ObjectKind), Kind: kindWords(e), Object: e.ObjectName, Address: e.Address, RequestID: e.RequestID, Changes: changesOf(e.Before, e.After),
	}
	if v.Object == "" {
		v.Object = e.ObjectID
	}
	if e.Credential != "" {
		v.Credential, v.CredentialHref = e.Credential, auditLink(r, "credential", e.Credential)
	}
	if e.ObjectID != "" {
		v.ObjectHref = auditLink(r, "object", e.ObjectID)
	}
	return v
}

// auditLink narrows the log, beside the filters in force.
func auditLink(r *Request, name, value string) string {
	q := url.Values{}
	for _, kept := range []string{"actor", "action", "object", "credential", "from", "to"} {
		if text := r.Query(kept); text != "" {
			q.Set(kept, text)
		}
	}
	q.Set(name, value)
	return r.URL.Path + "?" + q.Encode()
}

// kindWords names what an event is about, between what was done to it and its name; "" where either says it.
func kindWords(e models.Event) string {
	switch e.ObjectKind {
	case "api":
		return "API"
	case "changelog":
		return "changelog entry"
	case "deprecation", "import", "look", "settings": // "GET /users", "stage prod", "200 lines of keys.csv"
		return ""
	case "key":
		if e.ObjectID == "" { // of several: "120 keys"
			return ""
		}
	}
	return e.ObjectKind
}

func kindIcon(kind string) string {
	switch kind {
	case "account":
		return "user-round"
	case "alert":
		return "bell"
	case "api":
		return "boxes"
	case "app":
		return "smartphone"
	case "key", "access key":
		return "key-round"
	case "link":
		return "link"
	case "look":
		return "palette"
	case "mail":
		return "mail"
	case "plan":
		return "layers"
	case "settings":
		return "settings"
	case "stage", "deployment":
		return "rocket"
	case "subscription":
		return "ticket-check"
	case "webhook":
		return "webhook"
	}
	return "history"
}
