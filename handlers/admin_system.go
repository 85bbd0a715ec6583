package handlers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/admin"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// SystemFacts are what the process knows of itself. None is a secret: they go into reports of faults.
type SystemFacts struct {
	Version, Revision, Go, Driver, Platform string
	Started                                 time.Time
	Folder                                  string // of the data
	Database, WriteAhead, Journal           int64  // bytes
	RequestLog, Recording, Receipts         int64
	DiskFree                                int64
	Schema                                  int64
	Ready                                   string // what keeps the gateway from its promise; empty: nothing
	Goroutines                              int
	Heap, Taken                             int64 // bytes in use, and bytes of the system
	Clock                                   time.Time
	Certificates                            []CertificateFact // that callers and visitors are shown
	CertificateTrouble                      string            // why one of them cannot be had or is not the newest; empty: nothing is wrong
}

// CertificateFact is a certificate by its first name.
type CertificateFact struct {
	Name string
	Ends time.Time
}

// certificatesShown is how many certificates the page has; those that end first.
const certificatesShown = 10

// SystemStore is what the pages of the whole system need of the store.
type SystemStore interface {
	ImportJobs(ctx context.Context, p models.Page) (models.List[models.ImportJob], error)
	OpeningJobs(ctx context.Context) ([]models.OpeningJob, error)
}

// System is the administrators' pages about the process and its work.
type System struct {
	Store SystemStore
	Facts func(ctx context.Context) (SystemFacts, error)
}

// Show says how the process is, with a report to copy.
func (s *System) Show(r *Request) (Reply, error) {
	f, err := s.Facts(r.Context())
	if err != nil {
		return Reply{}, err
	}
	v := admin.SystemView{Ready: f.Ready == "", Trouble: troubles[f.Ready].title, Operator: troubles[f.Ready].operator, Now: r.Now, Groups: systemGroups(r, f)}
	v.Report = systemReport(v.Groups, f)
	return Page(admin.System(r.layout("System", ui.Crumb{}), v)), nil
}

func systemGroups(r *Request, f SystemFacts) []admin.FactGroup {
	bytes := func(term string, n int64) ui.Definition { return ui.Definition{Term: term, Text: format.Bytes(n)} }
	gateway := "Ready"
	if f.Ready != "" {
		gateway = f.Ready
	}
	groups := []admin.FactGroup{
		{Title: "Program", Facts: []ui.Definition{
			{Term: "Version", Text: f.Version, Mono: true}, {Term: "Revision", Text: f.Revision, Mono: true}, {Term: "Built with", Text: f.Go + ", SQLite by " + f.Driver}, {Term: "Platform", Text: f.Platform},
			{Term: "Started", Body: ui.Time(f.Started)}, {Term: "Running for", Text: format.Duration(f.Clock.Sub(f.Started).Truncate(time.Second))}, {Term: "Clock", Text: format.Moment(r.Local(f.Clock))},
		}},
		{Title: "Gateway", Facts: []ui.Definition{
			{Term: "State", Text: gateway}, {Term: "Live pages", Text: format.Count(r.Site.live.Load())}, {Term: "Goroutines", Text: format.Count(int64(f.Goroutines))}, bytes("Memory in use", f.Heap), bytes("Memory taken", f.Taken),
		}},
		{Title: "Records", Facts: []ui.Definition{
			{Term: "Folder", Text: f.Folder, Mono: true}, bytes("Free on its disk", f.DiskFree), {Term: "Schema", Text: fmt.Sprint(f.Schema)}, bytes("Database", f.Database), bytes("Write-ahead log", f.WriteAhead), bytes("Journal", f.Journal),
			bytes("Request log", f.RequestLog), bytes("Recording", f.Recording), bytes("Receipts", f.Receipts),
		}},
	}
	groups[1].Facts = append(groups[1].Facts, certificateFacts(r, f)...)
	return groups
}

// certificateFacts says how long the certificates hold.
func certificateFacts(r *Request, f SystemFacts) (facts []ui.Definition) {
	slices.SortFunc(f.Certificates, func(a, b CertificateFact) int { return a.Ends.Compare(b.Ends) })
	for i, c := range f.Certificates {
		if i == certificatesShown {
			facts = append(facts, ui.Definition{Term: "More certificates", Text: format.Count(int64(len(f.Certificates) - i))})
			break
		}
		word := "until "
		if c.Ends.Before(f.Clock) {
			word = "ended on "
		}
		facts = append(facts, ui.Definition{Term: "Certificate", Text: c.Name + ", " + word + format.Date(r.Local(c.Ends))})
	}
	if f.CertificateTrouble != "" {
		facts = append(facts, ui.Definition{Term: "Certificates", Text: f.CertificateTrouble})
	}
	return facts
}

// systemReport is the page as text, for who reports a fault.
func systemReport(groups []admin.FactGroup, f SystemFacts) string {
	var b strings.Builder
	for _, g := range groups {
		for _, d := range g.Facts {
			text := d.Text
			switch d.Term {
			case "Started":
				text = format.Moment(f.Started.UTC())
			case "Clock":
				text = format.Moment(f.Clock.UTC())
			}
			fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(d.Term), text)
		}
	}
	return strings.ReplaceAll(b.String(), "\u00a0", " ")
}

// Jobs lists the long work of everybody.
func (s *System) Jobs(r *Request) (Reply, error) {
	p := r.Page()
	list, err := s.Store.ImportJobs(r.Context(), p)
	if err != nil {
		return Reply{}, err
	}
	openings, err := s.Store.OpeningJobs(r.Context())
	if err != nil {
		return Reply{}, err
	}
	v := admin.JobsView{Now: r.Now, Pages: listPages(r, p, list.Next)}
	for _, o := range openings {
		v.Openings = append(v.Openings, admin.OpeningRow{Plan: o.Plan, Stage: o.Stage, Owner: o.Owner})
	}
	for _, i := range list.Items {
		row := admin.JobRow{File: importName(i.Import), Owner: i.Owner, State: jobBadge(i.Import), At: i.CreatedAt, Ended: i.EndedAt, Reason: i.Reason}
		if done, of := i.Written, i.Counts.Changes(); i.State == models.ImportWriting && of > 0 {
			row.Progress = format.Count(done) + " of " + format.Count(of)
		} else if n := i.Counts.Lines(); n > 0 {
			row.Progress = format.Plural(n, "line")
		}
		v.Busy = v.Busy || i.State.Busy()
		v.Rows = append(v.Rows, row)
	}
	page := r.layout("Jobs", ui.Crumb{})
	if v.Busy || len(openings) > 0 {
		page.Refresh = 5
	}
	return Page(admin.Jobs(page, v)), nil
}

// jobBadge is importBadge for who is not the owner.
func jobBadge(i models.Import) ui.BadgeProps {
	if i.State == models.ImportChecked {
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waiting for its owner"}
	}
	return importBadge(i)
}
