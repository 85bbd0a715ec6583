package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type guideRow struct {
	ID        models.GuideID
	APIID     models.APIID `gorm:"column:api_id"`
	Slug      string
	Title     string
	Text      string
	Published bool
	Position  int
	Version   int
	CreatedAt int64
	EditedAt  int64
	EditedBy  string
}

// guideLine are guideRow's columns without the text.
const guideLine = `id, api_id, slug, title, published, position, version, created_at, edited_at, edited_by`

func (r guideRow) guide() models.Guide {
	return models.Guide{ID: r.ID, APIID: r.APIID, Slug: r.Slug, Title: r.Title, Text: r.Text, Published: r.Published, Position: r.Position, Version: r.Version,
		CreatedAt: timeOf(r.CreatedAt), EditedAt: timeOf(r.EditedAt), EditedBy: r.EditedBy}
}

func guides(rows []guideRow) []models.Guide {
	out := make([]models.Guide, len(rows))
	for i, r := range rows {
		out[i] = r.guide()
	}
	return out
}

// Guides lists the guides of an owner's API in their order, drafts too, without their texts.
func (s *Store) Guides(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Guide, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	return guidesOf(db, api)
}

func guidesOf(db *gorm.DB, api models.APIID) ([]models.Guide, error) {
	rows, err := selectAll[guideRow](db, "guides", `SELECT `+guideLine+` FROM guides WHERE api_id = ? ORDER BY position, id`, api)
	return guides(rows), err
}

// Guide reads a guide of an owner's API.
func (s *Store) Guide(ctx context.Context, owner models.AccountID, api models.APIID, id models.GuideID) (models.Guide, error) {
	return ownedGuide(s.read.WithContext(ctx), owner, api, id)
}

func ownedGuide(db *gorm.DB, owner models.AccountID, api models.APIID, id models.GuideID) (models.Guide, error) {
	row, err := selectOne[guideRow](db, "guide", `SELECT g.* FROM guides g JOIN apis a ON a.id = g.api_id WHERE g.id = ? AND g.api_id = ? AND a.owner_id = ?`, id, api, owner)
	return row.guide(), err
}

// PublishedGuides lists the published guides of an API in their order, without their texts. Who asks has seen that they may see the API.
func (s *Store) PublishedGuides(ctx context.Context, api models.APIID) ([]models.Guide, error) {
	rows, err := selectAll[guideRow](s.read.WithContext(ctx), "guides", `SELECT `+guideLine+` FROM guides WHERE api_id = ? AND published = 1 ORDER BY position, id`, api)
	return guides(rows), err
}

// PublishedGuide reads a published guide of an API. Who asks has seen that they may see the API.
func (s *Store) PublishedGuide(ctx context.Context, api models.APIID, slug string) (models.Guide, error) {
	row, err := selectOne[guideRow](s.read.WithContext(ctx), "guide", `SELECT * FROM guides WHERE api_id = ? AND slug = ? AND published = 1`, api, slug)
	return row.guide(), err
}

