// Package meter counts what happens to the requests of known keys, to the unit (invariant R6), by writing it to the journal and committing what
// the journal says in batches.
//
//	at, err := m.Admit(&record)       // written down: the request may pass. ErrFull: it may not
//	m.Finish(&call, &result)          // moved from open to its outcome, in the minute of its admission
//	m.Refuse(&call, outcome)          // counted, not charged; written down within a second
//	err := m.Commit(ctx, …)           // once a second, and when a count must be exact
//
// Admit and Finish store 64 bytes in mapped memory: no lock, no system call, no allocation. Refusals are counted by (cell, second) in memory, so
// that a flood of them costs nothing, and become one record each second: kill -9 loses at most a second of them, and never an admission
// (DECISIONS 51).
//
// Commit folds the journal into cells, charges and levels of throttles, and hands them to the sink together with the journal's position:
// whatever fails, a record is counted once. Before that it tells the recorder which requests came in which second.
package meter
