package handlers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/notices"
	"gatehouse/templates/ui"
)

// AlertStore is what the pages about alerts need of the store.
type AlertStore interface {
	Alerts(ctx context.Context, account models.AccountID, side models.Side) ([]models.Alert, error)
	Alert(ctx context.Context, account models.AccountID, side models.Side, id models.AlertID) (models.Alert, error)
	CreateAlert(ctx context.Context, actor models.Actor, side models.Side, in models.NewAlert, now time.Time) error
	SaveAlert(ctx context.Context, actor models.Actor, side models.Side, id models.AlertID, in models.NewAlert, now time.Time) error
	MuteAlert(ctx context.Context, actor models.Actor, side models.Side, id models.AlertID, until, now time.Time) error
	DeleteAlert(ctx context.Context, actor models.Actor, side models.Side, id models.AlertID, now time.Time) error
	Webhooks(ctx context.Context, account models.AccountID, side models.Side) ([]models.Webhook, error)
	Apps(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.AppRow], error)
	AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.KeyRow], error)
	APIs(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.APIRow], error)
	Plans(ctx context.Context, owner models.AccountID, state models.PlanState, p models.Page) (models.List[models.PlanRow], error)
}

// Alerts is the pages about alerts: a developer's below /alerts, an owner's below /owner/alerts.
type Alerts struct{ Store AlertStore }

// List shows the reader's alerts, what each would do, and when it did so last.
func (a *Alerts) List(r *Request) (Reply, error) {
	side, prefix := sideOf(r)
	alerts, err := a.Store.Alerts(r.Context(), r.Account.ID, side)
	if err != nil {
		return Reply{}, err
	}
	hooks, err := a.Store.Webhooks(r.Context(), r.Account.ID, side)
	if err != nil {
		return Reply{}, err
	}
	v := notices.AlertsView{Base: prefix + "/alerts", Subtitle: "What you are told of your keys.", HooksHref: prefix + "/webhooks", Hooks: len(hooks), Full: len(alerts) >= models.MaxAlerts, Now: r.Now}
	if side == models.SideOwner {
		v.Subtitle = "What you are told of your customers' keys and of calls on your plans."
	}
	switch {
	case !r.Site.mails():
		v.Mailless = "There is no mail server: what is told by mail waits in the administrator's outbox."
	case !r.Account.Verified():
		v.Mailless, v.MaillessHref = "Your e-mail address is not confirmed, so no mail is sent there.", "/me/mails"
	}
	for _, h := range hooks {
		if _, state := webhookState(h); state == "Disabled" || state == "Failing" {
			v.Broken, v.BrokenHref = "A webhook takes nothing: "+h.URL+".", prefix+"/webhooks/"+h.ID.String()
		}
	}
	for _, l := range alerts {
		kind, state := alertState(l, r.Now)
		v.Rows = append(v.Rows, notices.AlertRow{Href: v.Base + "/" + l.ID.String(), Title: alertTitle(l), Scope: alertScope(l), Does: alertChannels(l), Kind: kind, State: state, Fired: l.FiredAt, Muted: l.Muted(r.Now)})
	}
	return Page(notices.Alerts(r.layout("Alerts", ui.Crumb{}), v)), nil
}

func alertState(l models.Alert, now time.Time) (ui.Kind, string) {
	switch {
	case l.Muted(now):
		return ui.Plain, "Muted"
	case l.Firing && now.Sub(l.CheckedAt) <= 2*time.Duration(l.Minutes)*time.Minute:
		return ui.Warn, "Over its level"
	}
	return ui.OK, "On"
}

// alertTitle says when an alert tells.
func alertTitle(l models.Alert) string {
	percent, days := make([]string, len(l.Levels)), make([]string, len(l.Levels))
	for i, n := range l.Levels {
		days[i] = strconv.FormatInt(n, 10)
		percent[i] = days[i] + " %"
	}
	unit := " days"
	if len(l.Levels) == 1 && l.Levels[0] == 1 {
		unit = " day"
	}
	switch l.Kind {
	case models.AlertQuota:
		return "A key has used " + andWords(percent) + " of its quota"
	case models.AlertThrottled:
		return fmt.Sprintf("%s of requests are throttled, over %d minutes", andWords(percent), l.Minutes)
	case models.AlertMinutes:
		return "Requests are throttled in " + format.Plural(l.Levels[0], "minute") + " of an hour"
	case models.AlertErrors:
		return fmt.Sprintf("%s of answers are errors, over %d minutes", andWords(percent), l.Minutes)
	case models.AlertUnused:
		return "A key is not used for " + andWords(days) + unit
	}
	return "A key expires in " + andWords(days) + unit
}

// andWords lists words as a sentence does: "50 %, 80 % and 100 %".
func andWords(words []string) string {
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return strings.Join(words, "")
}

