package handlers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"gatehouse/handlers/session"
	"gatehouse/models"
)

// Limits of what a page takes.
const (
	maxForm   = 1 << 20
	maxUpload = 21 << 20 // a 20 MB document and its form
)

// Request is one request of the portal, with what handlers need besides HTTP.
type Request struct {
	*http.Request
	Site    *Site
	ID      string
	Now     time.Time
	Account models.Account // zero ID: nobody is signed in
	// Somebody may see the portal as Account does: they are who is signed in, and can change nothing until then.
	seer      models.Account
	seesUntil time.Time
	done      context.CancelFunc // to be called in the end; may be nil
	Session   *session.Session
	asOwner   bool   // the page is one that developers and owners share, and it is an owner who reads it
	route     string // its entry in the list of routes; "" for none
	control   *http.ResponseController
	params    gin.Params
}

// Handler answers one request.
type Handler func(*Request) (Reply, error)

// Accounts is what every page needs of the store.
type Accounts interface {
	Account(ctx context.Context, id models.AccountID) (models.Account, error)
	MarkSeen(ctx context.Context, id models.AccountID, now time.Time) error
	Undecided(ctx context.Context, owner models.AccountID) (models.Undecided, error)
	MaySeeAs(ctx context.Context, seer models.Account, id models.AccountID) (models.Account, error)
	EndSeeAs(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) error
	UnseenNotices(ctx context.Context, account models.AccountID) (int, error)
	QueueStates(ctx context.Context, now time.Time) (map[models.Channel]models.QueueState, error)
}

// Site is what all pages share.
type Site struct {
	Accounts   Accounts
	Sessions   *session.Manager
	Log        *slog.Logger
	Now        func() time.Time
	Demo       bool
	PublicURL  string // of the portal, without a trailing slash
	GatewayURL string // of the gateway, without a trailing slash
	// GatewayDomain is below which each API has a host name; "": none has.
	GatewayDomain string
	// GatewayHost is a host at which the portal is not to be found; "": none.
	GatewayHost string
	// Names are the hosts that lead to APIs; nil: none does.
	Names     Names
	Insecure  bool      // the portal is reached over plain HTTP from other machines
	MailSince time.Time // since when there has been a mail server; zero: there is none
	// Gateway is asked on each page whether it keeps its promise; nil: it does.
	Gateway Gateway
	// Brand is what the portal is called and looks like; nil: Gatehouse.
	Brand *Brand
	live  atomic.Int64 // live pages that are open
	// Streams ends when the process stops: live pages close then, so that the stop need not wait for them.
	Streams context.Context
	// Served is told of each answer; live: of a page that lasted for as long as somebody looked at it. nil: nobody counts.
	Served func(status int, took time.Duration, live bool)
}

// RequestIDKey is where the edge leaves the request's id in gin's context.
const RequestIDKey = "request-id"

// Handle makes a gin handler of h. Guards run first; the first that returns an error ends the request.
func (s *Site) Handle(h Handler, guards ...Guard) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := &Request{Request: c.Request, Site: s, ID: c.GetString(RequestIDKey), Now: s.Now().UTC(), route: c.FullPath(), params: c.Params, control: http.NewResponseController(c.Writer)}
		reply, err := s.answer(r, h, guards)
		if err != nil {
			reply = s.failure(r, err)
		}
		s.write(c.Writer, r, reply)
		if r.done != nil {
			r.done()
		}
	}
}

func (s *Site) answer(r *Request, h Handler, guards []Guard) (Reply, error) {
	var err error
	if r.Session, err = s.Sessions.Open(r.Request); err != nil {
		return Reply{}, err
	}
	s.note(r, "touch session", func(ctx context.Context) error { return s.Sessions.Touch(ctx, r.Session) })
	if id := r.Session.Account(); id != 0 {
		switch account, err := s.Accounts.Account(r.Context(), id); {
		case models.KindOf(err) == models.KindNotFound:
		case err != nil:
			return Reply{}, err
		case !account.Disabled():
			r.Account = account
			r.setZone(account.Location())
			if r.Now.Sub(account.LastSeenAt) >= models.SeenEvery {
				s.note(r, "mark account seen", func(ctx context.Context) error { return s.Accounts.MarkSeen(ctx, id, r.Now) })
			}
		}
	}
	if reply, err := s.seeAs(r); err != nil || reply.set() {
		return reply, err
	}
	for _, guard := range guards {
		if reply, err := guard(r); err != nil || reply.set() {
			return reply, err
		}
	}
	return h(r)
}

// notePatience is how long a page waits to note who was here.
const notePatience = 250 * time.Millisecond

// note writes that somebody is here. A page is worth more than that: it is shown also where nothing can be written, and says so.
func (s *Site) note(r *Request, what string, write func(context.Context) error) {
	ctx, cancel := context.WithTimeout(r.Context(), notePatience)
	defer cancel()
	if err := write(ctx); err != nil {
		s.report(r, slog.LevelWarn, what, err)
	}
}

// Guard lets a request pass by returning the zero Reply and no error.
type Guard func(*Request) (Reply, error)

