package handlers

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/format"
	"gatehouse/templates/receipt"
)

// This file says in words which rule answered a request, from the numbers of its receipt.

// title is the rule in a line.
func (h *Receipts) title(r models.Receipt) string {
	refusing := r.Limits.Of(r.Layer)
	switch {
	case r.Layer == limit.LayerQuota && refusing.Limit <= 0:
		return "Refused by a quota of 0"
	case r.Layer == limit.LayerQuota:
		return "The quota is used up"
	case r.Layer != limit.LayerNone && r.RetryAfter <= 0:
		return "Refused by a rate of 0"
	case r.Layer != limit.LayerNone:
		return "Throttled by " + strings.ToLower(limitName(r.Layer)[:1]) + limitName(r.Layer)[1:]
	case r.Outcome == models.OutcomeOpen:
		return "Let through, without an end on record"
	case r.Outcome == models.OutcomeUpstream && r.Problem == "":
		return "The API broke off its answer"
	case r.Outcome == models.OutcomeAborted && r.Problem == "":
		return "Let through, and broken off"
	case r.Problem == "":
		return fmt.Sprintf("Let through, and answered %d", r.Status)
	}
	if doc := h.doc(r.Problem); doc.Title != "" {
		return doc.Title
	}
	return "Refused"
}

func limitName(l limit.Layer) string {
	switch l {
	case limit.LayerMethod:
		return "The plan's rate for this method"
	case limit.LayerPlan:
		return "The plan's rate"
	case limit.LayerStage:
		return "The stage's rate"
	case limit.LayerQuota:
		return "The plan's quota"
	}
	return "The publishing account's rate"
}

// verdict is what happened, in sentences.
func (h *Receipts) verdict(d models.ReceiptDetail) []string {
	switch {
	case d.Layer == limit.LayerQuota:
		return quotaVerdict(d)
	case d.Layer != limit.LayerNone:
		return throttleVerdict(d)
	case d.Outcome.Admitted():
		return h.admittedVerdict(d)
	}
	return []string{h.deniedVerdict(d), "Nothing was charged."}
}

func planWords(d models.ReceiptDetail) string {
	if d.Plan.Name == "" {
		return "the plan"
	}
	return "the plan " + d.Plan.Name
}

func stageWords(d models.ReceiptDetail) string {
	switch {
	case d.APIName == "":
		return "a stage that is not there any more"
	case d.StageName == "":
		return "a stage of " + d.APIName + " that is not there any more"
	}
	return "the stage " + d.StageName + " of " + d.APIName
}

// capital begins a sentence.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func throttleVerdict(d models.ReceiptDetail) []string {
	l := d.Limits.Of(d.Layer)
	t := limit.Throttle{Rate: l.Rate, Burst: l.Limit}
	rate, bursts := format.Rate(l.Rate), ", with bursts of "+format.Count(l.Limit)
	if l.Limit == 1 {
		bursts = ", one at a time"
	}
	var rule string
	switch d.Layer {
	case limit.LayerMethod:
		rule = capital(planWords(d)) + " allows each key " + rate + " of " + d.Method + bursts
	case limit.LayerPlan:
		rule = capital(planWords(d)) + " allows each key " + rate + bursts
		if d.Overridden {
			rule = "By limits of its own, in place of those of " + planWords(d) + ", this key may send " + rate + bursts
		}
	case limit.LayerAccount:
		rule = "The account that publishes " + cmp.Or(d.APIName, "the API") + " takes " + rate + bursts + ", from all callers of all its APIs together"
	default:
		rule = capital(stageWords(d)) + " takes " + rate + bursts + ", from all its callers together"
	}
	if t.RefusesAll() {
		return []string{rule + ": a rate or a burst of 0 refuses every request.", "Nothing was charged, and waiting does not help."}
	}
	return []string{
		fmt.Sprintf("%s. When this request came, the bucket held %s, and a request takes one. Nothing was charged.", rule, heldWords(l)),
		passedWords(d),
	}
}

// heldWords is the level of a bucket that refused, which is below one token: never rounded up to one.
func heldWords(l *models.ReceiptLimit) string {
	level := flooredLevel(l)
	switch {
	case l.Level() <= 0:
		return "no token"
	case level < 0.01:
		return "less than 0.01 tokens"
	}
	return format.Number(min(level, 0.99)) + " tokens"
}

