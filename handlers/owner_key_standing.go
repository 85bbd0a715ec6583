package handlers

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
)

// standingStore is what showing and changing how a key stands with a plan's quota needs of the store.
type standingStore interface {
	QuotaStanding(ctx context.Context, key models.KeyID, plan models.PlanID, now time.Time) (models.QuotaStanding, error)
	GrantExtra(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, in models.Extension, now time.Time) error
	ReleaseDoubt(ctx context.Context, actor models.Actor, key models.KeyID, plan models.PlanID, now time.Time) (int64, error)
}

// standingView is how a key stands with a plan's quota, with the form that extends it; nil where there is no quota. Action is what the form's
// address begins with; "" for a key that cannot call any more. What f says belongs to the key and plan that its field "of" names.
func standingView(r *Request, store standingStore, key models.KeyID, plan models.PlanID, action string, f *Form) (*owner.Standing, error) {
	s, err := store.QuotaStanding(r.Context(), key, plan, r.Now)
	if err != nil || !s.Quota.IsSet() {
		return nil, err
	}
	limits := KeyLimits{Quota: s.Quota, Used: s.Used + s.Carried, Left: s.Remaining(), Window: s.Window}
	limits.Quota.Limit = max(0, s.Quota.Limit+s.Extra)
	v := &owner.Standing{
		Limit: format.Count(s.Quota.Limit), Used: format.Count(s.Used), Remaining: format.Count(s.Remaining()), Ends: s.Window.End,
		Extra: signed(s.Extra), Of: key.String() + "." + plan.String(), Form: rand.Text(), Window: strconv.FormatInt(s.Window.Start.Unix()/secondsPerDay, 10),
		Shown: strconv.FormatInt(s.Extra, 10), How: "add",
	}
	if action != "" {
		v.Meter, v.Extend, v.Release = quotaMeter(limits, r.Here()), action+"/extend", action+"/release"
	}
	if s.Carried != 0 {
		v.Carried = format.Count(s.Carried)
	}
	if s.Doubt > 0 {
		v.Doubt = format.Requests(s.Doubt)
	}
	if f != nil && f.Get("of") == v.Of {
		v.Open, v.How, v.N, v.Error = true, f.Get("how"), f.Get("n"), f.Error("n")
	}
	return v, nil
}

const secondsPerDay = 86400

// signed is a number that is added: "+500".
func signed(n int64) string {
	switch {
	case n > 0:
		return "+" + format.Count(n)
	case n < 0:
		return "\u2212" + format.Count(-n)
	}
	return "none"
}

// extend changes what a key may call in the present window. Settle is called first where the result depends on what is committed.
func extend(r *Request, store standingStore, settle func(context.Context) error, key models.KeyID, plan models.PlanID, f *Form) (string, error) {
	n, problem := parseWhole(f.Get("n"))
	if problem != "" {
		f.Fail("n", problem)
		return "", nil
	}
	in := models.Extension{Form: f.Get("form"), Add: f.Get("how") != "remain", N: n}
	var errWindow, errExtra error
	in.Window, errWindow = strconv.ParseInt(f.Get("window"), 10, 64)
	in.Extra, errExtra = strconv.ParseInt(f.Get("extra"), 10, 64)
	if errWindow != nil || errExtra != nil {
		return "", models.Conflict("This form is not complete. Reload the page and try again.")
	}
	message := format.Requests(n) + " more until the period ends. The key has them from its next request on."
	if !in.Add {
		message = format.Requests(n) + " remain until the period ends, from the key's next request on."
		if settle != nil {
			if err := settle(r.Context()); err != nil {
				return "", err
			}
		}
	}
	return message, store.GrantExtra(r.Context(), r.Actor(), key, plan, in, r.Now)
}

// release lets a key have what is in doubt.
func release(r *Request, store standingStore, key models.KeyID, plan models.PlanID) (string, error) {
	released, err := store.ReleaseDoubt(r.Context(), r.Actor(), key, plan, r.Now)
	return format.Requests(released) + " released: the key has them from its next request on.", err
}
