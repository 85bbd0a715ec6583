package certs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestTheCertificateIsThatOfTheHostThatAClientAsksFor(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	first, second, wild := pairAt(dir, "first"), pairAt(dir, "second"), pairAt(dir, "wild")
	serials := map[string]int64{"first": a.write(first, time.Hour, "first.example.com"), "second": a.write(second, time.Hour, "second.example.com", "www.second.example.com"),
		"wild": a.write(wild, time.Hour, "*.apis.example.com")}
	c, err := Open(Config{Pairs: []Pair{first, second, wild}})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"first.example.com": "first", "second.example.com": "second", "WWW.Second.Example.com": "second", "second.example.com.": "second",
		"echo.apis.example.com": "wild", "a.b.apis.example.com": "first", "apis.example.com": "first", "nobody.example.org": "first", "": "first",
	} {
		if got := serialFor(t, c, host); got != serials[want] {
			t.Errorf("%q: got certificate %d, want %s", host, got, want)
		}
	}
	if !c.Covers("x.apis.example.com") || c.Covers("x.example.com") {
		t.Error("Covers does not know what the certificates are for")
	}
}

func TestWhatCannotBeReadRefusesToStart(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	good, other, nameless := pairAt(dir, "good"), pairAt(dir, "other"), pairAt(dir, "nameless")
	a.write(good, time.Hour, "a.example.com")
	a.write(other, time.Hour, "b.example.com")
	a.write(nameless, time.Hour)
	garbage := filepath.Join(dir, "garbage")
	writeFile(t, garbage, []byte("hunter2 is no certificate"))
	empty, lone := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(lone, "a.key"), nil)
	for name, tt := range map[string]struct {
		c    Config
		want string
	}{
		"no certificate":           {Config{Pairs: []Pair{{filepath.Join(dir, "none"), good.Key}}}, "none"},
		"no key":                   {Config{Pairs: []Pair{{good.Cert, filepath.Join(dir, "none")}}}, "none"},
		"another's key":            {Config{Pairs: []Pair{{good.Cert, other.Key}}}, "does not match"},
		"garbage":                  {Config{Pairs: []Pair{{garbage, good.Key}}}, "garbage"},
		"a garbage key":            {Config{Pairs: []Pair{{good.Cert, garbage}}}, "garbage"},
		"no name":                  {Config{Pairs: []Pair{nameless}}, "subject alternative name"},
		"one of two is bad":        {Config{Pairs: []Pair{good, {garbage, garbage}}}, "garbage"},
		"an empty folder":          {Config{Dir: empty}, "has no certificate"},
		"a folder that is missing": {Config{Dir: filepath.Join(dir, "missing")}, "missing"},
		"a key alone in a folder":  {Config{Dir: lone}, "no certificate beside it"},
	} {
		if _, err := Open(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error with %q", name, err, tt.want)
		}
	}
}

func TestChangedFilesAreShownAndBrokenOnesKeepTheLastGood(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	one, two := pairAt(dir, "one"), pairAt(dir, "two")
	a.write(one, time.Hour, "one.example.com")
	a.write(two, time.Hour, "two.example.com")
	var said logged
	c, err := Open(Config{Dir: dir, Log: logTo(&said)})
	if err != nil {
		t.Fatal(err)
	}
	renewed := a.write(one, 2*time.Hour, "one.example.com")
	touch(t, one)
	c.look()
	if got := serialFor(t, c, "one.example.com"); got != renewed {
		t.Errorf("after a renewal: got %d, want %d", got, renewed)
	}

	good := serialFor(t, c, "two.example.com")
	writeFile(t, two.Key, []byte("half a ke"))
	again := a.write(one, 3*time.Hour, "one.example.com")
	touch(t, one)
	for range 3 {
		c.look()
	}
	if got := serialFor(t, c, "two.example.com"); got != good {
		t.Errorf("a broken pair shows %d, want what it had, %d", got, good)
	}
	if got := serialFor(t, c, "one.example.com"); got != again {
		t.Errorf("a broken pair holds up another: got %d, want %d", got, again)
	}
	if err := c.Trouble(); err == nil || !strings.Contains(err.Error(), two.Key) {
		t.Errorf("trouble is not told: %v", err)
	}
	if n := strings.Count(said.String(), "cannot be read"); n != 1 {
		t.Errorf("said %d times:\n%s", n, said.String())
	}
	if err := c.Reload(); err == nil {
		t.Error("Reload reports no error")
	}

	mended := a.write(two, time.Hour, "two.example.com")
	touch(t, two)
	if err := c.Reload(); err != nil || c.Trouble() != nil || serialFor(t, c, "two.example.com") != mended {
		t.Errorf("mended: %v, %v", err, c.Trouble())
	}
	if !strings.Contains(said.String(), "can be read again") {
		t.Errorf("the end of the trouble is not said:\n%s", said.String())
	}

	a.write(pairAt(filepath.Join(dir, "late"), "tls"), time.Hour, "late.example.com")
	c.look()
	if !c.Covers("late.example.com") {
		t.Error("a new folder is not seen")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil || serialFor(t, c, "two.example.com") != mended {
		t.Errorf("a folder that is gone: %v", err)
	}
}

// touch makes files look changed also where the clock of the disk is coarse.
func touch(t *testing.T, p Pair) {
	t.Helper()
	for _, path := range []string{p.Cert, p.Key} {
		info, err := os.Stat(path)
		if err == nil {
			err = os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Second))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFolderIsReadAsCertbotAndKubernetesWriteIt(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"a.crt", "a.key", "b.pem", "b.key", "chain.pem", "README", "host/fullchain.pem", "host/privkey.pem", "host/chain.pem", "secret/..data/tls.crt", "secret/..data/tls.key", ".hidden/x.key"} {
		writeFile(t, filepath.Join(dir, path), nil)
	}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, "secret", name)); err != nil {
			t.Fatal(err)
		}
	}
	pairs, err := pairsIn(dir)
	var got []string
	for _, p := range pairs {
		cert, _ := filepath.Rel(dir, p.Cert)
		key, _ := filepath.Rel(dir, p.Key)
		got = append(got, cert+" "+key)
	}
	want := []string{"a.crt a.key", "b.pem b.key", "host/fullchain.pem host/privkey.pem", "secret/tls.crt secret/tls.key"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestExpiryIsToldByMetricsAndTrouble(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	good, old := pairAt(dir, "good"), pairAt(dir, "old")
	a.write(good, time.Hour, "good.example.com")
	a.write(old, -time.Hour, "old.example.com")
	var said logged
	c, err := Open(Config{Pairs: []Pair{good, old}, Log: logTo(&said)})
	if err != nil {
		t.Fatalf("an expired certificate is no reason to be down: %v", err)
	}
	if err := c.Trouble(); err == nil || !strings.Contains(err.Error(), "expired") || !strings.Contains(said.String(), "expired") {
		t.Errorf("trouble: %v, log: %s", err, said.String())
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			told[name] = m.GetGauge().GetValue()
		}
	}
	if at := told["gatehouse_certificate_expiry_seconds old.example.com"]; at == 0 || at > float64(time.Now().Unix()) || told["gatehouse_certificate_trouble"] != 1 || len(told) != 3 {
		t.Errorf("got %v", told)
	}
}
