// Package cache keeps answers of upstreams in memory and judges when one may be kept and used again: RFC 9111 for a cache that many share, as far as it
// applies to a gateway.
//
//	c := cache.New(64 << 20)
//	space := c.Space(stage, generation)        // another generation forgets what was kept under the old one
//	key := space.Key(about)                    // names everything that makes two requests different
//	a, why := c.Find(key, r.Header, ask, now)  // a is fresh, or why says what is missing
//	flight, leads := c.Lead(key)               // one asks the upstream, others wait for it a while
//	c.Keep(key, r.Header, answer)
//
// # What keeps callers apart
//
// A key is a SHA-256 over the fields of About, each with its length: stage, its settings and deployment, method, host, path, query, and the API key and app of
// the caller. Nothing that was kept for one API key is found by another. What an upstream names in Vary makes a second key of the first.
//
// # What it costs
//
// Look-ups take no lock. All stages share one bound in bytes; which entries stay is decided by how often and how lately they are used (W-TinyLFU).
// Answers that are being read and not kept yet have a bound of the same size.
package cache
