// Package limit is the arithmetic of throttles and quotas: functions of values, with the time passed in. The gateway, the
// explanation pages, rehearsals and the tests use these same functions, so that they cannot disagree.
//
// # Throttle
//
// A Throttle {Rate, Burst} is a token bucket: it holds at most Burst tokens, starts full and gains Rate tokens a second. One
// request takes one token; a refused request takes none. Compile turns it into a Bucket, the generic cell rate algorithm
// (GCRA): a bucket's whole state is one int64, its TAT ("theoretical arrival time": when the bucket is full again).
//
//	b := limit.Throttle{Rate: 50, Burst: 100}.Compile()
//	next, ok, wait := b.Look(tat, now) // keep next as the new tat, whether ok or not
//
// Units: now is in nanoseconds on a clock of the caller's that never goes back for long and that starts near 0 (time since
// start or since boot, never Unix time: MaxNow is 8 years). A TAT is in 1/32 ns, to be kept and handed back, not to be
// read. TAT 0 is a full bucket. ResetIn and Owing carry a bucket's level to another clock.
//
// Precision (invariant R5: admissions in any window t <= burst + rate*t): the interval between two tokens is rounded up to
// 1/32 ns, so a bucket never admits more than promised. Rates that divide 10^9 are exact; others lose at most 1 request in
// 10^6 up to 32,000 a second, and 32 in 10^6 at MaxRate. Whole nanoseconds would lose 1 in 10^6 from 1,000 a second on.
//
// # Quota
//
// A Quota {Limit, Period, Offset} counts in calendar windows in UTC. Window gives the one window that an instant is in.
//
// # Decide
//
// Decide asks every layer of a request at one now, all or nothing (invariant R7): throttle of the method, of the plan, of
// the stage, of the account, then the quota. The first layer that refuses answers, and then nothing was spent in any.
//
// Everything is safe for concurrent use except values that the caller keeps itself: an OwnLayer and an Allowance are guarded by
// the caller's lock. Nothing here allocates, but for the errors of Validate. The package imports the standard library alone.
package limit
