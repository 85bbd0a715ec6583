package web

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"gatehouse/handlers"
)

// Handler is the whole portal: every route, behind what every request passes.
func Handler(site *handlers.Site, pages Pages, files http.Handler) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.ContextWithFallback = true
	e.HandleMethodNotAllowed = false // an unknown verb on a page is no page
	e.RedirectTrailingSlash = false
	_ = e.SetTrustedProxies(nil) // trust nobody's X-Forwarded-For; the call cannot fail with nil
	https := IsHTTPS(site.PublicURL)
	e.Use(requestID, measure(site), headers(https), recovery(site, site.Log), guardHost(site), guardOrigin(site))
	e.GET("/static/*file", gin.WrapH(files))
	e.HEAD("/static/*file", gin.WrapH(files))
	e.NoRoute(site.NotFound())
	routes(e, site, pages)
	return e
}

// IsHTTPS reports whether an address is reached over TLS.
func IsHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https"
}

// guardHost answers at the gateway's names as if the portal were not there: what is at the one is not at the other (docs/architecture.md).
func guardHost(site *handlers.Site) gin.HandlerFunc {
	nothing := site.NotFound()
	return func(c *gin.Context) {
		if site.Elsewhere(c.Request.Host) {
			nothing(c)
			c.Abort()
		}
	}
}

// guardOrigin refuses forms that other sites send. What says neither where it comes from nor to which site it belongs is let through: it is from a
// program, or from a browser so old that the session cookie's SameSite keeps the cookie out (docs/architecture.md).
func guardOrigin(site *handlers.Site) gin.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(site.PublicURL); err != nil {
		site.Log.Warn("the public URL is no origin: forms are accepted from the portal's own host only", "error", err)
	}
	refuse := site.Foreign()
	return func(c *gin.Context) {
		if protection.Check(c.Request) != nil {
			refuse(c)
			c.Abort()
		}
	}
}

// group adds routes that share guards.
type group struct {
	engine *gin.Engine
	site   *handlers.Site
	guards []handlers.Guard
}

func (g group) get(path string, h handlers.Handler) {
	handler := g.site.Handle(h, g.guards...)
	g.engine.GET(path, handler)
	g.engine.HEAD(path, handler)
}

func (g group) post(path string, h handlers.Handler) {
	g.engine.POST(path, g.site.Handle(h, g.guards...))
}

// asset adds what pages load.
func (g group) asset(path string, h handlers.Handler) {
	g.engine.GET(path, g.site.Handle(h, g.guards...))
}

// form adds a page with a form that is sent to the page's own address.
func (g group) form(path string, show, submit handlers.Handler) {
	g.get(path, show)
	g.post(path, submit)
}
