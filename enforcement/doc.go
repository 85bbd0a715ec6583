// Package enforcement is the gateway: it lets a request of a key pass if its plan allows it, carries it to the upstream, and counts it.
//
// # The life of a request
//
//	GET /echo/prod/users/7?a=1        x-api-key: gwk1…
//
//	front      how many connections, and whose: closed, or 503 as plain text            front
//	judge      heads and chunks that two readers could understand differently: 400     wire
//	sizes      too long, too many headers: 414, 431                                    request.go
//	path       canonical once; that string is routed, limited, metered, forwarded       path.go
//	route      API and stage by path or host, or the stage's canary: 404, 421           routing.go, snapshot.go, hosts.go, canary.go
//	           a stage that is switched off: 503                                        maintenance.go
//	           method by template: 404, 405                                             routing.go
//	preflight  a browser's question is answered here
//	size       a body that says that it is larger than the stage takes: 413             body.go
//	key        where the API says, exactly one: 403                                     credential.go, keyring
//	authorizer who calls and whether he may, asked between looking at limits and spending them: 401, 403, 503   authorize.go, authorizer
//	plan       the one plan by which the key may call the stage, and this method: 403   decision.go
//	validation the request fits the deployed document: 400                              validating.go, validation
//	crowd      as much under way as the key, or the address, may have: 429              crowd.go
//	decide     throttle of method, plan, stage, then the quota; all or nothing: 429     decision.go, models/limit
//	count      charged and open from here on, whatever happens                          meter
//	cache      an answer that is kept, for the same key                                 cached.go, cache
//	upstream   streaming both ways; unreachable, too slow, broken: 502, 504             transport
//	count      its outcome, bytes and latency; given back if the plan says so           request.go
//	answer     the upstream's, with the limits in headers; or a problem                 reply.go, words.go, problems.go
//	log        an entry of what happened, or not, if its key has had its share          requestlog.go, requestlog
//	told       counted, a line of the access log, spans of its trace                     observe.go, counts.go, stagecounts.go, traced.go, accesslog, trace
//
// # Two lanes
//
// request is the standard lane's: all of it, by net/http. What is plain (HTTP/1.1 without TLS on both sides, a stage with keys, plans and limits alone) is served by
// the loops of package fast, which ask fastCall (fastlane.go): the same checks in the same order. What both know of a request is call. fastlane_test.go compares them.
// What the fast lane does not serve goes on to net/http with all bytes that were read of it, before anything is spent: a limit is one, whichever lanes its requests take.
//
// # What it knows
//
// A snapshot of the topology (APIs, stages, methods, plans) behind an atomic pointer, and a keyring with every key, its buckets and counts.
// Both follow the change log: CatchUp applies what is new before a change in the portal is acknowledged, and Run asks every 250 ms for
// changes that other processes made. No request touches a database, waits for a lock that all keys share, or (its decision) allocates.
//
// Throttles run on the monotonic clock, in nanoseconds since the gateway was made; windows, expiry and minutes on the wall's. Both are read
// once per decision from Config.Now. What has a deadline (a key, an old value, a plan) is judged by the latest time that has come: see horizon.
//
// # What it does when it cannot know
//
// It refuses. Nothing loaded yet, stopping, a count that is being taken anew, two plans for one stage: 503 not-ready. A stage that
// contradicts itself: 503, for that stage alone. The records away: it goes on with what it knows, keeps usage in memory, and Ready says so.
//
// The package never imports gorm, gin or the store: it declares the interfaces that it needs, and main hands it the store's.
package enforcement
