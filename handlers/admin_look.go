package handlers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"gatehouse/handlers/picture"
	"gatehouse/models"
	"gatehouse/templates/admin"
	"gatehouse/templates/ui"
)

// LookStore is what the page of the portal's look needs of the store.
type LookStore interface {
	Look(ctx context.Context) (models.Look, error)
	SaveLook(ctx context.Context, actor models.Actor, in models.Look, now time.Time) (models.Look, error)
	KeepLookFile(ctx context.Context, actor models.Actor, body []byte, now time.Time) (string, error)
}

// Look is the page where administrators say what the portal looks like.
type Look struct {
	Store    LookStore
	Brand    *Brand
	Markdown *Markdown
}

// Sizes of the images as they are served: twice what they are shown at.
const (
	logoWidth, logoHeight = 264, 48
	iconSize              = 96
	maxPicture            = 4 << 20
)

// Show is the page.
func (l *Look) Show(r *Request) (Reply, error) {
	look, err := l.Store.Look(r.Context())
	if err != nil {
		return Reply{}, err
	}
	return Page(l.page(r, lookForm(look), look, false)), nil
}

// lookForm is a look as it is.
func lookForm(look models.Look) *Form {
	return NewForm("name", look.Product(), "accent", look.Colors().Light.Text.String(), "logo", look.Logo, "icon", look.Icon, "headline", look.Headline,
		"intro", look.Intro, "version", strconv.Itoa(look.Version))
}

// page draws the form, as if the look of it held when it is a preview.
func (l *Look) page(r *Request, f *Form, shown models.Look, preview bool) templ.Component {
	page := r.layout("Portal look", ui.Crumb{})
	if preview {
		page.Brand = brandOf(shown)
	}
	page.Htmx = true
	brand := brandOf(models.Look{Logo: f.Get("logo"), Icon: f.Get("icon")})
	v := admin.LookView{
		Form:   admin.LookForm{Name: f.Get("name"), Accent: f.Get("accent"), Logo: f.Get("logo"), Icon: f.Get("icon"), Headline: f.Get("headline"), Intro: f.Get("intro"), Version: f.Get("version")},
		Errors: f.Errors(), Problem: f.Message(), LogoHref: brand.Logo, IconHref: brand.Icon, Contrast: contrastView(f.Get("accent")), Preview: preview,
		Headline: landingHeadline(shown), Intro: l.Markdown.HTML(landingIntro(shown), 1),
	}
	return admin.Look(page, v)
}

// Contrast judges a colour while it is typed.
func (l *Look) Contrast(r *Request) (Reply, error) {
	return Page(admin.Contrast(contrastView(r.Query("accent")))), nil
}

// contrastView says how an accent reads; what is no colour has nothing to show.
func contrastView(typed string) admin.ContrastView {
	c, ok := models.ParseColor(typed)
	if !ok {
		return admin.ContrastView{Problem: "Write a colour such as #2a57d6."}
	}
	a := models.NewAccent(c)
	v := admin.ContrastView{Themes: []admin.ContrastTheme{contrastTheme("Light", a, false), contrastTheme("Dark", a, true)}}
	if _, err := models.ParseAccent(typed); err != nil {
		v.Problem = models.Sentence(err)
		v.Nearest = models.NearestAccent(c).String()
	}
	return v
}

func contrastTheme(name string, a models.Accent, dark bool) admin.ContrastTheme {
	text := a.Light.Text
	if dark {
		text = a.Dark.Text
	}
	out := admin.ContrastTheme{Name: name, Color: text.String(), Derived: dark, Worst: fmt.Sprintf("%.1f", a.Worst(dark))}
	for _, s := range a.Surfaces(dark) {
		ratio := models.Contrast(text, s.Color)
		out.Surfaces = append(out.Surfaces, admin.ContrastSurface{Name: s.Name, Color: s.Color.String(), Ratio: fmt.Sprintf("%.1f", ratio), Fails: ratio < models.MinContrast})
	}
	return out
}

