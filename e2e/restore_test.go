package e2e

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
)

// The bound of docs/operations.md: with D in doubt and A admitted that the backup does not know of, at most limit + max(0, A - D) are admitted in a window
// that was open, and of the limit at least limit - D can be used.
func TestARestoredBackupKeepsItsBound(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	k := newKilled(t, 2000)
	ctx, cancel := context.WithCancel(t.Context())
	wait := k.call(ctx, 2)
	k.serveAt(path)
	k.served(30)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if out, stderr, status := command(t, "", "backup", "--data", k.data, backup); status != 0 {
		t.Fatalf("backup: %s%s", out, stderr)
	}
	k.served(30)
	k.kill()
	out, stderr, status := command(t, "", "restore", "--data", k.data, "--force", "--json", backup)
	var restored struct{ Doubt int64 }
	if err := json.Unmarshal([]byte(out), &restored); err != nil || status != 0 {
		t.Fatalf("restore: %v: %s%s", err, out, stderr)
	}
	unknown := map[*caller]int64{}
	for _, c := range k.keys {
		unknown[c] = c.charged() + c.lost.Load() - k.read(c.key).charged
	}
	k.serveAt(path)
	k.useUp()
	cancel()
	wait()
	k.stop()
	var doubt int64
	for _, c := range k.keys[:2] {
		r := k.read(c.key)
		doubt += r.doubt
		t.Logf("%s: %d charged and %d in doubt of %d; clients saw %d, at most %d of them unknown to the backup", c.name, r.charged, r.doubt, c.limit, c.charged(), unknown[c])
		if r.charged+r.doubt != c.limit {
			t.Errorf("%s: %d charged and %d in doubt of %d", c.name, r.charged, r.doubt, c.limit)
		}
		if most := c.limit + max(0, unknown[c]-r.doubt); c.charged() > most {
			t.Errorf("%s: clients saw %d, want at most %d", c.name, c.charged(), most)
		}
	}
	if restored.Doubt != doubt {
		t.Errorf("restore printed %d in doubt, on record are %d", restored.Doubt, doubt)
	}
}

// charged is what the clients saw of what is charged.
func (c *caller) charged() int64 {
	if c.delivered {
		return c.answered.Load()
	}
	return c.answered.Load() + c.failed.Load()
}
