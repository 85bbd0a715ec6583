package store

import (
	"context"
	"strings"
	"time"

	"gatehouse/models"
)

// This file has how people prove that an address is theirs, and ask for a new password themselves.

// prove notes that somebody reads the account's mail.
func (t *tx) prove(a *models.Account) error {
	a.VerifiedAt = t.now
	return t.setAccount(a.ID, "verified_at", millis(t.now))
}

// AskVerify mails a link that proves an address of the actor's: the account's own, or another one that becomes it; field "email".
func (s *Store) AskVerify(ctx context.Context, actor models.Actor, email string, now time.Time) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		_, _, err := t.makeLink(models.NewLink{Kind: models.LinkVerify, AccountID: actor.AccountID, Email: email, Mail: true})
		return err
	})
}

// ConfirmEmail uses a link that proves an address. Where the account had another one, that one is told, and reset links that went there end.
func (s *Store) ConfirmEmail(ctx context.Context, token string, actor models.Actor, now time.Time) (models.Account, error) {
	return s.useLink(ctx, token, models.LinkVerify, actor, now, func(t *tx, l linkRow) (models.Account, error) {
		row, err := accountByID(t.DB, models.AccountID(l.AccountID.Int64))
		if err != nil {
			return models.Account{}, err
		}
		a := row.account()
		if a.Disabled() {
			return models.Account{}, errLink
		}
		t.actAs(a)
		if strings.EqualFold(a.Email, l.Email) {
			return a, firstError(t.prove(&a), t.event("account.verify", accountObject(a), nil, facts{"email": a.Email}))
		}
		before := a.Email
		err = t.setAccount(a.ID, "email", l.Email)
		if isDuplicate(err) {
			return models.Account{}, errEmailTaken()
		}
		if err != nil {
			return models.Account{}, err
		}
		a.Email = l.Email
		return a, firstError(t.prove(&a), t.run("end reset links", `DELETE FROM links WHERE account_id = ? AND kind = 'reset' AND used_at IS NULL`, a.ID),
			t.event("account.email", accountObject(a), facts{"email": before}, facts{"email": a.Email}),
			t.notify(models.Notice{Kind: models.NoticeMoved, Account: a.ID, Email: before, Data: models.NoticeData{Email: a.Email, Href: "/forgot"}}))
	})
}

// AskReset mails a link for a new password to the account of an address. An address that nobody has costs as much: it must not be found out by the clock.
func (s *Store) AskReset(ctx context.Context, email string, actor models.Actor, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		row, err := takeAccount(t.DB, "lower(email) = lower(?)", strings.TrimSpace(email))
		if models.KindOf(err) == models.KindNotFound || err == nil && row.DisabledAt.Valid {
			return t.run("note that somebody asked", `INSERT INTO progress (name, at) VALUES ('forgot', ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at`, millis(t.now))
		}
		if err != nil {
			return err
		}
		_, _, err = t.makeLink(models.NewLink{Kind: models.LinkReset, AccountID: models.AccountID(row.ID), Mail: true})
		return err
	})
}
