package handlers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/handlers/session"
)

// Reply is what a handler answers. The zero Reply is no answer.
type Reply struct {
	status   int
	page     templ.Component
	location string
	file     *file
	text     *plainText
	stream   Stream
	asset    *asset
	policy   string       // content security policy of its own; "": the portal's
	cookie   *http.Cookie // besides the session's; may be nil
}

type file struct {
	name, kind string
	write      func(io.Writer) error
}

// asset is what a page loads and nobody need ask for twice.
type asset struct {
	kind string
	body []byte
}

// plainText is an answer that is read as it is.
type plainText struct{ kind, body string }

// Stream sends fragments to an open page until the browser leaves, the process stops or it returns. Send one every 15 seconds or more often: proxies
// between us and the browser close a quiet stream.
type Stream func(ctx context.Context, send func(templ.Component) error) error

func (r Reply) set() bool { return r.status != 0 }

// Page answers with a page.
func Page(c templ.Component) Reply { return Reply{status: http.StatusOK, page: c} }

// Again answers with the form again, with what is wrong at its fields.
func Again(c templ.Component) Reply { return Reply{status: http.StatusUnprocessableEntity, page: c} }

// TooMany answers with the form again, because it was sent too often.
func TooMany(c templ.Component) Reply { return Reply{status: http.StatusTooManyRequests, page: c} }

// TooLarge answers with the form again, because what it sent is too large.
func TooLarge(c templ.Component) Reply {
	return Reply{status: http.StatusRequestEntityTooLarge, page: c}
}

// See sends the browser on to a page of this site.
func See(location string) Reply { return Reply{status: http.StatusSeeOther, location: location} }

// Download answers with a file that write makes.
func Download(name, kind string, write func(io.Writer) error) Reply {
	return Reply{status: http.StatusOK, file: &file{name: name, kind: kind, write: write}}
}

// Asset answers with what a page loads, such as an image. Its address must name its content: browsers keep it for a year.
func Asset(kind string, body []byte) Reply {
	return Reply{status: http.StatusOK, asset: &asset{kind, body}}
}

// Markdowned answers with Markdown, for programs and for people who copy it.
func Markdowned(body string) Reply {
	return Reply{status: http.StatusOK, text: &plainText{"text/markdown; charset=utf-8", body}}
}

// Atom answers with a feed.
func Atom(body string) Reply {
	return Reply{status: http.StatusOK, text: &plainText{"application/atom+xml; charset=utf-8", body}}
}

// Plain answers with a text.
func Plain(body string) Reply {
	return Reply{status: http.StatusOK, text: &plainText{"text/plain; charset=utf-8", body}}
}

// Sandboxed answers with a document that is not of the portal, such as a mail: it may have inline styles, and nothing else. It loads nothing, runs nothing, sends
// nothing, and is of no origin.
func Sandboxed(html string) Reply {
	return Reply{status: http.StatusOK, text: &plainText{"text/html; charset=utf-8", html}, policy: "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
}

// XML answers with a document for programs.
func XML(body string) Reply {
	return Reply{status: http.StatusOK, text: &plainText{"application/xml; charset=utf-8", body}}
}

// Live answers with server-sent events.
func Live(s Stream) Reply { return Reply{status: http.StatusOK, stream: s} }

// Done leaves a message and sends the browser on.
func (r *Request) Done(location, message string) Reply {
	r.Session.Flash(session.Good, message)
	return See(location)
}

// Sorry leaves a message about what could not be done and sends the browser on.
func (r *Request) Sorry(location, message string) Reply {
	r.Session.Flash(session.Bad, message)
	return See(location)
}

// write renders to a buffer first, so that a page that fails becomes a clean error page and not half an answer.
func (s *Site) write(w http.ResponseWriter, r *Request, reply Reply) {
	var body bytes.Buffer
	if reply.page != nil {
		if err := reply.page.Render(r.Context(), &body); err != nil {
			reply = s.failure(r, fmt.Errorf("render page: %w", err))
			body.Reset()
			if err := reply.page.Render(r.Context(), &body); err != nil {
				s.report(r, slog.LevelError, "render error page", err)
			}
		}
	}
	if r.Session != nil {
		if err := s.Sessions.Keep(w, r.Session); err != nil {
			s.Log.ErrorContext(r.Context(), "keep session", "error", err, "request_id", r.ID)
			http.Error(w, "Something failed on our side. Request "+r.ID, http.StatusInternalServerError)
			return
		}
	}
	if reply.cookie != nil {
		http.SetCookie(w, reply.cookie)
	}
	s.keepLanguage(w, r)
	h := w.Header()
	if reply.asset != nil {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if reply.policy != "" {
		h.Set("Content-Security-Policy", reply.policy)
	}
	switch {
	case reply.location != "":
		http.Redirect(w, r.Request, reply.location, reply.status)
	case reply.file != nil:
		s.writeFile(w, r, reply.file)
	case reply.text != nil:
		h.Set("Content-Type", reply.text.kind)
		w.WriteHeader(reply.status)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, reply.text.body) // the browser left: nobody to tell
		}
	case reply.stream != nil:
		s.writeStream(w, r, reply.stream)
	case reply.asset != nil:
		h.Set("Content-Type", reply.asset.kind)
		_, _ = w.Write(reply.asset.body) // the browser left: nobody to tell
	default:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Add("Vary", "HX-Request")
		w.WriteHeader(reply.status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(bytes.ToValidUTF8(body.Bytes(), []byte("\uFFFD"))) // what was typed may be anything; the browser left: nobody to tell
		}
	}
}

func (s *Site) writeFile(w http.ResponseWriter, r *Request, f *file) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	if err := f.write(w); err != nil {
		s.report(r, slog.LevelError, "write download", err)
		panic(http.ErrAbortHandler) // a file that is cut off must not look complete
	}
}

func (s *Site) writeStream(w http.ResponseWriter, r *Request, stream Stream) {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // not supported by recorders in tests; the stream goes on
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return // whoever asks for the head uses the connection for the next request
	}
	if err := rc.Flush(); err != nil {
		return
	}
	s.live.Add(1)
	defer s.live.Add(-1)
	id := 0
	send := func(c templ.Component) error {
		var html bytes.Buffer
		if err := c.Render(r.Context(), &html); err != nil {
			return fmt.Errorf("render fragment: %w", err)
		}
		id++
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", id, strings.NewReplacer("\r", " ", "\n", " ").Replace(html.String())); err != nil {
			return err
		}
		return rc.Flush()
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if s.Streams != nil {
		defer context.AfterFunc(s.Streams, cancel)()
	}
	if err := stream(ctx, send); err != nil && ctx.Err() == nil {
		s.Log.WarnContext(r.Context(), "live page ended", "error", err, "request_id", r.ID)
	}
}
