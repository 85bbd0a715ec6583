package certs

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/models"
)

// Redirect answers what comes over plain HTTP. People who look at the portal are led to its https address. Whatever else is sent is refused and not led
// on: a key or a password that came here has travelled in clear, and whoever sent it must learn of that, not be helped to do it each time.
type Redirect struct {
	Portal  string                 // https address of the portal, without a trailing slash; "": it has none
	Gateway func(host string) bool // whether a host is the gateway's; a custom domain's, for example
}

// ServeHTTP implements http.Handler.
func (d Redirect) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := models.FoldHost(r.Host)
	portal, _ := url.Parse(d.Portal)
	known := d.Portal != "" && portal != nil && models.FoldHost(portal.Host) == host
	switch {
	case known && (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.HasPrefix(r.URL.Path, "/"):
		http.Redirect(w, r, d.Portal+r.URL.RequestURI(), http.StatusPermanentRedirect)
	case known, d.Gateway != nil && d.Gateway(host):
		say(w, http.StatusForbidden, "This address is reached over https only. What was sent here was not encrypted on its way: replace a key or a password that was in it.")
	default:
		say(w, http.StatusNotFound, "Nothing is served here over plain HTTP.")
	}
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// NewServer returns the server of the plain listener. It reads little of what it answers, and keeps no connection.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.SetKeepAlivesEnabled(false)
	return s
}
