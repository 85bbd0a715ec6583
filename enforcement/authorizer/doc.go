// Package authorizer decides whether whoever calls may: by a token that an issuer signed, or by the answer of a service of the API's owner.
//
//	pool := authorizer.New(authorizer.Config{Dial: policy.DialContext})
//	a := authorizer.Compile(settings, nil)
//	v := pool.Ask(ctx, a, &authorizer.Question{Header: r.Header, Now: now, …})
//	if v.Outcome == authorizer.Allowed { … v.Principal, v.KeyValue, v.Values … }
//
// # What is kept
//
// Answers that allow and answers that refuse are kept apart, so that floods of the latter cannot push out the former: at most 100,000 and 64 MiB of the one,
// 10,000 and 4 MiB of the other, for TTL and for at most 10 s. They are found by a digest over everything that the answer may depend on, each part with its
// length before it. That an authorizer could not be asked is never kept, and never an allowance.
//
// Keys of issuers are fetched when they are needed first, and again in the background when they are older than the issuer says (1 minute to 6 hours, 15 minutes
// where it says nothing). While it cannot be reached they hold for 12 hours. A token that names another key has them fetched once, at most every 10 s.
//
// # Concurrency
//
// All methods are safe for concurrent use. Equal questions that come at once are asked once. Nothing here waits for a lock during a question to others.
//
// The package never imports the store: main and the gateway hand in what it needs.
package authorizer
