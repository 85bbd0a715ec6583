package web

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"gatehouse/handlers"
)

// contentPolicy lets a page load our own files and nothing else: no inline script or style anywhere (UI.md, rule R2).
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets what browsers must know before they read a page. https adds HSTS.
func headers(https bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := c.Writer.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
	}
}

// requestID names each request; the name is in the answer, the log, the audit log and on error pages.
func requestID(c *gin.Context) {
	id := rand.Text()[:20]
	c.Set(handlers.RequestIDKey, id)
	c.Writer.Header().Set("X-Request-Id", id)
}

// measure tells how long answers took, and what they were.
func measure(site *handlers.Site) gin.HandlerFunc {
	return func(c *gin.Context) {
		if site.Served == nil {
			return
		}
		began := time.Now()
		c.Next()
		site.Served(c.Writer.Status(), time.Since(began), strings.HasPrefix(c.Writer.Header().Get("Content-Type"), "text/event-stream"))
	}
}

// recovery answers a panic with the error page. gin's own would write the request's headers to the log, cookies included, and end a
// cut-off answer as if it were whole.
func recovery(site *handlers.Site, log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			log.ErrorContext(c.Request.Context(), "panic", "cause", cause, "route", c.FullPath(), "request_id", c.GetString(handlers.RequestIDKey),
				"stack", string(debug.Stack()))
			if c.Writer.Written() {
				panic(http.ErrAbortHandler)
			}
			site.Broken(c)
		}()
		c.Next()
	}
}

// Limits of the portal's server.
const (
	headTimeout = 10 * time.Second
	idleTimeout = 60 * time.Second
	maxHead     = 32 << 10
)

// NewServer returns the portal's server. A graceful stop waits for live pages: end them first (handlers.Site.Streams).
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headTimeout, IdleTimeout: idleTimeout, ReadTimeout: 2 * time.Minute, MaxHeaderBytes: maxHead,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" gets our headers, too
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
