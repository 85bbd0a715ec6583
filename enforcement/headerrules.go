package enforcement

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"gatehouse/models"
)

// headerRules are a stage's rules for one side, in their order. Nil changes nothing.
type headerRules []headerRule

type headerRule struct {
	action models.HeaderAction
	name   string   // canonical
	fixed  []string // the value; nil: it has the request's id in it. Never changed, and no room to append
	pieces []string // what stands around the id
}

// compileHeaderRules refuses rules that would touch what the gateway itself says, and values that cannot be made.
func compileHeaderRules(in []models.HeaderRule, side models.HeaderSide, st *models.GatewayStage) (*headerRules, error) {
	if len(in) == 0 {
		return nil, nil
	}
	rules := make(headerRules, len(in))
	for i, r := range in {
		if problem := r.Problem(side, st.KeySource, st.Settings.Variables); problem != "" {
			return nil, fmt.Errorf("%s %s: %s", r.Action, r.Name, problem)
		}
		rules[i] = headerRule{action: r.Action, name: textproto.CanonicalMIMEHeaderKey(r.Name)}
		if r.Action == models.HeaderRemove {
			continue
		}
		switch pieces, _ := r.Pieces(st.Settings.Variables); len(pieces) {
		case 1:
			rules[i].fixed = pieces
		default:
			rules[i].pieces = pieces
		}
	}
	return &rules, nil
}

func (rules *headerRules) apply(h http.Header, requestID string) {
	if rules == nil {
		return
	}
	for i := range *rules {
		r := &(*rules)[i]
		switch r.action {
		case models.HeaderRemove:
			delete(h, r.name)
		case models.HeaderSet:
			h[r.name] = r.value(requestID)
		case models.HeaderAdd:
			old := h[r.name]
			h[r.name] = append(old[:len(old):len(old)], r.value(requestID)...)
		}
	}
}

func (r *headerRule) value(requestID string) []string {
	if r.fixed != nil {
		return r.fixed[:1:1]
	}
	return []string{strings.Join(r.pieces, requestID)}
}
