package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// How long one-time links work, and how long lists remember the ones that do not any more.
const (
	setupValid  = time.Hour
	resetValid  = 30 * time.Minute
	inviteValid = 7 * 24 * time.Hour
	verifyValid = 24 * time.Hour
	linksKept   = 30 * 24 * time.Hour
)

type linkRow struct {
	ID        int64
	Digest    []byte
	Kind      string
	AccountID sql.NullInt64
	Email     string
	Role      string
	CreatedBy string
	CreatedAt int64
	ExpiresAt int64
	UsedAt    sql.NullInt64
	Mailed    bool
}

// TableName implements gorm's Tabler.
func (linkRow) TableName() string { return "links" }

func (r linkRow) at() cursor { return cursor{sort: r.CreatedAt, id: r.ID} }

func (r linkRow) link() models.Link {
	role, _ := models.ParseRole(r.Role) // a reset has none
	return models.Link{
		Kind: models.LinkKind(r.Kind), Email: r.Email, Role: role, AccountID: models.AccountID(r.AccountID.Int64),
		CreatedAt: timeOf(r.CreatedAt), ExpiresAt: timeOf(r.ExpiresAt), UsedAt: nullTime(r.UsedAt),
	}
}

func (r linkRow) object() object {
	return object{kind: "link", name: r.Kind + " " + r.Email, owner: models.AccountID(r.AccountID.Int64)}
}

var errLink = &models.Error{Kind: models.KindNotFound, Message: "This link does not work any more. Ask for a new one."}

// CreateLink makes a one-time link, whose token only its receiver learns; administrators only. It replaces the links of its kind that
// were made for the same person and not used. A setup link is refused once there is an account.
func (s *Store) CreateLink(ctx context.Context, actor models.Actor, in models.NewLink, now time.Time) (token string, link models.Link, err error) {
	if err := mustBeAdmin(actor); err != nil {
		return "", models.Link{}, err
	}
	err = s.change(ctx, actor, now, func(t *tx) error {
		token, link, err = t.makeLink(in)
		return err
	})
	if err != nil {
		return "", models.Link{}, err
	}
	return token, link, nil
}

// makeLink writes a link and queues its mail.
func (t *tx) makeLink(in models.NewLink) (token string, link models.Link, err error) {
	row, err := t.newLink(in)
	if err != nil {
		return "", link, err
	}
	token = secret.NewToken().Reveal()
	digest := t.keyring.TokenDigest(token)
	row.Digest, row.Mailed = digest[:], in.Mail
	if err := t.clearLinks(row); err != nil {
		return "", link, err
	}
	if err := gorm.G[linkRow](t.DB).Create(t.Statement.Context, &row); err != nil {
		return "", link, fmt.Errorf("make link: %w", err)
	}
	if in.Mail {
		if err := t.mailLink(row, token); err != nil {
			return "", link, err
		}
	}
	return token, row.link(), t.event("link.create", row.object(), nil, linkFacts(row))
}

// mailLink queues the mail with a link.
func (t *tx) mailLink(row linkRow, token string) error {
	n := models.Notice{Data: models.NoticeData{Link: "/" + row.Kind + "/" + token, Email: row.Email, Role: row.Role, At: timeOf(row.ExpiresAt)}, Account: models.AccountID(row.AccountID.Int64)}
	switch models.LinkKind(row.Kind) {
	case models.LinkReset:
		n.Kind = models.NoticeReset
	case models.LinkInvite:
		n.Kind, n.Email = models.NoticeInvite, row.Email
	case models.LinkVerify:
		n.Kind, n.Email = models.NoticeVerify, row.Email
	default:
		return fmt.Errorf("mail link: kind %q is none that is mailed", row.Kind)
	}
	return t.notify(n)
}

func linkFacts(r linkRow) map[string]any {
	return map[string]any{"kind": r.Kind, "email": r.Email, "role": r.Role}
}

