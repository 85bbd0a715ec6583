package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/enforcement/receipt"
	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// operation asks the side of an instance that operators look at.
func operation(in *instance, path string) (status int, body string) {
	w := httptest.NewRecorder()
	in.ops.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// A full disk or a broken file costs people an explanation, and nobody the service.
func TestGatewayServesWithoutReceiptsWhereTheirFileCannotBeHad(t *testing.T) {
	folder := t.TempDir()
	made := seedFolder(t, folder, fewest())
	path := filepath.Join(folder, receiptsFile)
	tests := []struct {
		name  string
		spoil func() error
		size  size
		kept  float64
		ready string
	}{
		{"a folder in its place", func() error { return os.MkdirAll(filepath.Join(path, "in", "the", "way"), 0o700) }, receipt.MinSize, 0, "ready, but without receipts: open the receipts: "},
		{"damaged", func() error {
			return errors.Join(os.RemoveAll(path), os.WriteFile(path, bytes.Repeat([]byte("x"), receipt.MinSize), 0o600))
		}, receipt.MinSize, 1, "ready\n"},
		{"switched off", func() error { return nil }, 0, 0, "ready\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.spoil(); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			c := portalConfig(folder)
			c.receipts, c.requestLog = tt.size, 0
			in, err := open(t.Context(), c, slog.New(slog.NewTextHandler(&log, nil)), false)
			if err != nil {
				t.Fatal(err)
			}
			if status, body := operation(in, "/readyz"); status != http.StatusOK || !strings.HasPrefix(body, tt.ready) {
				t.Errorf("/readyz: %d %q", status, body)
			}
			if _, body := operation(in, "/metrics"); !strings.Contains(body, fmt.Sprintf("\ngatehouse_receipts %v\n", tt.kept)) {
				t.Error("the metric does not say so")
			}
			if complaints := strings.Count(log.String(), "receipts"); tt.size != 0 && complaints == 0 || tt.size == 0 && complaints != 0 {
				t.Errorf("the log says %s", log.String())
			}
			p := &portal{Seeded: made, in: in, cookies: map[string]string{}}
			p.signIn(t, developer)
			if w := p.get(developer, "/keys/"+made.Key.String()); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "Newest refusals") != (tt.kept == 1) {
				t.Errorf("the key's page: %d", w.Code)
			}
			if w := p.get(developer, "/requests/0123456789abcdef0123456789abcdef"); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "keeps no receipts") != (tt.kept == 0) {
				t.Errorf("a request's page: %d", w.Code)
			}
			if err := in.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// fewest is as little as these tests need.
func fewest() storetest.Size { return storetest.Size{Plans: 20, Keys: 40, Days: 1} }

// Receipts outlive a stop and a start, but not a restore: another database's would name keys that are not this one's.
func TestReceiptsBelongToOneDatabase(t *testing.T) {
	folder := t.TempDir()
	made := seedFolder(t, folder, fewest())
	backup := filepath.Join(t.TempDir(), "backup")
	commandJSON(t, "", "backup", "--data", folder, backup)
	first := openPortalOnce(t, folder, made, slog.New(slog.DiscardHandler))
	first.close(t)
	// A page that is still being made when the process stops finds no memory that is gone.
	if _, err := first.in.keptReceipts().Receipt(first.request); models.KindOf(err) != models.KindGone {
		t.Errorf("after the end: %v", err)
	}
	second := openPortalOnce(t, folder, made, slog.New(slog.DiscardHandler))
	if w := second.get(developer, "/requests/"+first.request); w.Code != http.StatusOK {
		t.Errorf("after a start: %d", w.Code)
	}
	second.close(t)
	aside := commandJSON(t, "", "restore", "--data", folder, "--force", backup)["putAside"].(string)
	if _, err := os.Stat(filepath.Join(aside, receiptsFile)); err != nil {
		t.Error(err)
	}
	third := openPortalOnce(t, folder, made, slog.New(slog.DiscardHandler))
	defer third.close(t)
	if w := third.get(developer, "/requests/"+first.request); w.Code != http.StatusNotFound {
		t.Errorf("an old one after a restore: %d, want 404", w.Code)
	}
	if w := third.get(developer, "/requests/"+third.request); w.Code != http.StatusOK {
		t.Errorf("a new one after a restore: %d", w.Code)
	}
}