// read takes the form and keeps the images that came with it, so that a preview or a mistake does not lose them.
func (l *Look) read(r *Request) (*Form, models.Look, error) {
	f, err := r.Upload()
	if err != nil {
		return nil, models.Look{}, err
	}
	for field, size := range map[string][2]int{"logo": {logoWidth, logoHeight}, "icon": {iconSize, iconSize}} {
		if f.Checked("no_" + field) {
			f.Set(field, "")
		}
		if err := l.keep(r, f, field, size); err != nil {
			return nil, models.Look{}, err
		}
	}
	version, _ := strconv.Atoi(f.Get("version")) // what is no number is a version that is over
	look := models.Look{Version: version, Name: f.Get("name"), Accent: f.Trimmed("accent"), Logo: f.Get("logo"), Icon: f.Get("icon"), Headline: f.Get("headline"), Intro: f.Get("intro")}
	return f, look, nil
}

// keep takes an uploaded image; a mistake is noted at its field.
func (l *Look) keep(r *Request, f *Form, field string, size [2]int) error {
	upload, err := f.File(field + "_file")
	if err != nil || len(upload) == 0 {
		return err
	}
	if len(upload) > maxPicture {
		f.Fail(field, "Choose an image of at most 4 MB.")
		return nil
	}
	small, err := picture.Fit(upload, size[0], size[1])
	switch {
	case errors.Is(err, picture.ErrLarge):
		f.Fail(field, "Choose an image with fewer pixels: it is shown small.")
		return nil
	case err != nil:
		f.Fail(field, "Choose a PNG, JPEG or GIF image. Others, such as SVG, can hold programs.")
		return nil
	}
	hash, err := l.Store.KeepLookFile(r.Context(), r.Actor(), small, r.Now)
	if err == nil {
		f.Set(field, hash)
	}
	return err
}

// Preview shows the page as it would be.
func (l *Look) Preview(r *Request) (Reply, error) {
	f, look, err := l.read(r)
	if err != nil {
		return Reply{}, err
	}
	look, err = look.Clean()
	if f.Accept(err) || !f.OK() {
		return Again(l.page(r, f, models.Look{}, false)), nil
	}
	return Page(l.page(r, f, look, true)), err
}

// Save makes the look hold on the next page.
func (l *Look) Save(r *Request) (Reply, error) {
	f, look, err := l.read(r)
	if err != nil {
		return Reply{}, err
	}
	if f.OK() {
		look, err = l.Store.SaveLook(r.Context(), r.Actor(), look, r.Now)
	}
	if f.Accept(err) || !f.OK() {
		now, readErr := l.Store.Look(r.Context())
		if models.KindOf(err) == models.KindConflict {
			f.Set("version", strconv.Itoa(now.Version))
		}
		return Again(l.page(r, f, now, false)), readErr
	}
	if err != nil {
		return Reply{}, err
	}
	l.Brand.changed(look)
	return r.Done("/admin/look", "Saved. It holds on every page from now on."), nil
}

// ResetForm asks before the look is as it came.
func (l *Look) ResetForm(r *Request) (Reply, error) {
	return Page(admin.Confirm(r.layout("Reset the look", ui.Crumb{Label: "Portal look", Href: "/admin/look"}, ui.Crumb{}),
		ui.Confirm{Title: "Reset the look?", Text: "Name, logo, icon, accent and the first page's text become what they were before anybody changed them. The audit log keeps the texts.",
			Action: "/admin/look/reset", Button: "Reset", Danger: true, Cancel: "/admin/look"})), nil
}

// Reset makes the look what it was before anybody changed it.
func (l *Look) Reset(r *Request) (Reply, error) {
	now, err := l.Store.Look(r.Context())
	if err != nil {
		return Reply{}, err
	}
	look, err := l.Store.SaveLook(r.Context(), r.Actor(), models.Look{Version: now.Version}, r.Now)
	if err != nil {
		return Reply{}, err
	}
	l.Brand.changed(look)
	return r.Done("/admin/look", "The look is as it came."), nil
}
