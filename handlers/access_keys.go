package handlers

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

const accessKeysPath = "/owner/access-keys"

// AccessKeyStore is what the pages of access keys need of the store.
type AccessKeyStore interface {
	AccessKeys(ctx context.Context, account models.AccountID) ([]models.AccessKey, error)
	CreateAccessKey(ctx context.Context, actor models.Actor, account models.AccountID, in models.NewAccessKey, now time.Time) (models.AccessKey, secret.Value, error)
	SetAccessKeyEnabled(ctx context.Context, actor models.Actor, account models.AccountID, id string, enabled bool, now time.Time) error
	RevokeAccessKey(ctx context.Context, actor models.Actor, account models.AccountID, id string, now time.Time) error
}

// AccessKeys are the pages of what programs sign their calls of the management API with.
type AccessKeys struct {
	Store    AccessKeyStore
	Endpoint string // of the management API; "": it is switched off
}

// List lists the reader's access keys.
func (a *AccessKeys) List(r *Request) (Reply, error) {
	keys, err := a.Store.AccessKeys(r.Context(), r.Account.ID)
	if err != nil {
		return Reply{}, err
	}
	v := owner.AccessKeysView{Endpoint: a.Endpoint, Now: r.Now}
	if a.Endpoint != "" {
		v.Example = a.firstCall()
	}
	live := 0
	for _, k := range keys {
		if k.RevokedAt.IsZero() {
			live++
		}
		v.Rows = append(v.Rows, accessKeyRow(k, r.Now))
	}
	v.Full = live >= models.MaxAccessKeys
	return Page(owner.AccessKeys(r.layout("Access keys", ui.Crumb{}), v)), nil
}

func accessKeysCrumb() ui.Crumb { return ui.Crumb{Label: "Access keys", Href: accessKeysPath} }

func accessKeyPath(id string) string { return accessKeysPath + "/" + url.PathEscape(id) }

func accessKeyRow(k models.AccessKey, now time.Time) owner.AccessKeyRow {
	row := owner.AccessKeyRow{Name: k.Name, ID: k.ID, Href: accessKeyPath(k.ID), LastUsed: k.LastUsedAt, From: k.LastUsedFrom, Created: k.CreatedAt, Expires: k.ExpiresAt, Revoked: k.RevokedAt}
	switch k.State(now) {
	case models.AccessKeyActive:
		row.State = ui.BadgeProps{Kind: ui.OK, Text: "Active"}
	case models.AccessKeyDisabled:
		row.State = ui.BadgeProps{Kind: ui.Warn, Text: "Disabled"}
	case models.AccessKeyExpired:
		row.State = ui.BadgeProps{Kind: ui.Bad, Text: "Expired"}
	case models.AccessKeyRevoked:
		row.State = ui.BadgeProps{Kind: ui.Plain, Text: "Revoked"}
	}
	return row
}

// accessExpiries are what people choose from, in days; 0: never.
var accessExpiries = [...]struct {
	value, label string
	days         int
}{{"90", "In 90 days", 90}, {"30", "In 30 days", 30}, {"365", "In a year", 365}, {"never", "Never", 0}}

// confirmedForKey is where to prove the password first; an access key outlives the session that made it.
func confirmedForKey(r *Request) (Reply, bool) {
	if r.Session.ConfirmedWithin(confirmedFor) {
		return Reply{}, true
	}
	return See(withNext("/confirm", accessKeysPath+"/new")), false
}

// New asks for the name and the end of an access key, of somebody who proved the password.
func (a *AccessKeys) New(r *Request) (Reply, error) {
	if confirm, ok := confirmedForKey(r); !ok {
		return confirm, nil
	}
	return a.newPage(r, NewForm("expires", accessExpiries[0].value)), nil
}

func (a *AccessKeys) newPage(r *Request, f *Form) Reply {
	v := owner.AccessKeyForm{Expires: f.Get("expires")}
	for _, e := range accessExpiries {
		v.Expiries = append(v.Expiries, ui.Option{Value: e.value, Label: e.label})
	}
	page := owner.NewAccessKey(r.layout("New access key", accessKeysCrumb(), ui.Crumb{}), v, f)
	if f.OK() {
		return Page(page)
	}
	return Again(page)
}

