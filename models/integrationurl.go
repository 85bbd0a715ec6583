package models

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// IntegrationTarget is the URL of an integration taken apart, when a stage's variables are in it.
type IntegrationTarget struct {
	Scheme string     // http or https
	Host   string     // with the port if one is given
	Path   []URLPiece // escaped; empty or beginning with a slash
	Query  []URLPiece // escaped, without the question mark
}

// URLPiece is text, or a place for the value of a parameter.
type URLPiece struct {
	Text  string
	Param string // its name; empty: it is text
}

var (
	urlParameter  = regexp.MustCompile(`\{([A-Za-z0-9._-]{1,64})\}`)
	variableInURL = regexp.MustCompile(`\$\{stageVariables\.[A-Za-z0-9_]{1,64}\}`)
	urlText       = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*$`)
	readInTwoWays = regexp.MustCompile(`(?i)%2e|%2f|%5c|%00|//|/;`)
)

// maxIntegration is how many bytes a URL may have.
const maxIntegration = 8 << 10

// ParseIntegrationURL reads http://host[:port][/path][?query], or https, with {name} in path and query and ${stageVariables.name} anywhere behind the scheme. The
// error, at the field "uri", names a variable that is not there, or is AWS's.
func ParseIntegrationURL(s string, variables map[string]string) (t IntegrationTarget, err error) {
	if s, err = ExpandVariables(s, variables); err != nil {
		return t, Invalid("uri", Sentence(err))
	}
	return parseTarget(s)
}

func badURL() error { return Invalid("uri", "Invalid HTTP endpoint specified for URI") }

func parseTarget(s string) (t IntegrationTarget, err error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" || len(s) > maxIntegration {
		return t, badURL()
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, rest := rest[:end], rest[end:]
	path, query, _ := strings.Cut(rest, "?")
	t = IntegrationTarget{Scheme: scheme, Host: host, Path: piecesOf(path), Query: piecesOf(query)}
	// What stands in the place of a parameter is no digit of a %XX, and no dot.
	plainPath, plainQuery := urlParameter.ReplaceAllString(path, "x"), urlParameter.ReplaceAllString(query, "x")
	if !isAuthority(scheme, host) || !urlText.MatchString(plainPath) || !urlText.MatchString(plainQuery) || isAmbiguous(path) {
		return t, badURL()
	}
	return t, nil
}

// isAuthority reports whether a host with or without a port is nothing else.
func isAuthority(scheme, host string) bool {
	u, err := url.Parse(scheme + "://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || u.User != nil || strings.ContainsAny(host, "{}%@ ") || strings.HasSuffix(host, ":") {
		return false
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		return err == nil && n != 0
	}
	return true
}

// isAmbiguous reports whether a path has what servers read in different ways, or could have with some value of a parameter.
func isAmbiguous(path string) bool {
	if readInTwoWays.MatchString(path) {
		return true
	}
	for segment := range strings.SplitSeq(path, "/") {
		literal := urlParameter.ReplaceAllString(segment, "")
		if literal != "" && strings.Trim(literal, ".") == "" {
			return true // a segment of dots, or one that a value could make one
		}
	}
	return false
}

func piecesOf(s string) (pieces []URLPiece) {
	for s != "" {
		at := urlParameter.FindStringSubmatchIndex(s)
		if at == nil {
			return append(pieces, URLPiece{Text: s})
		}
		if at[0] > 0 {
			pieces = append(pieces, URLPiece{Text: s[:at[0]]})
		}
		pieces = append(pieces, URLPiece{Param: s[at[2]:at[3]]})
		s = s[at[1]:]
	}
	return pieces
}
