package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type accountRow struct {
	ID           int64
	Email        string
	Name         string
	PasswordHash string
	Role         string
	CreatedAt    int64
	LastSeenAt   sql.NullInt64
	DisabledAt   sql.NullInt64
	VerifiedAt   sql.NullInt64
	DeletedAt    sql.NullInt64
	Rate         sql.NullFloat64
	Burst        sql.NullInt64
	Zone         string
	Theme        string
	NoKeys       bool
}

// TableName implements gorm's Tabler.
func (accountRow) TableName() string { return "accounts" }

func (r accountRow) account() models.Account {
	role, _ := models.ParseRole(r.Role) // the column's check allows no other
	return models.Account{
		ID: models.AccountID(r.ID), Email: r.Email, Name: r.Name, Role: role,
		CreatedAt: timeOf(r.CreatedAt), LastSeenAt: nullTime(r.LastSeenAt), DisabledAt: nullTime(r.DisabledAt),
		VerifiedAt: nullTime(r.VerifiedAt), ErasedAt: nullTime(r.DeletedAt), Throttle: throttleOf(r.Rate, r.Burst), Preferences: models.Preferences{Zone: r.Zone, Theme: models.Theme(r.Theme), NoKeys: r.NoKeys},
	}
}

func accountObject(a models.Account) object {
	return object{kind: "account", id: a.ID.String(), name: a.Email, owner: a.ID}
}

// HasAccounts reports whether anybody can sign in yet.
func (s *Store) HasAccounts(ctx context.Context) (bool, error) {
	return hasAccounts(s.read.WithContext(ctx))
}

func hasAccounts(db *gorm.DB) (has bool, err error) {
	if err := db.Raw(`SELECT EXISTS (SELECT 1 FROM accounts WHERE id > 0)`).Scan(&has).Error; err != nil {
		return false, fmt.Errorf("look for accounts: %w", err)
	}
	return has, nil
}

// CreateAccount makes an account for somebody else; administrators only.
func (s *Store) CreateAccount(ctx context.Context, actor models.Actor, in models.NewAccount, now time.Time) (a models.Account, err error) {
	if err := mustBeAdmin(actor); err != nil {
		return a, err
	}
	err = s.change(ctx, actor, now, func(t *tx) error {
		if a, err = t.insertAccount(in); err != nil {
			return err
		}
		return t.event("account.create", accountObject(a), nil, accountFacts(a))
	})
	return a, err
}

// SignUp makes a developer's account for the stranger who asks for it. Nobody signs up before there is an administrator: that account
// is made by the setup link, which works while there is none. With verify a link goes out that proves the address.
func (s *Store) SignUp(ctx context.Context, in models.NewAccount, verify bool, actor models.Actor, now time.Time) (a models.Account, err error) {
	err = s.change(ctx, actor, now, func(t *tx) error {
		has, err := hasAccounts(t.DB)
		if err != nil {
			return err
		}
		settings, err := readSettings(t.DB)
		if err != nil {
			return err
		}
		if !has || settings.SignUp != models.SignUpOpen {
			return models.Denied("Sign-up is not open here. Ask an administrator for an invitation.")
		}
		in.Role = models.RoleDeveloper
		if a, err = t.insertAccount(in); err != nil {
			return err
		}
		t.actAs(a)
		if verify {
			if _, _, err := t.makeLink(models.NewLink{Kind: models.LinkVerify, AccountID: a.ID, Email: a.Email, Mail: true}); err != nil {
				return err
			}
		}
		return t.event("account.signup", accountObject(a), nil, accountFacts(a))
	})
	return a, err
}

// insertAccount checks and makes an account; fields "email", "name", "role".
func (t *tx) insertAccount(in models.NewAccount) (models.Account, error) {
	var p models.Problems
	email, emailErr := models.CleanEmail(in.Email)
	name, nameErr := models.CleanName("name", in.Name)
	_, roleErr := models.ParseRole(in.Role.String())
	p.Join(emailErr, nameErr, roleErr)
	if err := p.Err(); err != nil {
		return models.Account{}, err
	}
	if in.PasswordHash == "" {
		return models.Account{}, errors.New("make account: no password hash")
	}
	row := accountRow{
		ID: int64(newID[models.Account]()), Email: email, Name: name, PasswordHash: in.PasswordHash, Role: in.Role.String(),
		CreatedAt: millis(t.now),
	}
	err := gorm.G[accountRow](t.DB).Create(t.Statement.Context, &row)
	switch {
	case isDuplicate(err):
		return models.Account{}, errEmailTaken()
	case err != nil:
		return models.Account{}, fmt.Errorf("make account: %w", err)
	}
	return row.account(), t.defaultAlerts(row.account())
}

func errEmailTaken() error {
	return conflictAt("email", "There is an account with this e-mail address already.")
}

// accountFacts is what an event tells of an account.
func accountFacts(a models.Account) map[string]any {
	return map[string]any{"email": a.Email, "name": a.Name, "role": a.Role.String()}
}

// actAs makes the account the actor of what follows: who comes by a link or signs up has no account before.
func (t *tx) actAs(a models.Account) {
	t.actor.AccountID, t.actor.Role, t.actor.Label = a.ID, a.Role, a.Email
}

