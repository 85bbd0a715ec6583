package handlers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/jobs"
	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerImportStore is what the pages of imports need of the store.
type OwnerImportStore interface {
	ImportKeys(ctx context.Context, actor models.Actor, in models.NewImport, rows []models.KeyImport, now time.Time) (models.ImportCounts, error)
	Import(ctx context.Context, owner models.AccountID, id models.ImportID) (models.Import, error)
	Imports(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.Import], error)
	StartImport(ctx context.Context, actor models.Actor, id models.ImportID, skipBad bool, now time.Time) error
	CancelImport(ctx context.Context, actor models.Actor, id models.ImportID, now time.Time) error
	planLister
}

// ImportFiles receives files and carries them through. *jobs.Imports implements it, and documents it.
type ImportFiles interface {
	Receive(name string, r io.Reader) (*jobs.Received, error)
	Submit(ctx context.Context, actor models.Actor, r *jobs.Received, skipBad bool) error
	Report(i models.Import) (func(io.Writer) error, error)
	HasReport(i models.Import) bool
	FirstBad(i models.Import, most int) ([]models.ImportLine, error)
	Wake()
}

// OwnerImports are the pages by which files of keys come in.
type OwnerImports struct {
	Store OwnerImportStore
	Files ImportFiles
}

// What to do with a file that has bad lines.
const (
	importAll   = "all"
	importSkips = "skip"
)

// smallUpload is how many bytes of a file are held in memory, to import it at once if it has few lines.
const smallUpload = maxForm

func importsCrumb() ui.Crumb { return ui.Crumb{Label: "Imports", Href: "/owner/imports"} }

func importPath(id models.ImportID) string { return "/owner/imports/" + id.String() }

// Form asks for a CSV file of keys.
func (o *OwnerImports) Form(r *Request) (Reply, error) {
	return o.formPage(r, NewForm("bad", importAll), Page)
}

func (o *OwnerImports) formPage(r *Request, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	plans, err := publishedPlans(r, o.Store)
	if err != nil {
		return Reply{}, err
	}
	v := owner.ImportKeysView{Plans: plans}
	for field, text := range f.Errors() {
		if n := lineNumber(field); n > 0 {
			v.Lines = append(v.Lines, owner.LineProblem{Line: n, Text: text})
		}
	}
	slices.SortFunc(v.Lines, func(a, b owner.LineProblem) int { return a.Line - b.Line })
	return reply(owner.ImportKeys(r.layout("Import keys", importsCrumb(), ui.Crumb{}), v, f)), nil
}

// lineNumber is the number in "line 7", for the order of a report; 0 for what is no line.
func lineNumber(field string) int {
	n := 0
	for _, digit := range strings.TrimPrefix(field, "line ") {
		if digit < '0' || digit > '9' {
			return 0
		}
		n = n*10 + int(digit-'0')
	}
	return n
}

// upload is what came with the form: a small file in memory, or a large one on the disk.
type upload struct {
	files    ImportFiles
	name     string
	small    []byte
	received *jobs.Received
}

// take takes a file as it comes in.
func (u *upload) take(name string, body io.Reader) error {
	if u.received != nil || len(u.small) > 0 {
		return models.Invalid("file", "Send one file at a time.")
	}
	head, err := io.ReadAll(io.LimitReader(body, smallUpload+1))
	if err != nil {
		return err
	}
	if u.name, err = models.CleanName("file", name); err != nil {
		u.name = "keys.csv"
	}
	if len(head) <= smallUpload {
		u.small = head
		return nil
	}
	u.received, err = u.files.Receive(u.name, io.MultiReader(bytes.NewReader(head), body))
	return err
}

// isSmall reports whether the file may be imported at once, as far as one can tell without reading it.
func (u *upload) isSmall() bool {
	return u.received == nil && len(u.small) <= smallUpload && bytes.Count(u.small, []byte("\n")) <= models.SmallImport+1
}

// discard deletes a file that comes to nothing.
func (u *upload) discard() {
	if u.received != nil {
		u.received.Discard()
	}
}

// Create takes a file. A small one is imported at once, all of it or nothing; a large one, or one whose bad lines are to be left out, is checked first, and its owner starts
// it on its page.
func (o *OwnerImports) Create(r *Request) (Reply, error) {
	u := &upload{files: o.Files}
	f, err := r.Receive("file", models.MaxKeyCSV+2*maxForm, u.take)
	if err != nil {
		u.discard()
		return o.refused(r, err)
	}
	pasted := f.Get("csv")
	hasFile, hasText := u.received != nil || len(u.small) > 0, strings.TrimSpace(pasted) != ""
	if f.Get("bad") == "" {
		f.Set("bad", importAll)
	}
	switch {
	case hasFile && hasText:
		f.Fail("file", "Choose a file or paste lines, not both.")
	case !hasFile && !hasText:
		f.Fail("file", "Choose a file, or paste lines.")
	case f.Get("bad") != importAll && f.Get("bad") != importSkips:
		f.Fail("bad", "Choose what happens to bad lines.")
	}
	if !f.OK() {
		u.discard()
		return o.formPage(r, f, Again)
	}
	if hasText {
		u.small = []byte(pasted)
	}
	if u.isSmall() && f.Get("bad") == importAll {
		if reply, done, err := o.atOnce(r, f, u); done || err != nil {
			return reply, err
		}
	}
	return o.submit(r, f, u)
}

