package handlers

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/rehearsal"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
)

const manyWait = "Many rehearsals are running just now. Try again in a moment."

// rehearsalView says how far a rehearsal is, or what it found, with at most so many keys.
func (o *OwnerPlans) rehearsalView(r *Request, row models.PlanRow, v rehearsed, most int) (owner.Rehearsal, error) {
	v = v.local(r.Context())
	card := owner.Rehearsal{Card: rehearsalPath(row.ID, v.id) + "/card", Report: rehearsalPath(row.ID, v.id), Of: limitsOnly(v.draft)}
	switch v.state {
	case rehearsalNone:
		card.Text = "There is no result of this rehearsal any more."
	case rehearsalBusy:
		card.Text, card.Bad = manyWait, true
	case rehearsalFailed:
		card.Text, card.Bad = "The rehearsal failed on our side. Try it again; if it fails again, tell the operator.", true
	case rehearsalWaiting:
		card.Text, card.Waiting = "Waiting for other rehearsals to end.", true
	case rehearsalRunning:
		card.Text, card.Waiting, card.Percent = "Replaying what called this plan.", true, int(math.Round(100*v.share))
	case rehearsalDone:
		return card, o.fillRehearsal(r, row, &card, v, most)
	}
	return card, nil
}

// fillRehearsal says what was found.
func (o *OwnerPlans) fillRehearsal(r *Request, row models.PlanRow, card *owner.Rehearsal, v rehearsed, most int) error {
	card.Again, card.Missing = true, missingWords(v.covered)
	if v.covered.Requests == 0 {
		card.Text = nothingRecorded(v)
		return nil
	}
	total := v.result.Total
	card.Span, card.Sentence = recordedSince(v), rehearsalSentence(v.result)
	draft := total.Draft.All()
	card.Figures = []owner.Figure{
		{Value: format.Short(float64(v.result.Calling)), Exact: format.Count(int64(v.result.Calling)), Label: noun(v.result.Calling, "key") + " replayed"},
		{Value: format.Short(float64(v.result.Newly)), Exact: format.Count(int64(v.result.Newly)), Label: "newly refused"},
		{Value: rangeShort(draft), Exact: rangeCount(draft), Label: "requests refused"},
	}
	keys := v.result.Keys
	if most < rehearsalKeys {
		changed := 0
		for changed < len(keys) && changed < most && keys[changed].Changes() {
			changed++
		}
		keys = keys[:changed]
	}
	names, err := o.keyNames(r, row.ID, keys)
	if err != nil {
		return err
	}
	for _, k := range keys {
		card.Keys = append(card.Keys, rehearsedKey(k, names, r.Account.ID))
	}
	return nil
}

func rehearsedKey(k rehearsal.Key, names map[models.KeyID]models.KeyRow, reader models.AccountID) owner.RehearsedKey {
	v := rehearsedCells(k)
	row, known := names[k.KeyID]
	if !known {
		v.Name, v.Who = "A key that is gone", k.KeyID.String()
		return v
	}
	v.Name, v.Who = row.Name, keyHolder(row)
	if row.OwnerID == reader || len(row.Memberships) > 0 {
		v.Href = ownerKeyPath(row.ID)
	}
	return v
}

// rehearsedCells is a row without its name.
func rehearsedCells(k rehearsal.Key) owner.RehearsedKey {
	v := owner.RehearsedKey{Requests: format.Count(k.Requests), Today: refusedCell(k.Today), Draft: refusedCell(k.Draft), Newly: k.Newly(), Relieved: k.Today.Any() && !k.Draft.Any()}
	v.Real = owner.RefusedCell{Count: format.Count(k.Refused()), By: byWords(rehearsal.Range{Low: k.Throttled, High: k.Throttled}, rehearsal.Range{Low: k.OverQuota, High: k.OverQuota}, 0)}
	v.Short = rangeShort(k.Draft.All()) + " refused"
	return v
}

func refusedCell(r rehearsal.Refusals) owner.RefusedCell {
	return owner.RefusedCell{Count: rangeCount(r.All()), By: byWords(r.Throttled, r.Quota, r.Closed)}
}

// byWords says by what requests are refused.
func byWords(throttled, quota rehearsal.Range, closed int64) (out []string) {
	for _, part := range []struct {
		n    rehearsal.Range
		what string
	}{{throttled, "throttle"}, {quota, "quota"}, {rehearsal.Range{Low: closed, High: closed}, "not in the plan"}} {
		if part.n.High > 0 {
			out = append(out, part.what+" "+rangeCount(part.n))
		}
	}
	return out
}

// rangeCount is a range for tables: "3–12".
func rangeCount(r rehearsal.Range) string {
	if r.Low == r.High {
		return format.Count(r.Low)
	}
	return format.Count(r.Low) + "–" + format.Count(r.High)
}

// rangeShort is a range for small places: "1.2k–3.4k".
func rangeShort(r rehearsal.Range) string {
	low, high := format.Short(float64(r.Low)), format.Short(float64(r.High))
	if low == high {
		return low
	}
	return low + "–" + high
}

// rangeWords is a range in a sentence: "none", "12", "up to 12", "3 to 12".
func rangeWords(r rehearsal.Range) string {
	switch {
	case r.High == 0:
		return "none"
	case r.Low == r.High:
		return format.Count(r.Low)
	case r.Low == 0:
		return "up to " + format.Count(r.High)
	}
	return format.Count(r.Low) + " to " + format.Count(r.High)
}

