package handlers

import (
	"strconv"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/admin"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// Settings shows the installation's settings.
func (a *Admin) Settings(r *Request) (Reply, error) {
	settings, err := a.Store.Settings(r.Context())
	if err != nil {
		return Reply{}, err
	}
	return Page(a.settingsPage(r, savedSettings(settings))), nil
}

func savedSettings(s models.Settings) *Form {
	return NewForm("sign_up", string(s.SignUp), "log_days", strconv.Itoa(s.Log.Days), "log_refusals", strconv.Itoa(s.Log.Refusals), "log_admissions", strconv.Itoa(s.Log.Admissions))
}

func (a *Admin) settingsPage(r *Request, f *Form) templ.Component {
	v := admin.SettingsView{SignUp: f.Get("sign_up"), SignUpError: f.Error("sign_up"), PublicURL: r.Site.PublicURL, GatewayURL: r.Site.GatewayURL}
	if a.Log != nil {
		v.Log = &admin.LogView{Size: format.Bytes(a.Log.Size()), Limit: format.Bytes(a.Log.Limit()), Failing: a.Log.Failing(), Days: logField(f, "log_days"),
			Refusals: logField(f, "log_refusals"), Admissions: logField(f, "log_admissions")}
	}
	return admin.Settings(r.layout("Settings", ui.Crumb{}), v)
}

func logField(f *Form, name string) admin.Number {
	return admin.Number{Value: f.Get(name), Error: f.Error(name)}
}

// SaveLog changes what the request log keeps, from the next request on.
func (a *Admin) SaveLog(r *Request) (Reply, error) {
	if a.Log == nil {
		return Reply{}, models.NotFound("page")
	}
	settings, err := a.Store.Settings(r.Context())
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	var in models.LogSettings
	for name, to := range map[string]*int{"log_days": &in.Days, "log_refusals": &in.Refusals, "log_admissions": &in.Admissions} {
		n, err := strconv.Atoi(f.Trimmed(name))
		if err != nil {
			f.Fail(name, "Enter a whole number.")
		}
		*to = n
	}
	if f.OK() {
		err = a.Store.SaveLogSettings(r.Context(), r.Actor(), in, r.Now)
		if !f.Accept(err) && err != nil {
			return Reply{}, err
		}
	}
	if !f.OK() {
		return Again(a.settingsPage(r, f.Over(savedSettings(settings)))), nil
	}
	a.Log.Configure(in)
	return r.Done("/admin/settings", "Saved. The request log keeps that from now on."), nil
}

// SaveSettings changes them.
func (a *Admin) SaveSettings(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	err = a.Store.SaveSettings(r.Context(), r.Actor(), models.Settings{SignUp: models.SignUp(f.Get("sign_up"))}, r.Now)
	if f.Accept(err) {
		settings, err := a.Store.Settings(r.Context())
		return Again(a.settingsPage(r, f.Over(savedSettings(settings)))), err
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done("/admin/settings", "Saved. It holds from now on."), nil
}
