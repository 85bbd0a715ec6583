package enforcement

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gatehouse/enforcement/meter"
	"gatehouse/enforcement/validation"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// maxValidated is how many bytes a body may have that is compared with the document: all of it is in memory meanwhile.
const maxValidated = 1 << 20

// validating is how a stage compares requests with its deployed document.
type validating struct {
	document   *validation.Document
	parameters bool
	body       bool
}

// documents are those that stages compare requests with, by id; of one that cannot be used, why.
type documents map[models.DocumentID]document

type document struct {
	*validation.Document
	fault string
}

// compileValidation returns how a stage compares requests; nil: it does not.
func compileValidation(in *models.GatewayStage, all documents) (*validating, error) {
	v := in.Settings.Validation
	if !v.Parameters && !v.Body {
		return nil, nil
	}
	if in.Document == 0 {
		return nil, errors.New("requests are to be compared with the API's document, and what is deployed has none")
	}
	d := all[in.Document]
	if d.Document == nil {
		return nil, fmt.Errorf("requests are to be compared with the API's document, which cannot be used: %s", d.fault)
	}
	return &validating{d.Document, v.Parameters, v.Body}, nil
}

// readDocuments reads those that a topology needs and the gateway does not have. g.changes is held.
func (g *Gateway) readDocuments(ctx context.Context, t *models.Topology) (documents, error) {
	all := documents{}
	for _, a := range t.APIs {
		for i := range a.Stages {
			for _, id := range a.Stages[i].Documents() {
				if old, ok := g.documents[id]; ok {
					all[id] = old
				}
				if _, ok := all[id]; ok {
					continue
				}
				pack, err := g.config.Source.Reading(ctx, id)
				if err != nil {
					return nil, fmt.Errorf("read document %s: %w", id, err)
				}
				all[id] = openDocument(pack)
			}
		}
	}
	g.documents = all
	return all, nil
}

func openDocument(pack []byte) document {
	if len(pack) == 0 {
		return document{fault: "it was not read yet, or cannot be read any more"}
	}
	d, err := validation.Open(pack)
	if err != nil {
		return document{fault: err.Error()}
	}
	return document{Document: d}
}

// isInvalid compares an admissible request with the document, before anything is spent. Value and p are what was found where the key is read. Who would be
// refused anyway is told that instead, and his body is not read.
func (q *request) isInvalid(value string, p problem) bool {
	w, v := q.method.wanted, q.stage.validation()
	if w == nil && v == nil || q.verdictAhead(value, p) != problemNone {
		return false
	}
	d := &q.decision
	err := q.compareAll(w, v)
	switch {
	case errors.Is(err, validation.ErrBusy):
		d.problem = problemNotReady
	case err != nil:
		d.problem = problemStageBroken
		if q.stage.mayWarn(q.at.second()) {
			q.g.config.Log.Error("requests cannot be compared with the document", "api", q.api.id.String(), "stage", q.stage.name, "method", q.method.name, "error", err)
		}
	case len(q.faults) > 0 && d.problem == problemNone:
		d.problem = problemRequestInvalid
	}
	if d.problem.isOfFaults() && d.call.Key != 0 {
		q.g.meter.Refuse(&d.call, models.OutcomeDenied)
	}
	return d.problem != problemNone
}

// isOfFaults reports whether the faults of a request say what the problem is.
func (p problem) isOfFaults() bool {
	return p == problemRequestInvalid || p == problemParametersMissing || p == problemBodyUnfit
}

// validation is how the stage compares requests with its document; nil: it does not.
func (st *stage) validation() *validating {
	if st.policies == nil {
		return nil
	}
	return st.policies.validation
}

// compareAll compares the request with what its method wants, and then with the document; either may be nil.
func (q *request) compareAll(w *wanted, v *validating) error {
	q.faults = nil
	if w != nil {
		if err := q.compareWanted(w); err != nil || q.decision.problem != problemNone {
			return err
		}
	}
	if v == nil {
		return nil
	}
	verb, path, _ := strings.Cut(q.method.name, " ")
	op, err := v.document.Operation(verb, path)
	if err != nil || op == nil {
		return err
	}
	return q.compare(v, op)
}

