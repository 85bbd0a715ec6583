package e2e

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // to read what a run left

	"gatehouse/models"
)

// killed is a world whose server is killed, or robbed of its disk, while clients call: what they saw, to be held against what is on record.
type killed struct {
	*world
	gateway atomic.Pointer[string] // where the server listens now; nil: it does not
	keys    []*caller
	flags   []string // of serve
}

// caller is one key and what its clients saw.
type caller struct {
	grant
	name, path string
	limit      int64    // of its quota; 0: none
	delivered  bool     // answers of 500 are not charged
	terms      []string // of the plan's form

	answered, failed, refused, lost atomic.Int64 // 200, 500, 429, and no answer

	mu       sync.Mutex
	problems map[string]int // of 503
	faults   []string       // what no client should see
}

// newKilled makes one API and the plans that make a difference: a quota that is used up, one whose failures are given back, none.
func newKilled(t *testing.T, quota int64) *killed {
	k := &killed{world: newWorld(t)}
	s := k.api(k.owner, "kill", "POST /a") // what is not idempotent net/http does not send again by itself
	limited := []string{"limited", "on", "quota", strconv.FormatInt(quota, 10), "period", "month", "month_day", "1"}
	k.keys = []*caller{
		{name: "Month", limit: quota, terms: limited},
		{name: "Delivered", limit: quota, delivered: true, terms: append([]string{"charge", "delivered"}, limited...)},
		{name: "Open"},
	}
	for _, c := range k.keys {
		g := k.subscribe(k.dev, s, k.plan(k.owner, c.name, []service{s}, c.terms...))
		c.grant, c.path, c.problems = g, "/kill/prod/a", map[string]int{}
	}
	k.stop()
	return k
}

// serveAt starts the server and tells the clients where.
func (k *killed) serveAt(path string, env ...string) {
	k.process = startBinary(k.T, path, env, k.arguments()...)
	at := k.process.gateway
	k.gateway.Store(&at)
	for _, p := range []*person{k.admin, k.owner, k.dev} {
		p.base = k.portal
	}
}

func (k *killed) arguments() []string {
	return append([]string{"serve", "--data", k.data, "--allow-upstream", "127.0.0.1/32"}, k.flags...)
}

// kill ends it as kill -9 does.
func (k *killed) kill() {
	_ = k.cmd.Process.Kill()
	<-k.exited
	k.exited <- nil
	k.gateway.Store(nil)
}

// call has clients call until ctx ends.
func (k *killed) call(ctx context.Context, clients int) (wait func()) {
	var group sync.WaitGroup
	for _, c := range k.keys {
		for range clients {
			group.Go(func() {
				client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
				for i := 0; ctx.Err() == nil; i++ {
					if at := k.gateway.Load(); at == nil || !c.send(client, *at, i) {
						time.Sleep(5 * time.Millisecond)
					}
				}
			})
		}
	}
	for _, c := range k.keys {
		group.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if at := k.gateway.Load(); at != nil {
					c.sendAtOnce(*at, i)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	return group.Wait
}

// atOnce is how many requests a client sends before it reads an answer.
const atOnce = 4

// sendAtOnce sends several requests on one connection, one behind the other.
func (c *caller) sendAtOnce(at string, i int) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(at, "http://"))
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	for n := range atOnce {
		path := c.path
		if (i+n)%5 == 4 {
			path += "?status=500"
		}
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nX-Api-Key: %s\r\nContent-Length: 2\r\n\r\nhi", path, c.value); err != nil {
			c.lost.Add(int64(n + 1)) // who was killed may have read all of it
			return
		}
	}
	in := bufio.NewReader(conn)
	for n := range atOnce {
		answer, err := http.ReadResponse(in, nil)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(answer.Body)
		}
		if err != nil {
			c.lost.Add(int64(atOnce - n))
			return
		}
		c.note(answer, body)
		if answer.Close && n+1 < atOnce {
			return // those behind it were not looked at
		}
	}
}

