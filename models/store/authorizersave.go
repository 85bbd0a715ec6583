package store

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"gatehouse/models"
)

// SaveAuthorizer writes an authorizer, a new one where its ID is zero; it holds at once for methods that are deployed with it. A secret of nil leaves the one
// that is kept, "" forgets it. Without Wire the one that is kept stays. Fields as models.Authorizer.Clean, and "secret".
func (s *Store) SaveAuthorizer(ctx context.Context, actor models.Actor, in models.Authorizer, secret *string, now time.Time) (models.Authorizer, error) {
	in, err := in.Clean()
	if err == nil && secret != nil && *secret != "" {
		err = models.CheckAuthorizerSecret(*secret)
	}
	if err != nil {
		return in, err
	}
	err = s.changeAPI(ctx, actor, in.APIID, now, func(t *tx, a models.API) error {
		if in.ID == 0 {
			in, err = t.makeAuthorizer(a, in, secret)
			return err
		}
		row, was, err := t.authorizer(a.ID, in.ID)
		if err != nil {
			return err
		}
		if in.Wire == (models.AuthorizerWire{}) {
			in.Wire = was.Wire
		}
		in, err = t.saveAuthorizer(a, row, in, secret, authorizerFacts(was))
		return err
	})
	return in, err
}

// ChangeAuthorizer changes an authorizer as it is; its secret stays. Change may be called several times. Errors as SaveAuthorizer, and change's own.
func (s *Store) ChangeAuthorizer(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, change func(*models.Authorizer) error, now time.Time) (z models.Authorizer, err error) {
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		row, was, err := t.authorizer(a.ID, id)
		if err != nil {
			return err
		}
		if z, err = row.authorizer(); err != nil { // change may write into the slices of its copy
			return err
		}
		if err := change(&z); err != nil {
			return err
		}
		z.ID, z.APIID = was.ID, was.APIID
		if z, err = z.Clean(); err != nil {
			return err
		}
		if reflect.DeepEqual(was, z) {
			return nil
		}
		z, err = t.saveAuthorizer(a, row, z, nil, authorizerFacts(was))
		return err
	})
	return z, err
}

// authorizer reads an authorizer of an API as it is kept, and as it is.
func (t *tx) authorizer(api models.APIID, id models.AuthorizerID) (authorizerRow, models.Authorizer, error) {
	row, err := authorizerOf(t.DB, api, id)
	if err != nil {
		return row, models.Authorizer{}, err
	}
	a, err := row.authorizer()
	return row, a, err
}

func (t *tx) makeAuthorizer(a models.API, in models.Authorizer, secret *string) (models.Authorizer, error) {
	if err := t.roomForAuthorizer(a.ID); err != nil {
		return in, err
	}
	return t.saveAuthorizer(a, authorizerRow{ID: newID[models.Authorizer](), CreatedAt: millis(t.now)}, in, secret, nil)
}

// saveAuthorizer writes an authorizer over a row; before is what there was, nil: nothing.
func (t *tx) saveAuthorizer(a models.API, row authorizerRow, in models.Authorizer, secret *string, before facts) (models.Authorizer, error) {
	in.ID, in.Epoch, in.CreatedAt, in.UpdatedAt = row.ID, row.Epoch+1, timeOf(row.CreatedAt), t.now
	switch {
	case in.HTTP.SecretHeader == "" || secret != nil && *secret == "":
		row.Secret = nil
	case secret != nil:
		row.Secret = t.keyring.Seal([]byte(*secret), authorizerSecret(in.ID))
	}
	in.HasSecret = row.Secret != nil
	if in.HTTP.SecretHeader != "" && !in.HasSecret {
		return in, models.Invalid("secret", "Enter the secret that the header carries, or leave its name out.")
	}
	if err := firstError(t.putAuthorizer(in, row.Secret), t.changed(models.ChangeTopology)); err != nil {
		return in, err
	}
	if before == nil {
		return in, t.event("authorizer.create", authorizerObject(a, in), nil, authorizerFacts(in))
	}
	return in, t.event("authorizer.update", authorizerObject(a, in), before, authorizerFacts(in))
}

func (t *tx) roomForAuthorizer(api models.APIID) error {
	n, err := selectOne[int](t.DB, "authorizers", `SELECT count(*) FROM authorizers WHERE api_id = ?`, api)
	if err == nil && n >= models.MaxAuthorizers {
		return models.Conflict(fmt.Sprintf("The API has %d authorizers already. Delete one first.", n))
	}
	return err
}

func (t *tx) putAuthorizer(a models.Authorizer, secret []byte) error {
	config, err := configOf(a)
	if err != nil {
		return fmt.Errorf("write settings of authorizer: %w", err)
	}
	var sealed any
	if secret != nil {
		sealed = blob(secret)
	}
	err = t.run("write authorizer", `INSERT INTO authorizers (id, api_id, name, kind, config, secret, epoch, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, config = excluded.config, secret = excluded.secret, epoch = excluded.epoch,
			updated_at = excluded.updated_at`, a.ID, a.APIID, a.Name, string(a.Kind), config, sealed, a.Epoch, millis(a.CreatedAt), millis(a.UpdatedAt))
	if isDuplicate(err) {
		return conflictAt("name", "The API has an authorizer of this name already.")
	}
	return err
}
