package handlers_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"gatehouse/models"
)

// upload sends the import form with a file, as browsers do.
func (b *browser) upload(file io.Reader, pairs ...string) answer {
	b.portal.t.Helper()
	body, in := io.Pipe()
	form := multipart.NewWriter(in)
	go func() {
		part, err := form.CreateFormFile("file", "customers.csv")
		if err == nil {
			_, err = io.Copy(part, file)
		}
		for i := 0; i < len(pairs) && err == nil; i += 2 {
			err = form.WriteField(pairs[i], pairs[i+1])
		}
		if err == nil {
			err = form.Close()
		}
		in.CloseWithError(err)
	}()
	r := httptest.NewRequestWithContext(b.portal.t.Context(), http.MethodPost, "/owner/keys/import", body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Cookie", b.cookie)
	w := httptest.NewRecorder()
	b.portal.handler.ServeHTTP(w, r)
	_ = body.Close()
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Name + "=" + c.Value
	}
	return answer{status: w.Code, location: w.Header().Get("Location"), header: w.Header(), body: w.Body.String()}
}

func linesOfKeys(n int) string {
	var text strings.Builder
	text.WriteString("Name,Key,Colour\n")
	for i := range n {
		fmt.Fprintf(&text, "Customer %d,customer-value-%06d,red\n", i, i)
	}
	return text.String()
}

var importPage = regexp.MustCompile(`^/owner/imports/([0-9a-z]{10})$`)

// carry does what the server does in the background.
func (p *ownerPortal) carry(location string) models.ImportID {
	p.t.Helper()
	found := importPage.FindStringSubmatch(location)
	if found == nil {
		p.t.Fatalf("%q is no import's page", location)
	}
	id, err := models.ParseID[models.Import](found[1])
	ok(p.t, err)
	ok(p.t, p.imports.Carry(p.t.Context(), p.owner.ID, id))
	return id
}

func TestALargeFileIsCheckedStartedAndReported(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	b.get("/owner/imports").has(t, "No imports yet", "Choose a file")
	sent := b.upload(strings.NewReader(linesOfKeys(300)+"short,x,red\n"), "bad", "all")
	if sent.status != http.StatusSeeOther {
		t.Fatalf("got %d %s", sent.status, sent.body)
	}
	path := sent.location
	b.get(path).has(t, "customers.csv", "Waiting", `hx-sse:connect="`+path+`/live"`, "Cancel import", `http-equiv="refresh"`)
	p.carry(path)
	page := b.get(path)
	page.has(t, "nothing is written yet", "300", "1 line cannot be.", "Key: a key has 20 to 128 characters.", "Import the other 300 lines", "Download report", "Name, Key", "Colour")
	page.hasNot(t, "hx-sse:connect", "Start: import", "customer-value")
	b.sees(b.post(path+"/start")).has(t, "Some lines cannot be imported") // all or none still stands
	started := b.post(path+"/start", "bad", "skip")
	b.sees(started).has(t, "Importing", "0", "300", "You can leave this page")
	p.carry(path)
	b.get(path).has(t, "Done", "1 line was left out.", "New keys", "Bad lines")
	report := b.get(path + "/report")
	if !strings.Contains(report.header.Get("Content-Disposition"), "import-") || strings.Count(report.body, ",created,") != 300 || !strings.Contains(report.body, "302,error,,") {
		t.Errorf("got %s\n%.200s", report.header.Get("Content-Disposition"), report.body)
	}
	b.get("/owner/imports").has(t, "customers.csv", "Done", "301", "300")
	b.get("/owner/keys?q=Customer%20299").has(t, "Customer 299")
	b.sees(b.post(path+"/cancel")).has(t, "done already")
}

func TestAnImportIsCancelledBeforeAndWhileItIsWritten(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	path := b.upload(strings.NewReader(linesOfKeys(250)), "bad", "skip").location
	b.sees(b.post(path+"/cancel")).has(t, "Cancelled: nothing was imported")
	path = b.upload(strings.NewReader(linesOfKeys(250)), "bad", "all").location
	p.carry(path)
	b.get(path).has(t, "Start: import 250 lines", "Everything begins to hold at once")
	b.post(path + "/start")
	b.sees(b.post(path+"/cancel")).has(t, "Undoing", "None of the new keys ever worked")
	p.carry(path)
	b.get(path).has(t, "Cancelled: nothing was imported")
	b.get("/owner/keys").has(t, "No keys yet")
}

