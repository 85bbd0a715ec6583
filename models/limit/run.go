package limit

// Run decides requests that come one after another, the first at now and each next one gap nanoseconds later, until n came or most were
// admitted. It is what that many calls of Look would do, but the time that it takes depends on how often the bucket runs empty, not on n. It
// returns the bucket's new TAT, how many came and how many of them were admitted.
func (b Bucket) Run(tat, now, gap, n, most int64) (next, came, admitted int64) {
	n, most, gap = max(n, 0), max(most, 0), max(gap, 0)
	switch {
	case most == 0:
		return tat, 0, 0
	case b.interval == 0:
		n = min(n, most)
		return tat, n, n
	case b.capacity == 0:
		return tat, n, 0
	}
	for came < n && admitted < most {
		at := now + came*gap
		t := ticks(at)
		start := min(max(tat, t), t+b.capacity)
		room := b.capacity - b.interval - (start - t)
		if room < 0 { // refused, and so are those that come before there is room
			tat = start
			if gap == 0 || ticks(at+gap) == t {
				return tat, n, admitted
			}
			came = min(n, came+max(1, (int64(nanos(-room))-1)/gap+1))
			continue
		}
		// Each request adds an interval to what is owed, and the gap after it takes ticks away.
		k := min(n-came, most-admitted)
		if more := b.interval - gap<<tickBits; more > 0 {
			k = min(k, room/more+1)
		}
		tat = max(start+k*b.interval, ticks(at+(k-1)*gap)+b.interval)
		came, admitted = came+k, admitted+k
	}
	return tat, came, admitted
}
