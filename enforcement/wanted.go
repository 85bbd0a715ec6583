package enforcement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/enforcement/validation"
	"gatehouse/models"
)

// wanted is what a method's own settings, as the management API makes them, say that its requests must have.
type wanted struct {
	parameters []parameterWanted // in the order of their names
	bodies     map[string]string // names of models by media type; nil: bodies are not compared
	models     *validation.Models
}

type parameterWanted struct{ in, name string }

// compileWanted returns what is wanted of a method's requests; nil: nothing.
func compileWanted(m *models.Method, parts *models.DeploymentParts, all *validation.Models) (*wanted, error) {
	r := &m.Request
	if r.Validator == "" {
		return nil, nil
	}
	v, ok := parts.Validators[r.Validator]
	if !ok {
		return nil, fmt.Errorf("the request validator %s of %s is not deployed", r.Validator, m.Name())
	}
	w := &wanted{models: all}
	if v.Body && len(r.Models) > 0 {
		w.bodies = r.Models
	}
	for _, key := range slices.Sorted(maps.Keys(r.Parameters)) {
		if !v.Parameters || !r.Parameters[key] {
			continue
		}
		rest, ours := strings.CutPrefix(key, "method.request.")
		place, name, _ := strings.Cut(rest, ".")
		in := map[string]string{"header": "header", "querystring": "query", "path": "path"}[place]
		if !ours || in == "" || name == "" {
			return nil, fmt.Errorf("the parameter %s of %s is of no place that the gateway knows", key, m.Name())
		}
		w.parameters = append(w.parameters, parameterWanted{in, name})
	}
	if w.bodies == nil && w.parameters == nil {
		return nil, nil
	}
	return w, nil
}

// compareWanted notes what the request lacks, or what is wrong with its body: parameters first, as AWS does.
func (q *request) compareWanted(w *wanted) error {
	for _, p := range w.parameters {
		if q.parameter(p) == "" {
			q.faults = append(q.faults, validation.Fault{In: p.in, Name: p.name, Detail: "is missing"})
		}
	}
	if len(q.faults) > 0 {
		q.decision.problem = problemParametersMissing
		return nil
	}
	if w.bodies == nil {
		return nil
	}
	op, err := w.models.Operation(q.method.name, w.bodies)
	if err != nil {
		return err
	}
	if err = q.compareBody(op, &validation.Request{Path: q.path, Query: q.query, Header: q.r.Header}); err != nil {
		return err
	}
	if len(q.faults) > 0 && q.decision.problem == problemNone {
		q.decision.problem = problemBodyUnfit
	}
	return nil
}

// parameter is the value of a parameter; "" where there is none, or none in it.
func (q *request) parameter(p parameterWanted) (value string) {
	switch p.in {
	case "header":
		return strings.TrimSpace(q.headerValue(p.name))
	case "query":
		_, query := rawTarget(q.r) // with the key, if it is there
		value, _ = queryValue(query, p.name)
	case "path":
		value, _ = pathValue(q.method.path, q.path, p.name)
	}
	return strings.TrimSpace(value)
}
