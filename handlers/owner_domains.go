package handlers

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/idna"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// OwnerDomainStore is what the pages of custom domains need of the store.
type OwnerDomainStore interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	Stage(ctx context.Context, owner models.AccountID, api models.APIID, id models.StageID) (models.Stage, error)
	Domains(ctx context.Context, owner models.AccountID, api models.APIID, stage models.StageID) ([]models.Domain, error)
	Domain(ctx context.Context, owner models.AccountID, api models.APIID, stage models.StageID, id models.DomainID) (models.Domain, error)
	AddDomain(ctx context.Context, actor models.Actor, api models.APIID, in models.Domain, now time.Time) (models.Domain, error)
	RemoveDomain(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, id models.DomainID, now time.Time) error
}

// OwnerDomains is where owners give a stage host names of their own.
type OwnerDomains struct {
	Store OwnerDomainStore
	// Check asks DNS about a domain at once and notes what it says.
	Check func(ctx context.Context, d models.Domain) error
	// Reserved reports whether a folded host is the operator's own.
	Reserved func(host string) bool
	States   StageStates // nil: not known
	// Certificate says when the certificate of a folded host ends, or why there is none; nil: somebody else terminates TLS.
	Certificate func(host string) (ends time.Time, problem string)
}

func domainsPath(api models.APIID, stage models.StageID) string {
	return ownerStagePath(api, stage) + "/domains"
}

func (o *OwnerDomains) stage(r *Request) (api models.API, s models.Stage, err error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return api, s, err
	}
	if api, err = o.Store.API(r.Context(), r.Account.ID, id); err != nil {
		return api, s, err
	}
	stage, err := param[models.Stage](r, "stage")
	if err != nil {
		return api, s, err
	}
	s, err = o.Store.Stage(r.Context(), r.Account.ID, api.ID, stage)
	return api, s, err
}

func (o *OwnerDomains) domain(r *Request) (api models.API, s models.Stage, d models.Domain, err error) {
	if api, s, err = o.stage(r); err != nil {
		return api, s, d, err
	}
	id, err := param[models.Domain](r, "domain")
	if err != nil {
		return api, s, d, err
	}
	d, err = o.Store.Domain(r.Context(), r.Account.ID, api.ID, s.ID, id)
	return api, s, d, err
}

// List shows the domains of a stage, and what DNS still has to say.
func (o *OwnerDomains) List(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	page, err := o.page(r, api, s, NewForm())
	return Page(page), err
}

func (o *OwnerDomains) page(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error) {
	domains, err := o.Store.Domains(r.Context(), r.Account.ID, api.ID, s.ID)
	if err != nil {
		return nil, err
	}
	path := domainsPath(api.ID, s.ID)
	v := owner.DomainsView{Frame: stageFrame(r, api, s, "domains", o.States), Href: path, Now: r.Now, Full: len(domains) >= models.MaxDomains,
		Example: "Comes before the operation's own path: with /v1, api.example.com/v1/users calls /users."}
	for _, d := range domains {
		v.Rows = append(v.Rows, o.row(r, path, d))
		v.Unproved = v.Unproved || !d.Active()
	}
	return owner.Domains(stageLayout(r, api, s, "Domains"), v, f), nil
}

func (o *OwnerDomains) row(r *Request, path string, d models.Domain) owner.DomainRow {
	row := owner.DomainRow{ID: d.ID.String(), Host: d.Host, Base: d.BasePath, Href: path + "/" + d.ID.String(), State: domainBadge(d), Words: domainWords(d), Checked: d.CheckedAt}
	if d.Active() {
		row.Certificate, row.CertificateBad = o.certificate(r, d.Host)
	}
	if !d.Active() || d.Problem != "" {
		row.Records = dnsRecords(d, hostIn(r.Site.GatewayURL))
	}
	return row
}

func (o *OwnerDomains) certificate(r *Request, host string) (words string, bad bool) {
	if o.Certificate == nil {
		return "", false
	}
	ends, problem := o.Certificate(host)
	switch {
	case ends.IsZero():
		return problem, true
	case ends.Before(r.Now):
		return "Expired on " + format.Date(r.Local(ends)), true
	case problem != "":
		return problem, true
	}
	return "Until " + format.Date(r.Local(ends)), false
}

