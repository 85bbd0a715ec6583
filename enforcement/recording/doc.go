// Package recording keeps what arrived at the gateway for a month, by key, plan, stage, method and second, so that an owner can rehearse a
// plan's new limits with its real traffic (models/rehearsal).
//
//	r, err := recording.Open(folder, recording.Config{Committed: position, Log: log})
//	r.Add(batch.From, batch.To, arrivals)          // before usage is committed from and to these places of the journal
//	covered, err := r.Read(ctx, plan, since, visit) // any time, beside Add
//
// # Files
//
// Arrivals are appended to a tail, one block for each Add. A tail of some megabytes is sorted by plan, key and time, packed to a few bytes
// an arrival, and becomes a segment; the next tail begins with the seconds that may still be going on. A plan's arrivals stand together in each
// segment, so that they are read without the others'. All files together are at most Config.Size bytes; the oldest segments go first. Trim
// forgets those that are older than Config.Age.
//
// # What it promises
//
// A process that ends in any way, also by kill -9: what is recorded is what is committed. A block says up to which place of the journal it goes; at
// the start, blocks that go beyond what is committed are cut off, for the journal will be folded again from there. The same holds when a commit fails
// and is tried again with more: an Add from the same place replaces the one before.
//
// A block is there whole or not at all; so is a plan's part of a segment. Each has a checksum. A tail is cut before its first damaged block. A machine
// that stops may lose the end of the tail: recording is not worth a write to the disk every second.
//
// Readers are told what is missing. Each Add leaves a block, so that the next start sees by its place in the journal whether all that is committed was
// recorded. If not, because a process served without the recording or the end of it is lost, there is a gap. Recording never stops the gateway: while a
// file cannot be written, arrivals are counted as lost, and that is logged once.
//
// A Recorder is safe for concurrent use, but Add has one caller at a time. The package imports models and the standard library alone.
package recording
