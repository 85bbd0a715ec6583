package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type authorizerRow struct {
	ID        models.AuthorizerID
	APIID     models.APIID `gorm:"column:api_id"`
	Name      string
	Kind      string
	Config    string
	Secret    []byte
	Epoch     int64
	CreatedAt int64
	UpdatedAt int64
}

const authorizerQuery = `SELECT z.id, z.api_id, z.name, z.kind, z.config, z.secret, z.epoch, z.created_at, z.updated_at FROM authorizers z `

// authorizerConfig is what of an authorizer is kept as JSON.
type authorizerConfig struct {
	Identity models.Identity     `json:",omitzero"`
	Forward  bool                `json:",omitzero"`
	TTL      time.Duration       `json:",omitzero"`
	JWT      models.JWTSettings  `json:",omitzero"`
	HTTP     models.HTTPSettings `json:",omitzero"`

	Wire models.AuthorizerWire `json:",omitzero"`
}

func (r authorizerRow) authorizer() (models.Authorizer, error) {
	a := models.Authorizer{
		ID: r.ID, APIID: r.APIID, Name: r.Name, Kind: models.AuthorizerKind(r.Kind), HasSecret: r.Secret != nil, Epoch: r.Epoch,
		CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
	var c authorizerConfig
	if err := json.Unmarshal([]byte(r.Config), &c); err != nil {
		return a, fmt.Errorf("read settings of authorizer %s: %w", r.ID, err)
	}
	a.Identity, a.Forward, a.TTL, a.JWT, a.HTTP, a.Wire = c.Identity, c.Forward, c.TTL, c.JWT, c.HTTP, c.Wire
	return a, nil
}

func configOf(a models.Authorizer) (string, error) {
	text, err := json.Marshal(authorizerConfig{Identity: a.Identity, Forward: a.Forward, TTL: a.TTL, JWT: a.JWT, HTTP: a.HTTP, Wire: a.Wire})
	return string(text), err
}

func authorizersIn(rows []authorizerRow) ([]models.Authorizer, error) {
	list := make([]models.Authorizer, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.authorizer(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// authorizerSecret names an authorizer's row for its sealed secret.
func authorizerSecret(id models.AuthorizerID) []byte { return []byte("authorizer:" + id.String()) }

func authorizerObject(a models.API, z models.Authorizer) object {
	return object{kind: "authorizer", id: z.ID.String(), name: a.Name + " · " + z.Name, owner: a.OwnerID}
}

// authorizerFacts is what an event tells of an authorizer: never its secret.
func authorizerFacts(a models.Authorizer) facts {
	f := facts{"name": a.Name, "kind": a.Kind, "identity": strings.Join(slices.Concat(a.Identity.Headers, a.Identity.Query), ", "), "reused": a.TTL.String(), "forward": a.Forward}
	if a.Identity.Pattern != "" {
		f["pattern"] = a.Identity.Pattern
	}
	switch a.Kind {
	case models.AuthorizerJWT:
		j := a.JWT
		f["issuer"], f["keys"], f["audiences"], f["algorithms"], f["leeway"] = j.Issuer, j.JWKS, strings.Join(j.Audiences, ", "), strings.Join(j.Algorithms, ", "), j.Leeway.String()
		f["keyClaim"], f["claims"] = j.KeyClaim, strings.Join(j.Claims, ", ")
	case models.AuthorizerHTTP:
		h := a.HTTP
		f["url"], f["verb"], f["timeout"], f["reusedFor"], f["secretHeader"], f["secret"] = h.URL, h.Verb, h.Timeout.String(), h.Reuse, h.SecretHeader, a.HasSecret
	}
	return f
}

// Authorizers lists an API's authorizers, by name.
func (s *Store) Authorizers(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Authorizer, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	rows, err := selectAll[authorizerRow](db, "authorizers", authorizerQuery+`WHERE z.api_id = ? ORDER BY z.name`, api)
	if err != nil {
		return nil, err
	}
	return authorizersIn(rows)
}

// CatalogAuthorizers reads an API's authorizers for who may see the API: what callers must send.
func (s *Store) CatalogAuthorizers(ctx context.Context, api models.APIID) ([]models.Authorizer, error) {
	rows, err := selectAll[authorizerRow](s.read.WithContext(ctx), "authorizers", authorizerQuery+`WHERE z.api_id = ? ORDER BY z.name`, api)
	if err != nil {
		return nil, err
	}
	return authorizersIn(rows)
}

// Authorizer reads an authorizer of an API.
func (s *Store) Authorizer(ctx context.Context, owner models.AccountID, api models.APIID, id models.AuthorizerID) (models.Authorizer, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return models.Authorizer{}, err
	}
	row, err := authorizerOf(db, api, id)
	if err != nil {
		return models.Authorizer{}, err
	}
	return row.authorizer()
}

// authorizerOf reads an authorizer of an API whose owner was asked for.
func authorizerOf(db *gorm.DB, api models.APIID, id models.AuthorizerID) (authorizerRow, error) {
	return selectOne[authorizerRow](db, "authorizer", authorizerQuery+`WHERE z.id = ? AND z.api_id = ?`, id, api)
}

// FlushAuthorizers makes the gateway forget the answers of an API's authorizer, or with no id of all of them: each caller is judged anew.
func (s *Store) FlushAuthorizers(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		about := apiObject(a)
		if id != 0 {
			row, err := authorizerOf(t.DB, api, id)
			if err != nil {
				return err
			}
			about = authorizerObject(a, models.Authorizer{ID: id, Name: row.Name})
		}
		err := t.run("flush authorizers", `UPDATE authorizers SET epoch = epoch + 1 WHERE api_id = ? AND (id = ? OR ? = 0)`, api, id, int64(id))
		if err != nil {
			return err
		}
		return firstError(t.changed(models.ChangeTopology), t.event("authorizer.flush", about, nil, nil))
	})
}

// DeleteAuthorizer deletes an authorizer that nothing asks any more.
func (s *Store) DeleteAuthorizer(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		row, err := authorizerOf(t.DB, api, id)
		if err != nil {
			return err
		}
		z, err := row.authorizer()
		if err != nil {
			return err
		}
		uses, err := authorizerUses(t.DB, a)
		if err != nil {
			return err
		}
		if use := uses[id]; use.IsUsed() {
			return models.Conflict("The authorizer is asked by " + usersOf(use) + ". Set another one there, deploy, and delete it then.")
		}
		err = firstError(
			t.run("forget authorizer", `UPDATE methods SET authorizer_id = NULL WHERE authorizer_id = ? AND removed_at IS NOT NULL`, id),
			t.run("delete authorizer", `DELETE FROM authorizers WHERE id = ?`, id),
			t.changed(models.ChangeTopology))
		if err != nil {
			return err
		}
		return t.event("authorizer.delete", authorizerObject(a, z), authorizerFacts(z), nil)
	})
}

