package management

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
)

// partRecords is what is asked of the store about what an API has beside its methods.
type partRecords interface {
	Parts(ctx context.Context, owner models.AccountID, api models.APIID) (models.DeploymentParts, error)
	ChangeParts(ctx context.Context, actor models.Actor, api models.APIID, change func(*models.DeploymentParts) error, now time.Time) (models.DeploymentParts, error)
}

var modelOperations = []operation{
	{name: "CreateModel", verb: http.MethodPost, path: "/restapis/{api}/models", status: http.StatusCreated, do: (*call).createModel},
	{name: "GetModels", verb: http.MethodGet, path: "/restapis/{api}/models", status: http.StatusOK, do: (*call).getModels},
	{name: "GetModel", verb: http.MethodGet, path: "/restapis/{api}/models/{model}", status: http.StatusOK, do: (*call).getModel},
	{name: "UpdateModel", verb: http.MethodPatch, path: "/restapis/{api}/models/{model}", status: http.StatusOK, do: (*call).updateModel},
	{name: "DeleteModel", verb: http.MethodDelete, path: "/restapis/{api}/models/{model}", status: http.StatusAccepted, do: (*call).deleteModel},
}

// wireModel is a Model.
type wireModel struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Schema      string `json:"schema,omitempty"`
	ContentType string `json:"contentType"`
}

func wireModelOf(m models.SchemaModel) wireModel {
	return wireModel{m.ID, m.Name, m.Description, m.Schema, m.ContentType}
}

// parts reads what the API that a path names has beside its methods.
func (c *call) parts() (models.DeploymentParts, error) {
	a, err := c.restAPI()
	if err != nil {
		return models.DeploymentParts{}, err
	}
	return c.Records.Parts(c.ctx, c.owner(), a.ID)
}

// changeParts changes what the API that a path names has beside its methods.
func (c *call) changeParts(change func(*models.DeploymentParts) error) (models.DeploymentParts, error) {
	a, err := c.restAPI()
	if err != nil {
		return models.DeploymentParts{}, err
	}
	return c.Records.ChangeParts(c.ctx, c.actor, a.ID, change, c.now)
}

// valuesOf are the values of a map in the order of its keys.
func valuesOf[V any](m map[string]V) []V {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	values := make([]V, len(names))
	for i, name := range names {
		values[i] = m[name]
	}
	return values
}

func noModel(name string) error { return notFound("Invalid model name specified: %s", name) }

func (c *call) createModel() (any, error) {
	var in struct {
		Name        *string `json:"name"`
		Description string  `json:"description"`
		Schema      string  `json:"schema"`
		ContentType *string `json:"contentType"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	var broken constraints
	if in.Name == nil {
		broken.required("createModelInput.name")
	}
	if in.ContentType == nil {
		broken.required("createModelInput.contentType")
	}
	if err := broken.err(); err != nil {
		return nil, err
	}
	made := models.SchemaModel{Name: *in.Name, Description: in.Description, Schema: in.Schema, ContentType: *in.ContentType}
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	if err := c.checkModel(made, p); err != nil {
		return nil, err
	}
	p, err = c.changeParts(func(p *models.DeploymentParts) error {
		if _, ok := p.Models[made.Name]; ok {
			return conflict("Model name already exists for this REST API")
		}
		set(&p.Models, made.Name, made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireModelOf(p.Models[made.Name]), nil
}

// checkModel judges a model before the transaction that keeps it: reading a schema takes long.
func (c *call) checkModel(m models.SchemaModel, p models.DeploymentParts) error {
	if err := m.Check(); err != nil || m.Schema == "" || p.Models[m.Name].Schema == m.Schema {
		return err
	}
	return c.CheckModel(m.Name, m.Schema, p.Models)
}

func (c *call) getModels() (any, error) {
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	return listOf(c, valuesOf(p.Models), func(m models.SchemaModel) string { return m.Name }, wireModelOf)
}

func (c *call) getModel() (any, error) {
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	m, ok := p.Models[c.label["model"]]
	switch {
	case !ok:
		return nil, noModel(c.label["model"])
	case isTrue(c.query.Get("flatten")) && strings.Contains(m.Schema, `/models/`):
		return nil, unsupported("A flattened model")
	}
	return wireModelOf(m), nil
}

var modelPatches = patchTable[models.SchemaModel]{rules: []patchRule[models.SchemaModel]{
	{"/description", opReplace, setText(func(m *models.SchemaModel) *string { return &m.Description })},
	{"/schema", opReplace, setText(func(m *models.SchemaModel) *string { return &m.Schema })},
}, refuse: onlyReplace([]string{"/description", "/schema"})}

func (c *call) updateModel() (any, error) {
	ops, err := c.patchOperations("updateModelInput")
	if err != nil {
		return nil, err
	}
	name := c.label["model"]
	patched := func(p models.DeploymentParts) (m models.SchemaModel, err error) {
		m, ok := p.Models[name]
		if !ok {
			return m, noModel(name)
		}
		err = modelPatches.apply(&m, ops)
		return m, err
	}
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	m, err := patched(p)
	if err != nil {
		return nil, err
	}
	if err := c.checkModel(m, p); err != nil {
		return nil, err
	}
	p, err = c.changeParts(func(p *models.DeploymentParts) error {
		m, err := patched(*p)
		if err == nil {
			p.Models[name] = m
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return wireModelOf(p.Models[name]), nil
}

func (c *call) deleteModel() (any, error) {
	name := c.label["model"]
	_, err := c.changeParts(func(p *models.DeploymentParts) error {
		if _, ok := p.Models[name]; !ok {
			return noModel(name)
		}
		delete(p.Models, name)
		return nil
	})
	return nil, err
}