// newLink checks what is asked for; fields "email", "role".
func (t *tx) newLink(in models.NewLink) (linkRow, error) {
	row := linkRow{ID: int64(newID[models.Link]()), Kind: string(in.Kind), CreatedBy: t.actor.Label, CreatedAt: millis(t.now)}
	switch in.Kind {
	case models.LinkSetup:
		has, err := hasAccounts(t.DB)
		if err == nil && has {
			err = models.Conflict("Gatehouse is set up already: sign in, or ask an administrator for an invitation.")
		}
		row.Role, row.ExpiresAt = models.RoleAdmin.String(), millis(t.now.Add(setupValid))
		return row, err
	case models.LinkReset:
		account, err := accountByID(t.DB, in.AccountID)
		if err == nil && account.DisabledAt.Valid {
			err = models.Conflict("This account is disabled. Enable it first.")
		}
		row.AccountID = sql.NullInt64{Int64: account.ID, Valid: true}
		row.Email, row.ExpiresAt = account.Email, millis(t.now.Add(resetValid))
		return row, err
	case models.LinkInvite:
		email, err := t.inviteEmail(in)
		row.Email, row.Role, row.ExpiresAt = email, in.Role.String(), millis(t.now.Add(inviteValid))
		return row, err
	case models.LinkVerify:
		account, err := accountByID(t.DB, in.AccountID)
		if err != nil {
			return row, err
		}
		if row.Email, err = models.CleanEmail(in.Email); err == nil && !strings.EqualFold(row.Email, account.Email) {
			row.Email, err = t.inviteEmail(models.NewLink{Email: row.Email, Role: models.RoleDeveloper})
		}
		row.AccountID = sql.NullInt64{Int64: account.ID, Valid: true}
		row.ExpiresAt = millis(t.now.Add(verifyValid))
		return row, err
	}
	return linkRow{}, fmt.Errorf("make link: unknown kind %q", in.Kind)
}

func (t *tx) inviteEmail(in models.NewLink) (string, error) {
	var p models.Problems
	email, emailErr := models.CleanEmail(in.Email)
	_, roleErr := models.ParseRole(in.Role.String())
	p.Join(emailErr, roleErr)
	if err := p.Err(); err != nil {
		return "", err
	}
	_, err := takeAccount(t.DB, "lower(email) = lower(?)", email)
	switch {
	case err == nil:
		return "", errEmailTaken()
	case models.KindOf(err) != models.KindNotFound:
		return "", err
	}
	return email, nil
}

// clearLinks ends the unused links that the new one replaces, and forgets old ones.
func (t *tx) clearLinks(by linkRow) error {
	replaced := t.Exec(`DELETE FROM links WHERE lower(email) = lower(?) AND kind = ? AND used_at IS NULL`, by.Email, by.Kind).Error
	if by.Kind == string(models.LinkVerify) { // also of another address that was entered before
		replaced = t.Exec(`DELETE FROM links WHERE account_id = ? AND kind = ? AND used_at IS NULL`, by.AccountID, by.Kind).Error
	}
	old := t.Exec(`DELETE FROM links WHERE created_at < ?`, millis(t.now.Add(-linksKept))).Error
	if err := firstError(replaced, old); err != nil {
		return fmt.Errorf("clear links: %w", err)
	}
	return nil
}

// Links lists invitations and resets of the last 30 days, newest first. Search is a prefix of the e-mail address.
func (s *Store) Links(ctx context.Context, p models.Page) (models.List[models.Link], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.Link]{}, err
	}
	q := gorm.G[linkRow](s.read).Where("(created_at, id) < (?, ?) AND kind IN ('reset', 'invite')", from.sort, from.id)
	if p.Search != "" {
		low, high := prefixRange(p.Search)
		q = q.Where("lower(email) >= lower(?) AND lower(email) < lower(?)", low, high)
	}
	rows, err := q.Order("created_at DESC, id DESC").Limit(limitOf(p) + 1).Find(ctx)
	if err != nil {
		return models.List[models.Link]{}, fmt.Errorf("list links: %w", err)
	}
	return cut(rows, p, linkRow.at, linkRow.link), nil
}

