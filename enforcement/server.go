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

// The bounds of a connection of HTTP/2, beside those of the connection.
const (
	maxStreams    = 250       // requests under way on it
	maxFrame      = 16 << 10  // bytes; larger ones are an error of the connection
	maxStreamRead = 256 << 10 // bytes of one body that wait to be read
	maxConnRead   = 1 << 20   // of all bodies
	headTable     = 4 << 10   // bytes of the table by which heads are compressed
	// A client that does not answer a PING is gone; it is sent where nothing else came for a while.
	http2PingAfter = 30 * time.Second
	// writeByteTime is for a client that takes nothing at all from its connection.
	writeByteTime = 20 * time.Second
)

// NewServer returns the server of the data plane with its limits, which is served behind Judged; log gets what net/http itself complains about.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // by prior knowledge alone: "Upgrade: h2c" is never honoured
	return &http.Server{
		Handler:   handler,
		Protocols: &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame, MaxReceiveBufferPerStream: maxStreamRead, MaxReceiveBufferPerConnection: maxConnRead,
			MaxDecoderHeaderTableSize: headTable, MaxEncoderHeaderTableSize: headTable, SendPingTimeout: http2PingAfter, WriteByteTimeout: writeByteTime,
		},
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    wire.MaxHead - headSlack,
		// "OPTIONS *" is a target like any other that is no path here: refused with a reason and an id.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
