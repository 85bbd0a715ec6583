package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// usesAtOnce is how many values' callers are written in one transaction: others do not wait for it.
const usesAtOnce = 10

// NoteValueUses adds what came with values that were replaced. A value has MaxCallers callers; all later ones are added up. Uses of values that are gone are
// dropped.
func (s *Store) NoteValueUses(ctx context.Context, uses []models.ValueUse) error {
	for len(uses) > 0 {
		some := uses[:min(usesAtOnce, len(uses))]
		uses = uses[len(some):]
		err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			t := &tx{DB: db}
			for _, u := range some {
				if err := t.noteUse(u); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) noteUse(u models.ValueUse) error {
	digest := blob(u.Digest[:])
	err := t.run("note use of old value", `UPDATE key_secrets SET unused_since = max(unused_since, ?) WHERE digest = ? AND unused_since IS NOT NULL`,
		millis(u.Last), digest)
	if err != nil {
		return err
	}
	for _, c := range u.Callers {
		// The callers are counted again for each: twenty rows side by side.
		err := t.run("note caller", `INSERT INTO old_value_callers (digest, address, user_agent, first_at, last_at, requests)
			SELECT k.digest, iif(room, @address, ''), iif(room, @agent, ''), @first, @last, @requests
			FROM (SELECT digest, EXISTS (SELECT 1 FROM old_value_callers c WHERE c.digest = s.digest AND address = @address AND user_agent = @agent)
					OR (SELECT count(*) FROM old_value_callers c WHERE c.digest = s.digest AND address <> '') < @most AS room
				FROM key_secrets s WHERE digest = @digest) k
			WHERE true ON CONFLICT (digest, address, user_agent) DO UPDATE SET
				first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at), requests = requests + excluded.requests`,
			sql.Named("address", c.Address), sql.Named("agent", c.UserAgent), sql.Named("first", millis(c.First)), sql.Named("last", millis(c.Last)),
			sql.Named("requests", c.Requests), sql.Named("most", models.MaxCallers), sql.Named("digest", digest))
		if err != nil {
			return err
		}
	}
	return nil
}

// StopUnusedValues stops the values that stop for not being used, and tells the gateway. What was used before now has to be noted first.
func (s *Store) StopUnusedValues(ctx context.Context, now time.Time) error {
	unused := millis(now.Add(-models.UnusedFor))
	some, err := selectAll[int64](s.read.WithContext(ctx), "unused values", `SELECT 1 FROM key_secrets WHERE unused_since <= ? LIMIT 1`, unused)
	if err != nil || len(some) == 0 {
		return err
	}
	return s.change(ctx, models.System(), now, func(t *tx) error {
		type value struct {
			KeyID       models.KeyID
			Hint        string
			StopsAt     int64
			UnusedSince int64
		}
		// A value whose time is over already needs nobody to be told.
		values, err := selectAll[value](t.DB, "unused values", `SELECT key_id, hint, stops_at, unused_since FROM key_secrets WHERE unused_since <= ? AND stops_at > ?`,
			unused, millis(t.now))
		if err != nil {
			return err
		}
		err = t.run("stop unused values", `UPDATE key_secrets SET stops_at = min(stops_at, unused_since + ?), unused_since = NULL WHERE unused_since <= ?`,
			models.UnusedFor.Milliseconds(), unused)
		if err != nil {
			return err
		}
		for _, v := range values {
			row, err := selectOne[keyRow](t.DB, "key", keyQuery+`WHERE k.id = ?`, v.KeyID)
			if err != nil {
				return err
			}
			if err := t.keysChanged(v.KeyID); err != nil {
				return err
			}
			stopped := timeOf(v.UnusedSince).Add(models.UnusedFor)
			if err := t.keyEvent("key.stop_unused", row.key(), facts{"oldStops": timeOf(v.StopsAt)}, facts{"oldStops": stopped}); err != nil {
				return err
			}
		}
		return nil
	})
}

// OldValues returns a key's values that were replaced and work still, or stopped no longer ago than callers are kept; the newest first. It is for who may
// change the key.
func (s *Store) OldValues(ctx context.Context, account models.AccountID, id models.KeyID, now time.Time) ([]models.OldValue, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownKey(db, account, id); err != nil {
		return nil, err
	}
	type row struct {
		Digest      []byte
		Hint        string
		Replaced    int64
		StopsAt     int64
		UnusedSince sql.NullInt64
		Address     sql.NullString
		UserAgent   string
		FirstAt     int64
		LastAt      int64
		Requests    int64
	}
	rows, err := selectAll[row](db, "old values", `SELECT s.digest, s.hint, s.stops_at, s.unused_since,
			(SELECT min(n.created_at) FROM key_secrets n WHERE n.key_id = s.key_id AND n.digest <> s.digest AND n.created_at >= s.created_at
				AND (n.is_current = 1 OR n.stops_at >= s.stops_at)) AS replaced,
			c.address, coalesce(c.user_agent, '') AS user_agent, coalesce(c.first_at, 0) AS first_at, coalesce(c.last_at, 0) AS last_at, coalesce(c.requests, 0) AS requests
		FROM key_secrets s LEFT JOIN old_value_callers c ON c.digest = s.digest
		WHERE s.key_id = ? AND s.is_current = 0 AND s.stops_at > ? ORDER BY s.created_at DESC, s.digest, c.last_at DESC, c.address, c.user_agent`,
		id, millis(now.Add(-models.CallersKept)))
	if err != nil {
		return nil, err
	}
	var values []models.OldValue
	for i, r := range rows {
		if i == 0 || string(r.Digest) != string(rows[i-1].Digest) {
			values = append(values, models.OldValue{Hint: r.Hint, Replaced: timeOf(r.Replaced), StopsAt: timeOf(r.StopsAt), UnusedSince: nullTime(r.UnusedSince)})
		}
		v := &values[len(values)-1]
		c := models.Caller{Address: r.Address.String, UserAgent: r.UserAgent, First: timeOf(r.FirstAt), Last: timeOf(r.LastAt), Requests: r.Requests}
		switch {
		case !r.Address.Valid:
		case c.Address == "":
			v.Others = c
		default:
			v.Callers = append(v.Callers, c)
		}
	}
	return values, nil
}

// PruneCallers forgets callers of values that stopped long enough ago.
func (s *Store) PruneCallers(ctx context.Context, now time.Time) error {
	return s.prune(ctx, "old_value_callers", []string{"digest", "address", "user_agent"},
		"digest IN (SELECT digest FROM key_secrets WHERE is_current = 0 AND stops_at < ?)", millis(now.Add(-models.CallersKept)))
}
