package main

import (
	"database/sql"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/models/store/storetest"
)

// TestMain lets the test binary be the child that reads documents, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == openapi.ChildArgument {
		syscall.Exit(openapi.ChildMain(os.Stdin, os.Stdout)) // at once: with the race detector, os.Exit waits for a second
	}
	os.Exit(m.Run())
}

// TestDocumentsOfAnOlderDataFolderAreReadAgain: what an earlier version read has another form, and is gone; the document is there, and the reference says what it
// says once the program has run for a moment.
func TestDocumentsOfAnOlderDataFolderAreReadAgain(t *testing.T) {
	folder := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	s, _, err := openRecords(t.Context(), portalConfig(folder), quiet, nil)
	if err != nil {
		t.Fatal(err)
	}
	owner := storetest.Owner(t, s)
	const text = `{"openapi":"3.1.0","info":{"title":"Orders","version":"1"},"paths":{"/old":{"get":{"summary":"What was said before","responses":{}}}}}`
	api, err := s.CreateAPI(t.Context(), storetest.Actor(owner), models.NewAPI{Name: "Old", Slug: "old", KeySource: models.DefaultKeySource(), Document: []byte(text), Reading: []byte("of another form"),
		Methods: []models.Method{{Verb: "GET", Path: "/old"}}}, storetest.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	forget(t, filepath.Join(folder, databaseFile))

	in, err := open(t.Context(), portalConfig(folder), quiet, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.close() })
	if err := in.readUnread(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, reading, err := in.store.Document(t.Context(), owner.ID, api.ID)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := openapi.OpenReference(reading)
	if err != nil {
		t.Fatal(err)
	}
	if op, ok := ref.Brief("GET", "/old"); !ok || op.Summary != "What was said before" {
		t.Errorf("it reads %+v, %v", op, ok)
	}
	if left, err := in.store.UnreadDocument(t.Context(), 0); err != nil || left != 0 {
		t.Errorf("%s is left, %v", left, err)
	}
}

// forget does what a migration does when the form of readings changes.
func forget(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open(storetest.Driver(), "file:"+(&url.URL{Path: file}).EscapedPath())
	if err == nil {
		_, err = db.Exec(`UPDATE documents SET reading = NULL`)
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
