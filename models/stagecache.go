package models

// DefaultCacheBody is StageCache.MaxBody where that is zero, in bytes.
const DefaultCacheBody = 1 << 20

// CacheStats is where a gateway's cache of a stage stands. The counts begin with the gateway's start, the last purge, or the last change of the stage that
// changes what it answers.
type CacheStats struct {
	Entries int64
	Bytes   int64 // of memory
	Hits    int64
	Misses  int64
	Passed  int64 // asked of the upstream without looking
}
