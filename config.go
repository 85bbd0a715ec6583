package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/enforcement"
	"gatehouse/enforcement/cache"
	"gatehouse/enforcement/fast"
	"gatehouse/enforcement/receipt"
	"gatehouse/enforcement/recording"
	"gatehouse/enforcement/requestlog"
	"gatehouse/jobs/notify"
	"gatehouse/models"
)

// config is what the operator chose: flags over environment over defaults.
type config struct {
	file          string // of settings; "": there is none
	data          string // folder of the SQLite file
	keyring       string // file of the master keys
	portalListen  string
	gatewayListen string
	opsListen     string
	management    managementSettings
	publicURL     string
	gatewayURL    string
	gatewayDomain string            // below which APIs have names of their own; "": none
	hosts         enforcement.Hosts // as far as the operator named them
	dnsResolver   string            // address; "": the system's
	allowUpstream list
	edge          edge
	smtpURL       string // of the mail server; "": there is none, and mails are kept for the administrator
	mailFrom      string // whom mails are from
	journalSync   string // syncSecond or syncAlways
	recording     size   // of what arrived, for rehearsals; 0: nothing is recorded
	receipts      size   // of their file; 0: none are kept
	requestLog    size   // of all its files; 0: none is kept
	cacheSize     size   // of answers that are kept for stages that want it; 0: none are
	fastLane      toggle // plain HTTP/1.1 to the gateway is served by loops of its own
	encryption    encryption
	accessLog     string // file; "": none is written
	logLevel      slog.Level
	traces        traces
	sockets       inherited // that the service manager holds
	json          bool      // print one JSON object
}

// When the journal of admissions reaches the disk.
const (
	syncSecond = "second" // within a second
	syncAlways = "always" // before the request is let through
)

// leastRecording is the least size of a recording: some hours of a small installation.
const leastRecording = 1 << 20

// list is a flag that may stand several times or hold several values between commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l = append(*l, part)
		}
	}
	return nil
}

// toggle is a flag that is on or off.
type toggle bool

func (t *toggle) String() string {
	if *t {
		return "on"
	}
	return "off"
}

func (t *toggle) Set(s string) error {
	if s != "on" && s != "off" {
		return errors.New("it is neither on nor off")
	}
	*t = s == "on"
	return nil
}

// flagSet returns an empty set of flags, for parse.
func (p program) flagSet(name string) *flag.FlagSet {
	fs := flag.NewFlagSet("gatehouse "+name, flag.ContinueOnError)
	fs.SetOutput(p.stderr)
	return fs
}

// parse reads a command's arguments, which are flags alone. A flag that is not given is read from the environment: --portal-listen from
// GATEHOUSE_PORTAL_LISTEN.
func (p program) parse(fs *flag.FlagSet, args []string) error {
	names, err := p.parseNames(fs, args)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%w: %q is not a flag", errUsage, names[0])
	}
	return err
}

// parseFile is parse for a command that also takes the name of one file, before, between or after the flags.
func (p program) parseFile(fs *flag.FlagSet, args []string) (string, error) {
	names, err := p.parseNames(fs, args)
	switch {
	case err != nil:
		return "", err
	case len(names) != 1 || names[0] == "":
		return "", fmt.Errorf("%w: name one file", errUsage)
	}
	return names[0], nil
}

// parseNames reads flags and returns the arguments that are none.
func (p program) parseNames(fs *flag.FlagSet, args []string) (names []string, err error) {
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		if fs.NArg() == 0 {
			return names, p.fromElsewhere(fs)
		}
		names, args = append(names, fs.Arg(0)), fs.Args()[1:]
	}
}

// fromElsewhere sets the flags that were not given: from the environment, then from the file that --config names.
func (p program) fromElsewhere(fs *flag.FlagSet) error {
	if err := p.fromEnvironment(fs); err != nil {
		return err
	}
	if f := fs.Lookup(configFlag); f != nil && f.Value.String() != "" {
		if err := fromFile(fs, f.Value.String()); err != nil {
			return fmt.Errorf("%w: --config: %w", errUsage, err)
		}
	}
	return nil
}

// fromEnvironment sets the flags that were not given.
func (p program) fromEnvironment(fs *flag.FlagSet) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problems []error
	fs.VisitAll(func(f *flag.Flag) {
		variable := "GATEHOUSE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if given[f.Name] {
			return
		}
		value := p.getenv(variable)
		if file := p.getenv(variable + "_FILE"); value == "" && file != "" { // how secrets are usually handed to containers
			text, err := os.ReadFile(file)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s_FILE: %w", variable, err))
				return
			}
			value = strings.TrimSpace(string(text))
		}
		if value == "" {
			return
		}
		if err := fs.Set(f.Name, value); err != nil { // by the set, which remembers that it was given
			problems = append(problems, fmt.Errorf("%s: %q: %w", variable, value, err))
		}
	})
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return nil
}

