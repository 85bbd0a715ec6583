package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// parallel sends the same form n times at once and returns how often each status came.
func parallel(n int, send func(i int) *http.Response) map[int]int {
	var mu sync.Mutex
	var group sync.WaitGroup
	statuses := map[int]int{}
	gate := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-gate
			answer := send(i)
			mu.Lock()
			defer mu.Unlock()
			if answer == nil {
				statuses[0]++
				return
			}
			answer.Body.Close()
			statuses[answer.StatusCode]++
		})
	}
	close(gate)
	group.Wait()
	return statuses
}

func (p *person) try(path string, pairs ...string) *http.Response {
	answer, err := p.client.PostForm(p.base+path, form(pairs...))
	if err != nil {
		return nil
	}
	return answer
}

func TestAttackOfManyWhoComeAtOnceOneWins(t *testing.T) {
	t.Parallel()
	const n, hashed = 24, 6 // passwords are costly by intent
	w := &world{T: t, data: t.TempDir(), origin: newOrigin(t)}
	w.process = w.serve()
	setup := w.line(`(?m)^http\S+(/setup/\S+)$`)
	one := func(what string, statuses map[int]int) {
		t.Helper()
		if statuses[http.StatusSeeOther] != 1 || statuses[0] > 0 || statuses[500] > 0 {
			t.Errorf("%s: got %v, want one 303", what, statuses)
		}
	}
	one("set up", parallel(hashed, func(i int) *http.Response {
		return newPerson(t, w.portal).try(setup, "email", "root"+strconv.Itoa(i)+"@example.com", "name", "Root", "password", password)
	}))
	if answer := newPerson(t, w.portal).get(setup); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the setup link after its use: %s", answer.Status)
	}
	for email, role := range map[string]string{"ana@example.com": "owner", "dev@example.com": "developer", "root@example.com": "admin"} {
		command(t, password+"\n", "account", "create", "--data", w.data, "--email", email, "--password-stdin", "--role", role)
	}
	w.owner, w.dev, w.admin = w.signIn("ana"), w.signIn("dev"), w.signIn("root")

	invite := find(t, `(/invite/[A-Za-z0-9_-]+)`, text(t, w.admin.post("/admin/invitations", "email", "new@example.com", "role", "developer")))
	one("an invitation", parallel(hashed, func(int) *http.Response {
		return newPerson(t, w.portal).try(invite, "name", "New", "password", password)
	}))
	account := find(t, "/admin/accounts/"+anID, w.admin.page("/admin/accounts?q=new"))
	reset := find(t, `(/reset/[A-Za-z0-9_-]+)`, text(t, w.admin.post("/admin/accounts/"+account+"/reset-link")))
	one("a reset", parallel(hashed, func(i int) *http.Response {
		return newPerson(t, w.portal).try(reset, "password", password+strconv.Itoa(i))
	}))
	one("an address", parallel(hashed, func(int) *http.Response {
		return newPerson(t, w.portal).try("/join", "email", "same@example.com", "name", "Same", "password", password)
	}))

	one("an API's short name", parallel(n, func(int) *http.Response {
		return w.owner.try("/owner/apis", "source", "form", "name", "Race", "slug", "race", "methods", "GET /x", "key_place", "header", "key_name", "x-api-key")
	}))
	s := w.api(w.owner, "shop", "GET /items")
	first, second := w.plan(w.owner, "First", []service{s}, "keys_per_app", "2"), w.plan(w.owner, "Second", []service{s}, "keys_per_app", "2")
	app := find(t, "/apps/"+anID, w.dev.done(w.dev.post("/apps", "name", "Racer")))

	one("a new app on a plan", parallel(n, func(int) *http.Response {
		return w.dev.try("/apis/shop/subscribe", "plan", first, "app", "new", "app_name", "Twin", "key_name", "k")
	}))
	// R1: whichever of two plans wins, the app is on one.
	one("two plans that open one stage", parallel(n, func(i int) *http.Response {
		return w.dev.try("/apis/shop/subscribe", "plan", []string{first, second}[i%2], "app", app, "key_name", "k")
	}))
	// One key came with it; the plan allows one more.
	one("the last key of an app", parallel(n, func(i int) *http.Response {
		return w.dev.try("/apps/"+app+"/keys", "name", "k"+strconv.Itoa(i))
	}))
	customer := find(t, "/owner/keys/"+anID, w.owner.done(w.owner.post("/owner/keys", "name", "customer")))
	one("a customer's key on two plans", parallel(n, func(i int) *http.Response {
		return w.owner.try("/owner/keys/"+customer+"/plans", "plan", []string{first, second}[i%2])
	}))
	draft := w.owner.done(w.owner.post("/owner/plans", planFields("Third", []service{s})...))
	one("a publication", parallel(n, func(int) *http.Response { return w.owner.try(draft + "/publish") }))
	if page := words(w.owner.page(draft + "/versions")); strings.Contains(page, "Version 2") {
		t.Errorf("one draft became two versions: %s", page)
	}
	if statuses := parallel(n, func(int) *http.Response {
		return w.owner.try("/owner/apis/" + s.id + "/stages/" + s.stage + "/deploy")
	}); statuses[500] > 0 || statuses[0] > 0 {
		t.Errorf("deployments: %v", statuses)
	}
	key := find(t, "/keys/"+anID, w.dev.page("/apps/"+app))
	if statuses := parallel(n, func(int) *http.Response { return w.dev.try("/keys/"+key+"/rotate", "overlap", "24h") }); statuses[500] > 0 || statuses[0] > 0 {
		t.Errorf("rotations: %v", statuses)
	}
	one("a revocation", parallel(n, func(int) *http.Response { return w.dev.try("/keys/" + key + "/revoke") }))
}

// The one page that shows a value shows it once, however often it is asked for at once.
func TestAttackAValueIsShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "GET /items")
	plan := w.plan(w.owner, "P", []service{s})
	at := w.dev.done(w.dev.post("/apis/shop/subscribe", "plan", plan, "app", "new", "app_name", "A", "key_name", "k"))
	stranger := w.other.get(at)
	if text(t, stranger); stranger.StatusCode != http.StatusNotFound {
		t.Errorf("another developer: %s", stranger.Status)
	}
	var mu sync.Mutex
	shown := map[string]bool{}
	times := 0
	parallel(16, func(int) *http.Response {
		answer, err := w.dev.client.Get(w.portal + at)
		if err != nil {
			return nil
		}
		body := text(t, answer)
		mu.Lock()
		defer mu.Unlock()
		if i := strings.Index(body, "gwk1"); i >= 0 && !strings.HasPrefix(body[i:], "gwk1…") {
			times++
			shown[body[i:i+42]] = true
		}
		return answer
	})
	if times != 1 || len(shown) != 1 {
		t.Errorf("shown %d times: %v", times, shown)
	}
	if page := w.signIn("dev").page(at); strings.Contains(strings.ReplaceAll(page, "gwk1…", ""), "gwk1") {
		t.Error("shown in another session")
	}
	// It is nowhere else: not in the log, not in the database.
	for value := range shown {
		w.nowhere(value)
	}
}
