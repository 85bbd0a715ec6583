package enforcement

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/models"
)

// Hosts are the names under which things are reached (DECISIONS 24). Names are folded: models.FoldHost.
type Hosts struct {
	Gateway string // the gateway's own, where paths begin with /{api}/{stage}; "": it is not known, and every other name is one
	Domain  string // {api}.Domain leads to an API, where paths begin with /{stage}; "": none does
	Portal  string // serves no API, unless it is also the gateway's, at another port; "": it is not known
}

// Reserved reports whether a folded name is the operator's, whatever an owner's domain says.
func (h Hosts) Reserved(host string) bool {
	return host != "" && (host == h.Gateway || host == h.Portal) || h.Domain != "" && (host == h.Domain || strings.HasSuffix(host, "."+h.Domain))
}

// hosts are the names of a snapshot that lead elsewhere than a path does. A nil *hosts has none.
type hosts struct {
	suffix  string // of APIs' names, with its dot; "": there are none
	gateway string
	portal  string
	domains map[string]*domain
	byStage map[models.StageID]string // its first name in domains
}

type domain struct {
	stage *stage // nil: nothing is deployed
	base  string
}

// compileHosts returns nil where every name is the gateway's own: no request looks at its name then.
func (s *snapshot) compileHosts(own Hosts, domains []models.GatewayDomain) *hosts {
	h := &hosts{gateway: own.Gateway, domains: map[string]*domain{}, byStage: map[models.StageID]string{}}
	if own.Domain != "" {
		h.suffix = "." + own.Domain
	}
	if own.Gateway != "" && own.Portal != own.Gateway {
		h.portal = own.Portal
	}
	for _, d := range domains {
		if own.Reserved(d.Host) {
			continue
		}
		h.domains[d.Host] = &domain{s.stages[d.Stage], d.BasePath}
		if first := h.byStage[d.Stage]; first == "" || d.Host < first {
			h.byStage[d.Stage] = d.Host
		}
	}
	if h.suffix == "" && h.portal == "" && len(h.domains) == 0 {
		return nil
	}
	return h
}

// place is where a request leads by its name and path.
type place struct {
	api, stage string  // names; "" where domain is set
	domain     *domain // of the host
	named      bool    // the host leads to the API, or to the stage
	outside    bool    // the path is not below the domain's base
	path       string  // below the stage
}

// locate splits a canonical path by what its host leads to; not ok: nothing is served there. The host wins: by a name that leads to an API or a stage,
// nothing else is reached.
func (h *hosts) locate(host, path string) (at place, ok bool) {
	if h != nil {
		host = models.FoldHost(host)
		if host != "" && host == h.portal {
			return at, false
		}
		if d := h.domains[host]; d != nil {
			rest, under := strings.CutPrefix(path, d.base)
			return place{domain: d, named: true, path: rest, outside: !under || rest != "" && rest[0] != '/'}, d.stage != nil
		}
		if name, under := h.apiOf(host); under {
			at.api, at.named = name, true
			at.stage, at.path = cutSegment(path)
			return at, true
		}
	}
	at.api, at.path = cutSegment(path)
	at.stage, at.path = cutSegment(at.path)
	return at, true
}

// apiOf returns the API's part of a host that leads to one.
func (h *hosts) apiOf(host string) (name string, under bool) {
	if h.suffix == "" || host == h.gateway || host == h.portal {
		return "", false
	}
	return strings.CutSuffix(host, h.suffix)
}

// cutSegment cuts the first segment off a path that is empty or begins with a slash.
func cutSegment(path string) (segment, rest string) {
	path = strings.TrimPrefix(path, "/")
	segment, _, _ = strings.Cut(path, "/")
	return segment, path[len(segment):]
}

// DomainOf returns a host name of an owner's that leads to a stage, and the path that comes before the stage's own; "" where there is none. Of several it is
// the first by name.
func (g *Gateway) DomainOf(id models.StageID) (host, base string) {
	s := g.current.Load()
	if s == nil || s.hosts == nil {
		return "", ""
	}
	if host = s.hosts.byStage[id]; host != "" {
		base = s.hosts.domains[host].base
	}
	return host, base
}

// Domains returns the owners' host names that lead to a stage, sorted.
func (g *Gateway) Domains() []string {
	s := g.current.Load()
	if s == nil || s.hosts == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.hosts.domains))
}

// Leads reports whether a folded host is an owner's domain or an API's name.
func (g *Gateway) Leads(host string) bool {
	s := g.current.Load()
	if s == nil || s.hosts == nil {
		return false
	}
	if s.hosts.domains[host] != nil {
		return true
	}
	name, under := s.hosts.apiOf(host)
	return under && s.apis[name] != nil
}
