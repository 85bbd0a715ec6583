package handlers

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/templates/developer"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// Rename gives a key another name.
func (k *Keys) Rename(r *Request) (Reply, error) {
	return k.change(r, func(key models.KeyDetail, f *Form) (string, error) {
		return "Renamed.", k.Store.RenameKey(r.Context(), r.Actor(), key.ID, f.Get("name"), r.Now)
	})
}

// Expiry sets the day on which a key stops, or none.
func (k *Keys) Expiry(r *Request) (Reply, error) {
	return k.change(r, func(key models.KeyDetail, f *Form) (string, error) {
		expires := day(f, "expires")
		if !f.OK() {
			return "", nil
		}
		message := "The key works until you revoke it."
		if !expires.IsZero() {
			message = "The key stops working on " + format.Date(expires) + ", 00:00 UTC."
		}
		return message, k.Store.SetKeyExpiry(r.Context(), r.Actor(), key.ID, expires, r.Now)
	})
}

// change sends a small form of the key's page; what was refused is shown there again.
func (k *Keys) change(r *Request, do func(key models.KeyDetail, f *Form) (message string, err error)) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	message, err := do(key, f)
	if err != nil && !f.Accept(err) {
		return Reply{}, err
	}
	if f.OK() {
		return r.Done(keyPath(key.ID), message), nil
	}
	page, err := k.page(r, key, secret.Value{}, f)
	if err != nil {
		return Reply{}, err
	}
	return Again(developer.Key(page.frame, page.view)), nil
}

// overlaps are the times that an old value may work on, as a form names them.
var overlaps = [...]struct {
	name    string
	overlap models.Overlap
	label   string
	hint    string
}{
	{"0", models.OverlapNone, "Now", "For a leaked key. Calls with it fail from this second on."},
	{"1h", models.OverlapHour, "In 1 hour", "When you can deploy at once."},
	{"24h", models.OverlapDay, "In 24 hours", "Right for most rotations."},
	{"7d", models.OverlapWeek, "In 7 days", "When others have to change their programs too."},
}

// RotateForm asks when the old value stops.
func (k *Keys) RotateForm(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	f := NewForm()
	for _, o := range overlaps {
		if o.overlap == models.DefaultOverlap {
			f.Set("overlap", o.name)
		}
	}
	return k.rotateForm(r, key, f, Page)
}

func (k *Keys) rotateForm(r *Request, key models.KeyDetail, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	traffic, err := trafficWords(r.Context(), k.Store, []models.KeyID{key.ID}, "this key", r.Now)
	if err != nil {
		return Reply{}, err
	}
	v := developer.RotateView{Key: key.Name, Href: keyPath(key.ID), Overlap: f.Get("overlap"), Unused: f.Get("unused") != "", Traffic: traffic, Problem: f.Message()}
	if v.Problem == "" {
		v.Problem = f.Error("overlap")
	}
	for _, o := range overlaps {
		v.Options = append(v.Options, ui.Option{Value: o.name, Label: o.label, Hint: o.hint})
	}
	return reply(developer.Rotate(keyFrame(r, key, "Rotate"), v)), nil
}

// keyFrame is the frame of a page about a key.
func keyFrame(r *Request, key models.KeyDetail, title string) ui.Page {
	return r.layout(title+" "+key.Name, ui.Crumb{Label: "Apps", Href: "/apps"}, ui.Crumb{Label: key.AppName, Href: appPath(key.AppID)},
		ui.Crumb{Label: key.Name, Href: keyPath(key.ID)}, ui.Crumb{Label: title})
}

// Rotate gives a key a new value and shows it once, on its page.
func (k *Keys) Rotate(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	overlap, known := models.Overlap(0), false
	for _, o := range overlaps {
		if o.name == f.Get("overlap") {
			overlap, known = o.overlap, true
		}
	}
	if !known {
		f.Fail("overlap", "Choose when the old value stops.")
		return k.rotateForm(r, key, f, Again)
	}
	_, value, err := k.Store.RotateKey(r.Context(), r.Actor(), key.ID, models.Rotation{Overlap: overlap, UntilUnused: f.Get("unused") != ""}, r.Now)
	if err != nil {
		if f.Accept(err) {
			return k.rotateForm(r, key, f, Again)
		}
		return Reply{}, err
	}
	if err := r.Session.PutSecret(key.ID, value); err != nil {
		return Reply{}, err
	}
	return See(keyPath(key.ID) + "?new=1"), nil
}

// StopOld ends the overlap of a rotation.
func (k *Keys) StopOld(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	if err := k.Store.StopOldValue(r.Context(), r.Actor(), key.ID, r.Now); err != nil {
		return Reply{}, err
	}
	return r.Done(keyPath(key.ID), "The old value has stopped. Only the new one works now."), nil
}

// RevokeForm asks before a key is gone for good.
func (k *Keys) RevokeForm(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	traffic, err := trafficWords(r.Context(), k.Store, []models.KeyID{key.ID}, "this key", r.Now)
	if err != nil {
		return Reply{}, err
	}
	v := developer.RevokeView{Key: key.Name, Href: keyPath(key.ID), Traffic: traffic, Stops: stopWords(key, r.Now)}
	return Page(developer.Revoke(keyFrame(r, key, "Revoke"), v)), nil
}

// stopWords names what stops with a key.
func stopWords(key models.KeyDetail, now time.Time) (out []string) {
	for _, c := range key.Calls {
		out = append(out, "Calls of "+c.APIName+" · "+c.StageName+" with "+strings.TrimSpace(key.Hint))
	}
	if key.Status(now) == models.KeyRotating {
		out = append(out, "The value from before the rotation, too")
	}
	return out
}

// Revoke ends a key.
func (k *Keys) Revoke(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	if err := k.Store.RevokeKey(r.Context(), r.Actor(), key.ID, r.Now); err != nil {
		return Reply{}, err
	}
	return r.Done(appPath(key.AppID), key.Name+" is revoked. The gateway refuses it from now on."), nil
}
