package handlers

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/requestlog"
	"gatehouse/templates/ui"
)

// logQuestion is what a URL asks of the log.
type logQuestion struct {
	models.LogQuestion
	path     string // of the page
	owner    bool
	reader   models.AccountID
	filters  url.Values // in force, without the place
	rangeOf  string     // "24h"; empty: none is chosen
	pills    []ui.Pill
	problems []ui.FieldError
	paused   bool
	subtitle string
	keys     []ui.Option
	apis     []ui.Option
	apps     []requestlog.App // nil: there is no choice
}

// logRanges are what people choose from. The log is not long: without a choice all of it is looked at.
var logRanges = [...]struct {
	name string
	span time.Duration
}{{"1h", time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}}

// logFilters are the parameters of the URL that narrow the log, in the order of their pills.
var logFilters = []string{"app", "key", "customer", "api", "plan", "stage", "operation", "outcome", "status", "method", "path", "range", "from", "to"}

// question reads what is asked. Whose requests may be seen is decided here, by the account alone: an owner's are those of his APIs, a developer's those of
// his apps' keys.
func (h *Logs) question(r *Request) (q *logQuestion, err error) {
	q = &logQuestion{path: ownLog, owner: r.hat() == ownerHat, reader: r.Account.ID, filters: url.Values{}, paused: r.Query("live") == pausedLiveView}
	q.Limit, q.Before = logRows, r.Query("before")
	for _, name := range logFilters {
		if text := strings.TrimSpace(r.Query(name)); text != "" {
			q.filters.Set(name, text)
		}
	}
	if chosen := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(r.URL.Query()["app"]))), func(id string) bool { return id == "" }); len(chosen) > 0 {
		q.filters["app"] = chosen
	}
	if q.owner {
		q.path = ownersLog
		err = h.ofOwner(r, q)
	} else {
		err = h.ofDeveloper(r, q)
	}
	if err != nil {
		return nil, err
	}
	q.subtitle = h.subtitle(q.owner)
	if err := h.whose(r, q); err != nil {
		return nil, err
	}
	q.what()
	q.when(r)
	return q, nil
}

func (h *Logs) ofOwner(r *Request, q *logQuestion) error {
	all, err := h.Store.LogAPIsOf(r.Context(), r.Account.ID)
	if err != nil {
		return err
	}
	q.APIs, q.apis = []models.APIID{}, []ui.Option{{Value: "", Label: "All APIs"}}
	for _, a := range all {
		q.APIs = append(q.APIs, a.ID)
		q.apis = append(q.apis, ui.Option{Value: a.Slug, Label: a.Name})
	}
	slug := q.filters.Get("api")
	if slug == "" {
		return nil
	}
	at := slices.IndexFunc(all, func(a models.LogAPI) bool { return a.Slug == slug })
	if at < 0 {
		return models.NotFound("API")
	}
	q.API = all[at].ID
	q.pill("api", "API: "+all[at].Name)
	return nil
}

func (h *Logs) ofDeveloper(r *Request, q *logQuestion) error {
	apps, err := h.Store.LogAppsOf(r.Context(), r.Account.ID)
	if err != nil {
		return err
	}
	if err := q.ofApps(apps); err != nil {
		return err
	}
	list, err := h.Store.AccountKeys(r.Context(), r.Account.ID, models.Page{Limit: logKeys})
	if err != nil {
		return err
	}
	q.keys = []ui.Option{{Value: "", Label: "All keys"}}
	for _, k := range list.Items {
		q.keys = append(q.keys, ui.Option{Value: k.ID.String(), Label: k.Name})
	}
	slug := q.filters.Get("api")
	if slug == "" {
		return nil
	}
	q.pill("api", "API: "+slug) // never its name: there may be an API of this slug that is not for the reader to know of
	api, err := h.Store.LogAPIBySlug(r.Context(), slug)
	if err != nil {
		return err
	}
	if q.API = api.ID; api.ID == 0 {
		q.Apps = []models.AppID{} // no such API: nothing
	}
	return nil
}

// ofApps reads ?app=, which may stand there several times. What is not an app of the reader's is not found.
func (q *logQuestion) ofApps(own []models.LogApp) error {
	q.Apps = []models.AppID{}
	chosen := q.filters["app"]
	found := 0
	for _, a := range own {
		id := a.ID.String()
		isChosen := slices.Contains(chosen, id)
		if isChosen {
			found++
			q.pills = append(q.pills, ui.Pill{Label: "App: " + a.Name, RemoveHref: q.withoutApp(id)})
		}
		if isChosen || len(chosen) == 0 {
			q.Apps = append(q.Apps, a.ID)
		}
		if isChosen || len(q.apps) < logApps {
			q.apps = append(q.apps, requestlog.App{ID: id, Name: a.Name, Chosen: isChosen})
		}
	}
	if found < len(chosen) {
		return models.NotFound("app")
	}
	if len(q.apps) < 2 {
		q.apps = nil
	}
	return nil
}

