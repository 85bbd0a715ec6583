// Package journal writes down what the gateway admits before it admits it, so that a process that is killed loses nothing.
//
// A journal is a folder of segments: files of one size whose disk space is reserved and which are mapped into memory. To append is to
// store 64 bytes there, without a system call or a lock. The kernel keeps such a page when the process dies, and writes it to the
// disk in its own time.
//
//	at, err := j.Append(&record)      // ErrFull: nothing may be admitted
//	err = j.Wait(at)                  // returns at once, but with Config.SyncAlways when the record is on disk
//	to, err := j.Fold(from, visit)    // what was appended since, in order
//	j.Release(to)                     // what was folded up to there is committed elsewhere: its space is used again
//
// Open looks at what an earlier process left, Recover reads it.
//
// # What it promises
//
// A process that ends in any way, also by kill -9: every record whose Append returned is there.
//
// A machine that stops (power, kernel): with SyncAlways the same, of records whose Wait returned; else records of the last second (SyncEvery) may be
// missing. Open notices it by the kernel's boot id, and Recovery.Exact is false.
//
// A full disk: the space of a segment is reserved before it is used, one segment ahead. When no more can be had, Append fails with ErrFull
// until there is space again; nothing needs a restart.
//
// A disk that fails: Wait returns an error, Err says why, and what the disk did not take is written again before anybody is told that it is there.
//
// Damage (a flipped bit, a file that is cut short, missing or there twice): every record has a checksum of its own, and each segment says how far it
// was filled. What is damaged is left out, and Recovery.Exact is false; a file that is there twice counts once. Of the very last records, fewer than 48
// can be wiped out unnoticed: they could be those of as many writers that died in the same moment.
package journal
