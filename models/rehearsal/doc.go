// Package rehearsal replays recorded arrivals through a plan's terms: what would have been refused, by the terms in force and by others, beside what
// really was. It is arithmetic of models/limit over a stream of arrivals; the only state is what each key would have now.
//
//	r := rehearsal.New(plan.InForce, *plan.Draft, since)
//	r.Add(arrivals)        // again and again; each key's in the order of time
//	result := r.Result()
//
// # The range
//
// Arrivals are counted by the second, so the order within a second is not known. Each second is replayed twice (DECISIONS 57): its requests
// evenly spaced, methods mixed in proportion; and all at once at its beginning, one method after the other. What really happened is mostly between
// the two. Both runs go on with their own state from second to second.
//
// # What is replayed
//
// The plan's throttles, of all its methods and of single ones, and its quota. They start full and unspent with the first arrival. Requests of
// what the terms do not open are counted apart and spend nothing. A request that both a throttle and the quota would refuse counts as refused by
// the quota. With the charge "delivered", requests of a second that failed at the upstream give back as many rights at its end, at most those that the
// second spent. What stages and the account allow to all callers together is left out.
//
// A rehearsal takes about 300 bytes for each key and is not safe for concurrent use. The package imports models and the standard library alone.
package rehearsal
