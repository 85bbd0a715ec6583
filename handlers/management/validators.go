package management

import (
	"net/http"

	"gatehouse/models"
)

var validatorOperations = []operation{
	{name: "CreateRequestValidator", verb: http.MethodPost, path: "/restapis/{api}/requestvalidators", status: http.StatusCreated, do: (*call).createValidator},
	{name: "GetRequestValidators", verb: http.MethodGet, path: "/restapis/{api}/requestvalidators", status: http.StatusOK, do: (*call).getValidators},
	{name: "GetRequestValidator", verb: http.MethodGet, path: "/restapis/{api}/requestvalidators/{validator}", status: http.StatusOK, do: (*call).getValidator},
	{name: "UpdateRequestValidator", verb: http.MethodPatch, path: "/restapis/{api}/requestvalidators/{validator}", status: http.StatusOK, do: (*call).updateValidator},
	{name: "DeleteRequestValidator", verb: http.MethodDelete, path: "/restapis/{api}/requestvalidators/{validator}", status: http.StatusAccepted, do: (*call).deleteValidator},
}

// wireValidator is a RequestValidator.
type wireValidator struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Body       bool   `json:"validateRequestBody"`
	Parameters bool   `json:"validateRequestParameters"`
}

func wireValidatorOf(v models.RequestValidator) wireValidator {
	return wireValidator{v.ID, v.Name, v.Body, v.Parameters}
}

func noValidator() error { return notFound("Invalid Request Validator identifier specified") }

func (c *call) createValidator() (any, error) {
	if _, err := c.restAPI(); codeIs(err, codeNotFound) {
		return nil, badRequest("Invalid REST API identifier specified") // AWS says it so here alone
	} else if err != nil {
		return nil, err
	}
	var in struct {
		Name       string `json:"name"`
		Body       flag   `json:"validateRequestBody"`
		Parameters flag   `json:"validateRequestParameters"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	had := map[string]bool{}
	p, err := c.changeParts(func(p *models.DeploymentParts) error {
		clear(had)
		for id := range p.Validators {
			had[id] = true
		}
		set(&p.Validators, "", models.RequestValidator{Name: in.Name, Body: bool(in.Body), Parameters: bool(in.Parameters)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	for id, v := range p.Validators {
		if !had[id] {
			return wireValidatorOf(v), nil
		}
	}
	return nil, noValidator()
}

func (c *call) getValidators() (any, error) {
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	return listOf(c, valuesOf(p.Validators), func(v models.RequestValidator) string { return v.ID }, wireValidatorOf)
}

func (c *call) getValidator() (any, error) {
	p, err := c.parts()
	if err != nil {
		return nil, err
	}
	v, ok := p.Validators[c.label["validator"]]
	if !ok {
		return nil, noValidator()
	}
	return wireValidatorOf(v), nil
}

var validatorPatches = patchTable[models.RequestValidator]{rules: []patchRule[models.RequestValidator]{
	{"/name", opReplace, setText(func(v *models.RequestValidator) *string { return &v.Name })},
	{"/validateRequestBody", opReplace, func(v *models.RequestValidator, in patchOperation, _ parts) error {
		v.Body = isTrue(in.Value)
		return nil
	}},
	{"/validateRequestParameters", opReplace, func(v *models.RequestValidator, in patchOperation, _ parts) error {
		v.Parameters = isTrue(in.Value)
		return nil
	}},
}, refuse: onlyReplace([]string{"/name", "/validateRequestParameters", "/validateRequestBody"})}

func (c *call) updateValidator() (any, error) {
	ops, err := c.patchOperations("updateRequestValidatorInput")
	if err != nil {
		return nil, err
	}
	id := c.label["validator"]
	p, err := c.changeParts(func(p *models.DeploymentParts) error {
		v, ok := p.Validators[id]
		if !ok {
			return noValidator()
		}
		if err := validatorPatches.apply(&v, ops); err != nil {
			return err
		}
		p.Validators[id] = v
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wireValidatorOf(p.Validators[id]), nil
}

func (c *call) deleteValidator() (any, error) {
	id := c.label["validator"]
	_, err := c.changeParts(func(p *models.DeploymentParts) error {
		if _, ok := p.Validators[id]; !ok {
			return noValidator()
		}
		delete(p.Validators, id)
		return nil
	})
	return nil, err
}
