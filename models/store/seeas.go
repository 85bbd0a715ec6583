package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// MaySeeAs returns the account that somebody may see the portal as: an administrator any other; an owner a customer of his who has nothing to do with other owners' plans, for
// nothing of theirs shall be seen. Denied says why not; an account that is no customer is not found.
func (s *Store) MaySeeAs(ctx context.Context, seer models.Account, id models.AccountID) (models.Account, error) {
	return maySeeAs(s.read.WithContext(ctx), seer.ID, seer.Role, id)
}

func maySeeAs(db *gorm.DB, seer models.AccountID, role models.Role, id models.AccountID) (models.Account, error) {
	row, err := accountByID(db, id)
	if err != nil {
		return models.Account{}, err
	}
	account := row.account()
	switch {
	case id == seer:
		return account, models.Denied("This is your own account.")
	case role == models.RoleAdmin:
		return account, nil
	case role != models.RoleOwner:
		return account, models.NotFound("customer")
	}
	if err := isCustomer(db, seer, models.CustomerRef{AccountID: id}); err != nil {
		return account, err
	}
	others, err := selectOne[bool](db, "others' plans", `SELECT EXISTS (SELECT 1 FROM apps a CROSS JOIN subscriptions s ON s.app_id = a.id CROSS JOIN plans p ON p.id = s.plan_id WHERE a.account_id = ? AND p.owner_id <> ?)
		OR EXISTS (SELECT 1 FROM plan_invitations i CROSS JOIN plans p ON p.id = i.plan_id WHERE i.email = lower(?) AND p.owner_id <> ?)`, id, seer, account.Email, seer)
	if err == nil && others {
		err = models.Denied("This developer also has to do with other owners' plans, which are not yours to see. An administrator can see the portal as they do.")
	}
	return account, err
}

// BeginSeeAs notes that the actor begins to see the portal as an account does, as MaySeeAs allows.
func (s *Store) BeginSeeAs(ctx context.Context, actor models.Actor, id models.AccountID, until, now time.Time) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		account, err := maySeeAs(t.DB, actor.AccountID, actor.Role, id)
		if err != nil {
			return err
		}
		return t.event("account.see_as", seenObject(actor, account), nil, facts{"until": until})
	})
}

// EndSeeAs notes that the actor sees the portal as themselves again.
func (s *Store) EndSeeAs(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		row, err := accountByID(t.DB, id)
		if err != nil {
			return err
		}
		return t.event("account.see_as_end", seenObject(actor, row.account()), nil, nil)
	})
}

// seenObject is an account in an event on the page of who saw the portal as it does.
func seenObject(actor models.Actor, a models.Account) object {
	o := accountObject(a)
	o.owner = actor.AccountID
	return o
}
