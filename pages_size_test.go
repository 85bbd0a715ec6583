package main

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What a page may weigh, gzipped, beyond an owner's own text.
const (
	mostHTML    = 20 << 10
	mostScripts = 25 << 10
)

func zipped(t *testing.T, body []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

// weigh fails the test when a page is heavy.
func weigh(t *testing.T, path string, w *answer) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		return
	}
	if n := zipped(t, w.Body.Bytes()); n > mostHTML {
		t.Errorf("%s is %d bytes gzipped, more than %d", path, n, mostHTML)
	}
}

// TestThePagesScriptsAreSmall weighs everything that a page may load to be run.
func TestThePagesScriptsAreSmall(t *testing.T) {
	script := regexp.MustCompile(`\.m?js$`)
	total := 0
	err := filepath.WalkDir("static", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !script.MatchString(path) {
			return err
		}
		body, err := os.ReadFile(path)
		if err == nil {
			total += zipped(t, body)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > mostScripts {
		t.Errorf("the scripts are %d bytes gzipped, more than %d", total, mostScripts)
	}
	t.Logf("the scripts are %d bytes gzipped", total)
}