// LinkByToken returns the link if it still works. It does not use it: mail scanners open links, too.
func (s *Store) LinkByToken(ctx context.Context, token string, now time.Time) (models.Link, error) {
	row, err := s.openLink(s.read.WithContext(ctx), token, now)
	return row.link(), err
}

func (s *Store) openLink(db *gorm.DB, token string, now time.Time) (linkRow, error) {
	digest := s.keyring.TokenDigest(token)
	row, err := gorm.G[linkRow](db).Where("digest = ? AND used_at IS NULL AND expires_at > ?", blob(digest[:]), millis(now)).Take(db.Statement.Context)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return linkRow{}, errLink
	case err != nil:
		return linkRow{}, fmt.Errorf("read link: %w", err)
	}
	return row, nil
}

// CompleteSetup makes the first administrator.
func (s *Store) CompleteSetup(ctx context.Context, token string, in models.NewAccount, actor models.Actor, now time.Time) (models.Account, error) {
	return s.useLink(ctx, token, models.LinkSetup, actor, now, func(t *tx, l linkRow) (models.Account, error) {
		has, err := hasAccounts(t.DB)
		if err != nil {
			return models.Account{}, err
		}
		if has {
			return models.Account{}, errLink
		}
		in.Role = models.RoleAdmin
		return t.accountByLink(in, false, "account.setup")
	})
}

// AcceptInvite makes the invited account; its e-mail address and role are the link's.
func (s *Store) AcceptInvite(ctx context.Context, token string, in models.NewAccount, actor models.Actor, now time.Time) (models.Account, error) {
	return s.useLink(ctx, token, models.LinkInvite, actor, now, func(t *tx, l linkRow) (models.Account, error) {
		in.Email, in.Role = l.Email, l.link().Role
		return t.accountByLink(in, l.Mailed, "account.invite_accept")
	})
}

func (t *tx) accountByLink(in models.NewAccount, mailed bool, action string) (models.Account, error) {
	a, err := t.insertAccount(in)
	if err == nil && mailed {
		err = t.prove(&a)
	}
	if err != nil {
		return models.Account{}, err
	}
	t.actAs(a)
	return a, t.event(action, accountObject(a), nil, accountFacts(a))
}

// ResetPassword gives the link's account a new password and ends all its sessions.
func (s *Store) ResetPassword(ctx context.Context, token, hash string, actor models.Actor, now time.Time) (models.Account, error) {
	return s.useLink(ctx, token, models.LinkReset, actor, now, func(t *tx, l linkRow) (models.Account, error) {
		row, err := accountByID(t.DB, models.AccountID(l.AccountID.Int64))
		if err != nil {
			return models.Account{}, err
		}
		a := row.account()
		if a.Disabled() {
			return models.Account{}, errLink
		}
		t.actAs(a)
		if l.Mailed && strings.EqualFold(l.Email, a.Email) {
			err = t.prove(&a)
		}
		return a, firstError(err, t.setPassword(a, hash, [32]byte{}))
	})
}

// useLink runs what a link is for and marks it used, in one transaction: of two who come at once, one finds it used.
func (s *Store) useLink(ctx context.Context, token string, kind models.LinkKind, actor models.Actor, now time.Time,
	fn func(*tx, linkRow) (models.Account, error)) (a models.Account, err error) {
	err = s.change(ctx, actor, now, func(t *tx) error {
		link, err := s.openLink(t.DB, token, t.now)
		if err != nil {
			return err
		}
		if link.Kind != string(kind) {
			return errLink
		}
		if err := t.Exec(`UPDATE links SET used_at = ? WHERE id = ?`, millis(t.now), link.ID).Error; err != nil {
			return fmt.Errorf("use link: %w", err)
		}
		if a, err = fn(t, link); err != nil {
			return err
		}
		return t.event("link.use", link.object(), nil, linkFacts(link))
	})
	if err != nil {
		return models.Account{}, err
	}
	return a, nil
}
