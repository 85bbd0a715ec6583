package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// SetRole changes what an account may do; administrators only. It refuses to leave no enabled administrator.
func (s *Store) SetRole(ctx context.Context, actor models.Actor, id models.AccountID, role models.Role, now time.Time) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	if _, err := models.ParseRole(role.String()); err != nil {
		return err
	}
	return s.changeAccount(ctx, actor, id, now, func(t *tx, a models.Account) error {
		if a.Role == role {
			return nil
		}
		if err := t.keepAdmin(a); err != nil {
			return err
		}
		if err := t.setAccount(id, "role", role.String()); err != nil {
			return err
		}
		return t.event("account.role", accountObject(a), map[string]any{"role": a.Role.String()}, map[string]any{"role": role.String()})
	})
}

// SetAccountDisabled takes sign-in from an account, or gives it back; administrators only. Disabling ends its sessions. Its keys go
// on working: they are the apps' matter. Its access keys, which act for it, stop.
func (s *Store) SetAccountDisabled(ctx context.Context, actor models.Actor, id models.AccountID, disabled bool, now time.Time) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	return s.changeAccount(ctx, actor, id, now, func(t *tx, a models.Account) error {
		if a.Disabled() == disabled {
			return nil
		}
		if !disabled {
			if err := t.setAccount(id, "disabled_at", nil); err != nil {
				return err
			}
			return t.event("account.enable", accountObject(a), nil, nil)
		}
		if err := t.keepAdmin(a); err != nil {
			return err
		}
		if err := t.setAccount(id, "disabled_at", millis(t.now)); err != nil {
			return err
		}
		if _, err := t.endSessions(id, [32]byte{}); err != nil {
			return err
		}
		return t.event("account.disable", accountObject(a), nil, nil)
	})
}

// SetAccountThrottle limits what all callers of everything that an account publishes may send together, from the next request on; administrators
// only. Nil takes the limit away; fields "rate" and "burst".
func (s *Store) SetAccountThrottle(ctx context.Context, actor models.Actor, id models.AccountID, throttle *limit.Throttle, now time.Time) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	if err := models.CheckAccountThrottle(throttle); err != nil {
		return err
	}
	return s.changeAccount(ctx, actor, id, now, func(t *tx, a models.Account) error {
		rate, burst := throttleColumns(throttle)
		if err := t.run("limit account", `UPDATE accounts SET rate = ?, burst = ? WHERE id = ?`, rate, burst, id); err != nil {
			return err
		}
		if err := t.changed(models.ChangeTopology); err != nil {
			return err
		}
		return t.event("account.throttle", accountObject(a), throttleFacts(a.Throttle), throttleFacts(throttle))
	})
}

// SetPasswordHash changes the password of the actor's account, or for administrators of any. All sessions end but the one whose digest
// is keep, and so do reset links that were not used.
func (s *Store) SetPasswordHash(ctx context.Context, actor models.Actor, id models.AccountID, hash string, keep [32]byte, now time.Time) error {
	if err := mustBeSelf(actor, id); err != nil {
		return err
	}
	return s.changeAccount(ctx, actor, id, now, func(t *tx, a models.Account) error { return t.setPassword(a, hash, keep) })
}

func (t *tx) setPassword(a models.Account, hash string, keep [32]byte) error {
	if hash == "" {
		return fmt.Errorf("set password of account %s: no hash", a.ID)
	}
	if err := t.setAccount(a.ID, "password_hash", hash); err != nil {
		return err
	}
	if _, err := t.endSessions(a.ID, keep); err != nil {
		return err
	}
	if err := t.Exec(`DELETE FROM links WHERE account_id = ? AND used_at IS NULL`, int64(a.ID)).Error; err != nil {
		return fmt.Errorf("end reset links: %w", err)
	}
	return t.event("account.password", accountObject(a), nil, nil)
}

// RenameAccount changes the name of the actor's account, or for administrators of any; field "name".
func (s *Store) RenameAccount(ctx context.Context, actor models.Actor, id models.AccountID, name string, now time.Time) error {
	if err := mustBeSelf(actor, id); err != nil {
		return err
	}
	name, err := models.CleanName("name", name)
	if err != nil {
		return err
	}
	return s.changeAccount(ctx, actor, id, now, func(t *tx, a models.Account) error {
		if a.Name == name {
			return nil
		}
		if err := t.setAccount(id, "name", name); err != nil {
			return err
		}
		return t.event("account.rename", accountObject(a), map[string]any{"name": a.Name}, map[string]any{"name": name})
	})
}

// SavePreferences changes how a person likes the portal: only they themselves. It is nobody else's matter, so that the audit log does not tell of it. Fields "zone" and "theme".
func (s *Store) SavePreferences(ctx context.Context, actor models.Actor, p models.Preferences, now time.Time) error {
	p, err := p.Clean()
	if err != nil {
		return err
	}
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		return t.run("save preferences", `UPDATE accounts SET zone = ?, theme = ?, no_keys = ? WHERE id = ?`, p.Zone, string(p.Theme), p.NoKeys, actor.AccountID)
	})
}

// errErased says that a deleted account cannot come back.
var errErased = models.Conflict("This account was deleted, which cannot be undone. Invite the person to make a new one.")

// changeAccount runs a use case on an account that exists. A deleted one stays as it is.
func (s *Store) changeAccount(ctx context.Context, actor models.Actor, id models.AccountID, now time.Time,
	fn func(*tx, models.Account) error) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		row, err := accountByID(t.DB, id)
		if err != nil {
			return err
		}
		if row.DeletedAt.Valid {
			return errErased
		}
		t.signing = true
		return fn(t, row.account())
	})
}

// setAccount writes one column, named by the caller and not by a person.
func (t *tx) setAccount(id models.AccountID, column string, value any) error {
	if err := t.Table("accounts").Where("id = ?", int64(id)).Update(column, value).Error; err != nil {
		return fmt.Errorf("change account %s: %w", id, err)
	}
	return nil
}

// keepAdmin refuses to take away the last enabled administrator.
func (t *tx) keepAdmin(a models.Account) error {
	if a.Role != models.RoleAdmin || a.Disabled() {
		return nil
	}
	var others bool
	err := t.Raw(`SELECT EXISTS (SELECT 1 FROM accounts WHERE role = 'admin' AND disabled_at IS NULL AND id <> ?)`, int64(a.ID)).Find(&others).Error
	if err != nil {
		return fmt.Errorf("look for another administrator: %w", err)
	}
	if !others {
		return models.Conflict("This is the last administrator. Make somebody else one first.")
	}
	return nil
}
