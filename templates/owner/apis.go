package owner

import (
	"time"

	"gatehouse/templates/ui"
)

// APIsView is the list of APIs.
type APIsView struct {
	Query string
	Rows  []APIRow
	Pages ui.Pages
}

// APIRow is an API in the list.
type APIRow struct {
	Name, Slug, Href, Summary         string
	Methods, Plans                    int
	Stages                            []StageChip
	Undeployed                        bool
	PlansHref, MethodsHref, UsageHref string
}

// StageChip is a stage in a row.
type StageChip struct {
	Name, Href string
	Deployed   bool
	Off        bool // it is switched off for maintenance
}

// APIView is an API's page.
type APIView struct {
	Name, Slug, Summary, Href    string
	Badges                       []ui.BadgeProps
	Now                          time.Time
	HasDocument, Undeployed      bool
	KeyWords                     string
	CatalogHref, UsageHref       string
	WaitingHref                  string // where a newer document waits; empty for none
	LogHref                      string
	Steps                        []ui.Step
	Stages                       []StageRow
	Methods                      MethodTable
	Deployments                  []DeploymentRow
	Plans                        []PlanUse
	MethodFailed, SettingsFailed bool // a form of the page has a mistake
}

// StageRow is a stage with the deployment that it points at.
type StageRow struct {
	ID, Name, Href, URL, Upstream, Throttle string
	Number                                  string // of the deployment; empty while there is none
	DeploymentHref                          string
	DeployedAt                              time.Time
	Targets                                 string          // "with 2 more targets"; empty: the upstream is the only one
	Badges                                  []ui.BadgeProps // states that must not be overlooked
}

// MethodTable is a part of an API's methods.
type MethodTable struct {
	Query, From  string // filter and first row, to come back to
	Action       string
	All, WithKey int
	Rows         []MethodRow
	Pages        ui.Pages
}

// MethodRow is a method.
type MethodRow struct {
	ID, Verb, Path, Name, Summary string
	KeyRequired                   bool
	Authorizer                    string // who decides about its callers; empty: nobody
	UsageHref, RemoveAction       string
}

// DeploymentRow is a deployment in the history.
type DeploymentRow struct {
	Number, Href, Note, By string
	At                     time.Time
	Methods                int
	Stages                 []string // that point at it now
}

// PlanUse is a plan that opens a stage.
type PlanUse struct {
	Plan, Href, Who string
	Stages          []string
}

// ImportView asks for a newer document.
type ImportView struct {
	Name, Href             string
	Has                    bool   // there is a document now
	WaitingHref            string // where another waits already; empty for none
	Format, Title, Version string
	Unsecured              bool // it says nothing about security
	Notes                  []Note
}

// Note is a doubt about a document.
type Note struct{ Where, Text string }

// StageFormView is the form of a stage to be.
type StageFormView struct {
	API, APIHref, Base string
	FromDocument       bool
	Throttle           ThrottleView
	Bare               bool // it may have no upstream
}

// StageView is a stage's page.
type StageView struct {
	Frame        StageFrame
	Settings     []SettingRow
	Row          StageRow
	API, APIHref string
	Now          time.Time
	Undeployed   bool // a deployment would change something
	Throttle     ThrottleView
	Releases     []ReleaseRow
	Others       []ui.Option // deployments that the stage could point at
	Plans        []PlanUse
	Bare         bool // it may have no upstream
}

// ReleaseRow is one entry of a stage's history.
type ReleaseRow struct {
	Deployment, Number, Href, Note, By string
	At                                 time.Time
	Current                            bool
}

// DeploymentView is a snapshot.
type DeploymentView struct {
	Row          DeploymentRow
	API, APIHref string
	Now          time.Time
	KeyWords     string
	Query        string
	Methods      []DeployedMethod
	More         bool // there are more than are listed
	Targets      []Target
}

// DeployedMethod is a method as deployed; Since says what became of it in the API.
type DeployedMethod struct {
	Verb, Path, Summary, Since string
	KeyRequired                bool
}

// Target is a stage that could point at a deployment.
type Target struct{ Stage, Action, Deployment string }

// apiTabs are the parts of the API at a path; now is the last part of the present one's, "" the first's.
func apiTabs(api, now string) []ui.Tab {
	tabs := []ui.Tab{{Label: "Overview", Href: api, Current: now == ""}}
	for _, t := range []struct{ part, label string }{{"authorizers", "Authorizers"}, {"guides", "Guides"}, {"changes", "Changelog"}, {"deprecations", "Deprecations"}} {
		tabs = append(tabs, ui.Tab{Label: t.label, Href: api + "/" + t.part, Current: now == t.part})
	}
	return tabs
}
