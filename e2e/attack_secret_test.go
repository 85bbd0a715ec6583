package e2e

import (
	"os"
	"path/filepath"
	"strings"
)

// nowhere fails the test when a secret is in the log or in a file of the data folder.
func (w *world) nowhere(secret string) {
	w.Helper()
	if strings.Contains(w.stdout.String()+w.stderr.String(), secret) {
		w.Errorf("the log holds %.8s…", secret)
	}
	files, _ := filepath.Glob(filepath.Join(w.data, "*"))
	for _, name := range files {
		if content, err := os.ReadFile(name); err == nil && strings.Contains(string(content), secret) {
			w.Errorf("%s holds %.8s…", filepath.Base(name), secret)
		}
	}
}
