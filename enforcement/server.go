package enforcement

import (
	"log/slog"
	"net/http"
	"time"

	"gatehouse/enforcement/wire"
)

// The bounds of a connection. There is no write timeout and no bound on the time of a body that is forwarded: streams may last.
const (
	headTimeout = 10 * time.Second
	idleTimeout = time.Minute
	// headSlack is how much longer a head net/http takes than it is told.
	headSlack = 4 << 10
	// unreadTimeout is for the rest of a body whose request is answered here.
	unreadTimeout = 2 * time.Second
)

// NewServer returns the server of the data plane with its limits, which is served behind Judged; log gets what net/http itself complains about.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    wire.MaxHead - headSlack,
		// "OPTIONS *" is a target like any other that is no path here: refused with a reason and an id.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
