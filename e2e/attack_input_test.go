package e2e

import (
	"bytes"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile is what people type, paste or send who mean no good, or are unlucky.
var hostile = []string{
	"", " ", "\t", "\x00", "a\x00b", "\r\n", "a\r\nSet-Cookie: x=y", "\xff\xfe", "a\xc3\x28b", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\u202egnp.exe", "\u200b", "\ufeffx", "👩‍👩‍👧‍👦🏳️‍🌈", "Z̸̢͓A̷LGO", "ﷺ", "İ", "ß", "K", "٣", "𝟛", "①",
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "'><svg/onload=alert(1)>", "</title><script>alert(1)</script>", "</textarea><script>alert(1)</script>", "</script><script>alert(1)</script>", "javascript:alert(1)", "{{7*7}}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "{% raw %}",
	"' OR 1=1 --", `"; DROP TABLE keys; --`, "%", "_", "%%%", "\\", "%27", "%00", "..", "../../../../etc/passwd", "..%2f..%2f", "CON", "NUL", "-1", "0", "-0", "1e308", "1e-308", "NaN", "Infinity", "-Infinity", "0x10", "1,000", "1.000,5", "9223372036854775807", "9223372036854775808", "18446744073709551616",
	"99999999999999999999999999", "0.1", ".5", "5.", "+5", "1_000", "1e3", "00000005", "2026-02-30", "0000-00-00", "9999-12-31", "99999-01-01", "-0001-01-01", "2026-01-01T00:00:00Z", "=1+1", "@SUM(1)", "$(id)", "`id`", "; id", "| id", "\x1b[31mred", "null", "undefined", "true", "[]", "{}", "__proto__",
	"zzzzzzzzzz", "1000000000", "ZZZZZZZZZZ", "00000000000000000000", strings.Repeat("a", 300), strings.Repeat("é", 5000), strings.Repeat("<", 10000), strings.Repeat("\n", 3000), strings.Repeat("a ", 40000),
}

// rawMarkup are pieces that must never stand in a page as they were typed.
var rawMarkup = []string{"<script>alert(1)", "<img src=x", "<svg/onload", `href="javascript:`, `src="javascript:`}

func (w *world) harmless(what string, answer *http.Response) {
	w.Helper()
	body := text(w.T, answer)
	if answer.StatusCode >= 500 {
		w.Errorf("%s: %s %s: got %s", what, answer.Request.Method, answer.Request.URL.Path, answer.Status)
	}
	for _, piece := range rawMarkup {
		if strings.Contains(body, piece) {
			w.Errorf("%s: %s %s: the page holds %s", what, answer.Request.Method, answer.Request.URL.Path, piece)
		}
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && !utf8.ValidString(body) {
		w.Errorf("%s: %s: the page is not UTF-8", what, answer.Request.URL.Path)
	}
	if answer.Header.Get("X-Smuggled") != "" || strings.Contains(answer.Header.Get("Set-Cookie"), "x=y") {
		w.Errorf("%s: %v", what, answer.Header)
	}
}

// field is a form's address, its other fields, and the name of the one that is attacked.
type attacked struct {
	who    *person
	path   string
	rest   []string
	fields []string
}

func (w *world) forms(e estate) []attacked {
	api, stage := "/owner/apis/"+e.id, "/owner/apis/"+e.id+"/stages/"+e.stage
	plan := planFields("P", []service{e.service}, "throttled", "on", "rate", "5", "burst", "10", "limited", "on", "quota", "100", "period", "week", "week_day", "0")
	planNames := []string{"name", "description", "price", "audience", "charge", "keys_per_app", "rate", "burst", "quota", "period", "week_day", "month_day", "stage", "rate." + e.stage + "." + e.method, "burst." + e.stage + "." + e.method, "without." + e.stage, "action"}
	return []attacked{
		{w.owner, "/owner/apis", []string{"source", "form", "name", "N", "slug", "n", "methods", "GET /x", "key_place", "header", "key_name", "x-api-key", "stage", "s", "upstream", w.origin.URL}, []string{"source", "name", "slug", "summary", "methods", "key_place", "key_name", "stage", "upstream", "document"}},
		{w.owner, api + "/settings", []string{"name", "N", "slug", e.slug, "key_place", "header", "key_name", "x-api-key"}, []string{"name", "slug", "summary", "key_place", "key_name"}},
		{w.owner, api + "/methods", []string{"verb", "GET", "path", "/x"}, []string{"verb", "path", "summary"}},
		{w.owner, api + "/methods/key-required", nil, []string{"action", "shown", "key", "q", "from"}},
		{w.owner, api + "/stages", []string{"name", "s2", "upstream", w.origin.URL, "timeout", "5"}, []string{"name", "upstream", "timeout", "rate", "burst"}},
		{w.owner, stage, []string{"upstream", w.origin.URL, "timeout", "5"}, []string{"upstream", "timeout", "rate", "burst"}},
		{w.owner, stage + "/deploy", nil, []string{"note", "from"}},
		{w.owner, stage + "/point", nil, []string{"deployment"}},
		{w.owner, "/owner/plans", plan, planNames},
		{w.owner, "/owner/plans/" + e.draft, plan, planNames},
		{w.owner, "/owner/plans/" + e.plan + "/invitations", nil, []string{"emails"}},
		{w.owner, "/owner/subscriptions/" + e.subscription + "/decide", []string{"decision", "suspend"}, []string{"decision", "reason", "from"}},
		{w.owner, "/owner/subscriptions/" + e.subscription + "/move", nil, []string{"plan"}},
		{w.owner, "/owner/keys", []string{"name", "k"}, []string{"name", "description", "customer_id", "expires", "plan"}},
		{w.owner, "/owner/keys/" + e.customerKey + "/settings", []string{"name", "k"}, []string{"name", "description", "customer_id"}},
		{w.owner, "/owner/keys/" + e.customerKey + "/expiry", nil, []string{"expires"}},
		{w.owner, "/owner/keys/" + e.customerKey + "/rotate", nil, []string{"overlap"}},
		{w.owner, "/owner/keys/" + e.customerKey + "/plans", nil, []string{"plan"}},
		{w.owner, "/owner/keys/" + e.customerKey + "/move", []string{"from", e.plan}, []string{"from", "plan"}},
		{w.owner, "/owner/keys/" + e.customerKey + "/enabled", nil, []string{"enabled"}},
		{w.owner, "/owner/keys/import", nil, []string{"csv"}},
		{w.dev, "/apps", nil, []string{"name"}},
		{w.dev, "/apps/" + e.app + "/rename", nil, []string{"name"}},
		{w.dev, "/apps/" + e.app + "/keys", []string{"name", "k"}, []string{"name", "expires"}},
		{w.dev, "/keys/" + e.key + "/rename", nil, []string{"name"}},
		{w.dev, "/keys/" + e.key + "/expiry", nil, []string{"expires"}},
		{w.dev, "/keys/" + e.key + "/rotate", nil, []string{"overlap"}},
		{w.dev, "/keys/" + e.key + "/try", nil, []string{"call"}},
		{w.dev, "/apis/" + e.slug + "/subscribe", []string{"plan", e.asking, "app", "new", "app_name", "A", "key_name", "k"}, []string{"plan", "app", "app_name", "key_name", "message"}},
		{w.dev, "/subscriptions/" + e.subscription + "/change", nil, []string{"to"}},
		{w.dev, "/me", nil, []string{"name"}},
		{w.admin, "/admin/invitations", []string{"email", "x@example.com", "role", "developer"}, []string{"email", "role"}},
		{w.admin, "/admin/settings", nil, []string{"sign_up"}},
		{w.admin, "/admin/accounts/" + e.account + "/role", []string{"role", "owner"}, []string{"role"}},
	}
}

func TestAttackWhateverIsTypedIsNeitherAFaultNorMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate()
	sent := 0
	send := func(f attacked, value string, fields ...string) {
		sent++
		body := form(f.rest...)
		for _, field := range fields {
			body[field] = []string{value, value}
		}
		answer, err := f.who.client.PostForm(f.who.base+f.path, body)
		if err != nil {
			t.Fatal(err)
		}
		w.harmless(strings.Join(fields, ", "), answer)
	}
	for i, f := range w.forms(e) {
		for j, value := range hostile {
			if (i+j)%3 == 0 { // each form meets a third of them in all its fields
				send(f, value, f.fields...)
			}
		}
		for k, field := range f.fields {
			for j, value := range hostile {
				if (i+j+k)%20 == 0 { // and some in one field among good ones
					send(f, value, field)
				}
			}
		}
	}
	// What was kept of it is shown on pages, too.
	for _, p := range []*person{w.owner, w.dev, w.admin} {
		for _, path := range []string{"/owner/apis", "/owner/plans", "/owner/keys", "/owner/subscriptions", "/owner/audit", "/owner", "/owner/usage", "/owner/analytics", "/apps", "/keys", "/home", "/usage", "/me", "/apis", "/admin/accounts", "/admin/audit", "/admin/invitations", "/owner/apis/" + e.id, "/owner/apis/" + e.id + "/stages/" + e.stage, "/owner/plans/" + e.draft,
			"/owner/keys/" + e.customerKey, "/apps/" + e.app, "/keys/" + e.key, "/apis/" + e.slug, "/apis/" + e.slug + "/docs"} {
			w.harmless("afterwards", p.get(path))
		}
	}
	t.Logf("%d forms sent", sent)
}

func TestAttackWhateverIsInAnAddressIsNeitherAFaultNorMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate()
	asked := 0
	for _, r := range routesOfThePortal(t) {
		if r.verb != http.MethodGet || strings.HasSuffix(r.path, "/live") {
			continue
		}
		p := map[string]*person{"owner": w.owner, "admin": w.admin, "public": newPerson(t, w.portal)}[r.group]
		if p == nil {
			p = w.dev
		}
		path := e.fill(r.path)
		for i, value := range hostile {
			if len(value) > 6000 || (i+len(r.path))%3 != 0 {
				continue
			}
			query := url.Values{}
			for _, name := range []string{"q", "after", "state", "status", "plan", "app", "key", "api", "stage", "range", "from", "to", "month", "object", "actor", "kind", "next", "new", "preset", "verb", "op", "values", "rate", "burst", "quota", "period", "week_day", "name", "tz", "by"} {
				query.Set(name, value)
			}
			asked++
			w.harmless("query", p.get(path+"?"+query.Encode()))
			name := []string{"q", "after", "range", "month", "from"}[i%5]
			w.harmless("query "+name, p.get(path+"?"+url.Values{name: {value}}.Encode()))
			if strings.Contains(r.path, ":") {
				asked++
				at := strings.LastIndex(r.path, ":")
				end := r.path[at:]
				if slash := strings.Index(end, "/"); slash >= 0 {
					end = end[slash:]
				} else {
					end = ""
				}
				w.harmless("path", p.get(e.fill(r.path[:at])+url.PathEscape(value)+end))
			}
		}
	}
	t.Logf("%d addresses asked", asked)
}

