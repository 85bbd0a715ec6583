package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type changelogRow struct {
	ID        models.ChangelogID
	APIID     models.APIID `gorm:"column:api_id"`
	State     string
	Day       int64
	Title     string
	Body      string
	Breaking  bool
	CreatedAt int64
	UpdatedAt int64
}

const changelogQuery = `SELECT c.id, c.api_id, c.state, c.day, c.title, c.body, c.breaking, c.created_at, c.updated_at FROM changelog c `

func (r changelogRow) entry() models.ChangelogEntry {
	return models.ChangelogEntry{ID: r.ID, APIID: r.APIID, Proposed: r.State == "proposed", Day: time.Unix(r.Day*secondsPerDay, 0).UTC(), Title: r.Title, Body: r.Body, Breaking: r.Breaking,
		CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt)}
}

// changelogMost is how many entries are read at once: a page or a feed is of the newest.
const changelogMost = 100

// Changelog reads the newest 100 published entries of an API, the newest first. Who may see the API may see them.
func (s *Store) Changelog(ctx context.Context, api models.APIID) ([]models.ChangelogEntry, error) {
	return entriesOf(s.read.WithContext(ctx), api, "published")
}

// ChangelogProposals reads what was proposed to an API's owner, the newest first.
func (s *Store) ChangelogProposals(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.ChangelogEntry, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	return entriesOf(db, api, "proposed")
}

func entriesOf(db *gorm.DB, api models.APIID, state string) ([]models.ChangelogEntry, error) {
	rows, err := selectAll[changelogRow](db, "changelog", changelogQuery+`WHERE c.api_id = ? AND c.state = ? ORDER BY c.day DESC, c.created_at DESC, c.id DESC LIMIT ?`, api, state, changelogMost)
	entries := make([]models.ChangelogEntry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, err
}

// ChangelogEntry reads an entry of an owner's API.
func (s *Store) ChangelogEntry(ctx context.Context, owner models.AccountID, api models.APIID, id models.ChangelogID) (models.ChangelogEntry, error) {
	r, err := selectOne[changelogRow](s.read.WithContext(ctx), "changelog entry", changelogQuery+`JOIN apis a ON a.id = c.api_id WHERE c.id = ? AND c.api_id = ? AND a.owner_id = ?`, id, api, owner)
	return r.entry(), err
}

// SaveChangelogEntry writes an entry, a new one where its ID is zero; fields as ChangelogEntry.Clean. A proposal stays one unless e says otherwise.
func (s *Store) SaveChangelogEntry(ctx context.Context, actor models.Actor, e models.ChangelogEntry, now time.Time) (models.ChangelogEntry, error) {
	e, err := e.Clean()
	if err != nil {
		return e, err
	}
	err = s.changeAPI(ctx, actor, e.APIID, now, func(t *tx, a models.API) error {
		action := "changelog.update"
		if e.ID == 0 {
			action, e.ID, e.CreatedAt = "changelog.create", newID[models.ChangelogEntry](), t.now
		} else if _, err := selectOne[int](t.DB, "changelog entry", `SELECT 1 FROM changelog WHERE id = ? AND api_id = ?`, e.ID, a.ID); err != nil {
			return err
		}
		if err := t.putEntry(e); err != nil {
			return err
		}
		return t.event(action, object{kind: "changelog", id: e.ID.String(), name: e.Title, owner: a.OwnerID}, nil, facts{"title": e.Title, "published": !e.Proposed, "breaking": e.Breaking})
	})
	return e, err
}

func (t *tx) putEntry(e models.ChangelogEntry) error {
	state := "published"
	if e.Proposed {
		state = "proposed"
	}
	return t.run("write changelog entry", `INSERT INTO changelog (id, api_id, state, day, title, body, breaking, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, day = excluded.day, title = excluded.title, body = excluded.body, breaking = excluded.breaking, updated_at = excluded.updated_at`,
		e.ID, e.APIID, state, dayOf(e.Day), e.Title, e.Body, e.Breaking, millis(t.now), millis(t.now))
}

// propose writes an entry for an API's owner to publish, edit or forget. The text is ours, and fits.
func (t *tx) propose(api models.APIID, title, body string, breaking bool) error {
	e, err := models.ChangelogEntry{APIID: api, Proposed: true, Day: t.now, Title: title, Body: body, Breaking: breaking}.Clean()
	if err != nil {
		return err
	}
	e.ID = newID[models.ChangelogEntry]()
	return t.putEntry(e)
}

// DeleteChangelogEntry forgets an entry.
func (s *Store) DeleteChangelogEntry(ctx context.Context, actor models.Actor, api models.APIID, id models.ChangelogID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		e, err := selectOne[changelogRow](t.DB, "changelog entry", changelogQuery+`WHERE c.id = ? AND c.api_id = ?`, id, api)
		if err != nil {
			return err
		}
		if err := t.run("delete changelog entry", `DELETE FROM changelog WHERE id = ?`, id); err != nil {
			return err
		}
		return t.event("changelog.delete", object{kind: "changelog", id: id.String(), name: e.Title, owner: a.OwnerID}, facts{"title": e.Title}, nil)
	})
}
