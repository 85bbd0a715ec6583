package handlers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/rehearsal"
	"gatehouse/templates/format"
)

// mostComparedKeys is how many keys one comparison replays: what an app may have on a plan.
const mostComparedKeys = models.MaxKeysPerApp

// Comparison is what some keys' traffic of the last 30 days would have met under two terms.
type Comparison struct {
	Waiting  bool     // it is being made: ask again in a moment
	Text     string   // why there is none; "": there is one, or it is being made
	Span     string   // "Last 30 days"
	Missing  []string // what of the traffic was not recorded
	Offered  int64
	Today    rehearsal.Refusals
	Wanted   rehearsal.Refusals
	Sentence string // the whole of it
}

// Compare replays what some keys sent to a plan through the terms that hold for them today and through others. It waits at most so long; the next call finds what was
// made meanwhile, which is kept for ten minutes. Only arrivals of these keys are held, a thousand at a time. Who may see them is for the caller to say.
//
// What a key has in place of the plan's limits holds for both terms; see CompareMove.
func (r *Rehearsals) Compare(ctx context.Context, account models.AccountID, plan models.PlanID, keys []models.KeyID, today, wanted models.Terms, atMost time.Duration) Comparison {
	return r.compare(ctx, account, plan, keys, false, today, wanted, atMost)
}

// CompareMove is Compare for terms of another plan: what a key has in place of its plan's limits ends with the change.
func (r *Rehearsals) CompareMove(ctx context.Context, account models.AccountID, plan models.PlanID, keys []models.KeyID, today, wanted models.Terms, atMost time.Duration) Comparison {
	return r.compare(ctx, account, plan, keys, true, today, wanted, atMost)
}

func (r *Rehearsals) compare(ctx context.Context, account models.AccountID, plan models.PlanID, keys []models.KeyID, leaves bool, today, wanted models.Terms, atMost time.Duration) Comparison {
	switch {
	case r.off():
		return Comparison{Text: "What your keys send is not recorded here, so it cannot be compared."}
	case len(keys) == 0:
		return Comparison{Text: "There is no key on the plan yet, and so no traffic to compare."}
	case len(keys) > mostComparedKeys:
		keys = keys[:mostComparedKeys]
	}
	keys = slices.Sorted(slices.Values(keys))
	v := r.askOf(account, plan, keys, leaves, today, wanted)
	if v.state == rehearsalWaiting || v.state == rehearsalRunning {
		wait, cancel := context.WithTimeout(ctx, atMost)
		r.Wait(wait, v.id)
		cancel()
		v = r.Look(account, plan, v.id)
	}
	return comparisonOf(v.local(ctx))
}

func comparisonOf(v rehearsed) Comparison {
	switch v.state {
	case rehearsalWaiting, rehearsalRunning:
		return Comparison{Waiting: true}
	case rehearsalBusy:
		return Comparison{Text: "Many comparisons are running just now. Reload the page in a moment."}
	case rehearsalDone:
	default:
		return Comparison{Text: "The comparison failed on our side. Reload the page to try it again."}
	}
	c := Comparison{Missing: missingWords(v.covered), Offered: v.result.Total.Requests, Today: v.result.Total.Today, Wanted: v.result.Total.Draft}
	switch {
	case v.covered.Since.IsZero():
		c.Text = "No traffic has been recorded yet, so there is nothing to compare."
	case c.Offered == 0:
		c.Text = "These keys have not called since " + format.DateTime(v.covered.Since) + ", when the recording begins."
	default:
		c.Span, c.Sentence = recordedSince(v), comparisonSentence(c)
	}
	return c
}

// comparisonSentence says it with its numbers: "Of 41,200 calls, today's limits refuse none; these would refuse 3 to 12."
func comparisonSentence(c Comparison) string {
	return fmt.Sprintf("Of %s, today's limits refuse %s; these would refuse %s.", format.Plural(c.Offered, "call"), rangeWords(c.Today.All()), rangeWords(c.Wanted.All()))
}