// R9: a stranger, another owner and a developer find nothing, and nothing of it is theirs to do.
func TestNobodyElseFindsAnImport(t *testing.T) {
	p := openOwnerPortal(t)
	path := p.signedIn("owner@example.com").upload(strings.NewReader(linesOfKeys(250)), "bad", "all").location
	id := p.carry(path)
	for _, email := range []string{"stranger@example.com", "developer@example.com"} {
		b := p.signedIn(email)
		for _, page := range []string{"", "/live", "/report"} {
			if got := b.get(path + page); got.status != http.StatusNotFound {
				t.Errorf("%s%s answers %s %d", path, page, email, got.status)
			}
		}
		for _, action := range []string{"/start", "/cancel"} {
			if got := b.post(path + action); got.status != http.StatusNotFound {
				t.Errorf("%s%s answers %s %d", path, action, email, got.status)
			}
		}
	}
	if got := p.signedIn("developer@example.com").upload(strings.NewReader(linesOfKeys(3))); got.status != http.StatusNotFound {
		t.Errorf("a developer's file: %d", got.status)
	}
	i, err := p.store.Import(t.Context(), p.owner.ID, id)
	if err != nil || i.State != models.ImportChecked {
		t.Errorf("got %+v, %v", i, err)
	}
}

// What cannot be taken is answered at the field, and leaves nothing on the disk.
func TestFilesThatCannotBeTakenAreAnsweredAtTheField(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	b.upload(strings.NewReader("Name,Key\n"), "bad", "all").again(t, "The file has a heading but no keys.")
	b.upload(strings.NewReader("\xff\xfeN\x00"), "bad", "all").again(t, "UTF-16")
	b.upload(strings.NewReader(linesOfKeys(3)), "bad", "perhaps").again(t, "Choose what happens to bad lines.")
	b.upload(strings.NewReader(linesOfKeys(3000)), "csv", "Name,Key\n").again(t, "Choose a file or paste lines, not both.")
	got := b.upload(io.LimitReader(endless{}, models.MaxKeyCSV+100), "bad", "all")
	if got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a file that is too large: %d", got.status)
	}
	got.has(t, "The file is larger than 256 MB. Split it.")
	for range models.MaxOpenImports {
		if got := b.upload(strings.NewReader(linesOfKeys(250)), "bad", "all"); got.status != http.StatusSeeOther {
			t.Fatalf("got %d", got.status)
		}
	}
	b.upload(strings.NewReader(linesOfKeys(250)), "bad", "all").again(t, "3 imports are open already")
	if folders, err := os.ReadDir(p.folder); err != nil || len(folders) != models.MaxOpenImports {
		t.Errorf("%d folders, %v", len(folders), err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "Name,Key\n"[i%9]
	}
	return len(p), nil
}

// A small file is imported at once, all of it or nothing; it is listed with the others.
func TestASmallFileIsImportedAtOnce(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	b.upload(strings.NewReader(linesOfKeys(199)+"Bad,short,red\n"), "bad", "all").again(t, "Lines to mend", "one line needs mending")
	b.sees(b.upload(strings.NewReader(linesOfKeys(200)), "bad", "all")).has(t, "200 keys created, 0 updated")
	list := b.get("/owner/imports")
	list.has(t, "customers.csv", "Done", "200")
	path := regexp.MustCompile(`/owner/imports/[0-9a-z]{10}`).FindString(list.body)
	b.get(path).has(t, "Done", "200")
	if got := b.get(path + "/report"); got.status != http.StatusNotFound {
		t.Errorf("a report of a small import: %d", got.status)
	}
	if bytes.Contains([]byte(list.body), []byte("customer-value")) {
		t.Error("a value is on a page")
	}
}
