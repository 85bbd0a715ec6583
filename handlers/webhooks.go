package handlers

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/format"
	"gatehouse/templates/notices"
	"gatehouse/templates/ui"
)

// WebhookStore is what the pages about webhooks need of the store.
type WebhookStore interface {
	Webhooks(ctx context.Context, account models.AccountID, side models.Side) ([]models.Webhook, error)
	Webhook(ctx context.Context, account models.AccountID, side models.Side, id models.WebhookID) (models.Webhook, error)
	CreateWebhook(ctx context.Context, actor models.Actor, side models.Side, in models.NewWebhook, now time.Time) (models.Webhook, secret.Value, error)
	SaveWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, in models.NewWebhook, now time.Time) error
	DeleteWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, now time.Time) error
	RotateWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, now time.Time) (secret.Value, error)
	EnableWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, enabled bool, now time.Time) error
	TestWebhook(ctx context.Context, actor models.Actor, side models.Side, id models.WebhookID, now time.Time) error
	Deliveries(ctx context.Context, account models.AccountID, side models.Side, id models.WebhookID, p models.Page) (models.List[models.Message], error)
	WebhookDelivery(ctx context.Context, account models.AccountID, side models.Side, hook models.WebhookID, id models.MessageID) (models.Message, []models.Attempt, error)
	ResendDelivery(ctx context.Context, actor models.Actor, side models.Side, hook models.WebhookID, id models.MessageID, now time.Time) error
}

// Webhooks is the pages about webhooks: a developer's below /webhooks, an owner's below /owner/webhooks.
type Webhooks struct {
	Store     WebhookStore
	Addresses AddressChecker
	Body      func(models.Message) ([]byte, error) // of a delivery
}

// sideOf is the hat in which a page is read, and where its pages are.
func sideOf(r *Request) (side models.Side, prefix string) {
	if strings.HasPrefix(r.URL.Path, "/owner/") {
		return models.SideOwner, "/owner"
	}
	return models.SideDeveloper, ""
}

// List shows the reader's webhooks.
func (w *Webhooks) List(r *Request) (Reply, error) {
	side, prefix := sideOf(r)
	hooks, err := w.Store.Webhooks(r.Context(), r.Account.ID, side)
	if err != nil {
		return Reply{}, err
	}
	v := notices.WebhooksView{Base: prefix + "/webhooks", Subtitle: "Your programs are told of what happens to your keys and subscriptions.", Full: len(hooks) >= models.MaxWebhooks, Now: r.Now}
	if side == models.SideOwner {
		v.Subtitle = "Your programs are told of what customers do with your plans."
	}
	for _, h := range hooks {
		kind, state := webhookState(h)
		v.Rows = append(v.Rows, notices.WebhookRow{Href: v.Base + "/" + h.ID.String(), URL: h.URL, Note: h.Note, Kind: kind, State: state, Events: format.Plural(int64(len(h.Kinds)), "event"), Succeeded: h.SucceededAt})
	}
	return Page(notices.Webhooks(r.layout("Webhooks", ui.Crumb{}), v)), nil
}

func webhookState(h models.Webhook) (ui.Kind, string) {
	switch {
	case !h.DisabledAt.IsZero():
		return ui.Bad, "Disabled"
	case !h.FailingSince.IsZero():
		return ui.Warn, "Failing"
	case h.SucceededAt.IsZero():
		return ui.Plain, "Not used yet"
	}
	return ui.OK, "Works"
}

// New asks for an address and events; all of them to begin with.
func (w *Webhooks) New(r *Request) (Reply, error) {
	side, _ := sideOf(r)
	f := NewForm()
	for _, t := range models.NoticeTypes() {
		if t.ToldTo(side) {
			f.Add("kinds", string(t.Kind))
		}
	}
	return Page(w.newPage(r, f)), nil
}

func (w *Webhooks) newPage(r *Request, f *Form) templ.Component {
	side, prefix := sideOf(r)
	form := webhookForm(f, side)
	form.Action, form.Submit, form.Cancel = prefix+"/webhooks", "Create webhook", prefix+"/webhooks"
	return notices.NewWebhook(r.layout("New webhook", ui.Crumb{Label: "Webhooks", Href: prefix + "/webhooks"}, ui.Crumb{}), form)
}