// dataFlags are the flags of every command that opens the records.
func (c *config) dataFlags(fs *flag.FlagSet) {
	fs.StringVar(&c.file, configFlag, "", "`file` of settings, \"name = value\" on each line, by the names of these flags; flags and environment win over it")
	fs.StringVar(&c.data, "data", "./gatehouse-data", "`folder` of the database")
	fs.StringVar(&c.keyring, "keyring", "", "`file` of the master keys (default: keyring.json in the data folder)")
}

// listenFlags are the flags of the commands that serve.
func (c *config) listenFlags(fs *flag.FlagSet) {
	fs.StringVar(&c.portalListen, "portal-listen", "127.0.0.1:8080", "`address` of the portal")
	fs.StringVar(&c.gatewayListen, "gateway-listen", ":8081", "`address` of the gateway")
	fs.StringVar(&c.opsListen, "ops-listen", "127.0.0.1:9090", "`address` of health, readiness, metrics and profiles; empty: off")
	fs.StringVar(&c.publicURL, "public-url", "", "`URL` under which people reach the portal (default: http:// or, with a certificate, https:// and the portal's address)")
	fs.StringVar(&c.gatewayURL, "gateway-url", "", "`URL` under which apps reach the gateway (default: http:// or, with a certificate, https:// and the gateway's address)")
	fs.StringVar(&c.gatewayDomain, "gateway-domain", "", "`domain` below which each API has a host name: {api}.DOMAIN leads to its stages")
	fs.StringVar(&c.dnsResolver, "dns-resolver", "", "`address`, such as 10.0.0.2:53, of the DNS server that is asked whose a custom domain is (default: the system's)")
	c.encryption.flags(fs)
	c.management.flags(fs)
	fs.StringVar(&c.journalSync, "journal-sync", syncSecond, "`when` an admission is on the disk: \"second\" (within one) or \"always\" (before it is let through)")
	c.recording = recording.DefaultSize
	fs.Var(&c.recording, "recording", "`size` that the recording of arrivals may have, with which plans are rehearsed, such as 1GB; 0: nothing is recorded")
	c.receipts = receipt.DefaultSize
	fs.Var(&c.receipts, "receipts", "`size` of the file that says why single requests were refused, such as 64MB; 0: none are kept")
	fs.StringVar(&c.smtpURL, "smtp-url", "", "`URL` of the mail server, such as smtp://user:password@mail.example.com:587 or smtps://…; better given by GATEHOUSE_SMTP_URL or GATEHOUSE_SMTP_URL_FILE: other users of the machine can read flags")
	fs.StringVar(&c.mailFrom, "mail-from", "", "`address` that mails are from, such as \"Example API <api@example.com>\"")
	c.requestLog = requestlog.DefaultSize
	fs.Var(&c.requestLog, "request-log", "`size` that the log of single requests may have, such as 2GB, the oldest forgotten first; 0: none is kept")
	c.cacheSize = cache.DefaultSize
	fs.Var(&c.cacheSize, "cache-size", "`size` in memory of the answers that are kept for stages that want it, such as 64MB; 0: none are")
	c.fastLane = fast.Supported
	fs.Var(&c.fastLane, "fast-lane", "`on` or off: whether plain requests in HTTP/1.1 are served by the gateway's fast lane, which needs Linux")
	fs.StringVar(&c.accessLog, "access-log", "", "`file` that gets one line of JSON for each request of the gateway; - is the standard output; empty: none is written")
	c.traces.flags(fs)
	fs.TextVar(&c.logLevel, "log-level", slog.LevelInfo, "`level` of what the server logs: debug, info, warn, error; debug-4 has each statement of the database, too")
	c.edge.flags(fs)
	fs.Var(&c.allowUpstream, "allow-upstream", "`CIDR` of private or loopback addresses, or unix:PATH of a socket, that upstreams may have; repeatable")
}

// finish fills in what follows from other settings.
func (c *config) finish() {
	if c.keyring == "" {
		c.keyring = filepath.Join(c.data, "keyring.json")
	}
	c.publicURL = strings.TrimRight(c.publicURL, "/")
	c.gatewayURL = strings.TrimRight(c.gatewayURL, "/")
	c.management.url = strings.TrimRight(c.management.url, "/")
	c.gatewayDomain = models.FoldHost(c.gatewayDomain)
	c.hosts = enforcement.Hosts{Gateway: hostOf(c.gatewayURL), Portal: hostOf(c.publicURL), Domain: c.gatewayDomain}
}

// hostOf is the folded host of an address; "" of none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return models.FoldHost(u.Host)
}

// finishURLs fills in the addresses that people open, once it is known where the listeners are.
func (c *config) finishURLs() {
	if c.publicURL == "" {
		c.publicURL = addressOf(c.encryption.scheme(portalListener), c.portalListen)
	}
	if c.gatewayURL == "" {
		c.gatewayURL = addressOf(c.encryption.scheme(gatewayListener), c.gatewayListen)
	}
	if c.management.url == "" && c.management.listen != "" {
		c.management.url = addressOf(c.encryption.scheme(managementListener), c.management.listen)
	}
}

// addressOf is the URL of a listener. The scheme's own port is left out, as browsers do.
func addressOf(scheme, listen string) string {
	host := reachable(listen)
	return scheme + "://" + strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
}

