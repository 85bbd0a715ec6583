package owner

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/templates/ui"
)

// StageFrame is what all pages of a stage share.
type StageFrame struct {
	Title, URL, Href string // Href is the stage's page
	Badges           []ui.BadgeProps
	Tab              string // last part of the page's address; "" for the overview
	Maintenance      string // what to say on top while the stage is switched off; empty: it is served
	DocsHref         string
	UsageHref        string
}

func (v StageFrame) tabs() []ui.Tab {
	tabs := []ui.Tab{{Label: "Overview", Href: v.Href, Current: v.Tab == ""}}
	for _, t := range []struct{ part, label string }{{"upstream", "Upstream"}, {"variables", "Variables and canary"}, {"headers", "Headers and CORS"}, {"cache", "Cache"}, {"limits", "Limits and validation"}, {"domains", "Domains"}, {"maintenance", "Maintenance"}} {
		tabs = append(tabs, ui.Tab{Label: t.label, Href: v.Href + "/" + t.part, Current: v.Tab == t.part})
	}
	return tabs
}

// SettingRow says what is set of a stage, and where it is changed.
type SettingRow struct {
	Name, Text, Href string
	Badge            *ui.BadgeProps
}

// StageUpstreamView is how a stage's requests are spread.
type StageUpstreamView struct {
	Frame        StageFrame
	Rows         int // of targets beside the upstream
	States       []TargetState
	Now          time.Time
	Certificates []ui.Option
	CertHref     string // where client certificates are made
}

// TargetState is what the running gateway says of a target.
type TargetState struct {
	Address        string
	Badge          ui.BadgeProps
	Text, Failures string    // may be empty
	Since          time.Time // zero: since the gateway was started
}

// StageVariablesView is a stage's variables and its canary.
type StageVariablesView struct {
	Frame  StageFrame
	Rows   int
	Used   []string // where variables stand now
	Canary CanaryView
}

// CanaryView is a stage's canary, or the form of one to be.
type CanaryView struct {
	Action      string
	Running     bool
	Deployable  bool // something is deployed to the stage
	Number, Now string
	NumberHref  string
	NowHref     string
	Percent     string
	Deployments []ui.Option
	Variables   []CanaryVariable
	Added       []MethodName
	Removed     []MethodName
	Changed     []MethodName // that need a key there or here only
	More        int          // differences that are not listed
	Same        bool         // both are one deployment
}

// CanaryVariable is a variable with what the canary has in its place.
type CanaryVariable struct{ Field, Name, Own string }

// MethodName is a method in a list.
type MethodName struct{ Verb, Path, Text string }

// StageHeadersView is a stage's header rules and CORS.
type StageHeadersView struct {
	Frame             StageFrame
	Requests, Answers int // rows
}

// StageCacheView is what a stage keeps of answers.
type StageCacheView struct {
	Frame   StageFrame
	On      bool // as saved
	Methods []CacheMethod
	State   []ui.Definition // of the running gateway; empty: not known
}

// CacheMethod is a GET method that may be kept.
type CacheMethod struct{ ID, Path string }

// StageLimitsView is what a stage takes of requests.
type StageLimitsView struct {
	Frame       StageFrame
	DefaultBody string // words
	Document    string // what of the document can be compared; empty: there is none
	ImportHref  string
}

// StageMaintenanceView is the switch that takes a stage off.
type StageMaintenanceView struct {
	Frame StageFrame
	On    bool
	Until time.Time
	Past  bool // Until is over, and the switch is on still
	Now   time.Time
}

// CertificatesView lists client certificates.
type CertificatesView struct {
	Rows []CertificateRow
	Now  time.Time
}

// CertificateRow is a client certificate.
type CertificateRow struct {
	Name, Href, Fingerprint, Origin string
	Badge                           ui.BadgeProps
	NotAfter                        time.Time
	Stages                          []StageLink
}

// StageLink is a stage by its name.
type StageLink struct{ Label, Href string }

// CertificateView is one client certificate.
type CertificateView struct {
	Row       CertificateRow
	Chain     string
	Subject   string
	Issuer    string
	NotBefore time.Time
	CreatedAt time.Time
	FileName  string
	Now       time.Time
}

// numbered is the name of a field of row n, from 1.
func numbered(name string, n int) string { return name + "_" + strconv.Itoa(n) }

func join(list []string) string { return strings.Join(list, ", ") }

// upstreamFields are the fields of the page, in its order.
func upstreamFields(rows int) []string {
	fields := []string{"upstream", "weight"}
	for n := 1; n <= rows; n++ {
		fields = append(fields, numbered("target", n), numbered("weight", n))
	}
	return append(fields, "health_path", "health_interval", "health_timeout", "unhealthy", "healthy", "breaker_failures", "breaker_pause", "retries", "connect", "timeout", "idle", "stream",
		"certificate", "server_name", "ca")
}

func variableFields(v StageVariablesView) (fields []string) {
	for n := 1; n <= v.Rows; n++ {
		fields = append(fields, numbered("variable", n))
	}
	return append(fields, "canary_deployment", "canary_percent", "canary_variables")
}

func headerFields(v StageHeadersView) (fields []string) {
	for n := 1; n <= v.Requests; n++ {
		fields = append(fields, numbered("request", n))
	}
	for n := 1; n <= v.Answers; n++ {
		fields = append(fields, numbered("response", n))
	}
	return append(fields, "origins", "credentials", "headers", "expose", "max_age")
}