func alertScope(l models.Alert) string {
	switch {
	case l.AppID != 0:
		return "Keys of the app " + l.Scope
	case l.KeyID != 0:
		return "The key " + l.Scope
	case l.APIID != 0:
		return "Calls on the API " + l.Scope
	case l.PlanID != 0:
		return "Calls on the plan " + l.Scope
	case l.Side == models.SideOwner && (l.Kind == models.AlertUnused || l.Kind == models.AlertExpiring):
		return "Keys that you made for customers"
	case l.Side == models.SideOwner:
		return "All your plans"
	}
	return "All your keys"
}

func alertChannels(l models.Alert) string {
	switch {
	case l.Mail && l.Webhook:
		return "E-mail and webhooks"
	case l.Mail:
		return "E-mail"
	}
	return "Webhooks"
}

// New asks what to tell of.
func (a *Alerts) New(r *Request) (Reply, error) {
	return a.form(r, NewForm("kind", string(models.AlertQuota), "levels", "80", "minutes", "15", "mail", "on", "webhook", "on"), nil, Page)
}

func (a *Alerts) form(r *Request, f *Form, saved *models.Alert, reply func(templ.Component) Reply) (Reply, error) {
	side, prefix := sideOf(r)
	base := prefix + "/alerts"
	v := notices.AlertForm{
		Title: "New alert", Action: base, Submit: "Create alert", Cancel: base, Kind: f.Get("kind"), Levels: f.Get("levels"), Minutes: f.Get("minutes"), Scope: f.Get("scope"), Problem: f.Message(),
		KindError: f.Error("kind"), LevelsError: f.Error("levels"), MinutesError: f.Error("minutes"), ScopeError: f.Error("scope"), ChannelError: f.Error("channel"),
		Mail: f.Checked("mail"), Webhook: f.Checked("webhook"),
		Kinds: []ui.Option{{Value: "quota", Label: "Quota", Hint: "A key has used a share of it. Once per level and period."}, {Value: "throttled", Label: "Throttling", Hint: "A share of the requests gets 429 because they come too fast."},
			{Value: "minutes", Label: "Throttled minutes", Hint: "Requests get 429 in at least so many minutes of the last hour."},
			{Value: "errors", Label: "Errors", Hint: "A share of the answers is 5xx, or the API was not reached."}, {Value: "expiring", Label: "Expiry", Hint: "A key expires in so many days, or has expired."}, {Value: "unused", Label: "Disuse", Hint: "A key was not used for so many days."}},
	}
	for _, m := range models.AlertSpans() {
		v.Spans = append(v.Spans, ui.Option{Value: strconv.FormatInt(m, 10), Label: format.Plural(m, "minute")})
	}
	var err error
	if v.Scopes, err = a.scopes(r, side); err != nil {
		return Reply{}, err
	}
	crumb := ui.Crumb{}
	if saved != nil {
		v.Title, v.Action, v.Submit = alertTitle(*saved), base+"/"+saved.ID.String(), "Save"
		v.Delete, v.Mute = v.Action+"/delete", v.Action+"/mute"
		crumb.Label = "Alert"
		if saved.Kind != models.AlertThrottled && saved.Kind != models.AlertErrors {
			v.Minutes = ""
		}
		v.Fired = "It has told nobody yet."
		if !saved.FiredAt.IsZero() {
			v.Fired = "It told last on " + format.DateTime(format.Local(r.Context(), saved.FiredAt)) + "."
		}
		if saved.Muted(r.Now) {
			v.Muted = "Nobody is told until " + format.DateTime(format.Local(r.Context(), saved.MutedFor)) + "."
			if saved.MutedFor.Sub(r.Now) > models.MutedForGood/2 {
				v.Muted = "Nobody is told until you say so."
			}
		}
	}
	return reply(notices.Alert(r.layout(v.Title, ui.Crumb{Label: "Alerts", Href: base}, crumb), v)), nil
}

// scopes are what an alert may look at: the reader's newest, and all of it.
func (a *Alerts) scopes(r *Request, side models.Side) ([]ui.Option, error) {
	ctx, me, some := r.Context(), r.Account.ID, models.Page{Limit: 100}
	if side == models.SideOwner {
		options := []ui.Option{{Value: "", Label: "All your plans"}}
		apis, err := a.Store.APIs(ctx, me, some)
		if err != nil {
			return nil, err
		}
		for _, x := range apis.Items {
			options = append(options, ui.Option{Value: "api:" + x.ID.String(), Label: "API " + x.Name})
		}
		plans, err := a.Store.Plans(ctx, me, "", some)
		if err != nil {
			return nil, err
		}
		for _, x := range plans.Items {
			options = append(options, ui.Option{Value: "plan:" + x.ID.String(), Label: "Plan " + x.Name()})
		}
		return options, nil
	}
	options := []ui.Option{{Value: "", Label: "All your keys"}}
	apps, err := a.Store.Apps(ctx, me, some)
	if err != nil {
		return nil, err
	}
	for _, x := range apps.Items {
		options = append(options, ui.Option{Value: "app:" + x.ID.String(), Label: "App " + x.Name})
	}
	keys, err := a.Store.AccountKeys(ctx, me, some)
	if err != nil {
		return nil, err
	}
	for _, x := range keys.Items {
		options = append(options, ui.Option{Value: "key:" + x.ID.String(), Label: "Key " + x.Name + " " + x.Hint})
	}
	return options, nil
}