// webhookForm is a webhook as it is edited.
func webhookForm(f *Form, side models.Side) notices.WebhookForm {
	v := notices.WebhookForm{URL: f.Get("url"), Note: f.Get("note"), URLError: f.Error("url"), NoteError: f.Error("note"), KindsError: f.Error("kinds"), Problem: f.Message()}
	for _, topic := range models.Topics() {
		g := notices.KindGroup{Label: upperFirst(topicName(topic))}
		for _, t := range models.NoticeTypes() {
			if t.Topic == topic && t.ToldTo(side) {
				g.Kinds = append(g.Kinds, ui.CheckProps{ID: "f-" + string(t.Kind), Name: "kinds", Value: string(t.Kind), Label: string(t.Kind), Hint: kindHint(t.Kind, side), Checked: f.Has("kinds", string(t.Kind))})
			}
		}
		if len(g.Kinds) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	return v
}

// kindHint says when an event happens.
func kindHint(kind models.NoticeKind, side models.Side) string {
	switch kind {
	case models.NoticeSubscriptionAsked:
		return "An app asks for a plan, or takes one that is open."
	case models.NoticeSubscriptionApproved:
		return "An owner approved your request."
	case models.NoticeSubscriptionRefused:
		return "An owner refused your request."
	case models.NoticeSubscriptionChanged:
		return "An owner suspended, resumed or moved a subscription."
	case models.NoticeSubscriptionEnded:
		if side == models.SideOwner {
			return "A developer ended a subscription."
		}
		return "An owner or the end of a plan ended a subscription."
	case models.NoticeInvitationAsked:
		return "Somebody asks to be let in to a plan by invitation."
	case models.NoticeInvitationApproved:
		return "An owner let you in to a plan by invitation."
	case models.NoticeInvitationRefused:
		return "An owner did not let you in to a plan by invitation."
	case models.NoticeKeyBlocked:
		return "An owner blocked a key on a plan, or lets it call again."
	case models.NoticeLimits:
		return "An owner gave a key other limits, more of its quota, or the plan's limits again."
	case models.NoticeKeyRotated:
		return "A key has a new value."
	case models.NoticeKeyRevoked:
		return "A key was revoked."
	case models.NoticeKeyExpiring, models.NoticeKeyUnused, models.NoticeQuota, models.NoticeThrottled, models.NoticeErrors:
		return "One of your alerts says so."
	case models.NoticeKeyExpired:
		return "A key has expired."
	case models.NoticePlanChanging:
		return "An owner announces other limits of a plan."
	case models.NoticePlanEnding:
		return "An owner announces the end of a plan."
	case models.NoticeCertificate:
		return "A client certificate that your stages show ends soon, or has ended."
	case models.NoticeDeprecated:
		return "An owner announces the end of an operation or a stage."
	}
	return "An import of keys has ended."
}

func readWebhook(f *Form) models.NewWebhook {
	in := models.NewWebhook{URL: f.Get("url"), Note: f.Get("note")}
	for _, kind := range f.All("kinds") {
		in.Kinds = append(in.Kinds, models.NoticeKind(kind))
	}
	return in
}

// check refuses an address that may not be dialled, while its person can still change it. What it leads to later is judged then.
func (w *Webhooks) check(r *Request, f *Form) {
	address, err := models.CleanWebhookURL(f.Get("url"))
	if err != nil {
		return // the store says so
	}
	if err := w.Addresses.CheckUpstream(r.Context(), address); err != nil {
		f.Fail("url", "This address cannot be reached from here: "+err.Error()+".")
	}
}

// Create makes a webhook and shows its secret. The page is the answer to the form, so that the secret is in no address and in no record.
func (w *Webhooks) Create(r *Request) (Reply, error) {
	side, _ := sideOf(r)
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if w.check(r, f); !f.OK() {
		return Again(w.newPage(r, f)), nil
	}
	hook, value, err := w.Store.CreateWebhook(r.Context(), r.Actor(), side, readWebhook(f), r.Now)
	if f.Accept(err) {
		return Again(w.newPage(r, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return w.page(r, hook, formOf(hook), "Its secret", value, Page)
}

// formOf is a webhook as it is.
func formOf(h models.Webhook) *Form {
	f := NewForm("url", h.URL, "note", h.Note)
	for _, kind := range h.Kinds {
		f.Add("kinds", string(kind))
	}
	return f
}

func (w *Webhooks) hook(r *Request) (models.Webhook, error) {
	side, _ := sideOf(r)
	id, err := param[models.Webhook](r, "webhook")
	if err != nil {
		return models.Webhook{}, err
	}
	return w.Store.Webhook(r.Context(), r.Account.ID, side, id)
}

// Show is one webhook with its deliveries.
func (w *Webhooks) Show(r *Request) (Reply, error) {
	hook, err := w.hook(r)
	if err != nil {
		return Reply{}, err
	}
	return w.page(r, hook, formOf(hook), "", secret.Value{}, Page)
}

func (w *Webhooks) page(r *Request, h models.Webhook, f *Form, title string, value secret.Value, reply func(templ.Component) Reply) (Reply, error) {
	side, prefix := sideOf(r)
	p := r.Page()
	list, err := w.Store.Deliveries(r.Context(), r.Account.ID, side, h.ID, p)
	if err != nil {
		return Reply{}, err
	}
	kind, state := webhookState(h)
	v := notices.WebhookView{
		Href: prefix + "/webhooks/" + h.ID.String(), Base: prefix + "/webhooks", URL: h.URL, Note: h.Note, Kind: kind, State: state, Secret: value.Reveal(), SecretTitle: title, OldUntil: r.Local(h.OldUntil),
		Disabled: !h.DisabledAt.IsZero(), DisabledWhy: h.DisabledWhy, Form: webhookForm(f, side), Created: h.CreatedAt, Succeeded: h.SucceededAt, Now: r.Now,
	}
	v.Pages = listPages(r, p, list.Next)
	if r.URL.Path != v.Href { // the answer to a form
		v.Pages = ui.Pages{}
		if list.Next != "" {
			v.Pages.Next = v.Href + "?after=" + list.Next
		}
	}
	v.Form.Action, v.Form.Submit = v.Href, "Save"
	if !h.FailingSince.IsZero() {
		v.Failing = "It has taken nothing since " + format.DateTime(format.Local(r.Context(), h.FailingSince)) + " (" + format.Plural(int64(h.Failures), "try") + ")."
		v.Failing = strings.Replace(v.Failing, "trys", "tries", 1)
	}
	for _, m := range list.Items {
		kind, word := messageState(m.State)
		if m.State == models.MessageSent {
			word = "Taken"
		}
		v.Deliveries = append(v.Deliveries, notices.DeliveryRow{Href: v.Href + "/deliveries/" + m.ID.String(), Event: string(m.Kind), Kind: kind, State: word, Attempts: m.Attempts, At: m.CreatedAt, Due: m.Due})
	}
	return reply(notices.Webhook(r.layout("Webhook", ui.Crumb{Label: "Webhooks", Href: v.Base}, ui.Crumb{Label: "Webhook"}), v)), nil
}

// Save changes a webhook.
func (w *Webhooks) Save(r *Request) (Reply, error) {
	hook, err := w.hook(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if w.check(r, f); f.OK() {
		err = w.Store.SaveWebhook(r.Context(), r.Actor(), hook.Side, hook.ID, readWebhook(f), r.Now)
	}
	if f.Accept(err) || !f.OK() {
		return w.page(r, hook, f, "", secret.Value{}, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(r.URL.Path, "Saved."), nil
}

// change runs a change of a webhook; a refusal is a message on its page.
func (w *Webhooks) change(r *Request, fn func(models.Webhook) error, done string) (Reply, error) {
	hook, err := w.hook(r)
	if err != nil {
		return Reply{}, err
	}
	_, prefix := sideOf(r)
	path := prefix + "/webhooks/" + hook.ID.String()
	if err := fn(hook); models.KindOf(err) == models.KindConflict {
		return r.Sorry(path, models.Sentence(err)), nil
	} else if err != nil {
		return Reply{}, err
	}
	return r.Done(path, done), nil
}

// Test sends a test event.
func (w *Webhooks) Test(r *Request) (Reply, error) {
	return w.change(r, func(h models.Webhook) error {
		return w.Store.TestWebhook(r.Context(), r.Actor(), h.Side, h.ID, r.Now)
	}, "A test is on its way. Reload to see what it answered.")
}

// Enable lets a webhook be told again.
func (w *Webhooks) Enable(r *Request) (Reply, error) {
	return w.change(r, func(h models.Webhook) error {
		return w.Store.EnableWebhook(r.Context(), r.Actor(), h.Side, h.ID, true, r.Now)
	}, "It is told again.")
}

// Disable stops a webhook.
func (w *Webhooks) Disable(r *Request) (Reply, error) {
	return w.change(r, func(h models.Webhook) error {
		return w.Store.EnableWebhook(r.Context(), r.Actor(), h.Side, h.ID, false, r.Now)
	}, "Nothing is sent to it any more.")
}

// Rotate makes a new secret and shows it, as Create does.
func (w *Webhooks) Rotate(r *Request) (Reply, error) {
	hook, err := w.hook(r)
	if err != nil {
		return Reply{}, err
	}
	value, err := w.Store.RotateWebhook(r.Context(), r.Actor(), hook.Side, hook.ID, r.Now)
	if err != nil {
		return Reply{}, err
	}
	if hook, err = w.hook(r); err != nil {
		return Reply{}, err
	}
	return w.page(r, hook, formOf(hook), "Its new secret", value, Page)
}

// DeleteForm asks before a webhook is deleted.
func (w *Webhooks) DeleteForm(r *Request) (Reply, error) {
	hook, err := w.hook(r)
	if err != nil {
		return Reply{}, err
	}
	_, prefix := sideOf(r)
	path := prefix + "/webhooks/" + hook.ID.String()
	return Page(notices.DeleteWebhook(r.layout("Delete webhook", ui.Crumb{Label: "Webhooks", Href: prefix + "/webhooks"}, ui.Crumb{Label: "Webhook", Href: path}, ui.Crumb{Label: "Delete"}), ui.Confirm{
		Title: "Delete this webhook?", Text: "Nothing is sent to " + hook.URL + " any more, and its deliveries are forgotten.", Action: path + "/delete", Button: "Delete webhook", Danger: true, Cancel: path})), nil
}

// Delete deletes a webhook.
func (w *Webhooks) Delete(r *Request) (Reply, error) {
	hook, err := w.hook(r)
	if err != nil {
		return Reply{}, err
	}
	if err := w.Store.DeleteWebhook(r.Context(), r.Actor(), hook.Side, hook.ID, r.Now); err != nil {
		return Reply{}, err
	}
	_, prefix := sideOf(r)
	return r.Done(prefix+"/webhooks", "The webhook is deleted."), nil
}

// delivery reads the delivery of the path.
func (w *Webhooks) delivery(r *Request) (models.Webhook, models.Message, []models.Attempt, error) {
	hook, err := w.hook(r)
	if err != nil {
		return hook, models.Message{}, nil, err
	}
	id, err := param[models.Message](r, "message")
	if err != nil {
		return hook, models.Message{}, nil, err
	}
	m, attempts, err := w.Store.WebhookDelivery(r.Context(), r.Account.ID, hook.Side, hook.ID, id)
	return hook, m, attempts, err
}

// Delivery is one delivery: what was sent, and what was answered.
func (w *Webhooks) Delivery(r *Request) (Reply, error) {
	hook, m, attempts, err := w.delivery(r)
	if err != nil {
		return Reply{}, err
	}
	body, err := w.Body(m)
	if err != nil {
		return Reply{}, err
	}
	var indented strings.Builder
	encoder := json.NewEncoder(&indented)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(json.RawMessage(body)); err != nil {
		return Reply{}, err
	}
	_, prefix := sideOf(r)
	path := prefix + "/webhooks/" + hook.ID.String()
	kind, word := messageState(m.State)
	if m.State == models.MessageSent {
		word = "Taken"
	}
	v := notices.DeliveryView{
		Href: path + "/deliveries/" + m.ID.String(), Event: string(m.Kind), Kind: kind, State: word, Reason: m.Reason, ID: "webhook-id: msg_" + m.ID.String(), URL: hook.URL, Created: m.CreatedAt, Due: m.Due,
		CanResend: m.Due.IsZero() && hook.DisabledAt.IsZero(), Attempts: attemptViews(attempts), Now: r.Now,
	}
	slices.Reverse(v.Attempts)
	v.Request = "POST " + hook.URL + "\nContent-Type: application/json\nwebhook-id: msg_" + m.ID.String() + "\nwebhook-timestamp: (Unix seconds of the try)\nwebhook-signature: v1,…\n\n" + indented.String()
	return Page(notices.Delivery(r.layout("Delivery", ui.Crumb{Label: "Webhooks", Href: prefix + "/webhooks"}, ui.Crumb{Label: "Webhook", Href: path}, ui.Crumb{Label: "Delivery"}), v)), nil
}

// Resend sends a delivery once more.
func (w *Webhooks) Resend(r *Request) (Reply, error) {
	hook, m, _, err := w.delivery(r)
	if err != nil {
		return Reply{}, err
	}
	_, prefix := sideOf(r)
	path := prefix + "/webhooks/" + hook.ID.String() + "/deliveries/" + m.ID.String()
	if err := w.Store.ResendDelivery(r.Context(), r.Actor(), hook.Side, hook.ID, m.ID, r.Now); models.KindOf(err) == models.KindConflict {
		return r.Sorry(path, models.Sentence(err)), nil
	} else if err != nil {
		return Reply{}, err
	}
	return r.Done(path, "It is sent once more, under the same webhook-id."), nil
}
