// Package transport carries an admitted request to one of its stage's upstreams and the answer back: HTTP/1.1 with bodies that stream both ways, server-sent
// events, trailers, 100-continue and WebSocket, over TCP and unix sockets by a client of its own (lines); HTTP/2 and TLS by net/http's.
//
//	pool, err := proxy.NewPool(spec, before) // of a stage
//	pick, wait := pool.Pick(now)             // before anything is spent
//	x := &transport.Exchange{Pick: pick, Path: …, Caller: …}
//	proxy.Serve(w, r, x)   // may panic with http.ErrAbortHandler, as net/http wants it
//	x.End()                // how it ended, in any case
//
// It decides nothing about who may call what. What it owes to security:
//
//   - The upstream gets the path that it was given, byte for byte, and no other.
//   - Headers by which a gateway tells an upstream who is calling (X-Api-Key-Id, X-Consumer-Id, X-Forwarded-*, …) come from here or
//     not at all: what a client sent under these names, or under spellings that some upstreams take for them, is dropped. A
//     Connection header cannot remove them, because they are set after it was obeyed.
//   - The key, the portal's cookies and hop-by-hop headers stay here. Only Upgrade: websocket is passed on.
//   - An upstream that breaks off in the middle of an answer breaks the client's connection: half an answer never looks like a whole one.
package transport
