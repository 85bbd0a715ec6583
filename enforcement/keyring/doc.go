// Package keyring holds every API key in memory, by the digest of its values: a million of them in at most 200 bytes each, with
// what each has left of its limits.
//
//	entry, value, ok := ring.Find(digest) // locked, if ok
//	member := entry.Member(plan)
//	…                                     // decide, change the member's bucket and count
//	entry.Unlock()
//
// A look-up takes no lock that keys share and does not allocate: it reads a hash table of atomic words, then takes the lock of the one
// entry that it found and compares the whole digest under it. An unknown value meets no lock at all. Changes come one at a time,
// each touches one entry, and a look-up that runs meanwhile sees the entry as it was or as it is.
//
// Entries live in chunks without pointers to other objects, but for one that is nil for a key with one value, one plan and no method
// throttle in use: the garbage collector has a million keys behind it in milliseconds. A key that was rotated takes some 60 bytes for each value that is remembered.
//
// Days are Unix days (UTC); times are Unix nanoseconds, 0 for never; a TAT is of package limit. The package keeps state and applies
// credentials; what may pass is decided by its caller.
package keyring
