package management

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
)

// Config is what the management API works with.
type Config struct {
	Records    Records
	Keys       Keys
	AccountID  string // 12 digits, for ARNs and messages
	Documents  Documents
	GatewayURL string                          // where the gateway is
	Words      models.PlanWords                // what subscribers are told of a plan's changes; nil: nobody is told
	Learn      func(ctx context.Context) error // returns when the gateway knows all imported keys; nil: it does
	Settle     func(ctx context.Context) error // commits what the gateway has admitted until now; nil: all is committed
	// CheckModel judges the schema of a model beside the others of its API, by name, as what compares requests would read it.
	CheckModel func(name, schema string, others map[string]models.SchemaModel) error
	Now        func() time.Time
	Log        *slog.Logger
}

// API answers the management API's requests.
type API struct{ Config }

// New returns the management API of an installation.
func New(c Config) *API { return &API{c} }

// mostBody is the largest body: a file of keys.
const mostBody = 16 << 20

// call is one request on its way to its operation.
type call struct {
	*API
	ctx    context.Context
	actor  models.Actor
	now    time.Time
	label  map[string]string // what stands in the places of the operation's path
	query  url.Values
	header http.Header
	body   []byte
}

// owner is whose things are seen.
func (c *call) owner() models.AccountID { return c.actor.AccountID }

// read reads the body, which is JSON.
func (c *call) read(to any) error { return read(c.body, to) }

// reply is an answer on its way out.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// Handler answers requests.
func (a *API) Handler() http.Handler { return http.HandlerFunc(a.serve) }

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	id := requestID()
	out := a.answer(r, id)
	for name, values := range out.header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Amzn-Requestid", id)
	w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
	w.Header().Set("Cache-Control", "no-store") // answers hold keys
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body) // a client that went away has lost nothing
}

// answer does what a request asks for. A mistake of ours is logged once, and told as a request id.
func (a *API) answer(r *http.Request, id string) (out reply) {
	defer func() {
		if mistake := recover(); mistake != nil {
			a.Log.Error("management request panicked", "request_id", id, "method", r.Method, "path", r.URL.Path, "panic", mistake, "stack", string(debug.Stack()))
			out = refusal(&fault{codeInternal, http.StatusInternalServerError, internalMessage(id)})
		}
	}()
	answer, status, err := a.do(r, id)
	if err == nil {
		out, err = replyOf(answer, status)
	}
	if err == nil {
		return out
	}
	f := faultOf(err)
	if f == nil {
		a.Log.Error("management request failed", "request_id", id, "method", r.Method, "path", r.URL.Path, "error", err)
		f = &fault{codeInternal, http.StatusInternalServerError, internalMessage(id)}
	}
	return refusal(f)
}

func internalMessage(id string) string {
	return "Something went wrong here. It is in the log under request id " + id + "."
}

func replyOf(answer any, status int) (reply, error) {
	switch x := answer.(type) {
	case nil:
		return reply{status: status}, nil
	case file:
		h := http.Header{"Content-Type": {x.contentType}}
		if x.disposition != "" {
			h.Set("Content-Disposition", x.disposition)
		}
		return reply{status: status, header: h, body: x.body}, nil
	}
	body, err := write(answer)
	return reply{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}, err
}

func refusal(f *fault) reply {
	body, _ := write(struct { // texts can be written
		Message string `json:"message"`
	}{f.message})
	h := http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {f.code}}
	if f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	return reply{status: f.status, header: h, body: body}
}

// do finds out who asks for what, and does it.
func (a *API) do(r *http.Request, id string) (answer any, status int, err error) {
	c := &call{API: a, ctx: r.Context(), now: a.Now(), query: r.URL.Query(), header: r.Header}
	key, err := a.authenticate(r, c)
	if err != nil {
		return nil, 0, err
	}
	c.actor = key.Actor(addressOf(r), id)
	if err := a.Keys.NoteAccessKeyUse(c.ctx, key.ID, c.actor.Address, c.now); err != nil { // no reason to refuse what was asked
		a.Log.Warn("the use of an access key was not noted", "request_id", id, "access_key", key.ID, "error", err)
	}
	op, labels, err := find(r)
	if err != nil {
		return nil, 0, err
	}
	c.label = labels
	answer, err = op.do(c)
	return answer, op.status, err
}

// authenticate says whose request it is. Its body is read only of who has a credential, and whose clock is right.
func (a *API) authenticate(r *http.Request, c *call) (models.SigningKey, error) {
	s, err := readSignature(r)
	if err != nil {
		return models.SigningKey{}, err
	}
	key, err := a.Keys.SigningKey(c.ctx, s.key, c.now)
	if models.KindOf(err) == models.KindNotFound {
		return key, errNoSuchKey
	} else if err != nil {
		return key, err
	}
	if err := s.checkTime(c.now); err != nil {
		return key, err
	}
	if c.body, err = readBody(r); err != nil {
		return key, err
	}
	return key, s.check(r, c.body, key.Secret)
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, mostBody+1))
	switch {
	case err != nil:
		return nil, badRequest("The body could not be read to its end.")
	case len(body) > mostBody:
		return nil, &fault{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, fmt.Sprintf("A request has at most %d MB. Import larger files in the portal or by gatehouse key import.", mostBody>>20)}
	}
	return body, nil
}

func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// requestID is a random UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// orEmpty is a member's text; empty: it is not there.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// member names a member of a list of a request, whose index AWS counts from 1.
func member(input, list string, index int, name string) string {
	return strings.Join([]string{input, list, strconv.Itoa(index + 1), "member", name}, ".")
}
