package e2e

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// route is an entry of the portal's list of routes.
type route struct{ group, verb, path string }

// routesOfThePortal reads the list itself, so that no route is forgotten here.
func routesOfThePortal(t *testing.T) []route {
	t.Helper()
	source, err := os.ReadFile("../web/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []route
	group := ""
	for _, line := range strings.Split(string(source), "\n") {
		if m := regexp.MustCompile(`^func (public|account|developer|owner|admin)\w*\(g group`).FindStringSubmatch(line); m != nil {
			group = m[1]
		}
		m := regexp.MustCompile(`^\tg\.(get|post|form)\("([^"]+)"`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if m[1] != "post" {
			out = append(out, route{group, http.MethodGet, m[2]}, route{group, http.MethodHead, m[2]})
		}
		if m[1] != "get" {
			out = append(out, route{group, http.MethodPost, m[2]})
		}
	}
	if len(out) < 150 {
		t.Fatalf("read only %d routes", len(out))
	}
	return out
}

// estate is one of everything, whose names all hold a mark that no stranger may read.
type estate struct {
	service
	plan, asking, draft, deployment, method, customerKey, account string
	grant
}

const mark = "Zanzibar"

func (w *world) estate() estate {
	w.Helper()
	var e estate
	e.service = w.api(w.owner, "zanzibar-api", "GET /zanzibar/items\nPOST /zanzibar/items")
	w.done(w.owner, "/owner/apis/"+e.id+"/settings", "name", mark+" API", "slug", e.slug, "key_place", "header", "key_name", "x-api-key")
	e.plan = w.plan(w.owner, mark+" plan", []service{e.service}, "audience", "invited")
	w.done(w.owner, "/owner/plans/"+e.plan+"/invitations", "emails", "dev@example.com")
	e.asking = w.plan(w.owner, mark+" asking", []service{e.service}, "audience", "invited")
	w.done(w.owner, "/owner/plans/"+e.asking+"/invitations", "emails", "dev@example.com")
	e.draft = find(w.T, "/owner/plans/"+anID, w.owner.done(w.owner.post("/owner/plans", planFields(mark+" draft", []service{e.service})...)))
	api := w.owner.page("/owner/apis/" + e.id)
	e.deployment = find(w.T, "/deployments/"+anID, api)
	e.method = find(w.T, "/methods/"+anID+"/remove", api)
	at := w.owner.done(w.owner.post("/owner/keys", "name", mark+" customer key", "description", mark, "customer_id", mark, "plan", e.plan))
	e.customerKey = find(w.T, "/owner/keys/"+anID, at)
	w.owner.page(at)
	at = w.dev.done(w.dev.post("/apis/"+e.slug+"/subscribe", "plan", e.plan, "app", "new", "app_name", mark+" app", "key_name", mark+" key"))
	e.grant = w.granted(w.dev, at)
	e.account = find(w.T, "/admin/accounts/"+anID+`"[^>]*>[^<]*ana`, strings.ReplaceAll(w.admin.page("/admin/accounts?q=ana"), "\n", ""))
	return e
}

func (e estate) fill(path string) string {
	values := map[string]string{"slug": e.slug, "api": e.id, "stage": e.stage, "deployment": e.deployment, "method": e.method, "app": e.app, "key": e.key, "subscription": e.subscription, "plan": e.plan,
		"account": e.account, "handle": "0123456789abcdef", "name": "throttled", "token": "nosuchtoken"}
	if strings.HasPrefix(path, "/owner/keys/:key") {
		values["key"] = e.customerKey
	}
	return regexp.MustCompile(`:(\w+)`).ReplaceAllStringFunc(path, func(name string) string {
		if v := values[name[1:]]; v != "" {
			return v
		}
		return "unknown"
	})
}

// everything is a form that every action could take, with the victim's ids in it.
func (e estate) everything() []string {
	return []string{"name", "Mallory", "slug", "mallory", "confirm", e.slug, "plan", e.plan, "from", e.plan, "to", e.plan, "stage", e.stage, "app", e.app, "key", e.key, "deployment", e.deployment, "action", "all", "decision", "end", "reason", "x",
		"enabled", "false", "overlap", "0", "expires", "2099-01-01", "verb", "GET", "path", "/mallory", "emails", "mallory@example.com", "upstream", "http://192.0.2.1", "timeout", "5", "source", "form", "methods", "GET /x", "role", "admin", "call", e.stage + "." + e.method,
		"document", `{"openapi":"3.0.0","info":{"title":"x","version":"1"},"paths":{"/x":{"get":{"responses":{}}}}}`, "shown", e.method}
}

func TestAttackNobodyReachesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate()
	before := w.state(e)
	anybody := newPerson(t, w.portal)
	cells := 0
	for _, r := range routesOfThePortal(t) {
		for who, p := range map[string]*person{"a visitor": anybody, "another developer": w.other, "another owner": w.rival, "an administrator": w.admin} {
			owned := strings.Contains(r.path, ":") && r.group != "public" && r.group != "admin" && r.path != "/me/sessions/:handle/end"
			if r.group == "public" && !strings.HasPrefix(r.path, "/apis/:slug") || r.group == "admin" && who == "an administrator" || r.path == "/me/sessions/end" || r.path == "/me/password" || r.path == "/me" || r.path == "/confirm" {
				continue
			}
			want := map[string]int{}
			role := map[string]int{"a visitor": 0, "another developer": 1, "another owner": 2, "an administrator": 3}[who]
			needs := map[string]int{"public": 0, "account": 1, "developer": 1, "owner": 2, "admin": 3}[r.group]
			switch {
			case role == 0 && needs > 0:
				want["303 /signin"] = 1
			case role < needs, owned, strings.HasPrefix(r.path, "/apis/:slug"):
				want["404"] = 1
			default:
				continue // their own, or a list of nothing
			}
			cells++
			for _, path := range []string{e.fill(r.path), strings.ReplaceAll(e.fill(r.path), e.customerKey, e.key), strings.ReplaceAll(e.fill(r.path), e.plan, e.draft)} {
				request, _ := http.NewRequest(r.verb, w.portal+path, nil)
				if r.verb == http.MethodPost {
					request, _ = http.NewRequest(r.verb, w.portal+path, strings.NewReader(form(e.everything()...).Encode()))
					request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				answer, err := p.client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				body := text(t, answer)
				got := answer.Status[:3]
				if got == "303" {
					got += " " + strings.SplitN(answer.Header.Get("Location"), "?", 2)[0]
				}
				if want[got] == 0 || strings.Contains(body, mark) {
					t.Errorf("%s: %s %s (%s): got %s, want %v; reads it: %t", who, r.verb, r.path, path, got, want, strings.Contains(body, mark))
				}
			}
		}
	}
	w.unchanged(e, before)
	t.Logf("%d cells", cells)
}

// state is what the victims see of what is theirs.
func (w *world) state(e estate) string {
	w.Helper()
	out := words(w.owner.page("/owner/audit")) + "\n"
	for _, path := range []string{"/owner/apis/" + e.id, "/owner/apis/" + e.id + "/stages/" + e.stage, "/owner/plans/" + e.plan, "/owner/plans/" + e.plan + "/invitations", "/owner/keys/" + e.customerKey, "/owner/subscriptions/" + e.subscription} {
		out += times.ReplaceAllString(words(w.owner.page(path)), "") + "\n"
	}
	for _, path := range []string{"/apps/" + e.app, "/keys/" + e.key, "/subscriptions/" + e.subscription} {
		out += times.ReplaceAllString(words(w.dev.page(path)), "") + "\n"
	}
	return times.ReplaceAllString(out, "")
}

func (w *world) unchanged(e estate, before string) {
	w.Helper()
	old := strings.Split(before, "\n")
	for i, line := range strings.Split(w.state(e), "\n") {
		if i >= len(old) || line != old[i] {
			w.Errorf("something has changed:\n%s\nwas\n%s", line, old[min(i, len(old)-1)])
		}
	}
}

var times = regexp.MustCompile(`(in )?\d+ (second|minute)s?( ago)?|just now|\d+:\d\d(:\d\d)?|(less than )?an? minute( ago)?|\d+ (s|min|h|sec)\b( ago)?|now|Request [A-Z2-7]{20}`)

// Forms name other objects, too: those must be one's own as well.
func TestAttackNobodyNamesAnothersObjectInAForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate()
	mine := w.api(w.rival, "rival-api", "GET /mine\nGET /mine/{id}")
	plan := w.plan(w.rival, "Mine", []service{mine})
	other := w.plan(w.rival, "Mine too", []service{mine})
	key := find(t, "/owner/keys/"+anID, w.rival.done(w.rival.post("/owner/keys", "name", "k", "plan", plan)))
	g := w.subscribe(w.other, mine, plan)
	before := w.state(e)
	refuse := func(what string, answer *http.Response) {
		t.Helper()
		body := text(t, answer)
		if answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusUnprocessableEntity || strings.Contains(body, mark) {
			t.Errorf("%s: got %s to %s; names it: %t", what, answer.Status, answer.Header.Get("Location"), strings.Contains(body, mark))
		}
	}
	refuse("another's deployment on my stage", w.rival.post("/owner/apis/"+mine.id+"/stages/"+mine.stage+"/point", "deployment", e.deployment))
	refuse("another's stage below my API", w.rival.post("/owner/apis/"+mine.id+"/stages/"+e.stage, "upstream", "http://192.0.2.1", "timeout", "5"))
	refuse("another's stage below my API", w.rival.get("/owner/apis/"+mine.id+"/stages/"+e.stage))
	refuse("another's deployment below my API", w.rival.get("/owner/apis/"+mine.id+"/deployments/"+e.deployment))
	refuse("another's method below my API", w.rival.post("/owner/apis/"+mine.id+"/methods/"+e.method+"/remove"))
	refuse("my key on another's plan", w.rival.post("/owner/keys/"+key+"/plans", "plan", e.plan))
	refuse("my key moved to another's plan", w.rival.post("/owner/keys/"+key+"/move", "from", plan, "plan", e.plan))
	refuse("my key moved from another's plan", w.rival.post("/owner/keys/"+key+"/move", "from", e.plan, "plan", other))
	refuse("my key off another's plan", w.rival.post("/owner/keys/"+key+"/plans/"+e.plan+"/remove"))
	refuse("another's key off my plan", w.rival.post("/owner/keys/"+e.customerKey+"/plans/"+plan+"/remove"))
	refuse("a new key on another's plan", w.rival.post("/owner/keys", "name", "k2", "plan", e.plan))
	refuse("my subscriber moved to another's plan", w.rival.post("/owner/subscriptions/"+g.subscription+"/move", "plan", e.plan))
	refuse("my subscription changed to a plan of another API", w.other.post("/subscriptions/"+g.subscription+"/change", "to", e.plan))
	refuse("another's app on a plan", w.other.post("/apis/rival-api/subscribe", "plan", other, "app", e.app, "key_name", "k"))
	refuse("an invitation that I do not have", w.other.post("/apis/rival-api/subscribe", "plan", e.plan, "app", "new", "app_name", "x", "key_name", "k"))
	refuse("a call of a stage that the key is not on", w.other.post("/keys/"+g.key+"/try", "call", e.stage+"."+e.method))
	refuse("another's plan as a filter of keys", w.rival.get("/owner/keys?plan="+e.plan))
	refuse("another's plan as a filter of subscriptions", w.rival.get("/owner/subscriptions?plan="+e.plan))
	for _, path := range []string{"/owner/usage?api=" + e.id, "/owner/analytics?api=" + e.id, "/owner/analytics?plan=" + e.plan, "/owner/usage?plan=" + e.plan, "/owner/usage?key=" + e.customerKey, "/owner/usage?stage=" + e.stage, "/owner/usage?key=" + e.key, "/owner/audit?object=" + e.id, "/owner/audit?object=" + e.plan, "/owner/audit?actor=ana@example.com", "/owner/plans/new?stage=" + e.stage, "/owner/keys?q=" + mark,
		"/owner/keys?q=" + e.value[len(e.value)-4:], "/owner/subscriptions?q=" + mark, "/owner/plans?q=" + mark, "/owner/apis?q=" + mark, "/owner/keys/new?plan=" + e.plan, "/owner/plans/new/preview?stage=" + e.stage + "&name=x"} {
		answer := w.rival.get(path)
		if body := text(t, answer); answer.StatusCode >= 500 || strings.Contains(body, mark+" ") || strings.Contains(body, ">"+mark+"<") {
			t.Errorf("%s: got %s; names it: %t", path, answer.Status, strings.Contains(body, mark))
		}
	}
	for _, path := range []string{"/usage?app=" + e.app, "/usage?key=" + e.key, "/usage?subscription=" + e.subscription, "/keys?q=" + mark, "/apps?q=" + mark, "/apis?q=" + mark, "/apis/rival-api/subscribe?plan=" + e.plan, "/apis/rival-api/subscribe?app=" + e.app, "/usage?key=" + e.key + "&key=" + g.key} {
		answer := w.other.get(path)
		if body := text(t, answer); answer.StatusCode >= 500 || strings.Contains(body, mark+" ") {
			t.Errorf("%s: got %s; names it: %t", path, answer.Status, strings.Contains(body, mark))
		}
	}
	// A plan that names another's stage opens nothing of it.
	at := w.rival.done(w.rival.post("/owner/plans", append(planFields("Thief", []service{mine}), "stage", e.stage)...))
	if strings.Contains(w.rival.page(at), mark) {
		t.Error("a plan took over another's stage")
	}
	w.unchanged(e, before)
	w.expect("GET", "/zanzibar-api/prod/zanzibar/items", e.value, 200, "")
	w.expect("GET", "/zanzibar-api/prod/zanzibar/items", g.value, 403, "no-plan")
}