// checkActor refuses who was disabled, signed out or given a lower role after the request was let in, or whose access key was stopped: what was taken from
// an account holds for forms and calls that are under way, too.
func (t *tx) checkActor() error {
	if t.actor.AccountID == 0 {
		return nil
	}
	type standing struct {
		Role     string
		Enabled  bool
		SignedIn bool
		Signs    bool
	}
	now, err := selectOne[standing](t.DB, "account", `SELECT role, disabled_at IS NULL AS enabled,
			EXISTS (SELECT 1 FROM sessions s WHERE s.digest = ? AND s.account_id = a.id AND s.expires_at > ?) AS signed_in,
			EXISTS (SELECT 1 FROM access_keys k WHERE k.id = ? AND k.account_id = a.id AND k.enabled AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?)) AS signs
		FROM accounts a WHERE id = ?`, blob(t.actor.Session[:]), millis(t.now), t.actor.Credential, millis(t.now), t.actor.AccountID)
	if err != nil {
		return err
	}
	role, err := models.ParseRole(now.Role)
	switch {
	case err != nil:
		return err
	case t.actor.Credential != "" && (!now.Enabled || !now.Signs):
		return models.Denied("This access key has stopped working.")
	case !now.Enabled || t.actor.Session != [32]byte{} && !now.SignedIn:
		return models.Denied("You are signed out. Sign in and send the form again.")
	case role < t.actor.Role:
		return models.Denied("Your role has changed, and this is not part of it any more.")
	}
	return nil
}

// mustBeAdmin refuses what only administrators (and the command line) do. Pages hide it from others; this is the last word.
func mustBeAdmin(actor models.Actor) error {
	if actor.Role != models.RoleAdmin {
		return models.Denied("Only administrators can do this.")
	}
	return nil
}

// mustBeSelf answers as if the account were not there unless the actor is its person or an administrator (R9).
func mustBeSelf(actor models.Actor, id models.AccountID) error {
	if actor.Role == models.RoleAdmin || actor.AccountID == id && id != 0 {
		return nil
	}
	return models.NotFound("account")
}

// Account returns an account, also a disabled one.
func (s *Store) Account(ctx context.Context, id models.AccountID) (models.Account, error) {
	row, err := accountByID(s.read.WithContext(ctx), id)
	return row.account(), err
}

func accountByID(db *gorm.DB, id models.AccountID) (accountRow, error) {
	return takeAccount(db, "id = ?", int64(id))
}

func takeAccount(db *gorm.DB, where string, arg any) (accountRow, error) {
	row, err := gorm.G[accountRow](db).Where(where, arg).Take(db.Statement.Context)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return accountRow{}, models.NotFound("account")
	case err != nil:
		return accountRow{}, fmt.Errorf("read account: %w", err)
	}
	return row, nil
}

// AccountByEmail returns an account, also a disabled one, and its password's hash, for signing in.
func (s *Store) AccountByEmail(ctx context.Context, email string) (models.Account, string, error) {
	row, err := takeAccount(s.read.WithContext(ctx), "lower(email) = lower(?)", email)
	return row.account(), row.PasswordHash, err
}

// PasswordHash returns the hash of an account's password.
func (s *Store) PasswordHash(ctx context.Context, id models.AccountID) (string, error) {
	row, err := accountByID(s.read.WithContext(ctx), id)
	return row.PasswordHash, err
}

// MarkSeen notes that the account's person is here, at most every five minutes.
func (s *Store) MarkSeen(ctx context.Context, id models.AccountID, now time.Time) error {
	err := s.write.WithContext(ctx).Exec(`UPDATE accounts SET last_seen_at = ? WHERE id = ? AND (last_seen_at IS NULL OR last_seen_at <= ?)`,
		millis(now), int64(id), millis(now.Add(-models.SeenEvery))).Error
	if err != nil {
		return fmt.Errorf("mark account seen: %w", err)
	}
	return nil
}

type accountListRow struct {
	Row      accountRow `gorm:"embedded"` // an anonymous field would have to be exported
	Sessions int
	Apps     int
	APIs     int `gorm:"column:apis"`
}

func (r accountListRow) at() cursor { return cursor{sort: r.Row.CreatedAt, id: r.Row.ID} }

func (r accountListRow) row() models.AccountRow {
	return models.AccountRow{Account: r.Row.account(), Sessions: r.Sessions, Apps: r.Apps, APIs: r.APIs}
}

// Accounts lists all accounts, newest first, for administrators. Search is a prefix of the e-mail address or the name.
func (s *Store) Accounts(ctx context.Context, p models.Page) (models.List[models.AccountRow], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.AccountRow]{}, err
	}
	where, args := "", []any{from.sort, from.id}
	if p.Search != "" {
		low, high := prefixRange(p.Search)
		where = `AND id IN (
			SELECT id FROM accounts WHERE lower(email) >= lower(?) AND lower(email) < lower(?)
			UNION SELECT id FROM accounts WHERE name COLLATE NOCASE >= ? AND name COLLATE NOCASE < ?)`
		args = append(args, low, high, low, high)
	}
	var rows []accountListRow
	err = s.read.WithContext(ctx).Raw(`SELECT page.*,
			(SELECT count(*) FROM sessions WHERE account_id = page.id) AS sessions,
			(SELECT count(*) FROM apps WHERE account_id = page.id) AS apps,
			(SELECT count(*) FROM apis WHERE owner_id = page.id) AS apis
		FROM (SELECT * FROM accounts WHERE (created_at, id) < (?, ?) `+where+` ORDER BY created_at DESC, id DESC LIMIT ?) AS page
		ORDER BY created_at DESC, id DESC`, append(args, limitOf(p)+1)...).Find(&rows).Error
	if err != nil {
		return models.List[models.AccountRow]{}, fmt.Errorf("list accounts: %w", err)
	}
	return cut(rows, p, accountListRow.at, accountListRow.row), nil
}