// SignedIn sends visitors to the sign-in page and back here afterwards. Who sent a form has been signed out meanwhile: they are told that it was not
// taken, and go back to the page that it stood on.
func SignedIn(r *Request) (Reply, error) {
	if r.Account.ID != 0 {
		return Reply{}, nil
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return See(pathWith("/signin", "next", r.URL.RequestURI())), nil
	}
	return See(pathWith("/signin", "next", r.before(), "unsent", "1")), nil
}

// before is the page of this site that the request was made from, as its browser says; "" where it does not.
func (r *Request) before() string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host {
		return ""
	}
	return safeNext(from.RequestURI(), "")
}

// AtLeast hides a page from accounts of a lower role.
func AtLeast(role models.Role) Guard {
	return func(r *Request) (Reply, error) {
		if r.Account.Role < role {
			return Reply{}, models.NotFound("page")
		}
		return Reply{}, nil
	}
}

// Actor returns who acts, for the audit log.
func (r *Request) Actor() models.Actor {
	return models.Actor{AccountID: r.Account.ID, Role: r.Account.Role, Label: r.Account.Email, Address: r.Peer(), RequestID: r.ID, Session: r.Session.Digest()}
}

// Peer returns the address of the other end of the connection.
func (r *Request) Peer() string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Param returns a part of the path by its name in the list of routes.
func (r *Request) Param(name string) string { return r.params.ByName(name) }

// param reads an id from the path. What is no id is not found.
func param[T any](r *Request, name string) (models.ID[T], error) {
	id, err := models.ParseID[T](r.Param(name))
	if err != nil {
		return 0, models.NotFound("page")
	}
	return id, nil
}

// Query returns a value of the URL.
func (r *Request) Query(name string) string { return r.URL.Query().Get(name) }

// Page returns which part of a list the URL asks for: ?q= and ?after=.
func (r *Request) Page() models.Page {
	return models.Page{Search: strings.TrimSpace(r.Query("q")), After: r.Query("after")}
}

// Fragment reports whether htmx asks for a part of the page.
func (r *Request) Fragment() bool { return r.Header.Get("HX-Request") == "true" }

// Form reads the body as a form of at most 1 MB.
func (r *Request) Form() (*Form, error) { return r.form(maxForm) }

// Upload reads the body as a form with files of at most 21 MB in all.
func (r *Request) Upload() (*Form, error) { return r.form(maxUpload) }

func (r *Request) form(limit int64) (*Form, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
	err := r.ParseForm() // asked for itself: ParseMultipartForm forgets its error where the form is not multipart, and the form would look empty
	if err == nil {
		err = r.ParseMultipartForm(limit)
	}
	if err != nil && err != http.ErrNotMultipart {
		if tooLarge(err) {
			return nil, &models.Error{Kind: models.KindInvalid, Message: "What you sent is too large. Send less at once."}
		}
		return nil, errForm
	}
	return &Form{values: r.PostForm, errors: map[string]string{}, file: r.file, files: r.files}, nil
}

// Receive reads the body as a form of at most limit bytes, whose file in a field goes to take as it comes in: a large one need never be in memory, and may take
// its time. Its error may be take's.
func (r *Request) Receive(field string, limit int64, take func(name string, body io.Reader) error) (*Form, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" { // what is no kind is no file either
		return r.Form()
	}
	_ = r.control.SetReadDeadline(time.Time{}) // not supported by recorders in tests
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, errForm
	}
	f := NewForm()
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return f, nil
		case tooLarge(err):
			return nil, err
		case err != nil:
			return nil, errForm
		case part.FormName() == field && part.FileName() != "":
			if err := take(part.FileName(), part); err != nil {
				return nil, err
			}
			continue
		case part.FileName() != "" || part.FormName() == field:
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, maxForm+1))
		if err != nil || len(text) > maxForm {
			return nil, errForm
		}
		f.Add(part.FormName(), string(text))
	}
}

// errForm says that a form is none.
var errForm = &models.Error{Kind: models.KindInvalid, Message: "The form could not be read. Go back and send it again."}

func (r *Request) file(field string) ([]byte, error) {
	if r.MultipartForm == nil || len(r.MultipartForm.File[field]) == 0 {
		return nil, nil
	}
	f, err := r.MultipartForm.File[field][0].Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// files are those of a field that may hold several.
func (r *Request) files(field string) (out []sentFile, err error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	for _, head := range r.MultipartForm.File[field] {
		f, err := head.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(f)
		_ = f.Close() // it was read
		if err != nil {
			return nil, err
		}
		if head.Filename != "" {
			out = append(out, sentFile{name: head.Filename, kind: head.Header.Get("Content-Type"), data: data})
		}
	}
	return out, nil
}

// fileName is what the browser calls the file that it sent in a field; "" for none.
func (r *Request) fileName(field string) string {
	if r.MultipartForm == nil || len(r.MultipartForm.File[field]) == 0 {
		return ""
	}
	return r.MultipartForm.File[field][0].Filename
}

// safeNext returns a path of this site to go on to, or fallback.
func safeNext(next, fallback string) string {
	u, err := url.Parse(next)
	switch {
	case err != nil, next == "", u.IsAbs(), u.Host != "", !strings.HasPrefix(next, "/"), strings.HasPrefix(next, "//"), strings.ContainsAny(next, "\\\r\n\t"):
		return fallback
	}
	return next
}
