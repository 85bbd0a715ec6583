package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has documents that replace others: brought, compared, and then imported or discarded.

type documentChangeRow struct {
	ID         models.DocumentChangeID
	APIID      models.APIID `gorm:"column:api_id"`
	State      string
	File       string
	Draft      string
	MadeAt     int64
	MadeBy     string
	ImportedAt sql.NullInt64
	Diff       []byte
}

const documentChangeQuery = `SELECT c.id, c.api_id, c.state, c.file, c.draft, c.made_at, c.made_by, c.imported_at, c.diff FROM document_changes c `

func (r documentChangeRow) change() (models.DocumentChange, error) {
	diff, err := unpackDocument(r.Diff)
	return models.DocumentChange{ID: r.ID, APIID: r.APIID, File: r.File, Draft: r.Draft, MadeAt: timeOf(r.MadeAt), MadeBy: r.MadeBy, ImportedAt: nullTime(r.ImportedAt), Diff: diff}, err
}

// Draft reads what the next deployment of an owner's API would have.
func (s *Store) Draft(ctx context.Context, owner models.AccountID, api models.APIID) (d models.APIDraft, err error) {
	err = s.read.WithContext(ctx).Transaction(func(db *gorm.DB) error { // the digest is of what is read
		type row struct{ Document, Reading []byte }
		r, err := selectOne[row](db, "API", `SELECT d.document, d.reading FROM apis a LEFT JOIN documents d ON d.id = a.document_id WHERE a.id = ? AND a.owner_id = ?`, api, owner)
		if err != nil {
			return err
		}
		d.Reading = r.Reading
		if d.Document, err = unpackDocument(r.Document); err != nil {
			return err
		}
		d.Methods, d.Digest, err = draftOf(db, api)
		return err
	})
	return d, err
}

// draftOf reads the methods of a draft, with a digest of them and of the document.
func draftOf(db *gorm.DB, api models.APIID) (methods []models.Method, digest string, err error) {
	document, err := selectOne[int64](db, "API", `SELECT coalesce(document_id, 0) FROM apis WHERE id = ?`, api)
	if err != nil {
		return nil, "", err
	}
	methods, _, err = methodsOf(db, api)
	h := sha256.New()
	fmt.Fprintln(h, document)
	for _, m := range methods {
		fmt.Fprintln(h, int64(m.ID), m.Name())
	}
	return methods, hex.EncodeToString(h.Sum(nil)[:16]), err
}

// BringDocument keeps a document that is to replace an API's, with what it would change. It takes the place of one that waits already.
func (s *Store) BringDocument(ctx context.Context, actor models.Actor, c models.DocumentChange, now time.Time) (models.DocumentChange, error) {
	if len(c.Document) == 0 || len(c.Reading) == 0 || len(c.Diff) == 0 {
		return c, errors.New("bring document: it is empty, was not read or was not compared")
	}
	c.File = models.CutLine(c.File, 200)
	packed, err := packDocument(c.Document)
	if err != nil {
		return c, err
	}
	diff, err := packDocument(c.Diff)
	if err != nil {
		return c, err
	}
	err = s.changeAPI(ctx, actor, c.APIID, now, func(t *tx, a models.API) error {
		c.ID, c.MadeAt, c.MadeBy = newID[models.DocumentChange](), t.now, t.actor.Label
		if err := t.run("forget document that waits", `DELETE FROM document_changes WHERE api_id = ? AND state = 'waiting'`, a.ID); err != nil {
			return err
		}
		err := t.run("keep document that waits", `INSERT INTO document_changes (id, api_id, state, file, draft, made_at, made_by, diff, document, reading)
			VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?, ?, ?)`, c.ID, a.ID, c.File, c.Draft, millis(c.MadeAt), c.MadeBy, blob(diff), blob(packed), blob(c.Reading))
		if err != nil {
			return err
		}
		return t.event("document.bring", apiObject(a), nil, facts{"file": c.File, "bytes": len(c.Document)})
	})
	return c, err
}

// WaitingDocument reads the document that waits to replace an API's, but for its text and what was read from it; not found where none waits.
func (s *Store) WaitingDocument(ctx context.Context, owner models.AccountID, api models.APIID) (models.DocumentChange, error) {
	db := s.read.WithContext(ctx)
	c, err := documentChangeOf(db, owner, api, "waiting")
	if err != nil {
		return c, err
	}
	_, digest, err := draftOf(db, api)
	c.Stale = digest != c.Draft
	return c, err
}