func domainBadge(d models.Domain) ui.BadgeProps {
	switch {
	case !d.Active():
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waiting"}
	case d.Problem != "":
		return ui.BadgeProps{Kind: ui.Bad, Text: "Failing"}
	}
	return ui.BadgeProps{Kind: ui.OK, Text: "Active"}
}

func domainWords(d models.Domain) string {
	switch {
	case d.Active() && d.Problem != "":
		return d.Problem
	case d.Active() && d.ApprovedBy != "":
		return "Let in by an administrator."
	case d.Active():
		return ""
	case d.CheckedAt.IsZero():
		return "DNS was not asked yet."
	}
	return strings.TrimSpace("DNS does not show the proof yet. " + d.Problem)
}

// dnsRecords are what a domain needs, as lines of a zone. Where the gateway's own name is an address, the owner is told so.
func dnsRecords(d models.Domain, gateway string) string {
	lines := fmt.Sprintf("%s. TXT \"%s\"\n", d.ProofName(), d.Proof)
	switch _, err := netip.ParseAddr(gateway); {
	case err == nil && strings.Contains(gateway, ":"):
		return lines + fmt.Sprintf("%s. AAAA %s", d.Host, gateway)
	case err == nil:
		return lines + fmt.Sprintf("%s. A %s", d.Host, gateway)
	}
	return lines + fmt.Sprintf("%s. CNAME %s.", d.Host, gateway)
}

// Add notes a domain and asks DNS about it at once.
func (o *OwnerDomains) Add(r *Request) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := models.Domain{StageID: s.ID, Host: asciiHost(f.Trimmed("host")), BasePath: f.Get("base_path")}
	if o.Reserved(models.FoldHost(in.Host)) {
		err = models.Invalid("host", "This name is the operator's own. Use a domain of yours.")
	} else if in, err = o.Store.AddDomain(r.Context(), r.Actor(), api.ID, in, r.Now); err == nil {
		return o.check(r, in, domainsPath(api.ID, s.ID), in.Host+" is noted.")
	}
	if !f.Accept(err) {
		return Reply{}, err
	}
	page, err := o.page(r, api, s, f)
	return Again(page), err
}

// CheckNow asks DNS about a domain.
func (o *OwnerDomains) CheckNow(r *Request) (Reply, error) {
	api, s, d, err := o.domain(r)
	if err != nil {
		return Reply{}, err
	}
	return o.check(r, d, domainsPath(api.ID, s.ID), "DNS was asked about "+d.Host+".")
}

// check asks DNS, unless it was asked a moment ago.
func (o *OwnerDomains) check(r *Request, d models.Domain, back, message string) (Reply, error) {
	if r.Now.Sub(d.CheckedAt) >= checkPause {
		if err := o.Check(r.Context(), d); err != nil {
			return Reply{}, err
		}
	}
	return r.Done(back, message+" The list shows what it said."), nil
}

// checkPause keeps a button from being a way to flood DNS servers.
const checkPause = 2 * time.Second

// asciiHost turns an international name into the form that DNS has; what is none stays, and is refused.
func asciiHost(host string) string {
	if ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, ".")); err == nil {
		return ascii
	}
	return host
}

// RemoveForm asks first.
func (o *OwnerDomains) RemoveForm(r *Request) (Reply, error) {
	api, s, d, err := o.domain(r)
	if err != nil {
		return Reply{}, err
	}
	path := domainsPath(api.ID, s.ID)
	c := ui.Confirm{Title: "Remove " + d.Host + "?", Action: path + "/" + d.ID.String() + "/remove", Button: "Remove domain", Danger: true, Cancel: path,
		Text: "Nothing was called by it yet."}
	if d.Active() {
		c.Text = "Calls to it get no answer of the API any more, at once. The stage stays at " + stageURL(r.Site.GatewayURL, api.Slug, s.Name) + "."
	}
	return Page(owner.Confirm(r.layout("Remove domain", apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: s.Name, Href: ownerStagePath(api.ID, s.ID)}, ui.Crumb{Label: "Domains", Href: path}, ui.Crumb{}), c)), nil
}

// Remove takes the domain from the stage.
func (o *OwnerDomains) Remove(r *Request) (Reply, error) {
	api, s, d, err := o.domain(r)
	if err != nil {
		return Reply{}, err
	}
	back := domainsPath(api.ID, s.ID)
	return ownerDone(r, o.Store.RemoveDomain(r.Context(), r.Actor(), api.ID, s.ID, d.ID, r.Now), back, back, d.Host+" is removed.")
}
