package handlers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// New is the form of an API to be.
func (o *OwnerAPIs) New(r *Request) (Reply, error) {
	key := models.DefaultKeySource()
	return Page(newAPIPage(r, NewForm("source", "document", "key_place", string(key.Place), "key_name", key.Name, "stage", "prod"))), nil
}

func newAPIPage(r *Request, f *Form) templ.Component {
	return owner.NewAPI(r.layout("New API", apisCrumb(), ui.Crumb{}), f)
}

// Create makes an API and, when a stage was named and its upstream is known, the stage and its first deployment.
func (o *OwnerAPIs) Create(r *Request) (Reply, error) {
	f, err := r.Upload()
	if err != nil {
		return Reply{}, err
	}
	in := models.NewAPI{Name: f.Trimmed("name"), Slug: f.Trimmed("slug"), Summary: f.Trimmed("summary"), KeySource: readKeySource(f)}
	var d document
	if !bringsDocument(f) {
		in.Methods = readMethodLines(f)
		if len(in.Methods) == 0 {
			f.Fail("methods", "Enter at least one method, such as GET /users/{id}.")
		}
	} else {
		var ok bool
		if d, ok, err = readDocument(r.Context(), o.Reader, f); err != nil {
			return Reply{}, err
		}
		if !ok {
			f.Fail("document", "Choose a file, or paste the document.")
		}
		in.Document, in.Reading, in.Methods = d.bytes, d.Pack, d.methods
	}
	if in.Name == "" {
		in.Name = cut(strings.Join(strings.Fields(d.Description.Title), " "), 78)
	}
	if in.Slug == "" {
		in.Slug = models.Slugify(in.Name)
	}
	if in.Summary == "" {
		in.Summary = d.summary()
	}
	stage, wanted, said := o.firstStage(r.Context(), f, d)
	if f.OK() {
		_, err := in.Clean()
		f.Accept(err)
	}
	if !f.OK() {
		return Again(newAPIPage(r, f)), nil
	}
	api, err := o.Store.CreateAPI(r.Context(), r.Actor(), in, r.Now)
	if f.Accept(err) {
		return Again(newAPIPage(r, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return o.created(r, api, d, len(in.Methods), stage, wanted, said)
}

func readKeySource(f *Form) models.KeySource {
	return models.KeySource{Place: models.KeyPlace(f.Get("key_place")), Name: f.Trimmed("key_name"), Forward: f.Checked("key_forward")}
}

// firstStage reads the optional stage of the form. Wanted is false when there is none to make; said is a sentence about it for the API's page. A mistake
// in what the owner typed is noted at its field; an address that only the document names is no mistake of his.
func (o *OwnerAPIs) firstStage(ctx context.Context, f *Form, d document) (s models.Stage, wanted bool, said string) {
	s = models.Stage{Name: f.Trimmed("stage"), Upstream: f.Trimmed("upstream"), Timeout: models.DefaultTimeout}
	typed := s.Upstream != ""
	if !typed {
		s.Upstream = d.server()
	}
	if s.Name == "" {
		if typed {
			f.Fail("stage", "Name the stage that sends requests there, such as prod.")
		}
		return s, false, ""
	}
	if s.Upstream == "" && bringsDocument(f) {
		return s, false, " The document names no server, so no stage is made yet."
	}
	err := s.Check()
	if err == nil && s.Upstream == "" {
		err = models.Invalid("upstream", "") // methods that need none are made later
	}
	if err == nil {
		said, err = upstreamAllowed(ctx, o.Addresses, s.Upstream)
	}
	switch e := (*models.Error)(nil); {
	case err == nil:
		return s, true, said
	case !errors.As(err, &e):
	case e.Fields["name"] != "":
		f.Fail("stage", e.Fields["name"])
	case typed:
		f.Fail("upstream", e.Fields["upstream"])
	case s.Upstream == "":
		f.Fail("upstream", "Say where requests go, or leave the stage empty to add one later.")
	default:
		return s, false, " No stage is made yet: " + e.Fields["upstream"]
	}
	return s, false, ""
}

// bringsDocument reports whether the API is made from a document, not method by method.
func bringsDocument(f *Form) bool { return f.Get("source") != "form" }

// upstreamWait bounds how long a page waits for the addresses of a name.
const upstreamWait = 3 * time.Second

// upstreamAllowed asks whether the gateway may dial an address; a refusal is a mistake at the field upstream. A name without an address is none: it may
// get one later, and is judged again whenever it is dialled. Doubt says so in a sentence.
func upstreamAllowed(ctx context.Context, addresses AddressChecker, upstream string) (doubt string, err error) {
	ctx, cancel := context.WithTimeout(ctx, upstreamWait)
	defer cancel()
	err = addresses.CheckUpstream(ctx, upstream)
	var noAddress *net.DNSError
	switch e := (*models.Error)(nil); {
	case err == nil:
		return "", nil
	case errors.As(err, &noAddress), errors.Is(err, context.DeadlineExceeded):
		return " Its upstream has no address now: calls get 502 until it has one.", nil
	case errors.As(err, &e):
		return "", models.Invalid("upstream", e.Message)
	}
	text := err.Error()
	return "", models.Invalid("upstream", strings.ToUpper(text[:1])+text[1:])
}

func (o *OwnerAPIs) created(r *Request, api models.API, d document, methods int, stage models.Stage, wanted bool, said string) (Reply, error) {
	message := fmt.Sprintf("%s is created with %s.", api.Name, count(methods, "method"))
	if d.bytes != nil && !d.Description.Secured {
		message += " The document says nothing about security, so each of them needs an API key."
	}
	if n := len(d.notes); n > 0 {
		message += fmt.Sprintf(" There are %s on the document.", count(n, "note"))
	}
	if !wanted {
		return r.Done(ownerAPIPath(api.ID), message+said), nil
	}
	made, err := o.Store.CreateStage(r.Context(), r.Actor(), api.ID, stage, r.Now)
	if err == nil {
		_, err = o.Store.Deploy(r.Context(), r.Actor(), api.ID, made.ID, "First deployment", r.Now)
	}
	if models.KindOf(err) != models.KindNone {
		return r.Sorry(ownerAPIPath(api.ID), message+" The stage could not be made: "+models.Sentence(err)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerAPIPath(api.ID), message+" It is deployed to the stage "+made.Name+"."+said), nil
}
