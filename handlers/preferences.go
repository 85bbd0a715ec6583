package handlers

import (
	"net/http"
	"net/url"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
)

// themeCookie remembers the theme of who is not signed in. It says no more than that.
const (
	themeCookie = "theme"
	themeAge    = 365 * 24 * time.Hour
)

// setZone makes the pages of this request show times in a zone.
func (r *Request) setZone(zone *time.Location) {
	r.Request = r.WithContext(format.InZone(r.Context(), zone))
}

// Local is t in the zone in which the reader reads times, for sentences: what package ui shows is there by itself.
func (r *Request) Local(t time.Time) time.Time { return format.Local(r.Context(), t) }

// Here is now in the reader's zone, for sentences about times; r.Now is in UTC, as windows and records are.
func (r *Request) Here() time.Time { return r.Local(r.Now) }

// theme is the one in which the page is drawn; "" leaves it to the system.
func (r *Request) theme() string {
	if r.Account.ID != 0 {
		return string(r.Account.Theme)
	}
	c, err := r.Cookie(themeCookie)
	if err != nil {
		return ""
	}
	theme, err := models.ParseTheme(c.Value)
	if err != nil {
		return ""
	}
	return string(theme)
}

// rememberTheme adds the cookie that keeps a theme for when nobody is signed in.
func (r *Request) rememberTheme(reply Reply, theme models.Theme) Reply {
	https := false
	if u, err := url.Parse(r.Site.PublicURL); err == nil {
		https = u.Scheme == "https"
	}
	reply.cookie = &http.Cookie{Name: themeCookie, Value: string(theme), Path: "/", MaxAge: int(themeAge.Seconds()), HttpOnly: true, Secure: https, SameSite: http.SameSiteLaxMode}
	if theme == models.ThemeSystem {
		reply.cookie.MaxAge = -1
	}
	return reply
}

// Theme changes the theme and leads back to the page that asked; who is not signed in keeps it in a cookie.
func (m *Me) Theme(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	theme, err := models.ParseTheme(f.Get("theme"))
	if err != nil {
		return Reply{}, err
	}
	if r.Account.ID != 0 {
		p := r.Account.Preferences
		p.Theme = theme
		if err := m.Store.SavePreferences(r.Context(), r.Actor(), p, r.Now); err != nil {
			return Reply{}, err
		}
	}
	return r.rememberTheme(See(r.cameFrom("/")), theme), nil
}

// cameFrom is the page of this portal that a form was on, or fallback.
func (r *Request) cameFrom(fallback string) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Path == "" || from.Host != r.Host {
		return fallback
	}
	return safeNext((&url.URL{Path: from.Path, RawQuery: from.RawQuery}).String(), fallback)
}

// displayForm is how a person likes the portal now.
func displayForm(p models.Preferences) *Form {
	f := NewForm("zone", p.Zone, "theme", string(p.Theme))
	if p.Zone == "" {
		f.Set("zone", "UTC")
	}
	if !p.NoKeys {
		f.Set("keys", "on")
	}
	return f
}

// Display changes how the reader likes the portal.
func (m *Me) Display(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	p := models.Preferences{Zone: f.Get("zone"), Theme: models.Theme(f.Get("theme")), NoKeys: !f.Checked("keys")}
	err = m.Store.SavePreferences(r.Context(), r.Actor(), p, r.Now)
	if f.Accept(err) {
		page, err := m.page(r, NewForm("name", r.Account.Name), NewForm(), f)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	return r.rememberTheme(r.Done("/me#display", "Saved."), p.Theme), nil
}