// refused answers a file that could not be taken.
func (o *OwnerImports) refused(r *Request, err error) (Reply, error) {
	f := NewForm("bad", importAll)
	switch {
	case tooLarge(err), errors.Is(err, jobs.ErrTooLarge):
		f.Fail("file", models.Sentence(jobs.ErrTooLarge))
		return o.formPage(r, f, TooLarge)
	case f.Accept(err):
		return o.formPage(r, f, Again)
	}
	return Reply{}, err
}

// atOnce imports a small file; done is false when it turns out to have too many lines for that.
func (o *OwnerImports) atOnce(r *Request, f *Form, u *upload) (reply Reply, done bool, err error) {
	rows, err := models.ParseKeyCSV(bytes.NewReader(u.small), r.Now)
	if err == nil && len(rows) > models.SmallImport {
		return Reply{}, false, nil
	}
	var counts models.ImportCounts
	if err == nil {
		counts, err = o.Store.ImportKeys(r.Context(), r.Actor(), models.NewImport{File: u.name, Bytes: int64(len(u.small))}, rows, r.Now)
	}
	if f.Accept(err) {
		f.message = ""
		if f.Error("file") == "" {
			f.message = models.Sentence(err)
		}
		reply, err = o.formPage(r, f, Again)
		return reply, true, err
	}
	if err != nil {
		return Reply{}, true, err
	}
	return r.Done("/owner/keys", "Imported: "+count(int(counts.Created), "key")+" created, "+format.Count(counts.Updated)+" updated. They work from their next request on."), true, nil
}

// submit hands a file to the background.
func (o *OwnerImports) submit(r *Request, f *Form, u *upload) (Reply, error) {
	if u.received == nil {
		var err error
		if u.received, err = o.Files.Receive(u.name, bytes.NewReader(u.small)); err != nil {
			return o.refused(r, err)
		}
	}
	err := o.Files.Submit(r.Context(), r.Actor(), u.received, f.Get("bad") == importSkips)
	if f.Accept(err) {
		f.message = models.Sentence(err)
		return o.formPage(r, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return See(importPath(u.received.ID)), nil
}

// List is the list of imports.
func (o *OwnerImports) List(r *Request) (Reply, error) {
	p := r.Page()
	list, err := o.Store.Imports(r.Context(), r.Account.ID, p)
	if err != nil {
		return Reply{}, err
	}
	v := owner.KeyImportsView{Now: r.Now, Pages: listPages(r, p, list.Next)}
	for _, i := range list.Items {
		v.Rows = append(v.Rows, owner.KeyImportRow{Href: importPath(i.ID), File: importName(i), State: importBadge(i), Lines: i.Counts.Lines(), Created: i.Counts.Created, Updated: i.Counts.Updated, At: i.CreatedAt})
	}
	return Page(owner.KeyImports(r.layout("Imports", ui.Crumb{}), v)), nil
}

func (o *OwnerImports) one(r *Request, ctx context.Context) (models.Import, error) {
	id, err := param[models.Import](r, "import")
	if err != nil {
		return models.Import{}, err
	}
	return o.Store.Import(ctx, r.Account.ID, id)
}

// Show is where an import stands, and what its owner can do with it.
func (o *OwnerImports) Show(r *Request) (Reply, error) {
	i, err := o.one(r, r.Context())
	if err != nil {
		return Reply{}, err
	}
	v, err := o.view(i, r.Now)
	if err != nil {
		return Reply{}, err
	}
	page := r.layout(importName(i), importsCrumb(), ui.Crumb{})
	if i.State.Busy() {
		page.Live, page.Refresh = importPath(i.ID)+"/live", 3
	}
	return Page(owner.KeyImport(page, v)), nil
}

// importLiveEvery is how often the page of an import is drawn again.
const importLiveEvery = time.Second

// Live draws an import again and again while its page is open.
func (o *OwnerImports) Live(r *Request) (Reply, error) {
	if _, err := o.one(r, r.Context()); err != nil {
		return Reply{}, err
	}
	return r.liveEach(importLiveEvery, func(ctx context.Context, now time.Time) (templ.Component, error) {
		i, err := o.one(r, ctx)
		if err != nil {
			return nil, err
		}
		v, err := o.view(i, now)
		return owner.KeyImportUpdate(v), err
	}), nil
}

// Start lets a checked import be written.
func (o *OwnerImports) Start(r *Request) (Reply, error) {
	return o.change(r, func(i models.Import, f *Form) error {
		return o.Store.StartImport(r.Context(), r.Actor(), i.ID, f.Get("bad") == importSkips, r.Now)
	})
}

// Cancel ends an import whose keys do not work yet.
func (o *OwnerImports) Cancel(r *Request) (Reply, error) {
	return o.change(r, func(i models.Import, _ *Form) error { return o.Store.CancelImport(r.Context(), r.Actor(), i.ID, r.Now) })
}

func (o *OwnerImports) change(r *Request, do func(models.Import, *Form) error) (Reply, error) {
	i, err := o.one(r, r.Context())
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	err = do(i, f)
	if refused := NewForm(); refused.Accept(err) {
		return r.Sorry(importPath(i.ID), models.Sentence(err)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	o.Files.Wake()
	return See(importPath(i.ID)), nil
}

// Report answers with what becomes, or became, of each line.
func (o *OwnerImports) Report(r *Request) (Reply, error) {
	i, err := o.one(r, r.Context())
	if err != nil {
		return Reply{}, err
	}
	write, err := o.Files.Report(i)
	if errors.Is(err, fs.ErrNotExist) {
		return Reply{}, models.NotFound("report: it is kept for 30 days, and small imports have none")
	}
	if err != nil {
		return Reply{}, err
	}
	return Download("import-"+i.ID.String()+".csv", "text/csv; charset=utf-8", write), nil
}
