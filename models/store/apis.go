package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type apiRow struct {
	ID          models.APIID
	OwnerID     models.AccountID
	Slug        string
	Name        string
	Summary     string
	Tags        string
	KeyPlace    string
	KeyName     string
	KeyForward  bool
	HasDocument bool

	Details      apiDetails
	AuthorizerID sql.NullInt64
	Undeployed   bool
	CreatedAt    int64
	UpdatedAt    int64
}

// apiColumns are apiRow's of the table apis AS a; the document stays where it is.
const apiColumns = `a.id, a.owner_id, a.slug, a.name, a.summary, a.tags, a.key_place, a.key_name, a.key_forward, a.details, a.authorizer_id,
	a.document_id IS NOT NULL AS has_document, a.undeployed, a.created_at, a.updated_at`

func (r apiRow) api() models.API {
	return models.API{
		ID: r.ID, OwnerID: r.OwnerID, Slug: r.Slug, Name: r.Name, Summary: r.Summary, Tags: tagsOf(r.Tags),
		KeySource: models.KeySource{Place: models.KeyPlace(r.KeyPlace), Name: r.KeyName, Forward: r.KeyForward}, Details: models.APIDetails(r.Details),
		Authorizer: models.AuthorizerID(r.AuthorizerID.Int64), CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt), HasDocument: r.HasDocument, Undeployed: r.Undeployed,
	}
}

// tagsOf reads what is kept of an API's tags.
func tagsOf(text string) []string { return models.SplitTags(text) }

// ownedAPI reads an API of an owner; nobody else's is found (R9).
func ownedAPI(db *gorm.DB, owner models.AccountID, id models.APIID) (models.API, error) {
	row, err := selectOne[apiRow](db, "API", `SELECT `+apiColumns+` FROM apis a WHERE a.id = ? AND a.owner_id = ?`, id, owner)
	return row.api(), err
}

func apiObject(a models.API) object {
	return object{kind: "api", id: a.ID.String(), name: a.Name, owner: a.OwnerID}
}

func apiFacts(a models.APISettings) facts {
	f := facts{"name": a.Name, "slug": a.Slug, "summary": a.Summary, "keyPlace": a.KeySource.Place, "keyName": a.KeySource.Name, "keyForward": a.KeySource.Forward}
	if len(a.Tags) > 0 {
		f["tags"] = strings.Join(a.Tags, ", ")
	}
	return f
}

func apiSettingsOf(a models.API) models.APISettings {
	return models.APISettings{Name: a.Name, Slug: a.Slug, Summary: a.Summary, Tags: a.Tags, KeySource: a.KeySource}
}

// API reads an API of an owner.
func (s *Store) API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error) {
	return ownedAPI(s.read.WithContext(ctx), owner, id)
}

// CreateAPI makes an API with its methods, which callers see once it is deployed to a stage.
func (s *Store) CreateAPI(ctx context.Context, actor models.Actor, in models.NewAPI, now time.Time) (a models.API, err error) {
	if in, err = in.Clean(); err != nil {
		return a, err
	}
	packed, err := packDocument(in.Document)
	if err != nil {
		return a, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		if a, err = t.makeAPI(in, packed); err != nil {
			return err
		}
		after := apiFacts(apiSettingsOf(a))
		after["methods"] = len(in.Methods)
		return t.event("api.create", apiObject(a), nil, after)
	})
	return a, err
}

// makeAPI makes an API of the actor's, with its document as packDocument made it.
func (t *tx) makeAPI(in models.NewAPI, packed []byte) (a models.API, err error) {
	a = models.API{
		ID: newID[models.API](), OwnerID: t.actor.AccountID, Slug: in.Slug, Name: in.Name, Summary: in.Summary, Tags: in.Tags, KeySource: in.KeySource, Details: in.Details,
		CreatedAt: t.now, UpdatedAt: t.now, HasDocument: len(in.Document) > 0, Undeployed: true,
	}
	if in.DrawSlug {
		if a.Slug, err = t.freeSlug(in.Slug); err != nil {
			return a, err
		}
	}
	if err := firstError(t.insertAPI(a), t.tellWeeks(a.OwnerID)); err != nil {
		return a, err
	}
	if len(packed) > 0 {
		if err := t.keepDocument(a.ID, packed, in.Reading); err != nil {
			return a, err
		}
	}
	if err := firstError(t.putMethods(a.ID, in.Methods, 0), t.newParts(a.ID, in.Parts), t.putResourceTags(models.ResourceAPI, int64(a.ID), a.Name, nil, in.ResourceTags)); err != nil {
		return a, err
	}
	return a, t.changed(models.ChangeTopology) // callers are told that the API has no such stage, no longer that there is no such API
}

