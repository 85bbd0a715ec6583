package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"gatehouse/models"
)

// credentialScope selects keys: what stands around the name of a table that belongs to keys (as x), given its column with the key's id.
type credentialScope struct {
	from func(table, id string) string
	args []any
}

// Credentials calls fn with every key, also revoked ones, in the order of their ids, all as of one moment; they never are in memory
// together. Keys that an import hides are not there. An error from fn ends the reading and is returned.
func (s *Store) Credentials(ctx context.Context, fn func(models.Credential) error) error {
	return s.credentials(ctx, credentialScope{from: func(table, id string) string { return table + " AS x WHERE true" }}, fn)
}

// CredentialsOf calls fn with those of some keys that are there, also revoked ones, in the order of their ids.
func (s *Store) CredentialsOf(ctx context.Context, ids []models.KeyID, fn func(models.Credential) error) error {
	for some := range slices.Chunk(ids, credentialsAtOnce) {
		err := s.credentials(ctx, credentialScope{args: []any{some}, from: func(table, id string) string { return table + " AS x WHERE x." + id + " IN ?" }}, fn)
		if err != nil {
			return err
		}
	}
	return nil
}

// credentialsAtOnce is how many keys one query asks for.
const credentialsAtOnce = 500

// ImportedKeys returns the ids of the keys that an import made, in order, behind one of them; at most 1,000 a call.
func (s *Store) ImportedKeys(ctx context.Context, id models.ImportID, after models.KeyID) ([]models.KeyID, error) {
	return selectAll[models.KeyID](s.read.WithContext(ctx), "imported keys", `SELECT id FROM keys WHERE import_id = ? AND id > ? ORDER BY id LIMIT ?`, id, after, changesMost)
}

// credentials reads keys and what belongs to them side by side, each in the order of the keys' ids: four queries for any number of keys.
func (s *Store) credentials(ctx context.Context, scope credentialScope, fn func(models.Credential) error) error {
	// With a context that cannot end the driver reads rows where it is, not each in a goroutine of its own.
	err := s.read.WithContext(context.WithoutCancel(ctx)).Transaction(func(db *gorm.DB) error {
		all, err := openCredentials(db, scope)
		defer all.close()
		if err != nil {
			return err
		}
		for !all.keys.done {
			c, err := all.next()
			if err := firstError(err, ctx.Err()); err != nil {
				return err
			}
			if err := fn(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	return nil
}

// credentialRows are the four queries under way.
type credentialRows struct {
	keys    part[models.Credential]
	secrets part[models.CredentialSecret]
	plans   part[models.CredentialPlan]

	overrides part[models.Override]
}

func openCredentials(db *gorm.DB, scope credentialScope) (*credentialRows, error) {
	c := &credentialRows{}
	return c, firstError(
		c.keys.open(db, "SELECT x.id, x.app_id, x.enabled, x.revoked_at IS NOT NULL, x.expires_at FROM "+scope.from("keys", "id")+
			" AND "+strings.ReplaceAll(isThere, "k.", "x.")+" ORDER BY x.id", scope.args, scanKey),
		c.secrets.open(db, "SELECT x.key_id, x.digest, x.stops_at FROM "+scope.from("key_secrets", "key_id")+
			" ORDER BY x.key_id, x.stops_at", scope.args, scanSecret),
		c.plans.open(db, `SELECT x.key_id, x.plan_id, x.blocked, (SELECT state FROM subscriptions WHERE id = x.subscription_id) FROM `+
			scope.from("plan_keys", "key_id")+" ORDER BY x.key_id, x.plan_id", scope.args, scanPlan),
		c.overrides.open(db, "SELECT "+overrideColumns+" FROM "+scope.from("limit_overrides", "key_id")+" ORDER BY x.key_id, x.plan_id", scope.args, scanOverride),
	)
}

func (c *credentialRows) close() {
	c.keys.close()
	c.secrets.close()
	c.plans.close()
	c.overrides.close()
}

// next returns the key at hand with what belongs to it, and moves on.
func (c *credentialRows) next() (models.Credential, error) {
	credential, id := c.keys.value, c.keys.key
	if err := c.keys.next(); err != nil {
		return models.Credential{}, err
	}
	secretsErr := c.secrets.take(id, func(s models.CredentialSecret) {
		if len(credential.Secrets) > models.RememberedValues { // the current one comes first, then the oldest
			credential.Secrets = slices.Delete(credential.Secrets, 1, 2)
		}
		credential.Secrets = append(credential.Secrets, s)
	})
	plansErr := c.plans.take(id, func(p models.CredentialPlan) { credential.Plans = append(credential.Plans, p) })
	overridesErr := c.overrides.take(id, func(o models.Override) {
		for i := range credential.Plans {
			if credential.Plans[i].PlanID == o.PlanID {
				credential.Plans[i].Override = &o
			}
		}
	})
	return credential, firstError(secretsErr, plansErr, overridesErr)
}

// part reads one query in the order of the keys that its rows belong to.
type part[T any] struct {
	rows  *sql.Rows
	scan  func(rows *sql.Rows, key *int64, value *T) error
	key   int64
	value T
	done  bool // there is no row at hand
}

func (p *part[T]) open(db *gorm.DB, query string, args []any, scan func(*sql.Rows, *int64, *T) error) (err error) {
	p.scan = scan
	if p.rows, err = db.Raw(query, args...).Rows(); err != nil {
		return err
	}
	return p.next()
}

func (p *part[T]) close() {
	if p.rows != nil {
		p.rows.Close()
	}
}

func (p *part[T]) next() error {
	if !p.rows.Next() {
		p.done = true
		return p.rows.Err()
	}
	var value T
	p.value = value
	return p.scan(p.rows, &p.key, &p.value)
}

// take passes the rows of a key; rows of keys before it belong to nobody who was asked for.
func (p *part[T]) take(key int64, each func(T)) error {
	for !p.done && p.key <= key {
		if p.key == key {
			each(p.value)
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	return nil
}

func scanKey(rows *sql.Rows, key *int64, c *models.Credential) error {
	var app, expires sql.NullInt64
	if err := rows.Scan(key, &app, &c.Enabled, &c.Revoked, &expires); err != nil {
		return err
	}
	c.KeyID, c.AppID, c.ExpiresAt = models.KeyID(*key), models.AppID(app.Int64), nullTime(expires)
	c.Enabled = c.Enabled && !c.Revoked
	return nil
}

func scanSecret(rows *sql.Rows, key *int64, s *models.CredentialSecret) error {
	var digest sql.RawBytes
	var stops sql.NullInt64
	if err := rows.Scan(key, &digest, &stops); err != nil {
		return err
	}
	if copy(s.Digest[:], digest) != len(s.Digest) {
		return fmt.Errorf("digest of key %s has %d bytes", models.KeyID(*key), len(digest))
	}
	s.StopsAt = nullTime(stops)
	return nil
}

func scanPlan(rows *sql.Rows, key *int64, p *models.CredentialPlan) error {
	var blocked bool
	var state sql.NullString
	if err := rows.Scan(key, &p.PlanID, &blocked, &state); err != nil {
		return err
	}
	p.State = models.MemberState(models.SubscriptionState(state.String), blocked)
	return nil
}