// usersOf says in words what asks an authorizer.
func usersOf(u models.AuthorizerUse) string {
	var users []string
	if u.Default {
		users = append(users, "the API's default")
	}
	switch {
	case u.Methods == 1:
		users = append(users, "1 method")
	case u.Methods > 1:
		users = append(users, fmt.Sprintf("%d methods", u.Methods))
	}
	if len(u.Stages) > 0 {
		users = append(users, "what is deployed to "+strings.Join(u.Stages, ", "))
	}
	return strings.Join(users, ", ")
}

// AuthorizerUses tells what asks each of an API's authorizers; those that nothing asks are left out.
func (s *Store) AuthorizerUses(ctx context.Context, owner models.AccountID, api models.APIID) (map[models.AuthorizerID]models.AuthorizerUse, error) {
	db := s.read.WithContext(ctx)
	a, err := ownedAPI(db, owner, api)
	if err != nil {
		return nil, err
	}
	return authorizerUses(db, a)
}

// authorizerUses looks for ids in the text of what is deployed: reading all methods would take longer than a change may.
func authorizerUses(db *gorm.DB, a models.API) (map[models.AuthorizerID]models.AuthorizerUse, error) {
	type count struct {
		ID      models.AuthorizerID
		Methods int
	}
	counts, err := selectAll[count](db, "methods", `SELECT z.id, (SELECT count(*) FROM methods m WHERE m.authorizer_id = z.id AND m.removed_at IS NULL) AS methods
		FROM authorizers z WHERE z.api_id = ? ORDER BY z.id`, a.ID)
	if err != nil {
		return nil, err
	}
	uses := map[models.AuthorizerID]models.AuthorizerUse{}
	for _, c := range counts {
		use := models.AuthorizerUse{Default: a.Authorizer == c.ID, Methods: c.Methods}
		use.Stages, err = selectAll[string](db, "stages", `SELECT s.name FROM stages s JOIN deployments d ON d.id IN (s.deployment_id, s.canary_id)
			WHERE s.api_id = ? AND instr(d.methods, ?) > 0 GROUP BY s.id ORDER BY s.created_at, s.id`, a.ID, `"Authorizer":"`+c.ID.String()+`"`)
		if err != nil {
			return nil, err
		}
		if use.IsUsed() {
			uses[c.ID] = use
		}
	}
	return uses, nil
}