// readAlert reads the form; what is no number is said at its field.
func readAlert(f *Form) models.NewAlert {
	in := models.NewAlert{Kind: models.AlertKind(f.Get("kind")), Mail: f.Checked("mail"), Webhook: f.Checked("webhook")}
	for _, text := range strings.FieldsFunc(f.Get("levels"), func(r rune) bool { return r == ',' || r == ' ' || r == ';' || r == '%' }) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			f.Fail("levels", "Enter whole numbers, such as 50, 80, 100.")
		}
		in.Levels = append(in.Levels, n)
	}
	if text := f.Get("minutes"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			f.Fail("minutes", "Choose one of the spans of time.")
		}
		in.Minutes = n
	}
	what, id, _ := strings.Cut(f.Get("scope"), ":")
	var err error
	switch what {
	case "":
	case "app":
		in.AppID, err = models.ParseID[models.App](id)
	case "key":
		in.KeyID, err = models.ParseID[models.Key](id)
	case "api":
		in.APIID, err = models.ParseID[models.API](id)
	case "plan":
		in.PlanID, err = models.ParseID[models.Plan](id)
	default:
		err = models.ErrID
	}
	if err != nil {
		f.Fail("scope", "Choose one of yours.")
	}
	return in
}

// Create makes an alert.
func (a *Alerts) Create(r *Request) (Reply, error) {
	side, prefix := sideOf(r)
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := readAlert(f)
	if f.OK() {
		err = a.Store.CreateAlert(r.Context(), r.Actor(), side, in, r.Now)
	}
	if f.Accept(err) || !f.OK() {
		return a.form(r, f, nil, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(prefix+"/alerts", "The alert looks at what happens from now on."), nil
}

func (a *Alerts) alert(r *Request) (models.Alert, error) {
	side, _ := sideOf(r)
	id, err := param[models.Alert](r, "alert")
	if err != nil {
		return models.Alert{}, err
	}
	return a.Store.Alert(r.Context(), r.Account.ID, side, id)
}

// Show is one alert to edit.
func (a *Alerts) Show(r *Request) (Reply, error) {
	l, err := a.alert(r)
	if err != nil {
		return Reply{}, err
	}
	return a.form(r, alertForm(l), &l, Page)
}

// alertForm is an alert as it is.
func alertForm(l models.Alert) *Form {
	var levels []string
	for _, n := range l.Levels {
		levels = append(levels, strconv.FormatInt(n, 10))
	}
	f := NewForm("kind", string(l.Kind), "levels", strings.Join(levels, ", "), "minutes", strconv.FormatInt(l.Minutes, 10))
	switch {
	case l.AppID != 0:
		f.Set("scope", "app:"+l.AppID.String())
	case l.KeyID != 0:
		f.Set("scope", "key:"+l.KeyID.String())
	case l.APIID != 0:
		f.Set("scope", "api:"+l.APIID.String())
	case l.PlanID != 0:
		f.Set("scope", "plan:"+l.PlanID.String())
	}
	if l.Mail {
		f.Set("mail", "on")
	}
	if l.Webhook {
		f.Set("webhook", "on")
	}
	return f
}

// Save changes an alert.
func (a *Alerts) Save(r *Request) (Reply, error) {
	l, err := a.alert(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := readAlert(f)
	if f.OK() {
		err = a.Store.SaveAlert(r.Context(), r.Actor(), l.Side, l.ID, in, r.Now)
	}
	if f.Accept(err) || !f.OK() {
		return a.form(r, f, &l, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(r.URL.Path, "Saved."), nil
}

// Mute keeps an alert from telling anybody for some days, or lets it tell again.
func (a *Alerts) Mute(r *Request) (Reply, error) {
	l, err := a.alert(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	until, said := time.Time{}, "It tells again."
	switch f.Get("for") {
	case "0":
	case "1":
		until, said = r.Now.AddDate(0, 0, 1), "It is muted for a day."
	case "7":
		until, said = r.Now.AddDate(0, 0, 7), "It is muted for a week."
	default:
		until, said = r.Now.Add(models.MutedForGood), "It is muted until you say so."
	}
	if err := a.Store.MuteAlert(r.Context(), r.Actor(), l.Side, l.ID, until, r.Now); err != nil {
		return Reply{}, err
	}
	_, prefix := sideOf(r)
	return r.Done(prefix+"/alerts/"+l.ID.String(), said), nil
}

// Delete deletes an alert.
func (a *Alerts) Delete(r *Request) (Reply, error) {
	l, err := a.alert(r)
	if err != nil {
		return Reply{}, err
	}
	if err := a.Store.DeleteAlert(r.Context(), r.Actor(), l.Side, l.ID, r.Now); err != nil {
		return Reply{}, err
	}
	_, prefix := sideOf(r)
	return r.Done(prefix+"/alerts", "The alert is deleted."), nil
}
