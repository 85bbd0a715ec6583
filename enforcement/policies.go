package enforcement

import (
	"fmt"
	"net/http"

	"gatehouse/models"
)

// policies is what a stage's settings have the gateway do to requests and answers. A stage without such settings has none: nil.
type policies struct {
	maintenance *models.Maintenance
	cors        *cors
	cache       *keeping
	validation  *validating
	request     *headerRules
	response    *headerRules
	answers     answers           // in place of the gateway's own; nil: there are none
	variables   map[string]string // of the stage, for answers
}

// compilePolicies reads a stage's settings. An error is a sentence about what contradicts itself: the stage is not served.
func compilePolicies(in *models.GatewayStage, all documents) (p *policies, err error) {
	s := &in.Settings
	validation, err := compileValidation(in, all)
	if err != nil {
		return nil, err
	}
	answers, err := compileAnswers(in)
	if err != nil {
		return nil, err
	}
	if answers == nil && s.Maintenance == nil && s.CORS == nil && s.Cache == nil && validation == nil && len(s.Request) == 0 && len(s.Response) == 0 {
		return nil, nil
	}
	p = &policies{maintenance: s.Maintenance, validation: validation, answers: answers, variables: s.Variables}
	if s.CORS != nil {
		if p.cors, err = compileCORS(s.CORS, in.KeySource); err != nil {
			return nil, fmt.Errorf("its CORS settings are not valid: %w", err)
		}
	}
	if s.Cache != nil {
		p.cache = compileCache(in)
	}
	if p.request, err = compileHeaderRules(s.Request, models.ToUpstream, in); err != nil {
		return nil, fmt.Errorf("its rules for headers of requests are not valid: %w", err)
	}
	if p.response, err = compileHeaderRules(s.Response, models.ToCaller, in); err != nil {
		return nil, fmt.Errorf("its rules for headers of answers are not valid: %w", err)
	}
	return p, nil
}

// Prepare applies the stage's rules to the headers of the request to the upstream, and puts who calls in the place of what he is known by.
func (q *request) Prepare(h http.Header) {
	q.dropIdentity(h)
	if i := q.method.integration; i != nil {
		q.mapHeaders(h, i)
	}
	if p := q.stage.policies; p != nil {
		p.request.apply(h, q.id)
	}
	q.introduceCaller(h)
}

// preparesNothing reports whether Prepare changes nothing.
func (q *request) preparesNothing() bool {
	i := q.method.integration
	return q.authorization == nil && (i == nil || i.kind == models.IntegrationHTTPProxy && len(i.headers) == 0) && (q.stage.policies == nil || q.stage.policies.request == nil)
}
