package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/models"
)

// Comparable says in words why requests to methods, such as "GET /pets", cannot be compared with what was read from a document; nil: they can. It may take
// seconds, and an error of ctx is none of the document's.
type Comparable func(ctx context.Context, reading []byte, methods []string) error

// maxTries is how often a change is tried again whose stage got something else to serve meanwhile.
const maxTries = 4

// contract is what a deployment has requests compared with.
type contract struct {
	document models.DocumentID
	methods  string // as the deployment keeps them
}

// untried ends a transaction that would have a stage compare requests with what nobody has tried yet.
type untried struct{ contract }

func (untried) Error() string { return "requests were not tried to be compared" }

// changeServed is changeAPI for what changes what a stage serves, or compares. Trying a document takes longer than a transaction may, so it is done between two
// of them: fn runs again behind it.
func (s *Store) changeServed(ctx context.Context, actor models.Actor, id models.APIID, now time.Time, fn func(*tx, models.API) error) error {
	tried := map[contract]error{}
	for range maxTries {
		err := s.changeAPI(ctx, actor, id, now, func(t *tx, a models.API) error {
			if t.tried = tried; s.comparable == nil {
				t.tried = nil
			}
			return fn(t, a)
		})
		var open untried
		if !errors.As(err, &open) {
			return err
		}
		fault := s.try(ctx, open.contract)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tried[open.contract] = fault
	}
	return models.Conflict("The API is being changed by somebody else. Try again in a moment.")
}

// try says why requests cannot be compared; nil: they can.
func (s *Store) try(ctx context.Context, c contract) error {
	reading, err := s.Reading(ctx, c.document)
	if err != nil {
		return err
	}
	if len(reading) == 0 {
		return errors.New("it is yet to be read, which takes some minutes after an upgrade, or cannot be read any more")
	}
	methods, err := decodeMethods(c.methods)
	if err != nil {
		return err
	}
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = m.Name()
	}
	return s.comparable(ctx, reading, names)
}

// checkDocuments checks that there is a document to compare requests with in what a stage serves, or is about to, and, where anew is set, that they can be
// compared with it: the gateway answers 503 where it is to compare and cannot.
func (t *tx) checkDocuments(st models.Stage, serves models.DeploymentID, anew bool) error {
	field := "parameters"
	switch v := st.Settings.Validation; {
	case !v.Parameters && !v.Body:
		return nil
	case !v.Parameters:
		field = "body"
	}
	type row struct {
		Number   int
		Document models.DocumentID
		Methods  string
	}
	methods := "''"
	if anew = anew && t.tried != nil; anew {
		methods = "methods"
	}
	rows, err := selectAll[row](t.DB, "documents of deployments", `SELECT number, coalesce(document_id, 0) AS document, `+methods+` AS methods
		FROM deployments WHERE id IN (?, ?) ORDER BY number`, nullID(serves), canaryOf(st))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Document == 0 {
			return models.Invalid(field, fmt.Sprintf("Deployment %d has no document to compare requests with. Import one and deploy it, or compare nothing.", r.Number))
		}
		if !anew {
			continue
		}
		c := contract{r.Document, r.Methods}
		switch fault, known := t.tried[c]; {
		case !known:
			return untried{c}
		case fault != nil:
			return models.Invalid(field, fmt.Sprintf("Requests cannot be compared with the document of deployment %d: %s. Correct it, import it again and deploy it, or compare nothing.", r.Number, fault))
		}
	}
	return nil
}
