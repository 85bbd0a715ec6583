// Package meter counts what happens to the requests of known keys, to the unit (invariant R6), and commits it in batches.
//
//	at := m.Admit(call)              // counted as open and charged, in the minute of its admission
//	m.Finish(call, result)           // moved from open to its outcome
//	m.Refuse(call, outcome)          // counted, not charged
//	err := m.Commit(ctx, sink, now)  // once a second
//
// Admit, Finish, Refuse and Refund append one record of 88 bytes to a buffer that a 64th of the keys share, and neither allocate
// (but for growing the buffer) nor wait for a commit. Commit swaps the buffers, folds the records into cells, and hands them on
// whole. If that fails, the cells are kept and go with the next commit.
//
// A generation is the time between two commits: it numbers the buffers. Who knows what was noted in the present generation knows all that
// is not committed, as long as no commit is under way; that is how a quota is counted anew while requests go on.
package meter