// A form that cannot be read whole must not be taken for one whose boxes are all empty.
func TestAttackAFormThatBreaksChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate()
	before := w.state(e)
	huge := strings.Repeat("a", 1<<20)
	var parts bytes.Buffer
	m := multipart.NewWriter(&parts)
	_ = m.WriteField("enabled", "true")
	whole := parts.String()
	bodies := map[string][2]string{
		"more than 1 MB":        {"application/x-www-form-urlencoded", "enabled=true&emails=" + huge},
		"a broken percent sign": {"application/x-www-form-urlencoded", "enabled=true&emails=%zz"},
		"a semicolon":           {"application/x-www-form-urlencoded", "enabled=true;emails=x"},
		"too many fields":       {"application/x-www-form-urlencoded", strings.Repeat("a&", 200_000)},
		"a cut multipart":       {m.FormDataContentType(), whole},
		"no boundary":           {"multipart/form-data", whole},
		"another boundary":      {"multipart/form-data; boundary=x", whole},
		"a strange type":        {"multipart/form-data; boundary=\"", whole},
	}
	for name, b := range bodies {
		for _, at := range []struct {
			who  *person
			path string
		}{{w.owner, "/owner/plans/" + e.plan + "/invitations"}, {w.owner, "/owner/keys/" + e.customerKey + "/enabled"}, {w.owner, "/owner/apis/" + e.id + "/settings"}, {w.dev, "/keys/" + e.key + "/expiry"}, {w.owner, "/owner/apis/" + e.id + "/methods/key-required"}} {
			r, _ := http.NewRequest(http.MethodPost, w.portal+at.path, strings.NewReader(b[1]))
			r.Header.Set("Content-Type", b[0])
			answer, err := at.who.client.Do(r)
			if err != nil {
				t.Logf("%s to %s: %v", name, at.path, err) // a server may hang up on what is far too long
				continue
			}
			if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%s to %s: got %s\n%.300s", name, at.path, answer.Status, words(string(body)))
			}
			answer.Body.Close()
		}
	}
	w.unchanged(e, before)
}