// rehearsalSentence is what a rehearsal amounts to.
func rehearsalSentence(r rehearsal.Result) string {
	all, draft, today := format.Requests(r.Total.Requests)+" of "+count(r.Calling, "key"), r.Total.Draft.All(), r.Total.Today.All()
	switch {
	case draft.High == 0 && today.High == 0:
		return "Neither the draft nor today's limits would have refused any of " + all + "."
	case draft.High == 0:
		return fmt.Sprintf("The draft would have refused none of %s; today's limits %s, of %s.", all, rangeWords(today), count(r.Today, "key"))
	}
	first := fmt.Sprintf("The draft would have refused %s of %s", rangeWords(draft), all)
	if r.Calling > 1 {
		first += ", and touched " + count(r.Draft, "key")
	}
	if today.High == 0 {
		return first + "; today's limits refuse none."
	}
	return first + "; today's limits " + rangeWords(today) + "."
}

// noun is a word for so many.
func noun(n int, one string) string {
	if n == 1 {
		return one
	}
	return one + "s"
}

// local is the same with times as a page writes them.
func (v rehearsed) local(ctx context.Context) rehearsed {
	v.covered.Since, v.covered.Until = format.Local(ctx, v.covered.Since), format.Local(ctx, v.covered.Until)
	v.covered.Gaps = slices.Clone(v.covered.Gaps)
	for i, g := range v.covered.Gaps {
		v.covered.Gaps[i] = models.Gap{Since: format.Local(ctx, g.Since), Until: format.Local(ctx, g.Until)}
	}
	return v
}

// recordedSince says how far back the recording goes: "Last 30 days", "Since 12 Nov 2026".
func recordedSince(v rehearsed) string {
	since := v.covered.Since
	switch age := v.covered.Until.Sub(since); {
	case age >= rehearsalDays*24*time.Hour-time.Hour:
		return fmt.Sprintf("Last %d days", rehearsalDays)
	case age >= 48*time.Hour:
		return "Since " + format.Date(since)
	}
	return "Since " + format.DateTime(since)
}

func nothingRecorded(v rehearsed) string {
	if v.covered.Since.IsZero() {
		return "No traffic has been recorded yet: recording begins with the first request that the gateway gets. Make some calls, and rehearse again."
	}
	return "Nothing has called this plan since " + format.DateTime(v.covered.Since) + ", when its recording begins. There is no traffic to rehearse yet."
}

// gapsTold is how many gaps of a recording are told one by one.
const gapsTold = 3

// missingWords says what of the traffic is not in the recording.
func missingWords(c models.Recorded) (out []string) {
	for i, g := range c.Gaps {
		if i == gapsTold {
			out = append(out, fmt.Sprintf("There are %s more in which nothing was recorded.", count(len(c.Gaps)-i, "time")))
			break
		}
		out = append(out, fmt.Sprintf("Nothing was recorded from %s to %s: what called then is missing.", format.DateTime(g.Since), format.DateTime(g.Until)))
	}
	if c.Lost > 0 {
		out = append(out, format.Requests(c.Lost)+" in this time, of all plans together, could not be recorded and are missing.")
	}
	if c.Damaged > 0 {
		out = append(out, count(c.Damaged, "part")+" of the recording cannot be read: the requests in it are missing.")
	}
	return out
}

// limitsOnly is what a plan allows, without its price.
func limitsOnly(t models.Terms) string {
	t.Price = ""
	return limitsLine(t)
}

// fillReport is what a finished rehearsal adds to its page.
func fillReport(report *owner.RehearsalReport, v rehearsed) {
	if v.covered.Requests == 0 {
		return
	}
	total := rehearsedCells(v.result.Total)
	total.Name, total.Who, total.Newly, total.Relieved = "All "+count(v.result.Calling, "key"), rehearsedKeys(v.result), false, false
	report.Total = total
	report.Subtitle = "What called the plan since " + format.DateTime(v.covered.Since) + ", replayed through the limits in force and through others."
	if rest := v.result.Calling - len(v.result.Keys); rest > 0 {
		report.More = fmt.Sprintf("The %d keys for which most changes. %s not listed.", len(v.result.Keys), isMore(rest))
	} else {
		report.More = "Keys for which most changes come first."
	}
	report.LeftOut = leftOut(v)
}

func isMore(n int) string {
	if n == 1 {
		return "1 more is"
	}
	return format.Count(int64(n)) + " more are"
}

// rehearsedKeys says how many keys are touched.
func rehearsedKeys(r rehearsal.Result) string {
	return fmt.Sprintf("refused something: %s really, %s today, %s by the draft (%s newly)",
		format.Count(int64(r.Refused)), format.Count(int64(r.Today)), format.Count(int64(r.Draft)), format.Count(int64(r.Newly)))
}

// leftOut says what a rehearsal does not know.
func leftOut(v rehearsed) []string {
	out := []string{
		"Today's limits are those in force now, for all of the time; what was really refused may have met earlier versions of the plan.",
		"Each key begins with a full burst and an unspent quota. In the first period of the quota too few may be refused.",
		"Limits that all callers of a stage or an owner's APIs share are not replayed. What they refused is among what was really refused.",
		"Extensions of single keys' quotas, and used requests that a key brought from another plan, are not replayed.",
		"Clients are taken to call as they did: a client that is refused may wait, or try again.",
	}
	if v.today.Charge == models.ChargeDelivered || v.draft.Charge == models.ChargeDelivered {
		out = append(out, "Where only delivered answers count, failed ones are given back at the end of the second in which they were asked for, however long they took.")
	}
	return out
}
