package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/ui"
)

// seeAsFor is how long one sees the portal as somebody else at most.
const seeAsFor = 30 * time.Minute

// endSeeAs is the one form that works meanwhile, beside signing out.
const endSeeAs = "/see-as/end"

// SeeAsStore is what seeing the portal as somebody else needs of the store.
type SeeAsStore interface {
	BeginSeeAs(ctx context.Context, actor models.Actor, account models.AccountID, until, now time.Time) error
	EndSeeAs(ctx context.Context, actor models.Actor, account models.AccountID, now time.Time) error
}

// SeeAs lets an owner see the portal as one of his customers does, and an administrator as anybody does. The session stays theirs, and nothing can be changed.
type SeeAs struct{ Store SeeAsStore }

// Begin begins it.
func (s *SeeAs) Begin(r *Request) (Reply, error) {
	id, err := param[models.Account](r, "account")
	if err != nil {
		return Reply{}, err
	}
	until, actor := r.Now.Add(seeAsFor), r.Actor()
	if r.hat() == ownerHat {
		actor.Role = models.RoleOwner // the pages of an owner know his customers alone, whoever he is besides
	}
	err = s.Store.BeginSeeAs(r.Context(), actor, id, until, r.Now)
	if f := NewForm(); f.Accept(err) {
		return r.Sorry(strings.TrimSuffix(r.URL.Path, "/see-as"), models.Sentence(err)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	r.Session.SeeAs(id, until)
	return See("/home"), nil
}

// End is the way out.
func (s *SeeAs) End(r *Request) (Reply, error) {
	as, _, ok := r.Session.SeeingAs()
	if !ok {
		return See("/home"), nil
	}
	seer := r.Account
	if r.seer.ID != 0 {
		seer = r.seer
	}
	actor := r.Actor()
	actor.AccountID, actor.Role, actor.Label = seer.ID, seer.Role, seer.Email
	if err := s.Store.EndSeeAs(r.Context(), actor, as, r.Now); err != nil {
		return Reply{}, err
	}
	r.Session.SeeNoMore()
	if seer.Role == models.RoleAdmin {
		return r.Done("/admin/accounts/"+as.String(), "You are yourself again."), nil
	}
	return r.Done(customerPath(models.CustomerRef{AccountID: as}), "You are yourself again."), nil
}

// seeAs makes the request one of the developer whom the reader sees the portal as. It refuses whatever could change something, whichever page it belongs to, and what is
// nobody else's to see. After its time the reader is who they are.
func (s *Site) seeAs(r *Request) (Reply, error) {
	as, until, ok := r.Session.SeeingAs()
	if !ok || r.Account.ID == 0 {
		return Reply{}, nil
	}
	account, err := s.Accounts.MaySeeAs(r.Context(), r.Account, as)
	refused := models.KindOf(err) == models.KindDenied || models.KindOf(err) == models.KindNotFound
	if err != nil && !refused {
		return Reply{}, err
	}
	if refused || !r.Now.Before(until) {
		r.Session.SeeNoMore()
		actor := r.Actor()
		s.note(r, "note the end of seeing as", func(ctx context.Context) error { return s.Accounts.EndSeeAs(ctx, actor, as, r.Now) })
		return Reply{}, nil
	}
	r.seer, r.seesUntil, r.Account = r.Account, until, account
	r.Account.Role = models.RoleDeveloper // the pages of other roles are not part of it
	r.setZone(account.Location())
	ctx, cancel := context.WithDeadline(r.Context(), until.Add(time.Since(r.Now))) // a live page ends then, too
	r.Request, r.done = r.WithContext(ctx), cancel
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.route != endSeeAs && r.route != "/signout":
		return Reply{}, models.Denied("You see the portal as " + account.Email + " does, and can change nothing meanwhile. Leave with the button at the top of the page first.")
	case r.route == "/me" || strings.HasPrefix(r.route, "/me/") || r.route == "/confirm":
		return Reply{}, models.Denied("Profile, password and sessions are shown to nobody but " + account.Email + ".")
	}
	return Reply{}, nil
}

// seeAsNotice stands on every page meanwhile.
func (r *Request) seeAsNotice() []ui.Notice {
	if r.seer.ID == 0 {
		return nil
	}
	return []ui.Notice{{Kind: ui.Warn, Title: "You see the portal as " + r.Account.Email + " does.", Text: "Nothing can be changed. It ends at " + r.Local(r.seesUntil).Format("15:04") + ".", Post: endSeeAs, Button: "Leave"}}
}