// One mistake must not cost a person the rest of a form.
func TestAttackWhatWasTypedIsStillThereAfterAMistake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.estate()
	key := []string{"key_place", "header", "key_name", "x-kept-key"}
	plan := []string{"name", "Kept name", "description", "Kept description", "price", "Kept price", "audience", "ask", "charge", "delivered", "keys_per_app", "7", "throttled", "on", "rate", "13.5", "burst", "77", "limited", "on", "quota", "4242", "period", "week", "week_day", "3",
		"stage", e.stage, "rate." + e.stage + "." + e.method, "3.25"}
	for _, f := range []struct {
		who   *person
		path  string
		typed []string
		wrong []string // field and value
		lost  []string // what a page must not send back, or keeps as a choice and not as text
	}{
		{w.owner, "/owner/apis", append([]string{"source", "form", "name", "Kept name", "slug", "kept-slug", "summary", "Kept summary", "methods", "GET /kept", "stage", "keptstage", "upstream", "http://kept.example:1"}, key...), []string{"slug", "Not A Slug"}, nil},
		{w.owner, "/owner/apis", append([]string{"source", "document", "name", "Kept name", "slug", "kept-slug", "summary", "Kept summary", "document", "kept: document", "stage", "keptstage", "upstream", "http://kept.example:1"}, key...), nil, nil},
		{w.owner, "/owner/apis/" + e.id + "/settings", append([]string{"name", "Kept name", "summary", "Kept summary", "slug", "x"}, key...), []string{"slug", "Not A Slug"}, nil},
		{w.owner, "/owner/apis/" + e.id + "/methods", []string{"verb", "PATCH", "path", "/kept", "summary", "Kept summary"}, []string{"path", "kept without a slash"}, nil},
		{w.owner, "/owner/apis/" + e.id + "/import", []string{"document", "kept: document"}, nil, nil},
		{w.owner, "/owner/apis/" + e.id + "/stages", []string{"name", "kept", "upstream", w.origin.URL, "timeout", "17", "rate", "13.5", "burst", "77"}, []string{"timeout", "soon"}, nil},
		{w.owner, "/owner/apis/" + e.id + "/stages/" + e.stage, []string{"upstream", w.origin.URL, "timeout", "17", "rate", "13.5", "burst", "77"}, []string{"burst", "many"}, nil},
		{w.owner, "/owner/plans", plan, []string{"quota", "lots"}, nil},
		{w.owner, "/owner/plans", plan, []string{"name", ""}, nil},
		{w.owner, "/owner/plans/" + e.draft, plan, []string{"burst", "0.5"}, nil},
		{w.owner, "/owner/plans/" + e.plan + "/invitations", []string{"emails", "kept@example.com\nno address"}, nil, nil},
		{w.owner, "/owner/keys", []string{"name", "Kept name", "description", "Kept description", "customer_id", "kept-customer", "plan", e.plan}, []string{"expires", "2001-01-01"}, nil},
		{w.owner, "/owner/keys/" + e.customerKey + "/settings", []string{"description", "Kept description", "customer_id", "kept-customer"}, []string{"name", ""}, nil},
		{w.owner, "/owner/keys/" + e.customerKey + "/expiry", []string{"expires", "2001-02-03"}, nil, nil},
		{w.owner, "/owner/keys/import", []string{"csv", "Name,Key\nkept,short"}, nil, nil},
		{w.owner, "/owner/subscriptions/" + e.subscription + "/decide", []string{"decision", "suspend", "reason", strings.Repeat("Kept reason ", 200)}, nil, nil},
		{w.dev, "/apps", []string{"name", strings.Repeat("Kept", 100)}, nil, nil},
		{w.dev, "/apps/" + e.app + "/rename", []string{"name", strings.Repeat("Kept", 100)}, nil, nil},
		{w.dev, "/apps/" + e.app + "/keys", []string{"name", "Kept name"}, []string{"expires", "2001-01-01"}, nil},
		{w.dev, "/keys/" + e.key + "/rename", []string{"name", strings.Repeat("Kept", 100)}, nil, nil},
		{w.dev, "/keys/" + e.key + "/expiry", []string{"expires", "2001-02-03"}, nil, nil},
		{w.dev, "/apis/" + e.slug + "/subscribe", []string{"plan", e.asking, "app", "new", "app_name", "Kept app", "key_name", "Kept key"}, []string{"app_name", ""}, nil},
		{w.dev, "/me", []string{"name", strings.Repeat("Kept", 100)}, nil, nil},
		{newPerson(t, w.portal), "/signin", []string{"email", "kept@example.com"}, []string{"password", "wrong horse"}, []string{"wrong horse"}},
		{newPerson(t, w.portal), "/join", []string{"email", "kept@example.com", "name", "Kept name"}, []string{"password", "shorthorse"}, []string{"shorthorse"}},
		{w.admin, "/admin/invitations", []string{"email", "kept but no address", "role", "owner"}, nil, nil},
	} {
		body := form(f.typed...)
		if f.wrong != nil {
			body.Set(f.wrong[0], f.wrong[1])
		}
		answer, err := f.who.client.PostForm(w.portal+f.path, body)
		if err != nil {
			t.Fatal(err)
		}
		page := html.UnescapeString(text(t, answer))
		if answer.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s %v: got %s to %s", f.path, f.wrong, answer.Status, answer.Header.Get("Location"))
			continue
		}
		for name, values := range body {
			if text := values[0]; text != "on" && text != "" && (f.lost == nil || text != f.lost[0]) && !strings.Contains(page, text) {
				t.Errorf("%s, with a mistake in %v: %s = %.60q is not on the page any more", f.path, f.wrong, name, text)
			}
		}
		for _, secret := range f.lost {
			if strings.Contains(page, secret) {
				t.Errorf("%s sends a password back", f.path)
			}
		}
	}
}