// withoutApp is the page without one of several apps.
func (q *logQuestion) withoutApp(id string) string {
	rest := merged(q.filters)
	rest["app"] = slices.DeleteFunc(slices.Clone(rest["app"]), func(has string) bool { return has == id })
	return pathOf(q.path, rest)
}

// whose reads ?key=, ?customer= and ?plan=, and where: ?stage= and ?operation=. What is not the reader's is not found; but a stranger's key that calls an owner's API has an id in his log.
func (h *Logs) whose(r *Request, q *logQuestion) error {
	if text := q.filters.Get("key"); text != "" {
		id, err := models.ParseID[models.Key](text)
		if err != nil {
			return models.NotFound("key")
		}
		keys, err := h.Store.LogKeys(r.Context(), r.Account.ID, []models.KeyID{id})
		if err != nil {
			return err
		}
		name := text
		if len(keys) > 0 {
			name = keys[0].Name
		} else if !q.owner {
			return models.NotFound("key")
		}
		q.Keys = []models.KeyID{id}
		q.pill("key", "Key: "+name)
		if !q.owner && !slices.ContainsFunc(q.keys, func(o ui.Option) bool { return o.Value == text }) {
			q.keys = append(q.keys, ui.Option{Value: text, Label: name})
		}
	}
	if err := h.ofCustomer(r, q); err != nil {
		return err
	}
	return h.ofNamed(r, q)
}

// ofCustomer reads ?customer=, of owners: by whose apps or keys the requests are.
func (h *Logs) ofCustomer(r *Request, q *logQuestion) error {
	text := q.filters.Get("customer")
	if text == "" {
		return nil
	}
	id, err := models.ParseID[models.Consumer](text)
	if err != nil || !q.owner {
		return models.NotFound("customer")
	}
	c, err := h.Store.Consumer(r.Context(), r.Account.ID, id)
	if err != nil {
		return err
	}
	apps, keys, err := h.Store.LogCustomer(r.Context(), r.Account.ID, id)
	if err != nil {
		return err
	}
	if q.Callers = apps; len(q.Keys) == 0 {
		q.Keys = keys
	} else if keys != nil && !slices.Contains(keys, q.Keys[0]) {
		q.Keys = []models.KeyID{} // another's key
	}
	q.pill("customer", "Customer: "+consumerName(c))
	return nil
}

// ofNamed reads the filters that are ids, and names them where the reader may know the name. A plan that is not his, or that he never subscribed to, is not found; of
// stages and operations nothing is told but his own requests.
func (h *Logs) ofNamed(r *Request, q *logQuestion) (err error) {
	if text := q.filters.Get("plan"); text != "" {
		if q.Plan, err = models.ParseID[models.Plan](text); err != nil {
			return models.NotFound("plan")
		}
	}
	if text := q.filters.Get("stage"); text != "" {
		if q.Stage, err = models.ParseID[models.Stage](text); err != nil {
			return models.NotFound("stage")
		}
	}
	if text := q.filters.Get("operation"); text != "" {
		if q.Method, err = models.ParseID[models.Method](text); err != nil {
			return models.NotFound("operation")
		}
	}
	if q.Plan == 0 && q.Stage == 0 && q.Method == 0 {
		return nil
	}
	names, err := h.Store.LogNames(r.Context(), r.Account.ID, q.LogQuestion)
	if err != nil {
		return err
	}
	if q.Plan != 0 {
		if q.owner {
			_, err = h.Store.Plan(r.Context(), r.Account.ID, q.Plan)
		}
		if err != nil {
			return err
		}
		if names.Plan == "" {
			return models.NotFound("plan")
		}
		q.pill("plan", "Plan: "+names.Plan)
	}
	if q.Stage != 0 {
		q.pill("stage", "Stage: "+cmp.Or(names.Stage, q.Stage.String()))
	}
	if q.Method != 0 {
		q.pill("operation", "Operation: "+cmp.Or(names.Method, q.Method.String()))
	}
	return nil
}

// what reads ?outcome=, ?status=, ?method= and ?path=.
func (q *logQuestion) what() {
	if text := q.filters.Get("outcome"); text != "" {
		var names []string
		for name := range strings.SplitSeq(text, ",") {
			o, ok := models.ParseOutcome(name)
			if !ok {
				q.problem("outcome", "There is no outcome "+strconv.Quote(name)+".")
				continue
			}
			q.Outcomes, names = append(q.Outcomes, o), append(names, outcomeTexts[o].name)
		}
		q.pill("outcome", "Outcome: "+strings.Join(names, " or "))
	}
	if text := q.filters.Get("status"); text != "" {
		var ok bool
		if q.StatusFrom, q.StatusTo, ok = parseStatus(text); !ok {
			q.problem("status", "Enter a status such as 429 or 4xx.")
		}
		q.pill("status", "Status: "+text)
	}
	if text := q.filters.Get("method"); text != "" {
		q.Verb = strings.ToUpper(text)
		q.pill("method", "Method: "+q.Verb)
	}
	if q.Path = q.filters.Get("path"); q.Path != "" {
		q.pill("path", "Path contains: "+q.Path)
	}
}

