package handlers

import (
	"net/url"

	"gatehouse/models"
)

// Names are the host names that lead to APIs. The gateway implements it.
type Names interface {
	// DomainOf returns the custom domain of a stage and the path before the stage's own; "" for none.
	DomainOf(id models.StageID) (host, base string)
	// Leads reports whether a folded host is a custom domain or an API's name.
	Leads(host string) bool
}

// stageURL is the address of a stage for callers: its custom domain, else the API's name, else its path at the gateway.
func (s *Site) stageURL(slug, stage string, id models.StageID) string {
	if s.Names != nil {
		if host, base := s.Names.DomainOf(id); host != "" {
			return s.gatewayAt(host) + base
		}
	}
	if s.GatewayDomain != "" {
		return s.gatewayAt(slug+"."+s.GatewayDomain) + "/" + url.PathEscape(stage)
	}
	return stageURL(s.GatewayURL, slug, stage)
}

// gatewayAt is the gateway's address under another name.
func (s *Site) gatewayAt(host string) string {
	u, err := url.Parse(s.GatewayURL)
	if err != nil {
		return "https://" + host
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

// callURL is stageURL of what a key may call.
func (s *Site) callURL(call models.KeyCall) string {
	return s.stageURL(call.APISlug, call.StageName, call.StageID)
}

// Elsewhere reports whether a host is the gateway's, so that the portal is not to be found there.
func (s *Site) Elsewhere(host string) bool {
	host = models.FoldHost(host)
	return host != "" && host != hostIn(s.PublicURL) && (host == s.GatewayHost || s.Names != nil && s.Names.Leads(host))
}

// hostIn is the folded host of an address.
func hostIn(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return models.FoldHost(u.Host)
}