func (t *tx) insertAPI(a models.API) error {
	err := t.run("make API", `INSERT INTO apis
		(id, owner_id, slug, name, summary, tags, key_place, key_name, key_forward, details, undeployed, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.OwnerID, a.Slug, a.Name, a.Summary, strings.Join(a.Tags, ","), string(a.KeySource.Place), a.KeySource.Name, a.KeySource.Forward,
		apiDetails(a.Details), a.Undeployed, millis(a.CreatedAt), millis(a.UpdatedAt))
	return slugTaken(err)
}

// slugTaken says so where the unique index refused a slug.
func slugTaken(err error) error {
	if isDuplicate(err) {
		return conflictAt("slug", "This name is taken in the gateway's addresses. Choose another one.")
	}
	return err
}

// changeAPI runs a use case on an API of the actor's.
func (s *Store) changeAPI(ctx context.Context, actor models.Actor, id models.APIID, now time.Time, fn func(*tx, models.API) error) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		a, err := ownedAPI(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		return fn(t, a)
	})
}

// UpdateAPI changes an API's settings. Name and slug hold at once, also for callers; the key source with the next deployment.
func (s *Store) UpdateAPI(ctx context.Context, actor models.Actor, id models.APIID, in models.APISettings, now time.Time) error {
	in, err := in.Clean()
	if err != nil {
		return err
	}
	return s.changeAPI(ctx, actor, id, now, func(t *tx, a models.API) error {
		before := apiSettingsOf(a)
		if in.Name == before.Name && in.Slug == before.Slug && in.Summary == before.Summary && in.KeySource == before.KeySource && slices.Equal(in.Tags, before.Tags) {
			return nil
		}
		err := t.run("change API", `UPDATE apis SET name = ?, slug = ?, summary = ?, tags = ?, key_place = ?, key_name = ?, key_forward = ?,
			undeployed = undeployed OR ?, updated_at = ? WHERE id = ?`,
			in.Name, in.Slug, in.Summary, strings.Join(in.Tags, ","), string(in.KeySource.Place), in.KeySource.Name, in.KeySource.Forward,
			in.KeySource != a.KeySource, millis(t.now), id)
		if err != nil {
			return slugTaken(err)
		}
		if err := t.changed(models.ChangeTopology); err != nil {
			return err
		}
		return t.event("api.update", apiObject(a), apiFacts(before), apiFacts(in))
	})
}

// DeleteAPI deletes an API with its stages, methods and deployments and takes it off all plans. Its usage stays.
func (s *Store) DeleteAPI(ctx context.Context, actor models.Actor, id models.APIID, now time.Time) error {
	return s.changeAPI(ctx, actor, id, now, func(t *tx, a models.API) error {
		stages, err := selectAll[models.StageID](t.DB, "stages", `SELECT id FROM stages WHERE api_id = ?`, id)
		if err != nil {
			return err
		}
		if err := t.detach(a.OwnerID, stages); err != nil {
			return err
		}
		if err := t.run("delete API", `DELETE FROM apis WHERE id = ?`, id); err != nil {
			return err
		}
		if err := t.changed(models.ChangeTopology); err != nil {
			return err
		}
		return t.event("api.delete", apiObject(a), apiFacts(apiSettingsOf(a)), nil)
	})
}

type apiListRow struct {
	API     apiRow `gorm:"embedded"` // an anonymous field would have to be exported
	Methods int
	Plans   int
}

func (r apiListRow) at() cursor { return cursor{sort: r.API.CreatedAt, id: int64(r.API.ID)} }

func (r apiListRow) row() models.APIRow {
	return models.APIRow{API: r.API.api(), Methods: r.Methods, Plans: r.Plans}
}

// APIs lists an owner's APIs, newest first. Search is a prefix of the name or the slug.
func (s *Store) APIs(ctx context.Context, owner models.AccountID, p models.Page) (models.List[models.APIRow], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.APIRow]{}, err
	}
	where, args := "", []any{owner, from.sort, from.id}
	if p.Search != "" {
		low, high := prefixRange(p.Search)
		where = `AND (a.name COLLATE NOCASE >= ? AND a.name COLLATE NOCASE < ? OR a.slug COLLATE NOCASE >= ? AND a.slug COLLATE NOCASE < ?)`
		args = append(args, low, high, low, high)
	}
	db := s.read.WithContext(ctx)
	rows, err := selectAll[apiListRow](db, "APIs", `SELECT `+apiColumns+`,
			(SELECT count(*) FROM methods m WHERE m.api_id = a.id AND m.removed_at IS NULL) AS methods,
			(SELECT count(DISTINCT ps.plan_id) FROM stages s JOIN plan_stages ps ON ps.stage_id = s.id JOIN plans p ON p.id = ps.plan_id
				WHERE s.api_id = a.id AND p.state = 'published') AS plans
		FROM apis a WHERE a.owner_id = ? AND (a.created_at, a.id) < (?, ?) `+where+`
		ORDER BY a.created_at DESC, a.id DESC LIMIT ?`, append(args, limitOf(p)+1)...)
	if err != nil {
		return models.List[models.APIRow]{}, err
	}
	list := cut(rows, p, apiListRow.at, apiListRow.row)
	ids := make([]models.APIID, len(list.Items))
	for i, a := range list.Items {
		ids[i] = a.ID
	}
	stages, err := stagesOf(db, ids...)
	if err != nil {
		return models.List[models.APIRow]{}, err
	}
	byAPI := groupBy(stages, func(s models.Stage) models.APIID { return s.APIID })
	for i := range list.Items {
		list.Items[i].Stages = byAPI[list.Items[i].ID]
	}
	return list, nil
}
