package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
)

// asked is an answer of the gateway, with what it says of its receipt.
type asked struct {
	status                int
	problem, instance, id string
}

func (w *world) ask(path, key string) (a asked) {
	w.Helper()
	for range 100 { // as call
		if a = w.askOnce(path, key); a.problem != "ledger-busy" {
			break
		}
	}
	return a
}

func (w *world) askOnce(path, key string) asked {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, w.gateway+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("x-api-key", key)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	a := asked{status: answer.StatusCode, id: answer.Header.Get("X-Request-Id")}
	body := text(w.T, answer)
	if answer.Header.Get("Content-Type") == "application/problem+json" {
		var p struct{ Type, Instance, RequestID string }
		if err := json.Unmarshal([]byte(body), &p); err != nil || p.RequestID != a.id {
			w.Fatalf("%v: %s", err, body)
		}
		a.problem, a.instance = p.Type[strings.LastIndex(p.Type, "/")+1:], p.Instance
	}
	return a
}

// shows fails unless a page answers somebody with a status and with words.
func (w *world) shows(who string, p *person, path string, status int, want ...string) {
	w.Helper()
	answer := p.get(path)
	said := html.UnescapeString(words(text(w.T, answer)))
	if answer.StatusCode != status {
		w.Errorf("%s: GET %s: got %s, want %d", who, path, answer.Status, status)
	}
	for _, text := range want {
		if !strings.Contains(said, text) {
			w.Errorf("%s: GET %s does not say %q:\n%s", who, path, text, said)
		}
	}
}

// crash ends the server as kill -9 does, and starts it again.
func (w *world) crash(more ...string) {
	w.Helper()
	_ = w.cmd.Process.Kill()
	<-w.exited
	w.exited <- nil
	w.again(more...)
}

// A refused call names a page, which tells both sides which rule it was and nobody else anything, also after kill -9.
func TestReceiptOfARefusalIsForBothSidesAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.api(w.owner, "shop", "GET /items/{id}")
	plan := w.plan(w.owner, "Tight", []service{s}, "throttled", "on", "rate", "0.001", "burst", "1")
	g := w.subscribe(w.dev, s, plan)
	passed, refused := w.ask("/shop/prod/items/7?secret=hunter2", g.value), w.ask("/shop/prod/items/8?secret=hunter2", g.value)
	if passed.status != http.StatusOK || refused.status != http.StatusTooManyRequests || refused.instance != w.portal+"/requests/"+refused.id {
		t.Fatalf("got %+v and %+v", passed, refused)
	}
	path := strings.TrimPrefix(refused.instance, w.portal)
	check := func() {
		t.Helper()
		rule := []string{"Throttled by the plan's rate", "429", "GET /items/{id}", "The plan Tight allows each key 1 request every 16 minutes 40 seconds, one at a time", "The same request would have passed 16"}
		w.shows("the developer", w.dev, path, http.StatusOK, append(rule, "Open the key")...)
		w.shows("the API's owner", w.owner, path, http.StatusOK, append(rule, "dev@example.com", "Open the plan")...)
		w.shows("another developer", w.other, path, http.StatusNotFound, "There is no receipt of such a request for you")
		w.shows("another owner", w.rival, path, http.StatusNotFound, "There is no receipt of such a request for you")
		w.shows("an administrator", w.admin, path, http.StatusNotFound, "There is no receipt of such a request for you")
		w.shows("the developer, of what passed", w.dev, "/requests/"+passed.id, http.StatusOK, "Let through, and answered 200")
		w.shows("the developer's key", w.dev, "/keys/"+g.key, http.StatusOK, "Newest refusals", "Throttled by the plan's rate")
		w.shows("the owner's view of it", w.owner, "/owner/keys/"+g.key, http.StatusOK, "Newest refusals", "Throttled by the plan's rate")
	}
	check()
	for _, page := range []string{w.dev.page(path), w.owner.page(path)} {
		if strings.Contains(page, g.value) || strings.Contains(page, "hunter2") {
			t.Error("the page tells a secret")
		}
	}
	visitor := newPerson(t, w.portal)
	at := visitor.done(visitor.get(path))
	if !strings.HasPrefix(at, "/signin?next=") {
		t.Fatalf("a visitor is sent to %s", at)
	}
	if at = visitor.done(visitor.post("/signin", "email", "dev@example.com", "password", password, "next", path)); at != path {
		t.Errorf("after signing in: %s, want %s", at, path)
	}
	w.shows("who has signed in", visitor, at, http.StatusOK, "Throttled by the plan's rate")
	for _, value := range []string{"", "short", strings.Repeat("k", 42)} {
		a := w.ask("/shop/prod/items/7", value)
		if a.status != http.StatusForbidden || a.instance != "" {
			t.Errorf("key %q: got %+v, want no page about it", value, a)
		}
		w.eventually("the owner finds it in the log", func() bool { return w.owner.get("/requests/"+a.id).StatusCode == http.StatusOK })
		w.shows("the owner, of an unknown key", w.owner, "/requests/"+a.id, http.StatusOK, "none that is known")
		w.shows("the developer, of an unknown key", w.dev, "/requests/"+a.id, http.StatusNotFound)
	}
	w.crash()
	check()
	w.nowhere(g.value)
	w.nowhere("hunter2")
}

// Newer receipts take the place of the oldest, whose page says so.
func TestReceiptThatNewerOnesReplacedIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crash("--receipts", "1MB", "--request-log", "0") // 1,530 refusals, and nothing beside them
	w.api(w.owner, "shop", "GET /items")
	lines := []string{"Name,Key"}
	value := func(i int) string { return fmt.Sprintf("flood-key-number-%06d", i) }
	for i := range 20 {
		lines = append(lines, fmt.Sprintf("Flood %d,%s", i, value(i)))
	}
	w.owner.done(w.owner.post("/owner/keys/import", "csv", strings.Join(lines, "\n")))
	path := "/shop/prod/items"
	w.eventually("the keys", func() bool { return w.ask(path, value(19)).problem == "no-plan" })
	first := w.ask(path, value(0))
	page := "/requests/" + first.id
	w.shows("the owner", w.owner, page, http.StatusOK, "The API key is on no plan for this stage")
	for i := 1; i < 20; i++ {
		for range 100 { // what one key may leave at once
			w.ask(path, value(i))
		}
		if i < 10 {
			w.shows("the owner, while there is room", w.owner, page, http.StatusOK)
		}
	}
	w.shows("the owner", w.owner, page, http.StatusGone, "Not kept any more", "newer ones took its place")
	w.shows("a stranger", w.other, page, http.StatusGone)
	if answer := newPerson(t, w.portal).get(page); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("a visitor: got %s", answer.Status)
	}
}
