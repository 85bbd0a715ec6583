package models

import (
	"regexp"
	"strings"
	"time"
)

// Domain is a host name of an owner's that leads to one stage: https://weather.example.com/v1/forecast calls the stage's /forecast where BasePath is /v1.
// Until it is proved to be the owner's it leads nowhere.
type Domain struct {
	ID          DomainID
	StageID     StageID
	Host        string    // as FoldHost makes it, ASCII
	BasePath    string    // "" or "/v1"
	Proof       string    // what the TXT record ProofName says; no secret
	ActiveSince time.Time // zero: it is not proved
	ApprovedBy  string    // label of the administrator who let it in without a proof; "" for none
	CheckedAt   time.Time // zero: not yet
	Problem     string    // of the last check, a sentence; "" for none
	CreatedAt   time.Time
}

// DomainRow is a domain as administrators see it.
type DomainRow struct {
	Domain
	API, Stage, Owner string // names
}

// DomainCheck is what DNS says of a domain.
type DomainCheck struct {
	Proofs  []string // the proofs that the host shows, its own or others'
	Problem string   // a sentence; "" for none
	Known   bool     // DNS answered: proofs that are not there are missing
}

// Limits of domains.
const (
	MaxDomains    = 20                  // of a stage
	DomainWaiting = 14 * 24 * time.Hour // after which an unproved one is forgotten
)

// Active reports whether the domain leads to its stage.
func (d Domain) Active() bool { return !d.ActiveSince.IsZero() }

// ProofName is the name of the TXT record that proves the domain.
func (d Domain) ProofName() string { return ProofName(d.Host) }

// ProofName is the name of the TXT record that proves whose a host is.
func ProofName(host string) string { return "_gatehouse." + host }

var (
	labelPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)
	basePattern  = regexp.MustCompile(`^(?:/[A-Za-z0-9._~-]{1,64}){1,8}$`)
)

// Clean folds and checks what was typed; fields "host", "base_path". International names come in their ASCII form.
func (d Domain) Clean() (Domain, error) {
	var p Problems
	d.Host = FoldHost(strings.TrimSpace(d.Host))
	p.Join(CheckHost(d.Host))
	if d.BasePath = strings.TrimRight(strings.TrimSpace(d.BasePath), "/"); d.BasePath != "" {
		if !strings.HasPrefix(d.BasePath, "/") {
			d.BasePath = "/" + d.BasePath
		}
		if !basePattern.MatchString(d.BasePath) || strings.Contains(d.BasePath+"/", "/./") || strings.Contains(d.BasePath+"/", "/../") {
			p.Add("base_path", "Use segments of letters, digits and . _ ~ -, such as /v1, or leave it empty.")
		}
	}
	return d, p.Err()
}

// CheckHost says whether a folded host can be somebody's; field "host". An address of numbers, a name of one part and a wildcard cannot.
func CheckHost(host string) error {
	const message = "Name a host such as api.example.com: letters, digits and hyphens, with a dot, without https:// and without a path."
	labels := strings.Split(host, ".")
	if len(host) > 253 || len(labels) < 2 {
		return Invalid("host", message)
	}
	for _, label := range labels {
		if !labelPattern.MatchString(label) {
			return Invalid("host", message)
		}
	}
	if last := labels[len(labels)-1]; last == "localhost" || strings.Trim(last, "0123456789") == "" {
		return Invalid("host", message)
	}
	return nil
}

// FoldHost is a host as it is compared: without a port and one trailing dot, in lower case. It does not allocate for one that is folded already.
func FoldHost(host string) string {
	if at := strings.LastIndexByte(host, ':'); at >= 0 && (strings.IndexByte(host, ':') == at || host[at-1] == ']') {
		host = host[:at]
	}
	host = strings.TrimSuffix(host, ".")
	for i := range len(host) {
		if c := host[i]; 'A' <= c && c <= 'Z' {
			return strings.ToLower(host)
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
