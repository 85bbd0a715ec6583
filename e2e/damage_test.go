package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tail is what a killed server had written down and not committed.
type tail struct {
	path       string
	begin, end int64 // bytes of the file
}

// tail finds it; ok is false when there is nothing.
func (k *killed) tail() (t tail, ok bool) {
	k.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(k.data, "gatehouse.db")+"?mode=ro")
	if err != nil {
		k.Fatal(err)
	}
	defer db.Close()
	var segment int64
	if err := db.QueryRow(`SELECT segment, "offset" FROM journal`).Scan(&segment, &t.begin); err != nil {
		k.Fatal(err)
	}
	t.path = filepath.Join(k.data, "journal", fmt.Sprintf("%016x.journal", segment))
	content, err := os.ReadFile(t.path)
	if err != nil {
		k.Fatal(err)
	}
	for t.end = t.begin; t.end+64 <= int64(len(content)) && strings.Trim(string(content[t.end:t.end+64]), "\x00") != ""; {
		t.end += 64
	}
	return t, t.end > t.begin
}

// write overwrites bytes of the file.
func (t *tail) write(k *killed, at int64, bytes []byte) {
	k.Helper()
	f, err := os.OpenFile(t.path, os.O_RDWR, 0)
	if err != nil {
		k.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(bytes, at); err != nil {
		k.Fatal(err)
	}
}

// flip changes one bit.
func (t *tail) flip(k *killed, at int64) {
	k.Helper()
	content, err := os.ReadFile(t.path)
	if err != nil {
		k.Fatal(err)
	}
	t.write(k, at, []byte{content[at] ^ 1<<rand.IntN(8)})
}

// somewhere is a place in what is not committed, before its last record.
func (t *tail) somewhere() int64 { return t.begin + rand.Int64N(max(1, t.end-t.begin-64)) }

// damages are what may have become of a journal when a server is started on it. What one leaves whole, the next start counts to the unit.
func damages() []damage {
	return []damage{
		{name: "nothing", whole: true, do: func(*killed, *tail) {}},
		{name: "a bit of a record", do: func(k *killed, t *tail) { t.flip(k, t.somewhere()) }},
		{name: "a bit of the head", do: func(k *killed, t *tail) { t.flip(k, rand.Int64N(48)) }},
		{name: "a torn record", do: func(k *killed, t *tail) { t.write(k, t.somewhere()/64*64+8, make([]byte, 32)) }},
		{name: "noise", do: func(k *killed, t *tail) { t.write(k, t.somewhere(), []byte("this is no record of anything")) }},
		{name: "everything wiped out", do: func(k *killed, t *tail) { t.write(k, t.begin, make([]byte, t.end-t.begin)) }},
		{name: "cut short", do: func(k *killed, t *tail) { k.must(os.Truncate(t.path, t.somewhere())) }},
		{name: "empty", do: func(k *killed, t *tail) { k.must(os.Truncate(t.path, 0)) }},
		{name: "not there", do: func(k *killed, t *tail) { k.must(os.Remove(t.path)) }},
		{name: "there twice", whole: true, do: func(k *killed, t *tail) {
			content, err := os.ReadFile(t.path)
			k.must(err)
			k.must(os.WriteFile(filepath.Join(filepath.Dir(t.path), "0-copy.journal"), content, 0o600))
		}},
		{name: "the machine was started anew, and the end is not on the disk", boot: true, do: func(k *killed, t *tail) {
			t.write(k, t.somewhere()/64*64, make([]byte, 64*((t.end-t.begin)/64)))
		}},
		{name: "the machine was started anew", boot: true, do: func(*killed, *tail) {}},
	}
}

type damage struct {
	name  string
	whole bool // nothing is missing
	boot  bool // the machine was started anew
	do    func(*killed, *tail)
}

func (k *killed) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// rounds is how often each damage is done: make kill-test says how often in a long run.
func rounds() int { return max(1, kills()/30) }

// Whatever becomes of the journal between two starts: the server starts, says what it could not read, and no quota is passed. What it cannot know is in doubt,
// and no more than it held.
func TestADamagedJournalOpensNoQuota(t *testing.T) {
	path, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	all := damages()
	k := newKilled(t, int64(rounds()*len(all))*300)
	ctx, cancel := context.WithCancel(t.Context())
	wait := k.call(ctx, 2)
	boot := 1
	k.serveAt(path, bootID(boot))
	for range rounds() {
		for _, d := range all {
			k.flow()
			k.kill()
			was, some := k.tail()
			if d.boot {
				boot++
			}
			if some {
				d.do(k, &was)
			}
			k.serveAt(path, bootID(boot))
			log := k.stderr.String()
			if doubted := strings.Contains(log, "are not known for certain"); doubted && d.whole || !doubted && !d.whole && was.end-was.begin > 64*64 {
				t.Errorf("%s of %d bytes: it says\n%s", d.name, was.end-was.begin, log)
			}
			if strings.Contains(log, "goroutine ") || strings.Contains(log, "more was admitted") {
				t.Errorf("%s: %s", d.name, log)
			}
		}
	}
	k.useUp()
	cancel()
	wait()
	k.checkDoubt()
}

// flow waits until requests have flowed for a moment, of whatever key has a quota left.
func (k *killed) flow() {
	k.Helper()
	open := k.keys[len(k.keys)-1]
	until := open.answered.Load() + 50
	k.eventually("answers", func() bool { return open.answered.Load() > until })
	time.Sleep(rand.N(200 * time.Millisecond))
}

// bootID has the crash build believe in a run of the machine.
func bootID(n int) string { return fmt.Sprintf("GATEHOUSE_BOOT_ID=%032x", n) }

// checkDoubt holds what the clients saw against the records when some of those are gone: nothing was admitted beyond what is charged or in doubt, and that is
// never more than the limit.
func (k *killed) checkDoubt() {
	k.Helper()
	k.stop()
	for _, c := range k.keys {
		r := k.read(c.key)
		answered, failed, lost := c.answered.Load(), c.failed.Load(), c.lost.Load()
		k.Logf("%s: clients saw %d answers, %d failures, %d refusals, %d were lost in flight; on record %+v", c.name, answered, failed, c.refused.Load(), lost, r)
		if r.admitted > answered+failed+lost {
			k.Errorf("%s: %d admitted, but clients saw %d, and %d were lost", c.name, r.admitted, answered+failed, lost)
		}
		if r.open != 0 || r.held != 0 {
			k.Errorf("%s: after an ordered stop %d are open, %d held", c.name, r.open, r.held)
		}
		if c.limit == 0 {
			continue
		}
		seen := answered
		if !c.delivered {
			seen += failed
		}
		if seen > r.charged+r.doubt {
			k.Errorf("%s: clients saw %d, and %d are charged, %d in doubt", c.name, seen, r.charged, r.doubt)
		}
		if r.charged+r.doubt != c.limit || r.spent != r.charged {
			k.Errorf("%s: %d charged and %d in doubt of %d; the ledger says %d", c.name, r.charged, r.doubt, c.limit, r.spent)
		}
	}
}