// checkAuthorizers refuses a deployment that asks an authorizer which was deleted: its methods would refuse everybody.
func (t *tx) checkAuthorizers(d models.Deployment) error {
	ids, err := selectAll[models.AuthorizerID](t.DB, "authorizers", `SELECT id FROM authorizers WHERE api_id = ?`, d.APIID)
	if err != nil {
		return err
	}
	for _, m := range d.Methods {
		if m.Authorizer != 0 && !slices.Contains(ids, m.Authorizer) {
			return models.Conflict(fmt.Sprintf("Deployment %d cannot be used any more: the authorizer of %s was deleted.", d.Number, m.Name()))
		}
	}
	return nil
}

// SetDefaultAuthorizer says which authorizer is asked for an API's methods that say nothing else; zero: none. Callers see it with the next deployment.
func (s *Store) SetDefaultAuthorizer(ctx context.Context, actor models.Actor, api models.APIID, id models.AuthorizerID, now time.Time) error {
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		names, err := t.authorizerNames(api, a.Authorizer, id)
		if err != nil || a.Authorizer == id {
			return err
		}
		err = firstError(t.run("set default authorizer", `UPDATE apis SET authorizer_id = ? WHERE id = ?`, nullID(id), api), t.touchAPI(api))
		if err != nil {
			return err
		}
		return t.event("api.authorizer", apiObject(a), facts{"authorizer": names[0]}, facts{"authorizer": names[1]})
	})
}

// authorizerNames returns how authorizers of an API are called: "" of none. All must be there.
func (t *tx) authorizerNames(api models.APIID, ids ...models.AuthorizerID) ([]string, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		if id == 0 {
			continue
		}
		row, err := authorizerOf(t.DB, api, id)
		if err != nil {
			return nil, err
		}
		names[i] = row.Name
	}
	return names, nil
}

// SetAuthorization says for some methods of the draft, or with no ids for all, which authorizer is asked and with which scopes; fields as
// models.MethodAuthorization.Clean.
func (s *Store) SetAuthorization(ctx context.Context, actor models.Actor, api models.APIID, ids []models.MethodID, to models.MethodAuthorization, now time.Time) error {
	to, err := to.Clean()
	if err != nil {
		return err
	}
	return s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		names, err := t.authorizerNames(api, to.Authorizer)
		if err != nil {
			return err
		}
		changed, err := t.methodsThat(api, ids, func(m models.Method) bool { return !m.MethodAuthorization.Equal(to) })
		if err != nil || len(changed) == 0 {
			return err
		}
		values := make([][]any, len(changed))
		for i, m := range changed {
			values[i] = []any{nullID(to.Authorizer), to.NoAuthorizer, strings.Join(to.Scopes, " "), int64(m.ID)}
		}
		err = firstError(t.runMany("set authorization", `UPDATE methods SET authorizer_id = ?, no_authorizer = ?, scopes = ? WHERE id = ?`, values), t.touchAPI(api))
		if err != nil {
			return err
		}
		asked := names[0]
		if to.NoAuthorizer {
			asked = "none"
		}
		return t.event("method.authorizer", apiObject(a), nil, facts{"authorizer": cmp.Or(asked, "the API's"), "scopes": strings.Join(to.Scopes, " "),
			"methods": someNames(changed), "all": ids == nil})
	})
}

// addAuthorizers adds their authorizers to APIs, which are in the order of their ids. One whose secret cannot be read is told as faulty: the gateway refuses
// for it, and serves all else.
func (s *Store) addAuthorizers(db *gorm.DB, apis []models.GatewayAPI) error {
	rows, err := selectAll[authorizerRow](db, "authorizers", authorizerQuery+`ORDER BY z.api_id, z.id`)
	if err != nil {
		return err
	}
	for _, r := range rows {
		i, ok := slices.BinarySearchFunc(apis, r.APIID, func(a models.GatewayAPI, id models.APIID) int { return cmp.Compare(a.ID, id) })
		if ok {
			apis[i].Authorizers = append(apis[i].Authorizers, s.gatewayAuthorizer(r))
		}
	}
	return nil
}

func (s *Store) gatewayAuthorizer(r authorizerRow) models.GatewayAuthorizer {
	a, err := r.authorizer()
	if err != nil {
		return models.GatewayAuthorizer{Authorizer: a, Fault: "its settings cannot be read"}
	}
	out := models.GatewayAuthorizer{Authorizer: a}
	if r.Secret == nil {
		return out
	}
	value, err := s.keyring.Open(r.Secret, authorizerSecret(r.ID))
	if err != nil {
		out.Fault = "its secret cannot be opened"
		return out
	}
	out.Secret = string(value)
	return out
}
