package store

import (
	"context"
	"maps"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// ResourceTags reads the tags of a thing; none are an empty map. Whose thing it is, is for the caller to know.
func (s *Store) ResourceTags(ctx context.Context, kind models.ResourceKind, id int64) (models.ResourceTags, error) {
	return resourceTags(s.read.WithContext(ctx), kind, id)
}

func resourceTags(db *gorm.DB, kind models.ResourceKind, id int64) (models.ResourceTags, error) {
	rows, err := selectAll[struct{ Name, Value string }](db, "tags", `SELECT name, value FROM resource_tags WHERE kind = ? AND object_id = ? ORDER BY name`, string(kind), id)
	tags := make(models.ResourceTags, len(rows))
	for _, r := range rows {
		tags[r.Name] = r.Value
	}
	return tags, err
}

// taggable says where the things of a kind are, and whose they are: a query of one that is there, given its id and an owner.
var taggable = map[models.ResourceKind]string{
	models.ResourceAPI:   `SELECT name FROM apis WHERE id = ? AND owner_id = ?`,
	models.ResourceStage: `SELECT a.name || ' · ' || s.name FROM stages s JOIN apis a ON a.id = s.api_id WHERE s.id = ? AND a.owner_id = ?`,
	models.ResourceKey:   `SELECT name FROM keys WHERE id = ? AND owner_id = ? AND deleted_at IS NULL`,
	models.ResourcePlan:  `SELECT name FROM plans WHERE id = ? AND owner_id = ? AND deleted_at IS NULL`,
}

// tagEvents says how a change of tags is noted.
var tagEvents = map[models.ResourceKind]struct{ action, kind string }{
	models.ResourceAPI: {"api.tags", "api"}, models.ResourceStage: {"stage.tags", "stage"}, models.ResourceKey: {"key.tags", "key"}, models.ResourcePlan: {"plan.tags", "plan"},
}

// SetResourceTags replaces the tags of a thing of the actor's. Field "tags"; NotFound for what is another's.
func (s *Store) SetResourceTags(ctx context.Context, actor models.Actor, kind models.ResourceKind, id int64, tags models.ResourceTags, now time.Time) error {
	return s.ChangeResourceTags(ctx, actor, kind, id, now, func(was models.ResourceTags) error {
		clear(was)
		maps.Copy(was, tags)
		return nil
	})
}

// ChangeResourceTags changes the tags of a thing of the actor's: change gets those that it has, inside of the transaction. Field "tags"; NotFound for what is another's.
func (s *Store) ChangeResourceTags(ctx context.Context, actor models.Actor, kind models.ResourceKind, id int64, now time.Time, change func(models.ResourceTags) error) error {
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		name, err := selectOne[string](t.DB, string(kind), taggable[kind], id, actor.AccountID)
		if err != nil {
			return err
		}
		before, err := resourceTags(t.DB, kind, id)
		if err != nil {
			return err
		}
		after := maps.Clone(before)
		if err := change(after); err != nil {
			return err
		}
		return t.putResourceTags(kind, id, name, before, after)
	})
}

// putResourceTags writes the tags of a thing in place of those before.
func (t *tx) putResourceTags(kind models.ResourceKind, id int64, name string, before, after models.ResourceTags) error {
	if maps.Equal(before, after) {
		return nil
	}
	if err := after.Check(); err != nil {
		return err
	}
	if err := t.run("replace tags", `DELETE FROM resource_tags WHERE kind = ? AND object_id = ?`, string(kind), id); err != nil {
		return err
	}
	var values [][]any
	for tag, value := range after {
		values = append(values, []any{string(kind), id, tag, value})
	}
	if err := t.runMany("write tags", `INSERT INTO resource_tags (kind, object_id, name, value) VALUES (?, ?, ?, ?)`, values); err != nil {
		return err
	}
	what := tagEvents[kind]
	return t.event(what.action, object{kind: what.kind, id: models.APIID(id).String(), name: name, owner: t.actor.AccountID}, tagFacts(before), tagFacts(after))
}

func tagFacts(tags models.ResourceTags) facts {
	f := facts{}
	for name, value := range tags {
		f[name] = value
	}
	return f
}

// TaggedResource says whether a thing is an owner's; NotFound.
func (s *Store) TaggedResource(ctx context.Context, owner models.AccountID, kind models.ResourceKind, id int64) error {
	_, err := selectOne[string](s.read.WithContext(ctx), string(kind), taggable[kind], id, owner)
	return err
}

// StageID finds a stage of an owner's API by its name.
func (s *Store) StageID(ctx context.Context, owner models.AccountID, api models.APIID, name string) (models.StageID, error) {
	return selectOne[models.StageID](s.read.WithContext(ctx), "stage", `SELECT s.id FROM stages s JOIN apis a ON a.id = s.api_id WHERE s.api_id = ? AND s.name = ? AND a.owner_id = ?`, api, name, owner)
}
