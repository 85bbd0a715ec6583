package main

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// settingsFile writes a file of settings.
func settingsFile(t *testing.T, path string, lines ...string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheManualNamesWhatChangesInPlace(t *testing.T) {
	manual, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("(?s)change in place, without\na connection being closed:\n\n(.*?)\n\n").FindSubmatch(manual)
	if line == nil {
		t.Fatal("docs/configuration.md does not name them")
	}
	var got []string
	for _, m := range regexp.MustCompile("`--([a-z-]+)`").FindAllSubmatch(line[1], -1) {
		got = append(got, string(m[1]))
	}
	if want := slices.Sorted(maps.Keys(new(instance).live())); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFlagsAndTheEnvironmentWinOverTheFile(t *testing.T) {
	file := settingsFile(t, filepath.Join(t.TempDir(), "gatehouse.conf"),
		"# a comment", "", "data = /file", "portal-listen=127.0.0.1:3", "  gateway-listen  =  127.0.0.1:4  ", "allow-upstream = 10.0.0.0/8", "allow-upstream = 192.168.0.0/16, 127.0.0.1/32",
		"mail-from = Name = <a@example.com>", "request-log = 64MB", "log-level = debug")
	c, err := parsed(t, map[string]string{"GATEHOUSE_PORTAL_LISTEN": "127.0.0.1:2", "GATEHOUSE_CONFIG": file}, "--data", "/flag")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"flag", c.data, "/flag"},
		{"environment", c.portalListen, "127.0.0.1:2"},
		{"file", c.gatewayListen, "127.0.0.1:4"},
		{"file, on several lines", c.allowUpstream.String(), "10.0.0.0/8,192.168.0.0/16,127.0.0.1/32"},
		{"file, with an equals sign", c.mailFrom, "Name = <a@example.com>"},
		{"file, a size", c.requestLog.String(), "64MB"},
		{"file, a level", c.logLevel.String(), "DEBUG"},
		{"default", c.opsListen, "127.0.0.1:9090"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if c, err = parsed(t, nil, "--config", file, "--allow-upstream", "172.16.0.0/12"); err != nil || c.allowUpstream.String() != "172.16.0.0/12" {
		t.Errorf("a repeated flag replaces the file's: got %q, %v", c.allowUpstream.String(), err)
	}
	p, _, _ := testProgram(nil)
	fs := p.flagSet("backup") // which takes less than serve
	var other config
	other.dataFlags(fs)
	if err := p.parse(fs, []string{"--config", file}); err != nil || other.data != "/file" {
		t.Errorf("another command reads the same file: got %q, %v", other.data, err)
	}
}

func TestAllThatIsWrongWithAFileIsSaidAtOnce(t *testing.T) {
	dir := t.TempDir()
	file := settingsFile(t, filepath.Join(dir, "gatehouse.conf"), "data = /x", "nonsense = 1", "smtp-url smtp://user:hunter2@example.com", "request-log = much", "data = /y", "config = other", "json = true")
	_, err := parsed(t, nil, "--config", file)
	if err == nil {
		t.Fatal("the file is taken")
	}
	for _, want := range []string{`line 2: there is no setting "nonsense"`, "line 3: it is not name = value", "line 4: request-log", "line 5: data stands on line 1 already", `line 6: there is no setting "config"`, `line 7: there is no setting "json"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a password is repeated:\n%v", err)
	}
	for _, path := range []string{filepath.Join(dir, "missing"), dir} {
		if _, err := parsed(t, nil, "--config", path); err == nil || !strings.Contains(err.Error(), "--config") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func TestSettingsAreReadAgainWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	file, private := filepath.Join(dir, "gatehouse.conf"), netip.MustParseAddrPort("10.1.2.3:80")
	lines := []string{"data = " + filepath.Join(dir, "data"), "portal-listen = 127.0.0.1:0", "gateway-listen = 127.0.0.1:0", "management-listen =", "ops-listen =", "receipts = 1MB", "request-log = 4MB"}
	write := func(more ...string) { settingsFile(t, file, append(append([]string{}, lines...), more...)...) }
	write()

	p, _, _ := testProgram(nil)
	var said buffer
	read := func() (config, settings, error) { return p.serveConfig([]string{"--config", file}) }
	c, values, err := read()
	if err != nil {
		t.Fatal(err)
	}
	log, level := newLog(&said, &c)
	in, err := open(t.Context(), c, log, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.close() })
	in.level, in.settings, in.reread = level, values, read

	check := func(what string, allowed bool, wantLevel slog.Level, wantSaid ...string) {
		t.Helper()
		said.take()
		in.reload()
		text := said.take()
		if got := in.addresses.Load().Check(private) == nil; got != allowed {
			t.Errorf("%s: a private address is allowed: %v, want %v", what, got, allowed)
		}
		if level.Level() != wantLevel {
			t.Errorf("%s: level %v, want %v", what, level.Level(), wantLevel)
		}
		for _, want := range wantSaid {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not said:\n%s", what, want, text)
			}
		}
	}
	check("nothing changed", false, slog.LevelInfo, "were read again")
	access := filepath.Join(dir, "access.log")
	proxied := httptest.NewRequest("GET", "/", nil)
	proxied.RemoteAddr = "10.0.0.1:1"
	if in.trust.Resolve(proxied) != nil {
		t.Error("a proxy is believed that is not named")
	}
	write("allow-upstream = 10.0.0.0/8", "log-level = debug", "access-log = "+access, "max-body = 1MB", "trusted-proxies = 10.0.0.0/8")
	check("what can change does", true, slog.LevelDebug, `"settings":"--access-log --allow-upstream --log-level --max-body --trusted-proxies"`)
	if in.trust.Resolve(proxied) == nil {
		t.Error("a proxy that is named now is not believed")
	}
	if _, err := os.Stat(access); err != nil || !in.accessLog.On() {
		t.Errorf("the access log is not written: %v", err)
	}
	write("log-level = error", "access-log = "+access, "nonsense")
	check("a broken file changes nothing", true, slog.LevelDebug, "stays as it was", "line 10")
	write("log-level = info", "access-log = "+filepath.Join(access, "x"), "journal-sync = always", "allow-upstream = 10.0.0.0/8")
	check("what needs a restart is named, what cannot be taken stays", true, slog.LevelInfo, `"settings":"--journal-sync"`, "--access-log: open the access log")
	if !in.accessLog.On() {
		t.Error("the access log that could be written was given up")
	}
	if err := os.Remove(access); err != nil {
		t.Fatal(err)
	}
	write()
	check("what is gone from the file is the default again", false, slog.LevelInfo, "settings changed")
	if in.accessLog.On() {
		t.Error("the access log is still written")
	}
	r := prometheus.NewRegistry()
	r.MustRegister(in.numbers.reloads.total, in.numbers.reloads.good)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == "gatehouse_reloads_total" && m.GetLabel()[0].GetValue() == "failure" && m.GetCounter().GetValue() != 2 {
				t.Errorf("failures: %v", m.GetCounter().GetValue())
			}
			if family.GetName() == "gatehouse_reload_success" && m.GetGauge().GetValue() != 1 {
				t.Errorf("success: %v", m.GetGauge().GetValue())
			}
		}
	}
}
