package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/models/openapi/diff"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerDocumentStore is what the pages of an API's document need of the store.
type OwnerDocumentStore interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	Stages(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Stage, error)
	Document(ctx context.Context, owner models.AccountID, id models.APIID) (document, reading []byte, err error)
	Draft(ctx context.Context, owner models.AccountID, api models.APIID) (models.APIDraft, error)
	DocumentWaits(ctx context.Context, api models.APIID) (bool, error)
	BringDocument(ctx context.Context, actor models.Actor, c models.DocumentChange, now time.Time) (models.DocumentChange, error)
	WaitingDocument(ctx context.Context, owner models.AccountID, api models.APIID) (models.DocumentChange, error)
	ImportedDocument(ctx context.Context, owner models.AccountID, api models.APIID) (models.DocumentChange, error)
	WaitingText(ctx context.Context, owner models.AccountID, api models.APIID) (document, reading []byte, err error)
	CompareDocument(ctx context.Context, actor models.Actor, api models.APIID, id models.DocumentChangeID, draft string, diff []byte, now time.Time) error
	DiscardDocument(ctx context.Context, actor models.Actor, api models.APIID, now time.Time) error
	ImportDocument(ctx context.Context, actor models.Actor, api models.APIID, id models.DocumentChangeID, methods []models.Method, proposal models.ChangelogEntry, now time.Time) (models.ImportChanges, error)
	CallersOf(ctx context.Context, owner models.AccountID, api models.APIID, methods []models.MethodID, most int, now time.Time) (models.OperationCallers, error)
	MethodCalls(ctx context.Context, owner models.AccountID, api models.APIID, methods []models.MethodID, now time.Time) (map[models.MethodID]int64, error)
}

// OwnerDocuments are the pages on which a newer document comes: it is brought, compared with what is there, and then imported or discarded.
type OwnerDocuments struct {
	Store     OwnerDocumentStore
	Reader    DocumentReader
	comparing sync.Mutex // two of the largest documents take a second or two, and 150 MB
}

// comparison is what is kept of one: what changes, and what there is to say about the new document.
type comparison struct {
	Diff  diff.Diff         `json:"diff"`
	Notes []openapi.Warning `json:"notes,omitempty"`
}

// maxComparing bounds one comparison.
const maxComparing = 30 * time.Second

func diffPath(api models.APIID) string { return ownerAPIPath(api) + "/diff" }

func (o *OwnerDocuments) api(r *Request) (models.API, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return models.API{}, err
	}
	return o.Store.API(r.Context(), r.Account.ID, id)
}

// ImportForm asks for a newer document and says what there is to say about the present one.
func (o *OwnerDocuments) ImportForm(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.importPage(r, api, NewForm())
	return Page(page), err
}

func (o *OwnerDocuments) importPage(r *Request, api models.API, f *Form) (templ.Component, error) {
	v := owner.ImportView{Name: api.Name, Href: ownerAPIPath(api.ID), Has: api.HasDocument}
	waits, err := o.Store.DocumentWaits(r.Context(), api.ID)
	if err != nil {
		return nil, err
	}
	if waits {
		v.WaitingHref = diffPath(api.ID)
	}
	if api.HasDocument {
		_, reading, err := o.Store.Document(r.Context(), r.Account.ID, api.ID)
		if err != nil {
			return nil, err
		}
		d, err := documentOf(reading)
		if err != nil {
			return nil, err
		}
		v.Format, v.Title, v.Version, v.Unsecured = d.Description.Format, d.Description.Title, d.Description.Version, !d.Description.Secured
		v.Notes = noteRows(d.notes)
	}
	return owner.Import(r.layout("Document", apisCrumb(), ui.Crumb{Label: api.Name, Href: v.Href}, ui.Crumb{}), v, f), nil
}

func noteRows(notes []openapi.Warning) (rows []owner.Note) {
	for _, n := range notes {
		rows = append(rows, owner.Note{Where: n.Where, Text: n.Text})
	}
	return rows
}

// Bring reads a newer document, compares it with what the API has, and keeps both for the owner to decide.
func (o *OwnerDocuments) Bring(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Upload()
	if err != nil {
		return Reply{}, err
	}
	again := func() (Reply, error) {
		page, err := o.importPage(r, api, f)
		return Again(page), err
	}
	d, ok, err := readDocument(r.Context(), o.Reader, f)
	if err != nil {
		return Reply{}, err
	}
	if !ok {
		f.Fail("document", "Choose a file, or paste the document.")
		return again()
	}
	c := models.DocumentChange{APIID: api.ID, File: r.fileName("file"), Document: d.bytes, Reading: d.Pack}
	if c.Diff, c.Draft, err = o.compare(r, api, d); err != nil {
		return Reply{}, err
	}
	_, err = o.Store.BringDocument(r.Context(), r.Actor(), c, r.Now)
	if f.Accept(err) {
		return again()
	}
	if err != nil {
		return Reply{}, err
	}
	return See(diffPath(api.ID)), nil
}

