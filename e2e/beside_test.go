package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A second server on the same folder does not start, whatever it is called there, and the one that runs does not notice; administrative commands work beside
// it, all at once and under load. Nothing is lost, and no limit is passed.
func TestNothingBesideAServerUnderLoadIsItsUndoing(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	k := newKilled(t, 3000)
	ctx, cancel := context.WithCancel(t.Context())
	wait := k.call(ctx, 2)
	k.serveAt(path)
	k.served(20)

	link := filepath.Join(t.TempDir(), "link")
	k.must(os.Symlink(k.data, link))
	backup := filepath.Join(t.TempDir(), "backup.db")
	data := []string{"--data", k.data}
	serve := []string{"serve", "--portal-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--management-listen", "", "--ops-listen", "", "--data"}
	var group sync.WaitGroup
	for _, c := range []struct {
		status int
		says   string
		stdin  string
		args   []string
	}{
		{1, "another Gatehouse is serving", "", append(serve, k.data)},
		{1, "another Gatehouse is serving", "", append(serve, link)},
		{1, "another Gatehouse is serving", "", append(serve, filepath.Join(k.data, "..", filepath.Base(k.data)))},
		{1, "", "", append([]string{"restore", backup, "--force"}, data...)},
		{0, "", password + "\n", append([]string{"account", "create", "--email", "late@example.com", "--password-stdin", "--role", "owner"}, data...)},
		{0, "", "", append([]string{"account", "list"}, data...)},
		{0, "", "", append([]string{"account", "set-role", "--email", "other@example.com", "--role", "owner"}, data...)},
		{0, "", "", append([]string{"account", "disable", "--email", "rival@example.com"}, data...)},
		{0, "", "", append([]string{"backup", backup}, data...)},
		{0, "", "", append([]string{"migrate"}, data...)},
		{0, "", "", []string{"version"}},
	} {
		for range 2 {
			group.Go(func() {
				args := c.args
				if args[0] == "backup" {
					args = append([]string{"backup", filepath.Join(t.TempDir(), "backup.db")}, data...)
				}
				out, stderr, status := command(t, c.stdin, args...)
				again := c.args[0] == "account" && c.args[1] == "create" && strings.Contains(stderr, "already")
				if status != c.status && !again || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "goroutine ") {
					t.Errorf("%s: status %d: %s%s", strings.Join(args, " "), status, out, stderr)
				}
			})
		}
	}
	group.Wait()
	if out, stderr, status := command(t, "", append([]string{"check", "--portal-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--management-listen", "", "--ops-listen", ""}, data...)...); status != 0 {
		t.Errorf("check: status %d: %s%s", status, out, stderr)
	}
	k.useUp()
	cancel()
	wait()
	if status, text := k.ready(); status != 200 {
		t.Errorf("it is not ready: %d %s", status, text)
	}
	k.check()
}