// reachable turns an address to listen on into one to open: ":8081" is every address of this machine, 127.0.0.1 among them.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// validate returns all problems at once, or nil.
func (c *config) validate() error {
	if problems := c.problems(); len(problems) > 0 {
		return fmt.Errorf("%w: %w", errUsage, errors.Join(problems...))
	}
	return nil
}

func (c *config) problems() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.data == "" {
		add("--data: name a folder")
	}
	for _, f := range []struct{ name, address string }{{"portal-listen", c.portalListen}, {"gateway-listen", c.gatewayListen}, {"ops-listen", c.opsListen}, {"management-listen", c.management.listen}} {
		if f.address == "" && (f.name == "ops-listen" || f.name == "management-listen") {
			continue
		}
		if _, _, err := net.SplitHostPort(f.address); err != nil {
			add("--%s: %q is not an address such as 127.0.0.1:8080", f.name, f.address)
		}
	}
	if c.journalSync != syncSecond && c.journalSync != syncAlways {
		add("--journal-sync: %q is neither second nor always", c.journalSync)
	}
	if c.recording != 0 && c.recording < leastRecording {
		add("--recording: name a size of at least %s, or 0 for none", size(leastRecording))
	}
	if c.receipts != 0 && (c.receipts < receipt.MinSize || c.receipts > receipt.MaxSize) {
		add("--receipts: name a size from %s to %s, or 0 for none", size(receipt.MinSize), size(receipt.MaxSize))
	}
	if c.cacheSize != 0 && (c.cacheSize < cache.MinSize || c.cacheSize > cache.MaxSize) {
		add("--cache-size: name a size from %s to %s, or 0 for none", size(cache.MinSize), size(cache.MaxSize))
	}
	if c.requestLog != 0 && c.requestLog < requestlog.MinSize {
		add("--request-log: name a size of at least %s, or 0 for none", size(requestlog.MinSize))
	}
	if c.fastLane && !fast.Supported {
		add("--fast-lane: this system has none: it needs Linux")
	}
	if c.gatewayDomain != "" && models.CheckHost(c.gatewayDomain) != nil {
		add("--gateway-domain: %q is not a domain such as apis.example.com", c.gatewayDomain)
	}
	if _, _, err := net.SplitHostPort(c.dnsResolver); c.dnsResolver != "" && err != nil {
		add("--dns-resolver: %q is not an address such as 10.0.0.2:53", c.dnsResolver)
	}
	problems = append(problems, c.urlProblems()...)
	problems = append(problems, c.tlsProblems()...)
	problems = append(problems, c.managementProblems()...)
	problems = append(problems, c.edge.problems()...)
	problems = append(problems, c.traces.problems()...)
	if _, _, err := c.mailServer(); err != nil {
		problems = append(problems, err)
	}
	_, _, more := c.allowed()
	return append(problems, more...)
}

// urlProblems returns what is wrong with the addresses that people open.
func (c *config) urlProblems() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, f := range []struct{ name, url string }{{"public-url", c.publicURL}, {"gateway-url", c.gatewayURL}, {"management-url", c.management.url}} {
		if f.url == "" {
			continue
		}
		u, err := url.Parse(f.url)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			add("--%s: %q is not an address such as https://developers.example.com", f.name, f.url)
		} else if f.name == "public-url" && u.Path != "" {
			add("--public-url: leave out the path: the portal lives at the root of its host")
		} else if f.name == "management-url" && u.Path != "" {
			add("--management-url: leave out the path: a signature is of the whole path that a client asks for")
		}
	}
	return problems
}

// mailServer returns the operator's mail server; ok is false where there is none.
func (c *config) mailServer() (s notify.Server, ok bool, err error) {
	if c.smtpURL == "" {
		return s, false, nil
	}
	if s, err = notify.ParseServer(c.smtpURL); err != nil {
		return s, false, fmt.Errorf("--smtp-url: %w", err)
	}
	from, err := mail.ParseAddress(c.mailFrom)
	if err != nil {
		return s, false, fmt.Errorf("--mail-from: %q is no address such as \"Example API <api@example.com>\"", c.mailFrom)
	}
	s.From = *from
	return s, true, nil
}

// allowed returns the private networks that upstreams may be in and the sockets that they may have, and what is wrong with the others.
func (c *config) allowed() (prefixes []netip.Prefix, sockets []string, problems []error) {
	for _, text := range c.allowUpstream {
		if path, ok := strings.CutPrefix(text, "unix:"); ok {
			path = strings.TrimPrefix(path, "//")
			if a, err := models.ParseUpstream("unix://" + path); err != nil || a.Socket != path {
				problems = append(problems, fmt.Errorf("--allow-upstream: %q is not the whole path of a socket such as unix:/run/app.sock", text))
				continue
			}
			sockets = append(sockets, path)
			continue
		}
		prefix, err := parseNetwork(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--allow-upstream: %q is not a network such as 127.0.0.1/32 or 10.0.0.0/8, or a socket such as unix:/run/app.sock", text))
			continue
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, sockets, problems
}
