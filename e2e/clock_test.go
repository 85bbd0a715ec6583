package e2e

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/models"
)

// wrongClock is a world whose server takes the wall clock wrong by what a file says.
type wrongClock struct {
	*killed
	binary, file string
	wrong        time.Duration // that is right for the test: the world lives at another time of the day
}

// newWrongClock has the server believe that it is some time before the next midnight.
func newWrongClock(t *testing.T, before time.Duration) *wrongClock {
	t.Helper()
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	w := &wrongClock{killed: newKilled(t, 100), binary: path, file: filepath.Join(t.TempDir(), "clock")}
	w.run(`UPDATE journal SET mark = 0`) // it has never seen another clock
	now := time.Now().UTC()
	w.wrong = now.Truncate(24 * time.Hour).Add(48*time.Hour - before).Sub(now)
	w.set(0)
	w.start()
	w.owner, w.dev = w.signIn("ana"), w.signIn("dev") // the sessions of before are over
	return w
}

func (w *wrongClock) start() { w.serveAt(w.binary, "GATEHOUSE_CLOCK="+w.file) }

// set sets the clock wrong by so much.
func (w *wrongClock) set(by time.Duration) {
	w.Helper()
	w.must(os.WriteFile(w.file+".new", []byte((w.wrong + by).String()), 0o600))
	w.must(os.Rename(w.file+".new", w.file))
}

// run runs a statement on the records of a server that is stopped.
func (w *wrongClock) run(statement string, args ...any) {
	w.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.data, "gatehouse.db"))
	w.must(err)
	defer db.Close()
	_, err = db.Exec(statement, args...)
	w.must(err)
}

// mark is the time that is on record as having come, in milliseconds.
func (w *wrongClock) mark() (at int64) {
	w.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.data, "gatehouse.db")+"?mode=ro")
	w.must(err)
	defer db.Close()
	w.must(db.QueryRow(`SELECT mark FROM journal`).Scan(&at))
	return at
}

// now is the time that the server believes in while the clock is not set wrong.
func (w *wrongClock) now() time.Time { return time.Now().UTC().Add(w.wrong) }

// becomes waits until a call is answered so: a clock that was set is read within some milliseconds.
func (w *wrongClock) becomes(what, path, key, problem string) {
	w.Helper()
	w.eventually(what, func() bool {
		_, got := w.world.call("GET", path, key)
		return got == problem
	})
}

// spend calls until it is refused, and returns how many passed.
func (w *wrongClock) spend(path, key string) (passed int) {
	w.Helper()
	for {
		status, problem := w.world.call("GET", path, key)
		switch {
		case status == http.StatusOK:
			passed++
		case problem != "ledger-busy":
			return passed
		}
	}
}

// A clock that jumps by an hour, each way, over midnight: each day has its quota once, throttles do not notice, and a deadline that only the wrong clock has
// passed is none.
func TestAClockThatJumpsByAnHourOpensNothingAndBlocksNothingForGood(t *testing.T) {
	t.Parallel()
	w := newWrongClock(t, 30*time.Minute)
	s := w.api(w.owner, "clock", "GET /a")
	join := func(app, plan string) grant {
		return w.granted(w.dev, w.dev.done(w.dev.post("/apis/clock/subscribe", "plan", plan, "app", "new", "app_name", app)))
	}
	daily := w.plan(w.owner, "Daily", []service{s}, "limited", "on", "quota", "20", "period", "day")
	slow := w.plan(w.owner, "Slow", []service{s}, "throttled", "on", "rate", "0.0001", "burst", "5")
	plain := w.plan(w.owner, "Plain", []service{s})
	quota, throttle, expiring, rotated := join("Quota", daily), join("Throttle", slow), join("Expiring", plain), join("Rotated", plain)
	path := "/clock/prod/a"
	w.done(w.dev, "/keys/"+expiring.key+"/expiry", "expires", w.now().Add(24*time.Hour).Format(time.DateOnly)) // in half an hour
	w.done(w.dev, "/keys/"+rotated.key+"/rotate", "overlap", "1h")
	if n, m := w.spend(path, quota.value), w.spend(path, throttle.value); n != 20 || m != 5 {
		t.Fatalf("to begin with %d and %d passed, want 20 and 5", n, m)
	}
	for _, key := range []string{expiring.value, rotated.value} {
		w.expect("GET", path, key, http.StatusOK, "")
	}

	w.set(61 * time.Minute) // tomorrow
	w.becomes("a key that expires", path, expiring.value, "key-expired")
	w.expect("GET", path, rotated.value, http.StatusForbidden, "key-replaced")
	w.expect("GET", path, throttle.value, http.StatusTooManyRequests, "throttled")
	if n := w.spend(path, quota.value); n != 20 {
		t.Errorf("tomorrow %d passed, want 20", n)
	}
	w.set(0) // today again
	w.becomes("a key that works again", path, expiring.value, "")
	w.expect("GET", path, rotated.value, http.StatusOK, "")
	w.becomes("the quota used up", path, quota.value, "quota-exceeded")
	w.expect("GET", path, throttle.value, http.StatusTooManyRequests, "throttled")

	w.set(-time.Hour)
	w.becomes("the quota used up", path, quota.value, "quota-exceeded")
	w.expect("GET", path, throttle.value, http.StatusTooManyRequests, "throttled")
	w.expect("GET", path, expiring.value, http.StatusOK, "")
	w.kill()
	w.start()
	w.becomes("the quota used up", path, quota.value, "quota-exceeded")
	w.expect("GET", path, throttle.value, http.StatusTooManyRequests, "throttled")
	w.set(61 * time.Minute) // tomorrow has been
	w.becomes("a key that expires", path, expiring.value, "key-expired")
	w.becomes("the quota used up", path, quota.value, "quota-exceeded")
	w.stop()
	for grant, want := range map[grant]int64{quota: 40, throttle: 5} {
		if r := w.read(grant.key); r.admitted != want || r.charged != want || r.held != 0 {
			t.Errorf("on record %+v, want %d admitted", r, want)
		}
	}
}

// What has ended by a clock that was right stays ended when the clock goes back, and when the server is started anew behind it.
func TestAKeyThatHasExpiredStaysSoWhenTheClockGoesBack(t *testing.T) {
	t.Parallel()
	w := newWrongClock(t, 12*time.Hour)
	s := w.api(w.owner, "clock", "GET /a")
	key := w.subscribe(w.dev, s, w.plan(w.owner, "Plain", []service{s}))
	w.stop()
	id, err := models.ParseID[models.Key](key.key)
	w.must(err)
	end := w.now().Add(3 * time.Second).UnixMilli()
	w.run(`UPDATE journal SET mark = 0`)
	w.run(`UPDATE keys SET expires_at = ? WHERE id = ?`, end, int64(id))
	w.start()
	w.becomes("its end", "/clock/prod/a", key.value, "key-expired")
	w.eventually("a note of it", func() bool { return w.mark() >= end })
	for name, go_on := range map[string]func(){"set back": func() {}, "killed": func() { w.kill(); w.start() }, "stopped": func() { w.stop(); w.start() }} {
		w.set(-time.Hour)
		go_on()
		time.Sleep(50 * time.Millisecond)
		if status, problem := w.world.call("GET", "/clock/prod/a", key.value); problem != "key-expired" {
			t.Errorf("%s: %d %s", name, status, problem)
		}
		w.set(0)
	}
}