// parseStatus reads "429" and "4xx".
func parseStatus(text string) (from, to int, ok bool) {
	if class, found := strings.CutSuffix(strings.ToLower(text), "xx"); found && len(class) == 1 && class >= "1" && class <= "5" {
		from = int(class[0]-'0') * 100
		return from, from + 99, true
	}
	n, err := strconv.Atoi(text)
	return n, n, err == nil && n >= 100 && n <= 999
}

// when reads ?range=, or ?from= and ?to=.
func (q *logQuestion) when(r *Request) {
	for _, span := range logRanges {
		if q.filters.Get("range") == span.name {
			q.rangeOf, q.From = span.name, r.Now.Add(-span.span)
			q.filters.Del("from")
			q.filters.Del("to")
			q.pills = append(q.pills, ui.Pill{Label: "Last " + span.name, RemoveHref: q.without("range")})
			return
		}
	}
	q.filters.Del("range")
	moment := func(name, word string) (t time.Time) {
		text := q.filters.Get(name)
		if text == "" {
			return t
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			q.problem(name, "Enter a time such as 2026-11-23T14:00:00Z.")
			return t
		}
		q.pill(name, word+" "+format.Moment(r.Local(t)))
		return t
	}
	q.From, q.To = moment("from", "From"), moment("to", "Before")
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		q.problem("to", "The end is not behind the beginning.")
	}
}

func (q *logQuestion) problem(name, text string) {
	q.problems = append(q.problems, ui.FieldError{Field: "f-" + name, Text: text})
}

// pill is a filter in force.
func (q *logQuestion) pill(name, label string) {
	q.pills = append(q.pills, ui.Pill{Label: label, RemoveHref: q.without(name)})
}

// without is the page without a filter, at its beginning.
func (q *logQuestion) without(name string) string {
	rest := url.Values{}
	for n, v := range q.filters {
		if n != name {
			rest[n] = v
		}
	}
	return pathOf(q.path, rest)
}

// with is the page with something besides its filters, or without it.
func (q *logQuestion) with(name, value string) string {
	all := merged(q.filters)
	if all.Del(name); value != "" {
		all.Set(name, value)
	}
	return pathOf(q.path, all)
}

func pathOf(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// view is the page before anything was found.
func (q *logQuestion) view() requestlog.View {
	v := requestlog.View{
		Path: q.path, Subtitle: q.subtitle, Pills: q.pills, Problems: q.problems, Search: q.filters.Get("path"),
		Apps: q.apps, API: q.filters.Get("api"), APIs: q.apis, Key: q.filters.Get("key"), Keys: q.keys, Outcome: q.filters.Get("outcome"), Outcomes: outcomeOptions(q.filters.Get("outcome")),
		Status: q.filters.Get("status"), Statuses: statusOptions(q.filters.Get("status")), Verb: q.Verb, Verbs: verbOptions(q.Verb),
	}
	v.From, v.To = q.filters.Get("from"), q.filters.Get("to")
	v.Span = v.From != "" || v.To != ""
	hidden := []string{"range", "plan", "stage", "operation", "customer"}
	if q.owner {
		hidden = append(hidden, "key")
	} else {
		hidden = append(hidden, "api")
	}
	if q.apps == nil {
		hidden = append(hidden, "app")
	}
	for _, name := range hidden {
		for _, text := range q.filters[name] {
			v.Hidden = append(v.Hidden, ui.Pair{Name: name, Value: text})
		}
	}
	always := merged(q.filters)
	for _, name := range []string{"range", "from", "to"} {
		always.Del(name)
	}
	v.Ranges = append(v.Ranges, ui.Range{Label: "All", Href: pathOf(q.path, always), Current: q.rangeOf == "" && q.From.IsZero() && q.To.IsZero()})
	for _, span := range logRanges {
		v.Ranges = append(v.Ranges, ui.Range{Label: span.name, Href: pathOf(q.path, merged(always, url.Values{"range": {span.name}})), Current: q.rangeOf == span.name})
	}
	if q.Before == "" && q.To.IsZero() { // what is over does not move
		v.Live, v.LiveURL = !q.paused, q.with("live", "")
		if v.Live {
			v.LiveURL = q.with("live", pausedLiveView)
		}
	}
	return v
}
