package store

import (
	"errors"

	"gatehouse/models"
)

// Modelled says why the gateway cannot compare bodies with a model's schema beside the others of its API: an error for people; nil: it can.
type Modelled func(name, schema string, others map[string]models.SchemaModel) error

// untriedModels ends a transaction that would keep models that nobody has tried yet: compiling them takes longer than a transaction may.
type untriedModels struct {
	all   map[string]models.SchemaModel
	names []string
}

func (*untriedModels) Error() string { return "models were not tried" }

// modelTrials are what came of trying models, by name and schema.
type modelTrials map[[2]string]error

// ofChanged returns what is wrong with those of the models that differ from before; untriedModels if some were not tried.
func (m modelTrials) ofChanged(before, after map[string]models.SchemaModel) error {
	open := &untriedModels{all: after}
	for name, model := range after {
		if before[name].Schema == model.Schema {
			continue
		}
		switch fault, tried := m[[2]string{name, model.Schema}]; {
		case !tried:
			open.names = append(open.names, name)
		case fault != nil:
			return fault
		}
	}
	if len(open.names) > 0 {
		return open
	}
	return nil
}

// tryModels tries what a transaction ended for; it returns false if it ended for something else.
func (s *Store) tryModels(m modelTrials, err error) bool {
	var open *untriedModels
	if !errors.As(err, &open) {
		return false
	}
	for _, name := range open.names {
		schema := open.all[name].Schema
		m[[2]string{name, schema}] = s.modelled(name, schema, open.all)
	}
	return true
}