// CreateGuide makes a guide of an owner's API, the last in its order. Fields as Guide.Clean.
func (s *Store) CreateGuide(ctx context.Context, actor models.Actor, api models.APIID, in models.Guide, now time.Time) (models.Guide, error) {
	in, err := in.Clean()
	if err != nil {
		return in, err
	}
	err = s.change(ctx, actor, now, func(t *tx) error {
		a, err := ownedAPI(t.DB, actor.AccountID, api)
		if err != nil {
			return err
		}
		all, err := guidesOf(t.DB, api)
		if err != nil {
			return err
		}
		if len(all) >= models.MaxGuides {
			return models.Conflict(fmt.Sprintf("An API has at most %d guides. Delete one first.", models.MaxGuides))
		}
		in.ID, in.APIID, in.Version, in.CreatedAt, in.EditedAt, in.EditedBy = newID[models.Guide](), api, 1, t.now, t.now, actor.Label
		if len(all) > 0 {
			in.Position = all[len(all)-1].Position + 1
		}
		err = t.run("make guide", `INSERT INTO guides (id, api_id, slug, title, text, published, position, version, created_at, edited_at, edited_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			in.ID, api, in.Slug, in.Title, in.Text, in.Published, in.Position, in.Version, millis(t.now), millis(t.now), in.EditedBy)
		if err := guideSlugTaken(err); err != nil {
			return err
		}
		return t.event("guide.create", guideObject(a, in), nil, guideFacts(in))
	})
	return in, err
}

func guideSlugTaken(err error) error {
	if isDuplicate(err) {
		return conflictAt("slug", "Another guide of this API has this address. Choose another one.")
	}
	return err
}

func guideObject(a models.API, g models.Guide) object {
	return object{kind: "guide", id: g.ID.String(), name: g.Title, owner: a.OwnerID}
}

// guideFacts are without the text: an event is no place for a book.
func guideFacts(g models.Guide) facts {
	return facts{"title": g.Title, "slug": g.Slug, "published": g.Published, "characters": len([]rune(g.Text)), "version": g.Version}
}

// changeGuide runs a use case on a guide of an API of the actor's.
func (s *Store) changeGuide(ctx context.Context, actor models.Actor, api models.APIID, id models.GuideID, now time.Time, fn func(*tx, models.API, models.Guide) error) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		a, err := ownedAPI(t.DB, actor.AccountID, api)
		if err != nil {
			return err
		}
		g, err := ownedGuide(t.DB, actor.AccountID, api, id)
		if err != nil {
			return err
		}
		return fn(t, a, g)
	})
}

// SaveGuide changes a guide. It is a Conflict when somebody else changed it since in.Version. Fields as Guide.Clean.
func (s *Store) SaveGuide(ctx context.Context, actor models.Actor, api models.APIID, id models.GuideID, in models.Guide, now time.Time) error {
	in, err := in.Clean()
	if err != nil {
		return err
	}
	return s.changeGuide(ctx, actor, api, id, now, func(t *tx, a models.API, before models.Guide) error {
		if before.Version != in.Version {
			return models.Conflict("This guide was changed meanwhile, by " + before.EditedBy + ". What you typed is still here: compare, and save again to replace theirs.")
		}
		after := before
		after.Slug, after.Title, after.Text, after.Published, after.Version = in.Slug, in.Title, in.Text, in.Published, before.Version+1
		err := t.run("save guide", `UPDATE guides SET slug = ?, title = ?, text = ?, published = ?, version = ?, edited_at = ?, edited_by = ? WHERE id = ?`,
			after.Slug, after.Title, after.Text, after.Published, after.Version, millis(t.now), actor.Label, id)
		if err := guideSlugTaken(err); err != nil {
			return err
		}
		return t.event("guide.update", guideObject(a, after), guideFacts(before), guideFacts(after))
	})
}

// MoveGuide moves a guide one place up or down in the order of its API; at its end it stays.
func (s *Store) MoveGuide(ctx context.Context, actor models.Actor, api models.APIID, id models.GuideID, up bool, now time.Time) error {
	return s.changeGuide(ctx, actor, api, id, now, func(t *tx, _ models.API, _ models.Guide) error {
		all, err := guidesOf(t.DB, api)
		if err != nil {
			return err
		}
		order := make([]models.GuideID, len(all))
		at := 0
		for i, g := range all {
			if order[i] = g.ID; g.ID == id {
				at = i
			}
		}
		to := at + 1
		if up {
			to = at - 1
		}
		if to < 0 || to >= len(order) {
			return nil
		}
		order[at], order[to] = order[to], order[at]
		values := make([][]any, len(order))
		for i, g := range order {
			values[i] = []any{i, int64(g)}
		}
		return t.runMany("order guides", `UPDATE guides SET position = ? WHERE id = ?`, values)
	})
}

// DeleteGuide deletes a guide.
func (s *Store) DeleteGuide(ctx context.Context, actor models.Actor, api models.APIID, id models.GuideID, now time.Time) error {
	return s.changeGuide(ctx, actor, api, id, now, func(t *tx, a models.API, g models.Guide) error {
		if err := t.run("delete guide", `DELETE FROM guides WHERE id = ?`, id); err != nil {
			return err
		}
		return t.event("guide.delete", guideObject(a, g), guideFacts(g), nil)
	})
}
