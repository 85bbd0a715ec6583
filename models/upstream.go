package models

import (
	"net/url"
	"path"
	"strconv"
	"strings"
)

// UpstreamAddress is the address of an upstream taken apart.
type UpstreamAddress struct {
	Scheme string // http, https (HTTP/1.1 or HTTP/2, as the server chooses), h2c (HTTP/2 without TLS) or unix (HTTP/1.1 over a socket)
	Host   string // with the port if one is given; empty for unix
	Socket string // absolute path of a unix socket; else empty
	Path   string // below which everything is: escaped, empty or beginning with a slash, without one at its end
}

// maxSocket is how long a unix socket's path may be on every system.
const maxSocket = 100

// ParseUpstream reads https://host[:port][/base], the same with http or h2c, or unix:///path/of.sock[:/base]. Its error is an *Error.
func ParseUpstream(s string) (UpstreamAddress, error) {
	if strings.Contains(s, "${") {
		return UpstreamAddress{}, Invalid("upstream", "Write variables as ${stageVariables.name}.")
	}
	if rest, ok := strings.CutPrefix(s, "unix://"); ok {
		return parseSocket(rest)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "":
		return UpstreamAddress{}, Invalid("upstream", "Enter a full address such as https://api.example.com.")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "h2c":
		return UpstreamAddress{}, Invalid("upstream", "The address must begin with http://, https://, h2c:// or unix://.")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "#"):
		return UpstreamAddress{}, Invalid("upstream", "Leave out user name, query and fragment.")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return UpstreamAddress{}, Invalid("upstream", "The port is a number from 1 to 65535.")
		}
	}
	return UpstreamAddress{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.EscapedPath(), "/")}, nil
}

func parseSocket(s string) (UpstreamAddress, error) {
	socket, base, _ := strings.Cut(s, ":")
	switch {
	case !strings.HasPrefix(socket, "/") || path.Clean(socket) != socket || socket == "/" || len(socket) > maxSocket || strings.ContainsAny(socket, "%?#\x00\n\r"):
		return UpstreamAddress{}, Invalid("upstream", "Enter the whole path of the socket, such as unix:///run/app.sock, or unix:///run/app.sock:/v1 with a path.")
	case base == "":
		return UpstreamAddress{Scheme: "unix", Socket: socket}, nil
	}
	u, err := url.Parse(base)
	if err != nil || !strings.HasPrefix(base, "/") || strings.HasPrefix(base, "//") || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(base, "?#") {
		return UpstreamAddress{}, Invalid("upstream", "Behind the socket and its colon there is only a path, such as unix:///run/app.sock:/v1.")
	}
	return UpstreamAddress{Scheme: "unix", Socket: socket, Path: strings.TrimRight(u.EscapedPath(), "/")}, nil
}

// ResolveUpstream reads an address that may contain variables. Its error is an *Error.
func ResolveUpstream(s string, variables map[string]string) (UpstreamAddress, error) {
	s, err := ExpandVariables(s, variables)
	if err != nil {
		return UpstreamAddress{}, err
	}
	return ParseUpstream(s)
}

// String writes the address as ParseUpstream reads it.
func (a UpstreamAddress) String() string {
	switch {
	case a.Scheme != "unix":
		return a.Scheme + "://" + a.Host + a.Path
	case a.Path == "":
		return "unix://" + a.Socket
	default:
		return "unix://" + a.Socket + ":" + a.Path
	}
}