// flooredLevel is the level of a bucket in hundredths, rounded down but for what computing it may have lost.
func flooredLevel(l *models.ReceiptLimit) float64 { return math.Floor(l.Level()*100+1e-6) / 100 }

// passedWords says when the same request would have passed.
func passedWords(d models.ReceiptDetail) string {
	all, ok := d.PassesAfter()
	if !ok {
		return "Waiting does not help: another limit of the request lets nothing pass."
	}
	if all > d.RetryAfter {
		return fmt.Sprintf("This limit would have let it pass %s later, and all of them %s later, had no other request come meanwhile.", laterWords(d.RetryAfter), laterWords(all))
	}
	return fmt.Sprintf("The same request would have passed %s later, had no other come meanwhile.", laterWords(d.RetryAfter))
}

// laterWords is a time to wait, rounded up: who waits that long has waited long enough.
func laterWords(d time.Duration) string {
	up := func(step time.Duration) time.Duration { return (d + step - 1) / step * step }
	switch {
	case d <= 10*time.Millisecond:
		return format.Latency(up(100 * time.Microsecond))
	case d < time.Second:
		return format.Latency(up(time.Millisecond))
	case d < time.Minute:
		return format.Latency(up(100 * time.Millisecond))
	case d < time.Hour:
		return format.Duration(up(time.Second))
	case d < 24*time.Hour:
		return format.Duration(up(time.Minute))
	}
	return format.Duration(up(time.Hour))
}

func quotaVerdict(d models.ReceiptDetail) []string {
	l := d.Limits.Of(limit.LayerQuota)
	if l.Limit <= 0 {
		return []string{capital(planWords(d)) + " includes no requests: its quota is 0.", "Nothing was charged, and waiting does not help."}
	}
	rule := fmt.Sprintf("%s includes %s %s for each key", capital(planWords(d)), format.Requests(l.Limit), periodWords[l.Period])
	if q := d.Plan.Quota; q != nil && q.Limit != l.Limit {
		rule = fmt.Sprintf("%s includes %s %s for each key, and this key had %s in this period", capital(planWords(d)), format.Requests(q.Limit), periodWords[l.Period], extraRequests(l.Limit-q.Limit))
	}
	if d.Overridden {
		rule = fmt.Sprintf("This key has limits of its own, in place of those of %s: with extensions %s %s", planWords(d), format.Requests(l.Limit), periodWords[l.Period])
	}
	return []string{
		fmt.Sprintf("%s. All %s were used, %s remained. Nothing was charged.", rule, format.Count(l.Limit), format.Count(l.Remaining)),
		fmt.Sprintf("The same request would have passed %s later: the count starts anew on %s.", laterWords(l.Reset), format.DateTime(d.At.Add(l.Reset).Round(time.Second))),
	}
}

func extraRequests(n int64) string {
	if n < 0 {
		return format.Count(-n) + " fewer"
	}
	return format.Count(n) + " extra"
}

// deniedVerdict says why a request was refused by no limit.
func (h *Receipts) deniedVerdict(d models.ReceiptDetail) string {
	since := func(what string) string {
		if d.Since.IsZero() {
			return what + "."
		}
		return fmt.Sprintf("%s on %s, %s before this request.", what, format.DateTime(d.Since), format.Duration(d.At.Sub(d.Since).Truncate(time.Second)))
	}
	switch d.Problem {
	case "operation-gone":
		return since(d.Method + " was taken away by its owner")
	case "brownout":
		return d.Method + " was switched off by its owner until " + format.DateTime(d.Since) + ": a rehearsal of the day on which it goes."
	case "key-expired":
		return since("The key expired")
	case "key-replaced":
		return since("The request came with an old value of the key: it was replaced by a rotation, and stopped working")
	case "key-revoked":
		if d.Key.RevokedAt.IsZero() {
			return "The key was revoked, which is final."
		}
		return "The key was revoked on " + format.DateTime(d.Key.RevokedAt) + ", which is final."
	case "key-disabled":
		return "The key was switched off when the request came. Its plans, limits and counts are kept."
	case "no-plan":
		return "The key was on no plan that opens " + stageWords(d) + "."
	case "plan-ended":
		if d.PlanEndsAt.IsZero() {
			return capital(planWords(d)) + ", by which the key called " + stageWords(d) + ", had ended."
		}
		return capital(planWords(d)) + ", by which the key called " + stageWords(d) + ", ended on " + format.DateTime(d.PlanEndsAt) + "."
	case "subscription-pending":
		return "The subscription to " + planWords(d) + " was not approved yet."
	case "subscription-suspended":
		return "The subscription to " + planWords(d) + " was suspended by the plan's owner."
	case "key-blocked":
		return "The owner of " + planWords(d) + " had blocked this key on it."
	case "operation-not-in-plan":
		return fmt.Sprintf("%s, version %d, opens %s, but leaves out %s.", capital(planWords(d)), d.PlanVersion, stageWords(d), d.Method)
	}
	return h.doc(d.Problem).Explanation
}

