package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gatehouse/models"
)

// maxDocument bounds what a compressed document may unfold to, in bytes: more than any that is taken.
const maxDocument = 64 << 20

// packDocument compresses a document before the transaction that keeps it, which is the shorter for it.
func packDocument(document []byte) ([]byte, error) {
	if len(document) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(document); err != nil {
		return nil, fmt.Errorf("compress document: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress document: %w", err)
	}
	return out.Bytes(), nil
}

// unpackDocument gives a document as it was uploaded. Those of earlier versions are not compressed, and no document that is taken begins as gzip does.
func unpackDocument(kept []byte) ([]byte, error) {
	if !bytes.HasPrefix(kept, []byte{0x1f, 0x8b}) {
		return kept, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(kept))
	if err != nil {
		return nil, fmt.Errorf("unfold document: %w", err)
	}
	document, err := io.ReadAll(io.LimitReader(r, maxDocument))
	if err != nil {
		return nil, fmt.Errorf("unfold document: %w", err)
	}
	return document, nil
}

// keepDocument makes a packed document the API's, and forgets those before it that no deployment has.
func (t *tx) keepDocument(api models.APIID, packed, reading []byte) error {
	id := newID[models.Document]()
	var read any // NULL: it is to be read
	if len(reading) > 0 {
		read = blob(reading)
	}
	if err := t.run("keep document", `INSERT INTO documents (id, api_id, document, reading, created_at) VALUES (?, ?, ?, ?, ?)`,
		id, api, blob(packed), read, millis(t.now)); err != nil {
		return err
	}
	if err := t.run("note document of API", `UPDATE apis SET document_id = ? WHERE id = ?`, id, api); err != nil {
		return err
	}
	return t.run("forget documents", `DELETE FROM documents WHERE api_id = ? AND id <> ?
		AND NOT EXISTS (SELECT 1 FROM deployments d WHERE d.document_id = documents.id)`, api, id)
}

// Document reads the document of an API's draft as it was uploaded and what was read from it; both are empty for an API that was made by a form.
func (s *Store) Document(ctx context.Context, owner models.AccountID, id models.APIID) (document, reading []byte, err error) {
	type row struct{ Document, Reading []byte }
	r, err := selectOne[row](s.read.WithContext(ctx), "API", `SELECT d.document, d.reading FROM apis a LEFT JOIN documents d ON d.id = a.document_id
		WHERE a.id = ? AND a.owner_id = ?`, id, owner)
	if err != nil {
		return nil, nil, err
	}
	document, err = unpackDocument(r.Document)
	return document, r.Reading, err
}

// Reading reads what was read from a document; nil for none, and while it is yet to be read. Who may see it is for the caller to know: ids of documents
// come from CatalogAPI, which asks.
func (s *Store) Reading(ctx context.Context, id models.DocumentID) ([]byte, error) {
	type row struct{ Reading []byte }
	rows, err := selectAll[row](s.read.WithContext(ctx), "reading", `SELECT reading FROM documents WHERE id = ?`, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0].Reading, nil
}

// DeployedReading reads what was read from the document of a deployment; nil for none, and while it is yet to be read.
func (s *Store) DeployedReading(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeploymentID) ([]byte, error) {
	type row struct{ Reading []byte }
	r, err := selectOne[row](s.read.WithContext(ctx), "deployment", `SELECT x.reading FROM deployments d JOIN apis a ON a.id = d.api_id LEFT JOIN documents x ON x.id = d.document_id
		WHERE d.id = ? AND d.api_id = ? AND a.owner_id = ?`, id, api, owner)
	return r.Reading, err
}

// UnreadDocument gives the first document behind another that is yet to be read, zero for none: those of earlier versions are, whose readings had another
// form.
func (s *Store) UnreadDocument(ctx context.Context, after models.DocumentID) (models.DocumentID, error) {
	rows, err := selectAll[models.DocumentID](s.read.WithContext(ctx), "documents", `SELECT id FROM documents WHERE reading IS NULL AND id > ? ORDER BY id LIMIT 1`, after)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0], nil
}

// DocumentText reads a document as it was uploaded.
func (s *Store) DocumentText(ctx context.Context, id models.DocumentID) ([]byte, error) {
	type row struct{ Document []byte }
	r, err := selectOne[row](s.read.WithContext(ctx), "document", `SELECT document FROM documents WHERE id = ?`, id)
	if err != nil {
		return nil, err
	}
	return unpackDocument(r.Document)
}

// KeepReading keeps what was read from a document that was yet to be read. One that is gone meanwhile is no error.
func (s *Store) KeepReading(ctx context.Context, id models.DocumentID, reading []byte, now time.Time) error {
	if len(reading) == 0 {
		return errors.New("keep reading: it is empty")
	}
	return s.change(ctx, models.System(), now, func(t *tx) error {
		return t.run("keep reading", `UPDATE documents SET reading = ? WHERE id = ? AND reading IS NULL`, blob(reading), id)
	})
}
