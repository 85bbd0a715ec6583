package management

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// keyRecords are an owner's keys in the store.
type keyRecords interface {
	MakeKey(ctx context.Context, actor models.Actor, value secret.Value, in models.KeyEdit, now time.Time) (models.WireKey, error)
	EditKey(ctx context.Context, actor models.Actor, id models.KeyID, change func(*models.KeyEdit) error, now time.Time) (models.WireKey, error)
	RemoveKey(ctx context.Context, actor models.Actor, id models.KeyID, now time.Time) error
	WireKey(ctx context.Context, owner models.AccountID, id models.KeyID, withValue bool) (models.WireKey, error)
	WireKeys(ctx context.Context, owner models.AccountID, name, customer string, p models.Page, limit int, withValues bool) (models.List[models.WireKey], error)
}

var keyOperations = []operation{
	{name: "CreateApiKey", verb: http.MethodPost, path: "/apikeys", status: http.StatusCreated, do: (*call).createAPIKey},
	{name: "GetApiKeys", verb: http.MethodGet, path: "/apikeys", status: http.StatusOK, do: (*call).getAPIKeys},
	{name: "GetApiKey", verb: http.MethodGet, path: "/apikeys/{key}", status: http.StatusOK, do: (*call).getAPIKey},
	{name: "UpdateApiKey", verb: http.MethodPatch, path: "/apikeys/{key}", status: http.StatusOK, do: (*call).updateAPIKey},
	{name: "DeleteApiKey", verb: http.MethodDelete, path: "/apikeys/{key}", status: http.StatusAccepted, do: (*call).deleteAPIKey},
}

// apiKey is a key on the wire.
type apiKey struct {
	ID          models.KeyID         `json:"id"`
	Value       string               `json:"value,omitempty"`
	Name        string               `json:"name,omitempty"`
	CustomerID  string               `json:"customerId,omitempty"`
	Description string               `json:"description,omitempty"`
	Enabled     bool                 `json:"enabled"`
	Created     stamp                `json:"createdDate"`
	Updated     stamp                `json:"lastUpdatedDate"`
	StageKeys   []string             `json:"stageKeys"` // none: stages are opened by plans
	Tags        *models.ResourceTags `json:"tags,omitempty"`
}

func apiKeyOf(k models.WireKey) apiKey {
	out := apiKey{ID: k.ID, Value: k.Value, Name: k.Name, CustomerID: k.CustomerID, Description: k.Description, Enabled: k.Enabled && k.RevokedAt.IsZero(),
		Created: stamp(k.CreatedAt), Updated: stamp(k.UpdatedAt), StageKeys: []string{}}
	if k.Unnamed {
		out.Name = ""
	}
	return out
}

func taggedKey(k models.WireKey) apiKey {
	out := apiKeyOf(k)
	out.Tags = &k.Tags
	return out
}

var errNoKey = notFound("Invalid API Key identifier specified")

func ifNoKey(err error) error { return ifUnknown(err, "Invalid API Key identifier specified") }

func (c *call) keyID() (models.KeyID, error) {
	id, err := models.ParseID[models.Key](c.label["key"])
	if err != nil {
		return 0, errNoKey
	}
	return id, nil
}

// checkKey says in AWS's words what is wrong with a key.
func checkKey(e models.KeyEdit) error {
	switch {
	case utf8.RuneCountInString(e.Name) > models.MaxWireKeyName:
		return badRequest("Invalid API Key name, can be at most %d characters.", models.MaxWireKeyName)
	case utf8.RuneCountInString(e.Description) > models.MaxWireKeyDescription:
		return badRequest("Invalid API Key description specified.")
	}
	return nil
}

func (c *call) createAPIKey() (any, error) {
	var in struct {
		Name        *string           `json:"name"`
		Description *string           `json:"description"`
		Enabled     flag              `json:"enabled"`
		Value       *string           `json:"value"`
		CustomerID  *string           `json:"customerId"`
		StageKeys   []any             `json:"stageKeys"`
		Tags        map[string]string `json:"tags"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if len(in.StageKeys) > 0 {
		return nil, unsupported("stageKeys, which AWS has deprecated (put the key on a usage plan that opens the stage)")
	}
	e := models.KeyEdit{Name: orEmpty(in.Name), Description: orEmpty(in.Description), CustomerID: orEmpty(in.CustomerID), Enabled: bool(in.Enabled), Tags: in.Tags}
	if err := checkKey(e); err != nil {
		return nil, err
	}
	var value secret.Value
	if text := orEmpty(in.Value); text != "" {
		switch {
		case len(text) < secret.MinLength:
			return nil, badRequest("API Key value should be at least %d characters", secret.MinLength)
		case len(text) > secret.MaxLength:
			return nil, badRequest("API Key value exceeds maximum size of %d characters", secret.MaxLength)
		}
		value = secret.NewValue(text)
	}
	k, err := c.Records.MakeKey(c.ctx, c.actor, value, e, c.now)
	if err != nil || in.Tags == nil {
		return apiKeyOf(k), err
	}
	return taggedKey(k), nil
}

func (c *call) getAPIKeys() (any, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	keys, err := c.Records.WireKeys(c.ctx, c.owner(), c.query.Get("name"), c.query.Get("customerId"), page, c.limit(), isTrue(c.query.Get("includeValues")))
	return storedList(keys, apiKeyOf), err
}

func (c *call) getAPIKey() (any, error) {
	id, err := c.keyID()
	if err != nil {
		return nil, err
	}
	k, err := c.Records.WireKey(c.ctx, c.owner(), id, isTrue(c.query.Get("includeValue")))
	return taggedKey(k), ifNoKey(err)
}

// keyPatches are spec 3.6's.
var keyPatches = patchTable[models.KeyEdit]{refuse: refuseKeyPatch, rules: []patchRule[models.KeyEdit]{
	{"/description", "replace", setText(func(e *models.KeyEdit) *string { return &e.Description })},
	{"/enabled", "replace", func(e *models.KeyEdit, in patchOperation, _ parts) error { e.Enabled = isTrue(in.Value); return nil }},
	{"/name", "replace", setText(func(e *models.KeyEdit) *string { return &e.Name })},
	{"/customerId", "replace", setText(func(e *models.KeyEdit) *string { return &e.CustomerID })},
}}

func refuseKeyPatch(in patchOperation) error {
	if in.Path == "/stages" || strings.HasPrefix(in.Path, "/labels") {
		return unsupported("The path " + in.Path + " of a key, which AWS has deprecated,")
	}
	var paths []string
	if in.Op == opReplace {
		paths = []string{"/description", "/enabled", "/name", "/customerId"}
	}
	return invalidPatch(in, paths)
}

func (c *call) updateAPIKey() (any, error) {
	id, err := c.keyID()
	if err != nil {
		return nil, err
	}
	ops, err := c.patchOperations("updateApiKeyInput")
	if err != nil {
		return nil, err
	}
	k, err := c.Records.EditKey(c.ctx, c.actor, id, func(e *models.KeyEdit) error {
		if err := keyPatches.apply(e, ops); err != nil {
			return err
		}
		return checkKey(*e)
	}, c.now)
	return taggedKey(k), ifNoKey(err)
}

func (c *call) deleteAPIKey() (any, error) {
	id, err := c.keyID()
	if err != nil {
		return nil, err
	}
	return nil, ifNoKey(c.Records.RemoveKey(c.ctx, c.actor, id, c.now))
}