// Create makes an access key and shows its secret once, on its page.
func (a *AccessKeys) Create(r *Request) (Reply, error) {
	if confirm, ok := confirmedForKey(r); !ok {
		return confirm, nil
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := models.NewAccessKey{Name: f.Get("name")}
	known := false
	for _, e := range accessExpiries {
		if f.Get("expires") != e.value {
			continue
		}
		if known = true; e.days > 0 {
			in.ExpiresAt = r.Now.AddDate(0, 0, e.days)
		}
	}
	if !known {
		f.Fail("expires", "Choose when it expires.")
		return a.newPage(r, f), nil
	}
	key, value, err := a.Store.CreateAccessKey(r.Context(), r.Actor(), r.Account.ID, in, r.Now)
	if f.Accept(err) {
		return a.newPage(r, f), nil
	}
	if err != nil {
		return Reply{}, err
	}
	if err := r.Session.PutSecret(key.Slot(), value); err != nil {
		return Reply{}, err
	}
	return See(accessKeyPath(key.ID) + "?new=1"), nil
}

// own finds the reader's access key of the path.
func (a *AccessKeys) own(r *Request) (models.AccessKey, error) {
	keys, err := a.Store.AccessKeys(r.Context(), r.Account.ID)
	if err != nil {
		return models.AccessKey{}, err
	}
	for _, k := range keys { // there are few
		if k.ID == r.Param("accesskey") {
			return k, nil
		}
	}
	return models.AccessKey{}, models.NotFound("access key")
}

// Show is one access key, with its secret when that waits for it.
func (a *AccessKeys) Show(r *Request) (Reply, error) {
	k, err := a.own(r)
	if err != nil {
		return Reply{}, err
	}
	v := owner.AccessKeyView{Row: accessKeyRow(k, r.Now), Working: k.RevokedAt.IsZero(), Disabled: !k.Enabled, Endpoint: a.Endpoint, Audit: "/owner/audit?credential=" + url.QueryEscape(k.ID), Now: r.Now}
	if r.Query("new") != "" {
		value, shown, err := r.Session.TakeSecret(k.Slot())
		if err != nil {
			return Reply{}, err
		}
		v.Secret, v.Shown = value.Reveal(), !shown && v.Working
	}
	if a.Endpoint != "" {
		v.Blocks = a.blocks(k.ID, v.Secret)
	}
	return Page(owner.AccessKey(r.layout(k.Name, accessKeysCrumb(), ui.Crumb{}), v)), nil
}

func (a *AccessKeys) firstCall() string {
	return "aws --endpoint-url " + a.Endpoint + " apigateway get-rest-apis"
}

// blocks are what to paste where; without the secret its place is marked.
func (a *AccessKeys) blocks(id, secretKey string) []ui.CodeProps {
	if secretKey == "" {
		secretKey = "…"
	}
	return []ui.CodeProps{
		{ID: "environment", Title: "Environment", Text: fmt.Sprintf("export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\nexport AWS_DEFAULT_REGION=us-east-1", id, secretKey)},
		{ID: "call", Title: "A first call", Text: a.firstCall()},
		{ID: "profile", Title: "~/.aws/config, for --profile gatehouse", Text: fmt.Sprintf("[profile gatehouse]\nendpoint_url = %s\nregion = us-east-1\naws_access_key_id = %s\naws_secret_access_key = %s", a.Endpoint, id, secretKey)},
	}
}

// Enable lets an access key work again.
func (a *AccessKeys) Enable(r *Request) (Reply, error) { return a.enable(r, true, " works again.") }

// Disable stops an access key.
func (a *AccessKeys) Disable(r *Request) (Reply, error) {
	return a.enable(r, false, " is disabled: what it signs is refused from now on.")
}

func (a *AccessKeys) enable(r *Request, enabled bool, said string) (Reply, error) {
	k, err := a.own(r)
	if err != nil {
		return Reply{}, err
	}
	path := accessKeyPath(k.ID)
	return ownerDone(r, a.Store.SetAccessKeyEnabled(r.Context(), r.Actor(), r.Account.ID, k.ID, enabled, r.Now), path, path, k.Name+said)
}

// RevokeForm asks before an access key ends for good.
func (a *AccessKeys) RevokeForm(r *Request) (Reply, error) {
	k, err := a.own(r)
	if err != nil {
		return Reply{}, err
	}
	path := accessKeyPath(k.ID)
	q := ui.Confirm{Title: "Revoke " + k.Name + "?", Text: "From the next call on everything that it signs is refused, and its secret is forgotten. It cannot be undone. Disable it instead if you want to see first who still uses it.",
		Action: path + "/revoke", Button: "Revoke access key", Danger: true, Cancel: path}
	return Page(owner.Confirm(r.layout("Revoke", accessKeysCrumb(), ui.Crumb{Label: k.Name, Href: path}, ui.Crumb{}), q)), nil
}

// Revoke ends an access key for good.
func (a *AccessKeys) Revoke(r *Request) (Reply, error) {
	k, err := a.own(r)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, a.Store.RevokeAccessKey(r.Context(), r.Actor(), r.Account.ID, k.ID, r.Now), accessKeyPath(k.ID), accessKeysPath, k.Name+" is revoked.")
}