// ImportedDocument reads what the document changed that was imported last over another; not found where none was.
func (s *Store) ImportedDocument(ctx context.Context, owner models.AccountID, api models.APIID) (models.DocumentChange, error) {
	return documentChangeOf(s.read.WithContext(ctx), owner, api, "imported")
}

func documentChangeOf(db *gorm.DB, owner models.AccountID, api models.APIID, state string) (models.DocumentChange, error) {
	r, err := selectOne[documentChangeRow](db, "document", documentChangeQuery+`JOIN apis a ON a.id = c.api_id WHERE c.api_id = ? AND c.state = ? AND a.owner_id = ?`, api, state, owner)
	if err != nil {
		return models.DocumentChange{}, err
	}
	return r.change()
}

// DocumentWaits says whether a document waits to replace that of an API, of which the caller knows that its reader may see it.
func (s *Store) DocumentWaits(ctx context.Context, api models.APIID) (bool, error) {
	return selectOne[bool](s.read.WithContext(ctx), "document", `SELECT EXISTS (SELECT 1 FROM document_changes WHERE api_id = ? AND state = 'waiting')`, api)
}

// WaitingText reads a document that waits as it was uploaded, and what was read from it.
func (s *Store) WaitingText(ctx context.Context, owner models.AccountID, api models.APIID) (document, reading []byte, err error) {
	type row struct{ Document, Reading []byte }
	r, err := selectOne[row](s.read.WithContext(ctx), "document", `SELECT c.document, c.reading FROM document_changes c JOIN apis a ON a.id = c.api_id
		WHERE c.api_id = ? AND c.state = 'waiting' AND a.owner_id = ?`, api, owner)
	if err != nil {
		return nil, nil, err
	}
	document, err = unpackDocument(r.Document)
	return document, r.Reading, err
}

// CompareDocument keeps what a document that waits changes of another draft than before.
func (s *Store) CompareDocument(ctx context.Context, actor models.Actor, api models.APIID, id models.DocumentChangeID, draft string, diff []byte, now time.Time) error {
	packed, err := packDocument(diff)
	if err != nil {
		return err
	}
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		kept := t.Exec(`UPDATE document_changes SET draft = ?, diff = ? WHERE id = ? AND api_id = ? AND state = 'waiting'`, draft, blob(packed), id, a.ID)
		if kept.Error == nil && kept.RowsAffected == 0 {
			return models.NotFound("document")
		}
		return kept.Error
	})
}

// DiscardDocument forgets the document that waits. Where none does, nothing happens.
func (s *Store) DiscardDocument(ctx context.Context, actor models.Actor, api models.APIID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		gone := t.Exec(`DELETE FROM document_changes WHERE api_id = ? AND state = 'waiting'`, a.ID)
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return t.event("document.discard", apiObject(a), nil, nil)
	})
}

// ImportDocument makes the document that waits the draft's, and replaces the draft's methods by those that were read from it. Methods that are known by verb and path keep their
// id, and those that are present keep whether they need a key. It refuses where another document waits than the one that was looked at, and where the draft is not the one
// any more with which it was compared. What is proposed for the changelog is for the owner to publish; without a title nothing is.
func (s *Store) ImportDocument(ctx context.Context, actor models.Actor, api models.APIID, id models.DocumentChangeID, methods []models.Method, proposal models.ChangelogEntry,
	now time.Time) (changes models.ImportChanges, err error) {
	if methods, err = models.CleanMethods(methods); err != nil {
		return changes, err
	}
	type row struct {
		Draft, File       string
		Document, Reading []byte
	}
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		c, err := selectOne[row](t.DB, "document", `SELECT draft, file, document, reading FROM document_changes WHERE id = ? AND api_id = ? AND state = 'waiting'`, id, api)
		if err != nil {
			return err
		}
		_, digest, err := draftOf(t.DB, api)
		if err != nil {
			return err
		}
		if digest != c.Draft {
			return models.Conflict("The API has changed since the documents were compared. Compare them again before you import.")
		}
		present, removed, err := methodsOf(t.DB, api)
		if err != nil {
			return err
		}
		var next []models.Method
		next, changes = models.MergeMethods(present, removed, methods)
		if err := t.replaceMethods(api, next); err != nil {
			return err
		}
		if err := firstError(t.keepDocument(api, c.Document, c.Reading), t.touchAPI(api), t.imported(api, id)); err != nil {
			return err
		}
		if proposal.Title != "" {
			if err := t.propose(api, proposal.Title, proposal.Body, proposal.Breaking); err != nil {
				return err
			}
		}
		return t.event("api.import", apiObject(a), facts{"methods": len(present)}, facts{"methods": len(next), "file": c.File,
			"added": someNames(changes.Added), "changed": someNames(changes.Changed), "removed": someNames(changes.Removed)})
	})
	return changes, err
}

