package models

import (
	"fmt"
	"maps"
	"slices"
)

// Check judges the parts of an API's draft, one by one.
func (p DeploymentParts) Check() error {
	if len(p.Models) > MaxModels || len(p.Validators) > MaxValidators {
		return Conflict(fmt.Sprintf("An API has at most %d models and %d request validators.", MaxModels, MaxValidators))
	}
	for _, id := range slices.Sorted(maps.Keys(p.Validators)) {
		if err := p.Validators[id].Check(); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Models)) {
		if err := p.Models[name].Check(); err != nil {
			return err
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(p.Responses)) {
		if err := CheckGatewayResponse(p.Responses[kind]); err != nil {
			return err
		}
	}
	return nil
}

// CheckUsers judges whether methods can do with parts that replace others: none that they name may go.
func (p DeploymentParts) CheckUsers(before DeploymentParts, methods []Method) error {
	for _, id := range slices.Sorted(maps.Keys(before.Validators)) {
		if _, ok := p.Validators[id]; ok {
			continue
		}
		if err := before.Validators[id].Users(methods); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before.Models)) {
		if _, ok := p.Models[name]; ok {
			continue
		}
		if err := before.Models[name].Users(methods, p.Models); err != nil {
			return err
		}
	}
	return nil
}
