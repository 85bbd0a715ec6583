package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type appRow struct {
	ID        models.AppID
	AccountID models.AccountID
	Name      string
	CreatedAt int64
	Keys      int
}

// appQuery reads apps with the number of their keys that are not revoked.
const appQuery = `SELECT a.id, a.account_id, a.name, a.created_at,
		(SELECT count(*) FROM keys k WHERE k.app_id = a.id AND k.revoked_at IS NULL) AS keys
	FROM apps a `

func (r appRow) at() cursor { return cursor{sort: r.CreatedAt, id: int64(r.ID)} }

func (r appRow) app() models.App {
	return models.App{ID: r.ID, AccountID: r.AccountID, Name: r.Name, CreatedAt: timeOf(r.CreatedAt)}
}

func (r appRow) row() models.AppRow { return models.AppRow{App: r.app(), Keys: r.Keys} }

// appOf reads an app of a developer; nobody else's is found (R9).
func appOf(db *gorm.DB, account models.AccountID, id models.AppID) (models.App, error) {
	row, err := selectOne[appRow](db, "app", appQuery+`WHERE a.id = ? AND a.account_id = ?`, id, account)
	return row.app(), err
}

func appObject(a models.App) object {
	return object{kind: "app", id: a.ID.String(), name: a.Name}
}

// CreateApp makes an app without keys; field "name".
func (s *Store) CreateApp(ctx context.Context, actor models.Actor, name string, now time.Time) (a models.App, err error) {
	if name, err = models.CleanName("name", name); err != nil {
		return a, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		a, err = t.newApp(name)
		return err
	})
	return a, err
}

func (t *tx) newApp(name string) (models.App, error) {
	a := models.App{ID: newID[models.App](), AccountID: t.actor.AccountID, Name: name, CreatedAt: t.now}
	err := t.run("make app", `INSERT INTO apps (id, account_id, name, created_at) VALUES (?, ?, ?, ?)`, a.ID, a.AccountID, a.Name, millis(t.now))
	if err != nil {
		return a, err
	}
	return a, t.event("app.create", appObject(a), nil, facts{"name": a.Name})
}

// RenameApp changes an app's name; field "name".
func (s *Store) RenameApp(ctx context.Context, actor models.Actor, id models.AppID, name string, now time.Time) error {
	name, err := models.CleanName("name", name)
	if err != nil {
		return err
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		a, err := appOf(t.DB, actor.AccountID, id)
		if err != nil || a.Name == name {
			return err
		}
		if err := t.run("rename app", `UPDATE apps SET name = ? WHERE id = ?`, name, id); err != nil {
			return err
		}
		return t.event("app.rename", appObject(a), facts{"name": a.Name}, facts{"name": name})
	})
}

// Apps lists a developer's apps, newest first. Search is a prefix of the name.
func (s *Store) Apps(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.AppRow], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.AppRow]{}, err
	}
	where, args := "", []any{account, from.sort, from.id}
	if p.Search != "" {
		low, high := prefixRange(p.Search)
		where, args = `AND a.name COLLATE NOCASE >= ? AND a.name COLLATE NOCASE < ? `, append(args, low, high)
	}
	db := s.read.WithContext(ctx)
	rows, err := selectAll[appRow](db, "apps", appQuery+`WHERE a.account_id = ? AND (a.created_at, a.id) < (?, ?) `+where+`
		ORDER BY a.created_at DESC, a.id DESC LIMIT ?`, append(args, limitOf(p)+1)...)
	if err != nil {
		return models.List[models.AppRow]{}, err
	}
	list := cut(rows, p, appRow.at, appRow.row)
	return list, addSubscriptions(db, list.Items)
}

// App reads an app of a developer.
func (s *Store) App(ctx context.Context, account models.AccountID, id models.AppID) (models.AppRow, error) {
	db := s.read.WithContext(ctx)
	row, err := selectOne[appRow](db, "app", appQuery+`WHERE a.id = ? AND a.account_id = ?`, id, account)
	if err != nil {
		return models.AppRow{}, err
	}
	rows := []models.AppRow{row.row()}
	err = addSubscriptions(db, rows)
	return rows[0], err
}

// AppKeys reads an app's keys with all that their pages show, revoked ones too, newest first.
func (s *Store) AppKeys(ctx context.Context, account models.AccountID, id models.AppID) ([]models.KeyDetail, error) {
	db := s.read.WithContext(ctx)
	if _, err := appOf(db, account, id); err != nil {
		return nil, err
	}
	rows, err := selectAll[keyRow](db, "keys of app", keyQuery+`WHERE k.app_id = ? ORDER BY k.created_at DESC, k.id DESC LIMIT ?`, id, appKeysListed)
	if err != nil {
		return nil, err
	}
	return keyDetails(db, anyOwner, rows)
}

// KeysOfApp reads the ids of the keys that AppKeys lists.
func (s *Store) KeysOfApp(ctx context.Context, account models.AccountID, id models.AppID) ([]models.KeyID, error) {
	return selectAll[models.KeyID](s.read.WithContext(ctx), "keys of app", `SELECT k.id FROM apps a CROSS JOIN keys k ON k.app_id = a.id
		WHERE a.id = ? AND a.account_id = ? ORDER BY k.created_at DESC, k.id DESC LIMIT ?`, id, account, appKeysListed)
}

// appKeysListed bounds an app's page: 20 live keys and its latest revoked ones.
const appKeysListed = 100
