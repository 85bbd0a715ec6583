package handlers

import (
	"context"
	"strings"
	"sync"

	"gatehouse/models"
)

// maxOperations is how many operations are kept ready to be searched: some 200 bytes each.
const maxOperations = 200_000

// operationStore reads what was deployed.
type operationStore interface {
	DeployedMethods(ctx context.Context, id models.DeploymentID) ([]models.Method, error)
}

// Operations keeps the operations of deployments in the form in which they are searched. A deployment never changes, so neither does what is kept; who
// may see which deployment is asked anew each time. The zero value is ready; safe for concurrent use.
type Operations struct {
	mu    sync.Mutex
	kept  map[models.DeploymentID][]indexed
	total int
}

type indexed struct {
	name, summary string
	text          string // of both, in lower case
}

func (x *Operations) of(ctx context.Context, store operationStore, id models.DeploymentID) ([]indexed, error) {
	x.mu.Lock()
	kept, ok := x.kept[id]
	x.mu.Unlock()
	if ok {
		return kept, nil
	}
	methods, err := store.DeployedMethods(ctx, id)
	if models.KindOf(err) == models.KindNotFound {
		return nil, nil // it went since it was named
	}
	if err != nil {
		return nil, err
	}
	operations := make([]indexed, len(methods))
	for i, m := range methods {
		operations[i] = indexed{name: m.Name(), summary: m.Summary, text: strings.ToLower(m.Name() + " " + m.Summary)}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.kept == nil || x.total+len(operations) > maxOperations { // begins anew: what is searched for comes back
		x.kept, x.total = map[models.DeploymentID][]indexed{}, 0
	}
	x.kept[id] = operations
	x.total += len(operations)
	return operations, nil
}
