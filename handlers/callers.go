package handlers

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/templates/callers"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// oldValuesStore reads who still presents values of a key that were replaced.
type oldValuesStore interface {
	OldValues(ctx context.Context, account models.AccountID, id models.KeyID, now time.Time) ([]models.OldValue, error)
}

// oldValues prepares what the page of a key at href tells of its old values.
func oldValues(r *Request, store oldValuesStore, key models.KeyDetail, href string) (callers.View, error) {
	v := callers.View{Now: r.Now, Key: key.Name, Href: href}
	if key.RotatedAt.IsZero() {
		return v, nil
	}
	values, err := store.OldValues(r.Context(), r.Account.ID, key.ID, r.Now)
	if err != nil {
		return v, err
	}
	revoked := !key.RevokedAt.IsZero()
	for _, value := range values {
		stops := value.Stops()
		if revoked && key.RevokedAt.Before(stops) {
			stops = key.RevokedAt
		}
		out := callers.Value{Hint: value.Hint, Replaced: r.Local(value.Replaced), Works: r.Now.Before(stops), Stops: r.Local(stops), Latest: r.Local(value.StopsAt),
			Unused: !value.UnusedSince.IsZero() && stops.Before(value.StopsAt), Words: callerWords(value, stops, r.Now)}
		for _, c := range value.Callers {
			out.Callers = append(out.Callers, callerLine(c, stops))
		}
		if value.Others.Requests > 0 {
			out.Callers = append(out.Callers, callerLine(value.Others, stops))
		}
		v.Values = append(v.Values, out)
	}
	return v, nil
}

func callerLine(c models.Caller, stops time.Time) callers.Caller {
	return callers.Caller{Address: c.Address, Agent: c.UserAgent, First: c.First, Last: c.Last, Requests: format.Count(c.Requests), Refused: !c.Last.Before(stops)}
}

// callerWords say in a sentence whether anybody has to change his program still.
func callerWords(v models.OldValue, stops, now time.Time) string {
	works := now.Before(stops)
	still := func(c models.Caller) bool { return c.Requests > 0 && (works || !c.Last.Before(stops)) }
	var n int64
	for _, c := range v.Callers {
		if still(c) {
			n++
		}
	}
	who := ""
	if still(v.Others) { // one, or more that are not told apart
		who, n = "At least ", n+1
	}
	switch {
	case n == 0 && works:
		return "Nobody has used it since it was replaced " + format.Ago(v.Replaced, now) + "."
	case n == 0:
		return "Nobody has sent it since it stopped."
	}
	does := map[bool][2]string{true: {"uses the old value", "use the old value"}, false: {"sends the old value and gets 403", "send the old value and get 403"}}[works]
	return who + format.Plural(n, "caller") + " still " + does[min(n-1, 1)] + ", last " + format.Ago(latest(v), now) + "."
}

// latest is when anybody presented the value last.
func latest(v models.OldValue) time.Time {
	at := v.Others.Last
	for _, c := range v.Callers {
		if c.Last.After(at) {
			at = c.Last
		}
	}
	return at
}

// Callers shows who still presents old values of a developer's key.
func (k *Keys) Callers(r *Request) (Reply, error) {
	key, err := k.own(r)
	if err != nil {
		return Reply{}, err
	}
	v, err := oldValues(r, k.Store, key, keyPath(key.ID))
	if err != nil {
		return Reply{}, err
	}
	page := keyFrame(r, key, "Old values of")
	page.Breadcrumbs[len(page.Breadcrumbs)-1].Label = "Old values"
	return Page(callers.Page(page, v)), nil
}

// Callers shows who still presents old values of a key that the reader made for a customer.
func (o *OwnerKeys) Callers(r *Request) (Reply, error) {
	key, err := o.own(r)
	if err != nil {
		return Reply{}, err
	}
	v, err := oldValues(r, o.Store, key, ownerKeyPath(key.ID))
	if err != nil {
		return Reply{}, err
	}
	return Page(callers.Page(r.layout("Old values of "+key.Name, keysCrumb(), ui.Crumb{Label: key.Name, Href: ownerKeyPath(key.ID)}, ui.Crumb{Label: "Old values"}), v)), nil
}
