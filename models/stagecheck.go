package models

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a stage's settings.
const (
	MaxTargets   = 15 // beside the stage's upstream
	maxVary      = 20
	maxMessage   = 200 // characters
	maxPEM       = 64 << 10
	maxCacheBody = 16 << 20
	minCacheBody = 1 << 10
	maxBody      = 1 << 40
)

// Check validates settings. Fields: "weight", "target_N" and "weight_N" (N from 1), "retries", "health_path", "health_interval", "health_timeout", "unhealthy",
// "healthy", "breaker_failures", "breaker_pause", "connect", "idle", "stream", "max_body", "variables", "canary_percent", "canary_variables",
// "request_N" and "response_N", those of CORS.Check, "ttl", "vary", "cache_body", "methods", "message", "ca", "server_name", "description",
// "documentation_version", "cache_size", "log_destination", "log_format".
func (s StageSettings) Check() error {
	var p Problems
	s.checkTargets(&p)
	s.checkTimes(&p)
	checkVariables(&p, "variables", s.Variables)
	if c := s.Canary; c != nil {
		if !(c.Percent >= 0 && c.Percent <= 100) {
			p.Add("canary_percent", "Enter 0 to 100 percent.")
		}
		checkVariables(&p, "canary_variables", c.Variables)
	}
	p.Join(s.CheckKey(KeySource{}))
	checkRules(&p, "response", s.Response, s.ruleProblem(ToCaller, KeySource{}))
	if s.CORS != nil {
		p.Join(s.CORS.Check())
	}
	s.Cache.check(&p)
	s.Notes.check(&p)
	s.checkMethods(&p)
	if m := s.Maintenance; m != nil {
		if _, err := cleanLine("message", m.Message, maxMessage); err != nil {
			p.Join(err)
		}
	}
	s.TLS.check(&p)
	return p.Err()
}

func (s StageSettings) checkTargets(p *Problems) {
	t := s.Targets
	within(p, "weight", t.Weight, 0, 1000, "Enter a weight of 1 to 1,000.")
	if len(t.Others) > MaxTargets {
		p.Add("target_"+strconv.Itoa(MaxTargets+1), fmt.Sprintf("A stage has at most %d targets beside its upstream.", MaxTargets))
	}
	seen := map[string]bool{}
	for i, target := range t.Others {
		n := strconv.Itoa(i + 1)
		if problem := s.addressProblem(target.URL); problem != "" {
			p.Add("target_"+n, problem)
		} else if seen[target.URL] {
			p.Add("target_"+n, "This target stands in the list already. Raise its weight instead.")
		}
		seen[target.URL] = true
		within(p, "weight_"+n, target.Weight, 0, 1000, "Enter a weight of 0 to 1,000.")
	}
	within(p, "retries", t.Retries, NoRetries, 5, "Enter 0 to 5, or nothing for 1.")
	if h := t.Health; h != nil {
		if !strings.HasPrefix(h.Path, "/") || len(h.Path) > 1024 || strings.ContainsFunc(h.Path, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }) {
			p.Add("health_path", "Enter a path such as /health, without blanks and #.")
		}
		lasting(p, "health_interval", h.Interval, time.Second, 10*time.Minute)
		lasting(p, "health_timeout", h.Timeout, 100*time.Millisecond, time.Minute)
		within(p, "unhealthy", h.Unhealthy, 0, 10, "Enter 1 to 10 answers.")
		within(p, "healthy", h.Healthy, 0, 10, "Enter 1 to 10 answers.")
	}
	within(p, "breaker_failures", t.Breaker.Failures, 0, 1000, "Enter 1 to 1,000 failures.")
	lasting(p, "breaker_pause", t.Breaker.Pause, time.Second, 10*time.Minute)
}

func (s StageSettings) checkTimes(p *Problems) {
	lasting(p, "connect", s.Timeouts.Connect, 100*time.Millisecond, time.Minute)
	lasting(p, "idle", s.Timeouts.Idle, time.Second, time.Hour)
	lasting(p, "stream", s.Timeouts.Stream, time.Minute, 30*24*time.Hour)
	if s.Limits.MaxBody < 0 || s.Limits.MaxBody > maxBody {
		p.Add("max_body", "Enter 1 byte to 1 TiB.")
	}
}

// addressProblem judges an upstream's address as the stage's callers and the canary's get it.
func (s StageSettings) addressProblem(address string) string {
	texts, problem := s.expansions(address)
	for _, text := range texts {
		if problem = upstreamProblem(text); problem != "" {
			if text != address {
				problem = "With its variables this is " + cutLine(text, 200) + ". " + problem
			}
			break
		}
	}
	return problem
}