// admittedVerdict says how a request ended that passed every limit.
func (h *Receipts) admittedVerdict(d models.ReceiptDetail) []string {
	passed := "The request passed every limit"
	if d.Plan.Name != "" {
		passed += " of " + planWords(d)
	}
	text := passed + ", and the API answered " + fmt.Sprint(d.Status) + " after " + format.Latency(d.Latency) + "."
	switch {
	case d.Outcome == models.OutcomeOpen:
		text = passed + " and was forwarded. How it ended is not on record: it is still under way, or the gateway stopped before it ended."
	case d.Problem != "":
		text = passed + " and was forwarded. " + h.doc(d.Problem).Explanation
	case d.Outcome == models.OutcomeUpstream:
		text = passed + fmt.Sprintf(", and the API began to answer %d after %s, but broke off in the middle of its answer.", d.Status, format.Latency(d.Latency))
	case d.Outcome == models.OutcomeAborted && d.Status != 0:
		text = passed + fmt.Sprintf(", and the API began to answer %d after %s. The client went away before the answer was complete, or the key or the gateway was stopped.", d.Status, format.Latency(d.Latency))
	case d.Outcome == models.OutcomeAborted:
		text = passed + " and was forwarded. The client went away before there was an answer, or the key or the gateway was stopped."
	}
	if !d.Limits.Of(limit.LayerQuota).Limited {
		return []string{text}
	}
	if d.Plan.Charge == models.ChargeDelivered && (d.Outcome == models.OutcomeUpstream || d.Outcome == models.OutcomeServerError) {
		return []string{text, "The plan charges delivered answers alone: this request was given back to the quota."}
	}
	return []string{text, "It took one request of the quota."}
}

// advice is what to do about a refusal.
func (h *Receipts) advice(r models.Receipt) string {
	switch {
	case r.Layer == limit.LayerStage || r.Layer == limit.LayerAccount:
		return "All callers share this limit, and no plan changes it. Wait as Retry-After says, and try again after a time that differs each time."
	case r.Layer != limit.LayerNone && r.RetryAfter <= 0:
		return ""
	}
	return h.doc(r.Problem).WhatToDo
}

// limitLines are the limits that a request met, in the order in which they answer.
func limitLines(d models.ReceiptDetail) (out []receipt.Limit) {
	for i := range d.Limits {
		layer, l := limit.Layer(i+1), &d.Limits[i]
		if !l.Limited {
			continue
		}
		line := receipt.Limit{Name: limitName(layer), Refused: layer == d.Layer}
		if layer == limit.LayerQuota {
			line.Allows = format.Requests(l.Limit) + " " + periodWords[l.Period]
			line.Left, line.Used = format.Count(l.Remaining)+" of "+format.Count(l.Limit), format.Count(l.Used())
			line.Again = format.DateTime(d.At.Add(l.Reset).Round(time.Second))
		} else {
			level := flooredLevel(l)
			line.Allows = throttleWords(&limit.Throttle{Rate: l.Rate, Burst: l.Limit})
			line.Left, line.Used = format.Number(level)+" of "+format.Count(l.Limit), format.Number(float64(l.Limit)-level)
			line.Again = "at once"
			if l.Reset > 0 {
				line.Again = laterWords(l.Reset) + " later"
			}
		}
		out = append(out, line)
	}
	return out
}
