// Package handlers answers the portal's requests: parse, one call of the store, reply. One file per page family; errors.go, request.go,
// reply.go and form.go are what they share.
//
// A handler is a func(*Request) (Reply, error). It returns what to answer; it writes nothing, names no status and asks no clock. Errors of package
// models are shown to the person in their words; all others are faults, logged once with their cause and shown as a request id.
//
//	func (p *Plans) publish(r *Request) (Reply, error) {
//		id, err := param[models.Plan](r, "plan")
//		if err != nil {
//			return Reply{}, err
//		}
//		if _, err := p.Store.PublishPlan(r.Context(), r.Actor(), id, r.Now); err != nil {
//			return Reply{}, err
//		}
//		return r.Done("/owner/plans/"+id.String(), "Published. The new limits hold from the next request on."), nil
//	}
//
// Each file declares the few methods of the store that its pages call; main hands the store in. Nothing here imports it.
package handlers