func within(p *Problems, field string, n, min, max int, sentence string) {
	if n < min || n > max {
		p.Add(field, sentence)
	}
}

// lasting judges a duration, of which 0 is the default.
func lasting(p *Problems, field string, d, min, max time.Duration) {
	if d != 0 && (d < min || d > max) {
		p.Add(field, "Enter "+shortly(min)+" to "+shortly(max)+", or nothing for the default.")
	}
}

// shortly says a round duration: "100 ms", "1 minute", "30 days".
func shortly(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / unit.of; d%unit.of == 0 && n > 0 {
			if n == 1 {
				return "1 " + unit.name
			}
			return strconv.FormatInt(int64(n), 10) + " " + unit.name + "s"
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
}

func checkRules(p *Problems, way string, rules []HeaderRule, problem func(HeaderRule) string) {
	if len(rules) > MaxHeaderRules {
		p.Add(way+"_"+strconv.Itoa(MaxHeaderRules+1), fmt.Sprintf("Use at most %d rules.", MaxHeaderRules))
	}
	for i, r := range rules {
		if text := problem(r); text != "" {
			p.Add(way+"_"+strconv.Itoa(i+1), text)
		} else if r.Action == HeaderRemove && r.Value != "" {
			p.Add(way+"_"+strconv.Itoa(i+1), "A rule that removes a header has no value.")
		}
	}
}

// ruleProblem judges a rule as the stage's callers and the canary's get it.
func (s StageSettings) ruleProblem(side HeaderSide, key KeySource) func(HeaderRule) string {
	return func(r HeaderRule) string {
		if problem := r.Problem(side, key, s.Variables); problem != "" || s.Canary == nil {
			return problem
		}
		return r.Problem(side, key, s.CanaryVariables())
	}
}

// CheckKey validates the rules beside where an API reads its key, which is no rule's to change; fields "request_N".
func (s StageSettings) CheckKey(key KeySource) error {
	var p Problems
	checkRules(&p, "request", s.Request, s.ruleProblem(ToUpstream, key))
	return p.Err()
}

// hostName is a name of labels (RFC 1123).
var hostName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

func (c *StageCache) check(p *Problems) {
	if c == nil {
		return
	}
	if c.TTL < time.Second || c.TTL > time.Hour {
		p.Add("ttl", "Enter 1 second to 1 hour (3,600 seconds).")
	}
	for _, ttl := range c.Named {
		if ttl < 0 || ttl > time.Hour || ttl%time.Second != 0 {
			p.Add("ttl", "Enter 1 second to 1 hour (3,600 seconds).")
		}
	}
	if len(c.Vary) > maxVary {
		p.Add("vary", fmt.Sprintf("Name at most %d headers.", maxVary))
	}
	for _, name := range c.Vary {
		if !headerPattern.MatchString(name) {
			p.Add("vary", fmt.Sprintf("%q is no name of a header: use letters, digits and hyphens, such as Accept-Language.", cutLine(name, 80)))
		}
	}
	if c.MaxBody != 0 && (c.MaxBody < minCacheBody || c.MaxBody > maxCacheBody) {
		p.Add("cache_body", "Enter 1 KiB to 16 MiB, or nothing for 1 MiB.")
	}
}

func (t UpstreamTLS) check(p *Problems) {
	if t.CA != "" {
		if err := CheckCertificates(t.CA); err != nil {
			p.Add("ca", Sentence(err))
		}
	}
	if t.ServerName != "" {
		if _, err := netip.ParseAddr(t.ServerName); err != nil && (len(t.ServerName) > 253 || !hostName.MatchString(t.ServerName)) {
			p.Add("server_name", "Enter a host name such as api.internal.example.com.")
		}
	}
}

// CheckCertificates judges a text of one or more certificates in PEM; field "ca".
func CheckCertificates(text string) error {
	if len(text) > maxPEM {
		return Invalid("ca", fmt.Sprintf("Use at most %d KiB.", maxPEM>>10))
	}
	rest, n := []byte(text), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			if _, err := x509.ParseCertificate(block.Bytes); err != nil {
				return Invalid("ca", fmt.Sprintf("Certificate %d cannot be read.", n+1))
			}
			n++
		default:
			return Invalid("ca", "Only certificates belong here; this text has a "+strings.ToLower(cutLine(block.Type, 40))+".")
		}
	}
	if n == 0 || !utf8.ValidString(text) {
		return Invalid("ca", "Paste one or more certificates, each from BEGIN CERTIFICATE to END CERTIFICATE.")
	}
	return nil
}
