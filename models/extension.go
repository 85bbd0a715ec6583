package models

import "gatehouse/models/limit"

// QuotaStanding is how a key stands with a plan's quota in the present window.
type QuotaStanding struct {
	Quota   limit.Quota // in force; not set: the plan has none, and everything else is zero
	Window  limit.Span
	Used    int64 // charged on the plan in the window, as far as it is committed
	Carried int64 // charged on the plans that the key was moved from with its count
	Doubt   int64 // rights of a gateway that lost its journal: nobody knows whether they were spent, so nobody gets them
	Extra   int64 // granted beyond the limit; may be negative
}

// Remaining is what the key may still call: at least 0.
func (s QuotaStanding) Remaining() int64 { return max(0, s.remaining()) }

// remaining is negative when more was charged than the limit is by now.
func (s QuotaStanding) remaining() int64 {
	return s.Quota.Limit + s.Extra - s.Used - s.Carried - s.Doubt
}

// Extension changes what a key may call in the present window of a plan's quota, and no longer than that.
type Extension struct {
	Form   string // names the form that was sent; one that is sent twice counts once. 1 to 64 characters
	Window int64  // the Unix day on which the window began that the form was about
	Add    bool   // N more than now; else N remain then
	N      int64  // 1 to limit.MaxQuota; if not Add 0 to that
	Extra  int64  // unless Add: QuotaStanding.Extra as the form showed it
}

// Check validates an extension; field "n".
func (e Extension) Check() error {
	switch {
	case e.Form == "" || len(e.Form) > 64:
		return Conflict("This form is not complete. Reload the page and try again.")
	case e.Add && e.N < 1, e.N < 0:
		return Invalid("n", "Enter a number of requests.")
	case e.N > limit.MaxQuota:
		return Invalid("n", "Enter at most 1,000,000,000,000 requests.")
	}
	return nil
}

// Delta is by how much an extension changes what is granted beyond the limit.
func (e Extension) Delta(s QuotaStanding) int64 {
	if e.Add {
		return e.N
	}
	return e.N - s.remaining()
}
