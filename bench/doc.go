// Package bench compares the gateway's decision with what one would use or write oneself, and measures what keys cost in memory.
//
//	make bench
//
// All sides of a comparison take turns in one loop, a fraction of a millisecond each, so that what else the machine does hits all of them. Read the
// ratios, not the nanoseconds. docs/benchmarks.md has results.
//
//   - ours: from the digest of a key's value to "may pass", with rights of the quota in hand: look-up, key and plan, bucket, quota, and the record in
//     the journal. Of a warm key, and of a million keys at random; by one core, and by all at once.
//   - limits=all: the same with a throttle of the method, the stage and the owner's account as well.
//   - xrate, go-limiter, throttled, ulule: golang.org/x/time/rate in a sync.Map, and three libraries with their stores in memory, from the same digest.
//     They only limit.
//   - journal: the record alone, which is a part of ours.
//   - commit: what folding and handing on one such record costs later, off the request path.
//   - Rehearsal: a month of 10 million recorded arrivals, read from the disk and replayed under two terms.
//   - Memory: heap per key with one value, one plan and one quota, garbage collected: loaded, and with rights of the quota in hand.
package bench
