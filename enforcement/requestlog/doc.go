// Package requestlog keeps entries of requests for some days, in files of their own beside the journal, so that people find single requests again.
//
//	log, err := requestlog.Open(requestlog.Config{Dir: folder})
//	if log.Refusal(share, now) {   // or Admission: this one is kept
//		log.Write(&entry)          // when the request has ended
//	}
//	page, err := log.Entries(ctx, question)
//	err = log.Close()              // writes what is in memory
//
// # Writing
//
// Write encodes an entry into one of a few buffers in memory, without allocating, and returns. It waits for nobody: where all buffers are taken or full,
// the entry is dropped and counted. One goroutine empties the buffers five times a second. What it took is appended to a file, the tail, as it is; of
// each 1,024 entries it makes a block, in which strings and ids that repeat stand once, and appends that to the newest segment. A block begins with a
// summary: the span of time, the outcomes, and a Bloom filter of keys, apps, plans, APIs, verbs and statuses. Summaries are kept in memory, about 1.5 % of
// the log's size at most, so that reading skips the blocks that cannot have what is asked for.
//
// # How much
//
// Of each key so many refusals a second are kept, and so many other requests; requests with a status of 500 and above, or that the upstream failed,
// count as refusals. Requests without a known key have one allowance for each stage, of the size of that for other requests. All keys together
// leave at most 500 entries of either kind in a second. The allowances are counted in
// 65,536 cells each, so that where there are more keys, some share one: they may get fewer entries, never more. All files together are at most Config.Size
// bytes; the oldest segments go first. What is older than LogSettings.Days is not shown, and its segment is deleted with the next Trim once all of it is.
//
// # What is never in it
//
// No value of a key that a request presented, wherever else it stands in it, and nothing that looks like a generated key. Of the query the names of its
// parameters; of headers the values of harmless ones; no bodies.
//
// # Failure
//
// kill -9 loses what is in the buffers: a quarter of a second. A stop in order loses nothing. A machine that stops may lose more: files are not forced to
// the disk. What is torn at the end of a file is cut at the next start; a damaged block is skipped, and readers are told. While files cannot be written,
// entries are dropped and counted, and that is logged once. Nothing of this ever fails or delays a request.
package requestlog