// compare says what a document changes of an API's draft, and which draft that was.
func (o *OwnerDocuments) compare(r *Request, api models.API, d document) (text []byte, draft string, err error) {
	was, err := o.Store.Draft(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return nil, "", err
	}
	if len(was.Reading) == 0 && len(was.Document) > 0 { // of an earlier version, and not read again yet
		reading, err := o.Reader.Read(r.Context(), was.Document)
		if err != nil {
			return nil, "", fmt.Errorf("read present document: %w", err)
		}
		was.Reading = reading.Pack
	}
	before, err := documentSide(was.Reading, was.Methods)
	if err != nil {
		return nil, "", err
	}
	after, err := documentSide(d.Pack, d.methods)
	if err != nil {
		return nil, "", err
	}
	o.comparing.Lock()
	defer o.comparing.Unlock()
	ctx, cancel := context.WithTimeout(r.Context(), maxComparing)
	defer cancel()
	c := comparison{Notes: d.notes}
	if c.Diff, err = diff.Compare(ctx, before, after); err != nil {
		return nil, "", fmt.Errorf("compare documents: %w", err)
	}
	if text, err = json.Marshal(c); err != nil {
		return nil, "", fmt.Errorf("write comparison: %w", err)
	}
	return text, was.Digest, nil
}

func documentSide(reading []byte, methods []models.Method) (diff.Side, error) {
	ref, err := openapi.OpenReference(reading)
	if err != nil {
		return diff.Side{}, err
	}
	s := diff.Side{Reference: ref}
	for _, m := range methods {
		s.Calls = append(s.Calls, diff.Call{Verb: m.Verb, Path: m.Path, Summary: m.Summary, ID: m.ID.String()})
	}
	return s, nil
}

// waiting reads the document that waits, as it was uploaded.
func (o *OwnerDocuments) waiting(r *Request, api models.API) (d document, err error) {
	text, reading, err := o.Store.WaitingText(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return d, err
	}
	if d, err = documentOf(reading); err != nil {
		return d, err
	}
	d.bytes = text
	d.methods, d.notes = methodsOfDocument(d.Description)
	return d, nil
}

// Compare compares the document that waits with what the API has now.
func (o *OwnerDocuments) Compare(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	c, err := o.Store.WaitingDocument(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	d, err := o.waiting(r, api)
	if err != nil {
		return Reply{}, err
	}
	text, draft, err := o.compare(r, api, d)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.CompareDocument(r.Context(), r.Actor(), api.ID, c.ID, draft, text, r.Now), diffPath(api.ID), diffPath(api.ID), "Compared with what the API has now.")
}

// Discard forgets the document that waits.
func (o *OwnerDocuments) Discard(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.DiscardDocument(r.Context(), r.Actor(), api.ID, r.Now), diffPath(api.ID), ownerAPIPath(api.ID), "Discarded: the API stays as it is.")
}

// Text is the document that waits, as a file.
func (o *OwnerDocuments) Text(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	d, err := o.waiting(r, api)
	if err != nil {
		return Reply{}, err
	}
	name, kind := api.Slug+".yaml", "application/yaml"
	if len(d.bytes) > 0 && json.Valid(d.bytes) {
		name, kind = api.Slug+".json", "application/json"
	}
	return Download(name, kind, func(w io.Writer) error { _, err := w.Write(d.bytes); return err }), nil
}

// Import makes the document that waits, and that the owner has looked at, the API's.
func (o *OwnerDocuments) Import(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	c, err := o.Store.WaitingDocument(r.Context(), r.Account.ID, api.ID)
	if models.KindOf(err) == models.KindNotFound {
		return r.Sorry(diffPath(api.ID), "No document waits any more: it was imported or discarded."), nil
	}
	if err != nil {
		return Reply{}, err
	}
	if f.Get("change") != c.ID.String() {
		return r.Sorry(diffPath(api.ID), "Another document has come since you looked. This is what it changes."), nil
	}
	d, err := o.waiting(r, api)
	if err != nil {
		return Reply{}, err
	}
	var kept comparison
	if err := json.Unmarshal(c.Diff, &kept); err != nil {
		return Reply{}, fmt.Errorf("read comparison: %w", err)
	}
	var proposal models.ChangelogEntry
	entry, tells := kept.Diff.Entry()
	if tells {
		proposal = models.ChangelogEntry{Title: models.CutLine(entry.Title, 120), Body: entry.Body, Breaking: entry.Breaking}
	}
	changes, err := o.Store.ImportDocument(r.Context(), r.Actor(), api.ID, c.ID, d.methods, proposal, r.Now)
	message := importWords(changes, len(d.notes))
	if tells {
		message += " An entry of the changelog is proposed to you."
	}
	return ownerDone(r, err, diffPath(api.ID), diffPath(api.ID), message)
}

func importWords(c models.ImportChanges, notes int) string {
	text := "The document is imported; no method has changed."
	if len(c.Added)+len(c.Changed)+len(c.Removed) > 0 {
		text = fmt.Sprintf("Imported: %s added, %d changed, %d removed. Deploy to bring that to callers.", count(len(c.Added), "method"), len(c.Changed), len(c.Removed))
	}
	if notes > 0 {
		text += fmt.Sprintf(" There are %s on the document.", count(notes, "note"))
	}
	return text
}