// imported notes that a document waits no more, and forgets what the one before it changed.
func (t *tx) imported(api models.APIID, id models.DocumentChangeID) error {
	if err := t.run("forget last import", `DELETE FROM document_changes WHERE api_id = ? AND state = 'imported'`, api); err != nil {
		return err
	}
	return t.run("note import", `UPDATE document_changes SET state = 'imported', imported_at = ?, document = NULL, reading = NULL WHERE id = ?`, millis(t.now), id)
}

// calledMost is how many pairs of an operation and a key are looked at to say who calls several operations.
const calledMost = 20_000

// CallersOf counts the keys that called at least one of some methods of an owner's API in the last 30 days, up to models.MaxCallersCounted, and lists the newest of them with
// their calls of these methods.
func (s *Store) CallersOf(ctx context.Context, owner models.AccountID, api models.APIID, methods []models.MethodID, most int, now time.Time) (callers models.OperationCallers, err error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil || len(methods) == 0 {
		return callers, err
	}
	since, listed := now.AddDate(0, 0, -callerDays).Unix(), numberList(methods)
	const called = `(SELECT u.key_id, u.last FROM json_each(?) x CROSS JOIN usage_callers u ON u.method_id = x.value AND u.last >= ? WHERE EXISTS (SELECT 1 FROM methods m WHERE m.id = x.value AND m.api_id = ?) LIMIT ?)`
	callers.Keys, err = selectOne[int](db, "callers", `SELECT count(*) FROM (SELECT DISTINCT page.key_id FROM `+called+` AS page LIMIT ?)`, listed, since, api, calledMost, models.MaxCallersCounted)
	if err != nil || callers.Keys == 0 {
		return callers, err
	}
	type row struct {
		KeyID        models.KeyID
		Name         string
		Hint         string
		AppName      sql.NullString
		AccountEmail sql.NullString
		CustomerID   string
		Last         int64
		Calls        int64
	}
	rows, err := selectAll[row](db, "callers", `SELECT page.key_id, k.name, c.hint, k.customer_id, a.name AS app_name, o.email AS account_email, page.last,
			(SELECT coalesce(sum(u.o0 + u.o1 + u.o2 + u.o3 + u.o4 + u.o5 + u.o6 + u.o7 + u.o8 + u.o9), 0) FROM usage_days u
				WHERE u.kind = ? AND u.id = page.key_id AND u.start >= ? AND u.method_id IN (SELECT value FROM json_each(?))) AS calls
		FROM (SELECT key_id, max(last) AS last FROM `+called+` AS page GROUP BY key_id ORDER BY max(last) DESC, key_id LIMIT ?) AS page
			JOIN keys k ON k.id = page.key_id JOIN key_secrets c ON c.key_id = k.id AND c.is_current = 1 LEFT JOIN apps a ON a.id = k.app_id LEFT JOIN accounts o ON o.id = a.account_id
		ORDER BY page.last DESC, page.key_id`, usageOfKey, since, listed, listed, since, api, calledMost, most)
	for _, r := range rows {
		callers.Newest = append(callers.Newest, models.OperationCaller{KeyID: r.KeyID, KeyName: r.Name, Hint: r.Hint, AppName: r.AppName.String, Email: r.AccountEmail.String,
			CustomerID: r.CustomerID, Last: time.Unix(r.Last, 0).UTC(), Calls: r.Calls})
	}
	return callers, err
}

// MethodCalls counts the calls with a key that methods of an owner's API got in the last 30 days; those that got none are left out.
func (s *Store) MethodCalls(ctx context.Context, owner models.AccountID, api models.APIID, methods []models.MethodID, now time.Time) (map[models.MethodID]int64, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil || len(methods) == 0 {
		return nil, err
	}
	type row struct {
		MethodID models.MethodID
		Calls    int64
	}
	rows, err := selectAll[row](db, "calls", `SELECT u.method_id, sum(u.o0 + u.o1 + u.o2 + u.o3 + u.o4 + u.o5 + u.o6 + u.o7 + u.o8 + u.o9) AS calls
		FROM stages st CROSS JOIN usage_days u ON u.kind = ? AND u.id = st.id AND u.start >= ? WHERE st.api_id = ? AND u.method_id IN (SELECT value FROM json_each(?))
		GROUP BY u.method_id`, usageOfStageMethods, now.AddDate(0, 0, -callerDays).Unix(), api, numberList(methods))
	calls := make(map[models.MethodID]int64, len(rows))
	for _, r := range rows {
		calls[r.MethodID] = r.Calls
	}
	return calls, err
}
