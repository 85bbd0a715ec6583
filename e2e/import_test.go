package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// keysFile is a file of n keys on a plan.
func keysFile(n int, plan string) string {
	var b strings.Builder
	b.WriteString("Name,Key,UsagePlanIds\n")
	for i := range n {
		fmt.Fprintf(&b, "Customer %d,%s,%s\n", i, customerValue(i), plan)
	}
	return b.String()
}

func customerValue(i int) string { return fmt.Sprintf("customer-key-value-%06d", i) }

// upload sends a file to the import form and returns where it leads.
func (p *person) upload(file string) string {
	p.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "customers.csv")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.client.Post(p.base+"/owner/keys/import", form.FormDataContentType(), &body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { answer.Body.Close() })
	return p.done(answer)
}

// imported is what the records say of the newest import.
type imported struct {
	state         string
	written, keys int
}

func (w *world) imported() (i imported) {
	w.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.data, "gatehouse.db")+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRow(`SELECT state, written, (SELECT count(*) FROM keys WHERE import_id = imports.id) FROM imports ORDER BY created_at DESC LIMIT 1`).Scan(&i.state, &i.written, &i.keys)
	if err != nil && err != sql.ErrNoRows {
		w.Fatal(err)
	}
	return i
}

// kill ends the server as kill -9 does, and restart begins another one.
func (w *world) killAndRestart() {
	w.Helper()
	_ = w.process.cmd.Process.Kill()
	<-w.process.exited
	w.process.exited <- nil
	w.process = w.serve()
	w.owner.base = w.portal
}

// allThere fails unless each key of the file is there once and works.
func (w *world) allThere(n int) {
	w.Helper()
	if got := w.imported(); got.state != "done" || got.keys != n || got.written != n {
		w.Errorf("got %+v, want %d keys", got, n)
	}
	for range 20 {
		w.expect("GET", "/shop/prod/a", customerValue(rand.IntN(n)), http.StatusOK, "")
	}
	w.expect("GET", "/shop/prod/a", customerValue(n-1), http.StatusOK, "")
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(w.data, "gatehouse.db")+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	var names, values, plans, stages int
	err = db.QueryRow(`SELECT (SELECT count(DISTINCT name) FROM keys WHERE source = 'imported'), (SELECT count(*) FROM key_secrets), (SELECT count(*) FROM plan_keys), (SELECT count(*) FROM key_stages)`).
		Scan(&names, &values, &plans, &stages)
	if err != nil || names != n || values != n || plans != n || stages != n {
		w.Errorf("%d names, %d values, %d on the plan, %d on the stage, %v; want %d of each", names, values, plans, stages, err, n)
	}
}

// TestAnImportSurvivesKills kills the server again and again while it checks and writes 20,000 keys. Until it says that it is done, no key is seen or works; then all do.
func TestAnImportSurvivesKills(t *testing.T) {
	t.Parallel()
	const n = 20_000
	w := newWorld(t)
	plan := w.plan(w.owner, "Shop", []service{w.api(w.owner, "shop", "GET /a")})
	page := w.owner.upload(keysFile(n, plan))
	w.killAndRestart() // while it is checked, or just before or after
	w.eventually("a checked file", func() bool { return w.imported().state == "checked" })
	w.owner.done(w.owner.post(page + "/start"))
	for part := range 2 {
		at := n * (part + 1) / 4
		w.eventually(fmt.Sprintf("%d keys", at), func() bool { return w.imported().written >= at })
		if got := w.imported(); got.state == "writing" {
			w.expect("GET", "/shop/prod/a", customerValue(0), http.StatusForbidden, "key-unknown")
			if !strings.Contains(w.owner.page("/owner/keys"), "No keys yet") {
				t.Error("a key is seen before all are there")
			}
		}
		w.killAndRestart()
	}
	w.eventually("the end", func() bool { return w.imported().state == "done" })
	w.allThere(n)
	report := text(t, w.owner.get(page+"/report"))
	if got := strings.Count(report, ",created,"); got != n {
		t.Errorf("the report has %d keys", got)
	}
}

// TestTheServerGoesOnWithAKilledCommand: the import of a command that was killed is carried through by the server beside it.
func TestTheServerGoesOnWithAKilledCommand(t *testing.T) {
	t.Parallel()
	const n = 6000
	w := newWorld(t)
	plan := w.plan(w.owner, "Shop", []service{w.api(w.owner, "shop", "GET /a")})
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "key", "import", "--data", w.data, "--account", "ana@example.com", "-")
	cmd.Stdin = strings.NewReader(keysFile(n, plan))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.eventually("some keys", func() bool { i := w.imported(); return i.state == "writing" && i.written > 1000 })
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	w.eventually("the end", func() bool { return w.imported().state == "done" })
	w.allThere(n)
	if said.Len() > 0 && !strings.Contains(said.String(), "keys") {
		t.Errorf("the command said %s", &said)
	}
}

// TestAnImportInABrowser goes through all states of an import's page, and axe judges each.
func TestAnImportInABrowser(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]look{"wide and light": desktop, "a dark phone": phone, "without scripts": {width: 1440, height: 900, scheme: "light", noScript: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := startDemo(t)
			file := filepath.Join(t.TempDir(), "customers.csv")
			if err := os.WriteFile(file, []byte(keysFile(3000, "")+"Bad,short,\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			b := newBrowser(t, l)
			b.signIn(p.portal, "owner@example.com")
			b.open(p.portal + "/owner/keys/import")
			b.accessible()
			b.mark("the file", "field('CSV file')")
			b.do(chromedp.SetUploadFiles(chromedp.CSS("[data-e2e]"), []string{file}))
			b.press("Import")
			b.reach("Import the other 3,000 lines")
			b.see("Key: a key has 20 to 128 characters.")
			b.accessible()
			b.press("Import the other 3,000 lines")
			b.reach("1 line was left out")
			b.accessible()
			b.open(p.portal + "/owner/imports")
			b.see("Done")
			b.accessible()
		})
	}
}

// reach waits for a text that comes by itself; without scripts, by loading the page again.
func (b *browser) reach(text string) {
	b.t.Helper()
	if b.look.noScript {
		for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !eval[bool](b, "document.body.innerText.includes("+quoted(text)+")"); {
			time.Sleep(300 * time.Millisecond)
			b.do(chromedp.Reload())
		}
	}
	b.see(text)
}
