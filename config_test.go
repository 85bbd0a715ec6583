package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/enforcement/fast"
)

func testProgram(env map[string]string) (program, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return program{getenv: func(name string) string { return env[name] }, stdin: strings.NewReader(""), stdout: &out, stderr: &errs}, &out, &errs
}

func parsed(t *testing.T, env map[string]string, args ...string) (config, error) {
	t.Helper()
	p, _, _ := testProgram(env)
	var c config
	fs := p.flagSet("test")
	c.dataFlags(fs)
	c.listenFlags(fs)
	err := p.parse(fs, args)
	c.finish()
	return c, err
}

func TestFlagsWinOverTheEnvironmentAndTheEnvironmentOverDefaults(t *testing.T) {
	env := map[string]string{"GATEHOUSE_PORTAL_LISTEN": "127.0.0.1:1", "GATEHOUSE_DATA": "/env", "GATEHOUSE_ALLOW_UPSTREAM": "10.0.0.0/8"}
	c, err := parsed(t, env, "--data", "/flag", "--allow-upstream", "127.0.0.1/32", "--allow-upstream", "192.168.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"flag over environment", c.data, "/flag"},
		{"environment over default", c.portalListen, "127.0.0.1:1"},
		{"default", c.gatewayListen, ":8081"},
		{"what follows from others", c.keyring, "/flag/keyring.json"},
		{"a repeated flag replaces the environment", c.allowUpstream.String(), "127.0.0.1/32,192.168.0.0/16"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	c, err = parsed(t, env)
	if err != nil || c.allowUpstream.String() != "10.0.0.0/8" {
		t.Errorf("list from the environment: got %q, %v", c.allowUpstream.String(), err)
	}
}

func TestLimitsOfTheEdgeAreNumbersTimesAndNetworks(t *testing.T) {
	for _, good := range [][]string{
		nil, {"--max-connections", "0", "--max-body", "0", "--stall-timeout", "0", "--stream-max-time", "0"},
		{"--proxy-protocol", "10.0.0.1", "--trusted-proxies", "10.0.0.0/8,2001:db8::/32", "--max-streams-per-key", "65535"},
	} {
		if c, err := parsed(t, nil, good...); err != nil || c.validate() != nil {
			t.Errorf("%v: %v, %v", good, err, c.validate())
		}
	}
	for _, bad := range [][]string{
		{"--max-connections", "-1"}, {"--max-streams-per-key", "65536"}, {"--head-timeout", "0"}, {"--idle-timeout", "1ns"}, {"--stall-timeout", "-1s"},
		{"--proxy-protocol", "proxy.example.com"}, {"--trusted-proxies", "everybody"},
	} {
		if c, err := parsed(t, nil, bad...); err != nil || c.validate() == nil || !strings.Contains(c.validate().Error(), bad[0]+":") {
			t.Errorf("%v: %v, %v", bad, err, c.validate())
		}
	}
}

func TestTheFastLaneIsOnOrOff(t *testing.T) {
	for _, tt := range []struct {
		env, flag string
		want      toggle
	}{{"", "", fast.Supported}, {"off", "", false}, {"off", "on", true}, {"", "off", false}} {
		args := []string{"--fast-lane", tt.flag}
		if tt.flag == "" {
			args = nil
		}
		c, err := parsed(t, map[string]string{"GATEHOUSE_FAST_LANE": tt.env}, args...)
		if err != nil || c.fastLane != tt.want {
			t.Errorf("%+v: got %v, %v", tt, c.fastLane, err)
		}
		if good := !bool(c.fastLane) || fast.Supported; (c.validate() == nil) != good {
			t.Errorf("%+v: %v", tt, c.validate())
		}
	}
	for _, bad := range []string{"true", "ON", "1"} {
		if _, err := parsed(t, nil, "--fast-lane", bad); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAllProblemsOfAConfigurationAreSaidAtOnce(t *testing.T) {
	c, err := parsed(t, nil, "--portal-listen", "nowhere", "--gateway-listen", "8081", "--public-url", "ftp://x", "--gateway-url", "https://g?x=1", "--allow-upstream", "everything", "--recording", "1KB", "--receipts", "1KB", "--request-log", "1KB", "--cache-size", "1KB")
	if err != nil {
		t.Fatal(err)
	}
	err = c.validate()
	if !errors.Is(err, errUsage) {
		t.Fatalf("got %v, want a usage error", err)
	}
	for _, flag := range []string{"--portal-listen", "--gateway-listen", "--public-url", "--gateway-url", "--allow-upstream", "--recording", "--receipts", "--request-log", "--cache-size"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not named in:\n%v", flag, err)
		}
	}
}

func TestTheManualListsEveryFlagAndCommand(t *testing.T) {
	p, _, _ := testProgram(nil)
	fs := p.flagSet("serve")
	var c config
	c.dataFlags(fs)
	c.listenFlags(fs)
	var want []string
	fs.VisitAll(func(f *flag.Flag) { want = append(want, "--"+f.Name) })
	if got := firstCells(t, "docs/configuration.md", "| `(--[a-z-]+)` |"); !slices.Equal(got, want) {
		t.Errorf("docs/configuration.md: got %v, want %v", got, want)
	}
	want = nil
	for _, c := range commands() {
		want = append(want, c.name)
	}
	slices.Sort(want)
	if got := firstCells(t, "docs/cli.md", "| `gatehouse ([a-z]+)"); !slices.Equal(got, want) {
		t.Errorf("docs/cli.md: got %v, want %v", got, want)
	}
}

// firstCells returns what a pattern finds at the beginning of a manual's lines, sorted, each once.
func firstCells(t *testing.T, manual, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?m)^"+strings.ReplaceAll(pattern, "|", "\\|")).FindAllSubmatch(text, -1) {
		found = append(found, string(m[1]))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestAWrongCommandEndsWithStatusTwo(t *testing.T) {
	for _, args := range [][]string{{"nonsense"}, {"serve", "--nonsense"}, {"account"}, {"account", "paint"}, {"serve", "extra"}, {"check", "extra"}, {"version", "extra"}, {"account", "disable"}, {"account", "reset-password", "--email", "a@example.com", "--public-url", "javascript:x"},
		{"account", "create", "--data", t.TempDir(), "--email", "nobody"}, {"account", "set-role", "--data", t.TempDir(), "--role", "king"}} {
		p, out, errs := testProgram(nil)
		if status := run(t.Context(), args, p); status != exitUsage || errs.Len() == 0 || out.Len() != 0 {
			t.Errorf("%v: got status %d, stdout %q, stderr %q", args, status, out, errs)
		}
	}
}

func TestAddressesThatPeopleOpen(t *testing.T) {
	for listen, want := range map[string]string{":8081": "127.0.0.1:8081", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "10.1.2.3:80": "10.1.2.3:80", "host:80": "host:80"} {
		if got := reachable(listen); got != want {
			t.Errorf("reachable(%q): got %q, want %q", listen, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]size{"0": 0, "64MB": 64 << 20, "1gb": 1 << 30, " 512 KB ": 512 << 10, "1048577": 1<<20 + 1, "1536MB": 1536 << 20} {
		var got size
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
		var again size
		if err := again.Set(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q, which is %d", text, got, again)
		}
	}
	for _, text := range []string{"", "MB", "-1", "-1MB", "1.5GB", "64M", "64 megabytes", "9223372036854775807KB", "99999999999999999999"} {
		got := size(7)
		if err := got.Set(text); err == nil || got != 7 {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}
