package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"gatehouse/models"
)

// object names what an event is about.
type object struct {
	kind  string
	id    string
	name  string
	owner models.AccountID // whose audit page shows the event
}

// event appends to the audit log. before and after are marshalled; nil leaves them out; they must hold no secrets.
func (t *tx) event(action string, o object, before, after any) error {
	beforeText, beforeErr := eventText(before)
	afterText, afterErr := eventText(after)
	if err := firstError(beforeErr, afterErr); err != nil {
		return fmt.Errorf("describe event %s: %w", action, err)
	}
	// Ids count up, so that the events of one use case, which have one time, keep their order.
	err := t.Exec(`INSERT INTO events
		(id, at, actor, actor_id, action, object_kind, object_id, object_name, owner_id, before, after, address, request_id, credential)
		VALUES (coalesce((SELECT max(id) + 1 FROM events), ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(models.NewID[models.Event](0)), millis(t.now), t.actor.Label, int64(t.actor.AccountID), action,
		o.kind, o.id, o.name, int64(o.owner), beforeText, afterText, t.actor.Address, t.actor.RequestID, nullText(t.actor.Credential)).Error
	if err != nil {
		return fmt.Errorf("append event %s: %w", action, err)
	}
	return nil
}

func eventText(v any) (sql.NullString, error) {
	if v == nil {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal(v)
	return sql.NullString{String: string(text), Valid: err == nil}, err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

type eventRow struct {
	ID         int64
	At         int64
	Actor      string
	ActorID    int64
	Action     string
	ObjectKind string
	ObjectID   string
	ObjectName string
	OwnerID    int64
	Before     sql.NullString
	After      sql.NullString
	Address    string
	RequestID  string
	Credential sql.NullString
}

func (r eventRow) at() cursor { return cursor{sort: r.At, id: r.ID} }

func (r eventRow) event() models.Event {
	return models.Event{
		ID: models.EventID(r.ID), At: timeOf(r.At), Actor: r.Actor, ActorID: models.AccountID(r.ActorID), Action: r.Action,
		ObjectKind: r.ObjectKind, ObjectID: r.ObjectID, ObjectName: r.ObjectName, OwnerID: models.AccountID(r.OwnerID),
		Before: rawJSON(r.Before), After: rawJSON(r.After), Address: r.Address, RequestID: r.RequestID, Credential: r.Credential.String,
	}
}

func rawJSON(s sql.NullString) json.RawMessage {
	if !s.Valid {
		return nil
	}
	return json.RawMessage(s.String)
}

// Events lists the audit log, newest first: all of it for an administrator, what happened to their things and what they did for owners,
// what they did for developers.
func (s *Store) Events(ctx context.Context, viewer models.Account, f models.EventFilter, p models.Page) (models.List[models.Event], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.Event]{}, err
	}
	db := s.read.WithContext(ctx)
	where, args := eventConditions(f, from)
	index, err := eventIndex(db, f, &where, &args)
	if err != nil {
		return models.List[models.Event]{}, err
	}
	limit := limitOf(p) + 1
	// Each view reads an index from its newest end and stops when the page is full; two of them make an owner's.
	views := eventViews(viewer)
	parts := make([]string, len(views))
	var all []any
	for i, view := range views {
		parts[i] = "SELECT * FROM (SELECT * FROM events " + index + " WHERE " + strings.Join(append(view.where, where...), " AND ") +
			" ORDER BY at DESC, id DESC LIMIT ?)"
		all = append(append(append(all, view.args...), args...), limit)
	}
	var rows []eventRow
	err = db.Raw(strings.Join(parts, " UNION ")+" ORDER BY at DESC, id DESC LIMIT ?", append(all, limit)...).Find(&rows).Error
	if err != nil {
		return models.List[models.Event]{}, fmt.Errorf("list events: %w", err)
	}
	return cut(rows, p, eventRow.at, eventRow.event), nil
}

type condition struct {
	where []string
	args  []any
}

func eventViews(viewer models.Account) []condition {
	id := int64(viewer.ID)
	mine := condition{[]string{"actor_id = ?"}, []any{id}}
	switch viewer.Role {
	case models.RoleAdmin:
		return []condition{{}}
	case models.RoleOwner:
		return []condition{{[]string{"owner_id = ?"}, []any{id}}, mine}
	default:
		return []condition{mine}
	}
}

// fewEvents is up to how many of an actor's events are looked up, rather than looked for in all that happened.
const fewEvents = 10_000

// eventIndex says from which index the events of a filter are read, where it is not the view's.
func eventIndex(db *gorm.DB, f models.EventFilter, where *[]string, args *[]any) (string, error) {
	switch {
	case f.Object != "":
		return "INDEXED BY events_object", nil
	case f.Credential != "":
		return "INDEXED BY events_credential", nil
	case f.Actor == "":
		return "", nil
	}
	const ofActor = `SELECT id FROM events INDEXED BY events_actor_name WHERE actor COLLATE NOCASE >= ? AND actor COLLATE NOCASE < ?`
	low, high := prefixRange(f.Actor)
	n, err := selectOne[int](db, "events of actor", `SELECT count(*) FROM (`+ofActor+` LIMIT ?)`, low, high, fewEvents+1)
	if err != nil || n > fewEvents {
		return "", err
	}
	*where, *args = append(*where, "id IN ("+ofActor+")"), append(*args, low, high)
	return "NOT INDEXED", nil
}

func eventConditions(f models.EventFilter, from cursor) (where []string, args []any) {
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	add("(at, id) < (?, ?)", from.sort, from.id)
	if !f.To.IsZero() {
		add("at < ?", millis(f.To))
	}
	if !f.From.IsZero() {
		add("at >= ?", millis(f.From))
	}
	if f.Object != "" {
		add("object_id = ?", f.Object)
	}
	if f.Credential != "" {
		add("credential = ?", f.Credential)
	}
	if f.Action != "" {
		low, high := prefixRange(f.Action)
		add("action >= ? AND action < ?", low, high)
	}
	if f.Actor != "" {
		low, high := prefixRange(f.Actor)
		add("actor COLLATE NOCASE >= ? AND actor COLLATE NOCASE < ?", low, high)
	}
	return where, args
}
