// Package bench compares the gateway's decision with what one would write oneself, and measures what keys cost in memory.
//
//	go test -bench . ./bench/
//
// Both sides of a comparison take turns in one loop, a few milliseconds each, so that what else the machine does hits both. Read the ratio, not
// the nanoseconds.
//
//   - ours: from a presented value to "may pass" on one plan with throttle and quota: checksum, keyed hash, look-up, key and plan,
//     bucket, quota, and the record for billing and charts.
//   - xrate: golang.org/x/time/rate in a sync.Map by the presented value. It only limits.
//   - commit: what folding and handing on one such record costs later, off the request path.
//   - Rehearsal: a month of 10 million recorded arrivals, read from the disk and replayed under two terms.
//   - Memory: heap per key with one value, one plan and one quota, garbage collected.
package bench
