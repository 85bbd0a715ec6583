package models

import (
	"net/url"
	"strings"
	"time"
)

const (
	maxOrigins = 100
	// maxCORSHeaders is how many names each list of headers may have.
	maxCORSHeaders = 100
	maxCORSAge     = 24 * time.Hour
)

// OriginPattern is an origin that may call, or all below a domain.
type OriginPattern struct {
	Exact  string // such as https://app.example.com; empty: all that begin with Scheme and end with Suffix, with a name between
	Scheme string // such as https://
	Suffix string // such as .example.com:8443
}

// ParseOrigin reads an origin as CORS.Origins has it, but for *, which is all of them. Problem is a sentence; "": there is none.
func ParseOrigin(s string) (p OriginPattern, problem string) {
	const form = "Enter origins such as https://app.example.com or https://*.example.com: scheme, host and port, nothing behind it."
	s = strings.ToLower(s)
	plain := strings.Replace(s, "://*.", "://", 1)
	u, err := url.Parse(plain)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Scheme+"://"+u.Host != plain || strings.ContainsAny(plain, "*?#@ \\") {
		return p, form
	}
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" || strings.HasSuffix(plain, ":") {
		return p, "Leave out the port that the scheme means anyway: browsers do so."
	}
	if plain == s {
		return OriginPattern{Exact: s}, ""
	}
	if !strings.Contains(u.Hostname(), ".") && u.Hostname() != "localhost" {
		return p, "Behind *. name a domain with a dot, such as https://*.example.com: all sites of a whole top-level domain are too many."
	}
	return OriginPattern{Scheme: u.Scheme + "://", Suffix: "." + u.Host}, ""
}

// Matches reports whether a browser's Origin is meant.
func (p OriginPattern) Matches(origin string) bool {
	if p.Exact != "" {
		return origin == p.Exact
	}
	rest, ok := strings.CutPrefix(origin, p.Scheme)
	if !ok {
		return false
	}
	name, ok := strings.CutSuffix(rest, p.Suffix)
	return ok && name != "" && name[0] != '.' && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// Check validates what an owner types; fields "origins", "headers", "expose", "max_age", "credentials".
func (c CORS) Check() error {
	var p Problems
	if len(c.Origins) == 0 {
		p.Add("origins", "Name at least one origin, or * for all.")
	}
	if len(c.Origins) > maxOrigins {
		p.Add("origins", "There may be 100 origins.")
	}
	for _, origin := range c.Origins {
		switch {
		case origin != "*":
			if _, problem := ParseOrigin(origin); problem != "" {
				p.Add("origins", problem)
			}
		case len(c.Origins) > 1:
			p.Add("origins", "* is all origins: leave the others out.")
		case c.Credentials:
			p.Add("credentials", "Browsers send no cookies to a server that lets all origins call: name the origins.")
		}
	}
	for field, list := range map[string][]string{"headers": c.Headers, "expose": c.Expose} {
		if len(list) > maxCORSHeaders {
			p.Add(field, "There may be 100 headers.")
		}
		for _, name := range list {
			if !headerPattern.MatchString(strings.ReplaceAll(name, "_", "-")) {
				p.Add(field, "Name headers of letters, digits, hyphens and underscores, such as X-Team.")
			}
		}
	}
	if c.MaxAge < 0 || c.MaxAge > maxCORSAge {
		p.Add("max_age", "Enter 0 to 86,400 seconds (24 hours).")
	}
	return p.Err()
}
