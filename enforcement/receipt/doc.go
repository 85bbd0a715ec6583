// Package receipt keeps what the gateway has decided about single requests of known keys: a ring of records of one size in a file that is mapped into
// memory, the oldest overwritten first.
//
//	p, ok := ring.Refusal(key, now)    // ok: this one leaves a receipt
//	ring.Name(p, second, &id)          // the id of its request
//	ring.Write(p, &receipt)            // whole or not at all; again when more is known
//	found, err := ring.Receipt(id)     // unknown, gone, or the receipt
//
// Refusals and admissions have a part of the file each, three quarters and one, so that traffic that passes never pushes out why something did
// not.
//
// # How many
//
// A key's first 100 refusals leave a receipt, then one a second; of its admissions the first 10, then one a second. A key that floods takes
// its own share and no more. The shares are counted in 65,536 cells for all keys, so that where there are more keys, some share one: they may
// get fewer receipts, never more.
//
// # Names
//
// An id is its record's position and the second of the request, encrypted with a key that is made with the file (requestid): nobody can guess one, two
// never are equal, and whether the gateway gave it out, and where the record is, is told by the id alone. A position is never used twice, not even
// after a power cut: each start goes on beyond the microseconds since 1970.
//
// # Concurrency and failure
//
// To write takes one atomic addition and a lock that neighbours in the ring do not share, and does not allocate. A record that a killed
// process left half written is noticed by its checksum, and counts as not kept. Blocks of the file are reserved before it is used: a full
// disk makes Open fail and nothing else.
package receipt