// send sends one request; false: there was no server.
func (c *caller) send(client *http.Client, at string, i int) bool {
	path := at + c.path
	if i%5 == 4 {
		path += "?status=500"
	}
	r, _ := http.NewRequest(http.MethodPost, path, nil)
	r.Header.Set("x-api-key", c.value)
	var body []byte
	answer, err := client.Do(r)
	if err == nil {
		body, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	switch {
	case err != nil && strings.Contains(err.Error(), "connection refused"):
		return false
	case err != nil:
		c.lost.Add(1)
	default:
		c.note(answer, body)
	}
	return true
}

// note counts an answer.
func (c *caller) note(answer *http.Response, body []byte) {
	switch {
	case answer.StatusCode == http.StatusOK:
		c.answered.Add(1)
	case answer.StatusCode == http.StatusInternalServerError:
		c.failed.Add(1)
	case answer.StatusCode == http.StatusTooManyRequests:
		c.refused.Add(1)
		time.Sleep(2 * time.Millisecond)
	default: // 503: it is starting, stopping, or cannot keep its promise at this moment
		c.unavailable(answer, body)
		time.Sleep(time.Millisecond)
	}
}

var problemSlug = regexp.MustCompile(`"type":"[^"]*/problems/([a-z-]+)"`)

// unavailable notes a problem that passes.
func (c *caller) unavailable(answer *http.Response, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slug := problemSlug.FindSubmatch(body)
	if answer.StatusCode != http.StatusServiceUnavailable || slug == nil || answer.Header.Get("Retry-After") == "" {
		c.faults = append(c.faults, fmt.Sprintf("%s %v %.200s", answer.Status, answer.Header, body))
		return
	}
	c.problems[string(slug[1])]++
}

// saw returns how often the key's clients saw a problem.
func (c *caller) saw(slug string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problems[slug]
}

// onRecord is what the records say of a key.
type onRecord struct{ admitted, delivered, open, charged, spent, held, doubt int64 }

func (k *killed) read(id string) (r onRecord) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(k.data, "gatehouse.db")+"?mode=ro")
	if err != nil {
		k.Fatal(err)
	}
	defer db.Close()
	key, err := models.ParseID[models.Key](id)
	if err != nil {
		k.Fatal(err)
	}
	for query, to := range map[string][]any{
		`SELECT coalesce(sum(o0+o1+o2+o3+o4+o5+o6), 0), coalesce(sum(o1+o2+o3), 0), coalesce(sum(o0), 0) FROM usage_minutes WHERE kind = 1 AND id = ?`: {
			&r.admitted, &r.delivered, &r.open},
		`SELECT coalesce(sum(used), 0) FROM quota_days WHERE key_id = ?`: {&r.charged},
		`SELECT coalesce(sum(used - refunded), 0), coalesce(sum(granted - used + refunded), 0) FROM quota_holders WHERE key_id = ?`: {
			&r.spent, &r.held},
		`SELECT coalesce(sum(doubt), 0) FROM quota_buckets WHERE key_id = ?`: {&r.doubt},
	} {
		if err := db.QueryRow(query, int64(key)).Scan(to...); err != nil {
			k.Fatalf("%s: %v", query, err)
		}
	}
	return r
}

// check holds what the clients saw against the records: admitted = metered = ledger, none over, none lost, all usable.
func (k *killed) check() {
	k.Helper()
	k.stop()
	for _, c := range k.keys {
		for _, fault := range c.faults {
			k.Errorf("%s: a client saw %s", c.name, fault)
		}
		r := k.read(c.key)
		answered, failed, lost := c.answered.Load(), c.failed.Load(), c.lost.Load()
		k.Logf("%s: clients saw %d answers, %d failures, %d refusals, %d were lost in flight; on record %+v", c.name, answered, failed, c.refused.Load(), lost, r)
		if seen := answered + failed; r.admitted < seen || r.admitted > seen+lost {
			k.Errorf("%s: %d admitted, but clients saw %d, and %d were lost", c.name, r.admitted, seen, lost)
		}
		if r.open != 0 || r.held != 0 || r.doubt != 0 {
			k.Errorf("%s: after an ordered stop %d are open, %d held, %d in doubt", c.name, r.open, r.held, r.doubt)
		}
		if c.limit == 0 {
			continue
		}
		if r.spent != r.charged {
			k.Errorf("%s: the ledger says %d, the meter %d", c.name, r.spent, r.charged)
		}
		if !c.delivered && r.charged != r.admitted {
			k.Errorf("%s: %d charged, %d admitted", c.name, r.charged, r.admitted)
		}
		if r.charged > c.limit {
			k.Errorf("%s: %d charged of %d", c.name, r.charged, c.limit)
		}
		if c.refused.Load() > 0 && r.charged != c.limit {
			k.Errorf("%s: refused at %d of %d", c.name, r.charged, c.limit)
		}
	}
}
