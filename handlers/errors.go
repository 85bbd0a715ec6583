package handlers

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"gatehouse/models"
	"gatehouse/templates/pages"
	"gatehouse/templates/ui"
)

// statuses is the portal's table from the kinds of errors to HTTP; what is not in it is a fault of ours.
var statuses = map[models.Kind]int{
	models.KindInvalid:  http.StatusUnprocessableEntity,
	models.KindNotFound: http.StatusNotFound,
	models.KindConflict: http.StatusConflict,
	models.KindDenied:   http.StatusForbidden,
	models.KindTooMany:  http.StatusTooManyRequests,
	models.KindGone:     http.StatusGone,
}

// failure makes the error page. A fault of ours is logged here, once, with its cause; the person sees its request id. The path stays out of the
// log: the token of a one-time link may be in it.
func (s *Site) failure(r *Request, err error) Reply {
	var e *models.Error
	if errors.As(err, &e) {
		v := pages.ProblemView{Title: problemTitle(e.Kind), Text: e.Message, NotFound: e.Kind == models.KindNotFound, SignedIn: r.Account.ID != 0}
		if dead, ok := deadLinks[r.route]; ok && v.NotFound {
			v.Title, v.Text, v.Next = "This link does not work any more", dead.text, &dead.next
		}
		return Reply{status: statuses[e.Kind], page: pages.Problem(r.errorLayout(v.Title), v)}
	}
	s.report(r, slog.LevelError, "request failed", err)
	return broken(r)
}

// report logs what failed for a request, unless the browser left meanwhile: what fails then is nobody's fault.
func (s *Site) report(r *Request, level slog.Level, what string, err error) {
	if r.Context().Err() == nil {
		s.Log.Log(r.Context(), level, what, "error", err, "method", r.Method, "route", r.route, "request_id", r.ID)
	}
}

// deadLinks says by route what a one-time link was for, that is used, too old or mistyped, and where to get another one.
var deadLinks = map[string]struct {
	text string
	next pages.Step
}{
	"/reset/:token":       {"A link for a new password works once, for 30 minutes.", pages.Step{Label: "Get another link", Href: "/forgot"}},
	"/invite/:token":      {"An invitation works once, for 7 days. If you have an account already, sign in; else ask who invited you for another one.", pages.Step{Label: "Sign in", Href: "/signin"}},
	"/setup/:token":       {"It made the first account, or its hour is over: then the program writes another one when it is started anew.", pages.Step{Label: "Sign in", Href: "/signin"}},
	"/verify/:token":      {"A link that proves an address works once, for 24 hours.", pages.Step{Label: "Get another link", Href: "/me/mails"}},
	"/unsubscribe/:token": {"Choose by yourself which mails you get.", pages.Step{Label: "Your mails", Href: "/me/mails"}},
}

// errorLayout is the frame of an error page: it names the request, for who asks about it.
func (r *Request) errorLayout(title string) ui.Page {
	p := r.layout(title)
	p.RequestID = r.ID
	return p
}

func broken(r *Request) Reply {
	v := pages.BrokenView{RequestID: r.ID}
	if r.Method == http.MethodGet {
		v.Retry = r.URL.RequestURI()
	}
	return Reply{status: http.StatusInternalServerError, page: pages.Broken(r.layout("Something failed"), v)}
}

// Broken answers a request whose handler panicked; the edge has logged why.
func (s *Site) Broken(c *gin.Context) {
	r := &Request{Request: c.Request, Site: s, ID: c.GetString(RequestIDKey), Now: s.Now().UTC()}
	s.write(c.Writer, r, broken(r))
}

// NotFound answers a path that no route has.
func (s *Site) NotFound() gin.HandlerFunc {
	return s.Handle(func(*Request) (Reply, error) { return Reply{}, models.NotFound("page") })
}

// Foreign answers a form that another site sent.
func (s *Site) Foreign() gin.HandlerFunc {
	return s.Handle(func(*Request) (Reply, error) {
		return Reply{}, models.Denied("This form was sent from another site. Open the page here and send it again.")
	})
}

func problemTitle(k models.Kind) string {
	switch k {
	case models.KindNotFound:
		return "Not found"
	case models.KindDenied:
		return "Not allowed"
	case models.KindTooMany:
		return "Too many attempts"
	case models.KindGone:
		return "Not kept any more"
	default:
		return "That did not work"
	}
}