// compare notes what is wrong with the request, or with its body.
func (q *request) compare(v *validating, op *validation.Operation) (err error) {
	r := &validation.Request{Path: q.path, Query: q.query, Header: q.r.Header, KeyHeader: keyHeader(q.stage.key)}
	if q.stage.key.Place == models.KeyInQuery {
		r.KeyQuery = q.stage.key.Name
	}
	ctx := q.r.Context()
	if q.faults = nil; v.parameters {
		if q.faults, err = op.Parameters(ctx, r); err != nil {
			return err
		}
	}
	if !v.body {
		return nil
	}
	return q.compareBody(op, r)
}

// compareBody notes what is wrong with the request's body.
func (q *request) compareBody(op *validation.Operation, r *validation.Request) (err error) {
	reads, faults := op.Reads(r, q.hasBody())
	if q.faults = append(q.faults, faults...); !reads || len(q.faults) > 0 {
		return nil
	}
	if !q.takeBody() {
		return nil
	}
	q.faults, err = op.Body(q.r.Context(), r, q.taken)
	return err
}

func (q *request) hasBody() bool { return q.taken != nil || q.r.ContentLength != 0 && q.r.Body != nil }

// takeBody reads the whole body, and puts the same bytes in its place. It returns false, and the problem is noted, if that cannot be done.
func (q *request) takeBody() bool {
	if q.taken != nil {
		return true
	}
	d := &q.decision
	if q.r.ContentLength > maxValidated {
		d.problem, q.untaken = problemBodyTooLarge, true
		return false
	}
	sent, err := io.ReadAll(io.LimitReader(q.guardedBody(), maxValidated+1))
	switch p := problem(q.bodyFault.Load()); {
	case p != problemNone:
		d.problem = p
		return false
	case err != nil:
		d.problem = problemBodyInvalid
		return false
	case len(sent) > maxValidated:
		d.problem, q.untaken = problemBodyTooLarge, true
		return false
	}
	q.taken = sent
	q.r.Body = io.NopCloser(bytes.NewReader(sent))
	q.at = q.g.now() // reading took its time
	return true
}

// verdictAhead says what would refuse the request, but for what it says; nothing is spent (R7). Of who calls, what is found stays in the decision.
func (q *request) verdictAhead(value string, p problem) problem {
	d := &q.decision
	if !q.method.keyRequired {
		if p, _ := q.method.life.closed(q.at); p != problemNone {
			return p
		}
		l := limit.Layers{Stage: copied(q.stage.layerOf(q.method)), Account: copied(q.stage.accountLayer()), Clock: q.g.clock}
		if verdict := limit.Decide(q.at.mono, &l); !verdict.Allowed() {
			return problemThrottled
		}
		return problemNone
	}
	e, stops, p := q.findKey(value, p)
	if p != problemNone {
		return p
	}
	defer e.Unlock()
	member, gr, p := membership(e, q.stage, q.at)
	var ahead decision
	if fault := ahead.judgeKey(e, stops, q.at); fault != problemNone {
		return fault
	}
	if p != problemNone {
		return p
	}
	plan, rule := q.g.limitsOf(e, gr.plan, q.at), gr.ruleOf(q.method)
	if rule != nil && rule.excluded {
		return problemExcluded
	}
	if p, _ := q.method.life.closed(q.at); p != problemNone {
		return p
	}
	d.app = e.App()
	d.call = meter.Call{Key: e.Key(), Plan: gr.plan.id, Stage: q.stage.id, Method: q.method.id, At: q.at.second()}
	l := limit.Layers{Plan: limit.OwnLayer{Bucket: plan.bucket, TAT: member.TAT}, Stage: copied(q.stage.layerOf(q.method)), Account: copied(q.stage.accountLayer()), Clock: q.g.clock}
	if rule != nil && rule.bucket.IsLimited() {
		l.Method = limit.OwnLayer{Bucket: rule.bucket, TAT: e.MethodTAT(plan.id, q.stage.id, q.method.id)}
	}
	if verdict := limit.Decide(q.at.mono, &l); !verdict.Allowed() {
		return problemThrottled
	}
	return problemNone
}

// explainInvalid counts the faults.
func (q *request) explainInvalid() string {
	first := q.faults[0]
	where := first.In
	if first.Name != "" {
		where += " " + first.Name
	}
	if first.Pointer != "" {
		where += " at " + first.Pointer
	}
	text := fmt.Sprintf("The request is not as %s is described: %s %s.", q.method.name, where, first.Detail)
	if n := len(q.faults) - 1; n > 0 {
		text += " There " + map[bool]string{true: "is ", false: "are "}[n == 1] + counted(int64(n), "more fault") + " in errors."
	}
	return text + " Nothing was charged."
}
