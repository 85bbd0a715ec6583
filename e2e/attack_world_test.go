package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// world is a Gatehouse with two owners, two developers and an administrator, and an upstream that remembers every request that reached it.
type world struct {
	*testing.T
	*process
	data   string
	origin *origin

	admin, owner, rival, dev, other *person
}

const password = "seven quiet herons 41"

// worldFolder is the data of a world in which nobody has anything yet but an account, made once.
var worldFolder = sync.OnceValues(func() (string, error) {
	dir, err := builds()
	if err != nil {
		return "", err
	}
	path, err := binary()
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "world")
	for name, role := range map[string]string{"root": "admin", "ana": "owner", "rival": "owner", "dev": "developer", "other": "developer"} {
		cmd := exec.Command(path, "account", "create", "--data", data, "--email", name+"@example.com", "--password-stdin", "--role", role)
		cmd.Stdin = strings.NewReader(password + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("account create: %w\n%s", err, out)
		}
	}
	return data, nil
})

// newWorld starts one. Nobody has anything yet but an account.
func newWorld(t *testing.T) *world {
	t.Helper()
	made, err := worldFolder()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, data: filepath.Join(t.TempDir(), "world"), origin: newOrigin(t)}
	copyFolder(t, w.data, made)
	w.process = w.serve()
	w.admin, w.owner, w.rival, w.dev, w.other = w.signIn("root"), w.signIn("ana"), w.signIn("rival"), w.signIn("dev"), w.signIn("other")
	return w
}

func (w *world) serve(more ...string) *process {
	w.Helper()
	return start(w.T, append([]string{"serve", "--data", w.data, "--allow-upstream", "127.0.0.1/32"}, more...)...)
}

func (w *world) signIn(name string) *person {
	w.Helper()
	p := newPerson(w.T, w.portal)
	p.done(p.post("/signin", "email", name+"@example.com", "password", password))
	return p
}

// done checks that a form was taken and returns where it leads.
func (p *person) done(answer *http.Response) string {
	p.t.Helper()
	if answer.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("%s %s: got %s\n%s", answer.Request.Method, answer.Request.URL.Path, answer.Status, words(text(p.t, answer)))
	}
	return answer.Header.Get("Location")
}

// page returns a page that must be there.
func (p *person) page(path string) string {
	p.t.Helper()
	answer := p.get(path)
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: got %s", path, answer.Status)
	}
	return text(p.t, answer)
}

func text(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var markup = regexp.MustCompile(`(?s)<head>.*?</head>|<svg.*?</svg>|<[^>]*>|\s+`)

// words is what a page says, without its markup.
func words(page string) string {
	return strings.Join(strings.Fields(markup.ReplaceAllString(page, " ")), " ")
}

// find returns the first group of a pattern in a text that must have it.
func find(t *testing.T, pattern, in string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(in)
	if m == nil {
		t.Fatalf("no %s in:\n%.1500s", pattern, words(in))
	}
	return m[1]
}

const anID = `([0-9a-z]{10})`

// service is an API with a stage prod.
type service struct{ id, slug, stage string }

func (w *world) api(owner *person, slug, methods string) service {
	w.Helper()
	at := owner.done(owner.post("/owner/apis", "source", "form", "name", "The "+slug+" API", "slug", slug, "methods", methods, "key_place", "header", "key_name", "x-api-key",
		"stage", "prod", "upstream", w.origin.URL))
	s := service{slug: slug, id: find(w.T, "/owner/apis/"+anID+"$", at)}
	s.stage = find(w.T, "/owner/apis/"+s.id+"/stages/"+anID, owner.page(at))
	return s
}

// plan publishes a plan that opens the services; more are fields of its form.
func (w *world) plan(owner *person, name string, on []service, more ...string) string {
	w.Helper()
	at := owner.done(owner.post("/owner/plans", planFields(name, on, more...)...))
	owner.done(owner.post(at + "/publish"))
	return find(w.T, "/owner/plans/"+anID+"$", at)
}

func planFields(name string, on []service, more ...string) []string {
	form := map[string]string{"name": name, "audience": "anyone", "charge": "accepted", "keys_per_app": "3"}
	for i := 0; i+1 < len(more); i += 2 {
		form[more[i]] = more[i+1]
	}
	var pairs []string
	for k, v := range form {
		pairs = append(pairs, k, v)
	}
	for _, s := range on {
		pairs = append(pairs, "stage", s.stage)
	}
	return pairs
}

// grant is what a subscription gave.
type grant struct{ app, key, value, subscription string }

var valuePattern = `(gwk1[0-9A-Za-z]{38})`

func (w *world) subscribe(who *person, s service, plan string) grant {
	w.Helper()
	at := who.done(who.post("/apis/"+s.slug+"/subscribe", "plan", plan, "app", "new", "app_name", "App "+s.slug, "key_name", "main"))
	return w.granted(who, at)
}

func (w *world) granted(who *person, at string) grant {
	w.Helper()
	page := who.page(at)
	g := grant{key: find(w.T, "/keys/"+anID, at), value: find(w.T, valuePattern, page), app: find(w.T, `/apps/`+anID, page)}
	g.subscription = find(w.T, `/subscriptions/`+anID, who.page("/apps/"+g.app))
	return g
}

// call sends a request to the gateway and returns the status and the slug of the problem, if there is one. Where the ledger is late, as on a machine that does
// much else, nothing was spent, and it is sent again.
func (w *world) call(verb, path, key string) (status int, problem string) {
	w.Helper()
	for range 100 {
		if status, problem = w.callOnce(verb, path, key); problem != "ledger-busy" {
			break
		}
	}
	return status, problem
}

func (w *world) callOnce(verb, path, key string) (int, string) {
	w.Helper()
	r, err := http.NewRequest(verb, w.gateway+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	if key != "" {
		r.Header.Set("x-api-key", key)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	body := text(w.T, answer)
	if answer.Header.Get("Content-Type") != "application/problem+json" {
		return answer.StatusCode, ""
	}
	return answer.StatusCode, find(w.T, `"type":"[^"]*/problems/([a-z-]+)"`, body)
}

func (w *world) expect(verb, path, key string, status int, problem string) {
	w.Helper()
	if gotStatus, gotProblem := w.call(verb, path, key); gotStatus != status || gotProblem != problem {
		w.Errorf("%s %s: got %d %q, want %d %q", verb, path, gotStatus, gotProblem, status, problem)
	}
}

// origin is an upstream that remembers.
type origin struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func newOrigin(t *testing.T) *origin {
	o := &origin{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.seen = append(o.seen, r)
		o.mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
		if status, err := fmt.Sscanf(r.URL.Query().Get("status"), "%d", new(int)); err == nil && status == 1 {
			var code int
			fmt.Sscanf(r.URL.Query().Get("status"), "%d", &code)
			w.WriteHeader(code)
		}
		fmt.Fprintf(w, "origin %s %s", r.Method, r.RequestURI)
	}))
	t.Cleanup(o.Server.Close)
	return o
}

// take returns what came since the last time.
func (o *origin) take() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen
	o.seen = nil
	return seen
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}
