package handlers

import (
	"context"
	"slices"
	"time"

	"gatehouse/models"
	"gatehouse/models/rehearsal"
	"gatehouse/templates/format"
	"gatehouse/templates/receipt"
	"gatehouse/templates/ui"
)

// ReceiptsStore is what the pages about single requests need of the store.
type ReceiptsStore interface {
	ReceiptDetail(ctx context.Context, viewer models.AccountID, r models.Receipt) (models.ReceiptDetail, error)
	ReceiptRows(ctx context.Context, viewer models.AccountID, key models.KeyID, receipts []models.Receipt) ([]models.ReceiptRow, error)
	CatalogAPI(ctx context.Context, viewer models.AccountID, slug string) (models.CatalogAPI, error)
	LimitsChanged(ctx context.Context, d models.ReceiptDetail, from, to time.Time) (bool, error)
	UsageSeries(ctx context.Context, sc models.UsageScope, r models.UsageRange) ([]models.UsagePoint, error)
}

// Receipts is the page about one request, and the newest refusals on a key's page.
type Receipts struct {
	Store ReceiptsStore
	Kept  models.Receipts   // nil: none are kept
	Log   models.RequestLog // nil: none is kept
	Docs  []ProblemDoc
	// Arrivals are what keys sent, second by second; nil: nothing is recorded.
	Arrivals Around
	Since    time.Time // from when on no bucket was emptied, as after the machine stopped; before it, levels say nothing of what came
}

// What is not found, whether there is no such receipt or it is another's: the answer must not tell which.
var (
	errNoReceipt  = &models.Error{Kind: models.KindNotFound, Message: "There is no receipt of such a request for you. Refusals of a known key leave one, and of the requests that pass a sample."}
	errNoReceipts = &models.Error{Kind: models.KindNotFound, Message: "This installation keeps no receipts of requests at present."}
)

// Show says which rule answered one request, for the owner of its key and the owner of the API.
func (h *Receipts) Show(r *Request) (Reply, error) {
	if h.Kept == nil && h.Log == nil {
		return Reply{}, errNoReceipts
	}
	entry, logged, err := h.find(r.Context(), r.Param("request"))
	var d models.ReceiptDetail
	if err == nil {
		d, err = h.Store.ReceiptDetail(r.Context(), r.Account.ID, entry.Receipt)
	}
	if models.KindOf(err) == models.KindNotFound {
		return Reply{}, errNoReceipt
	}
	if err != nil {
		return Reply{}, err
	}
	d.At, d.Since, d.Key.RevokedAt, d.PlanEndsAt = r.Local(d.At), r.Local(d.Since), r.Local(d.Key.RevokedAt), r.Local(d.PlanEndsAt)
	r.asOwner = !d.OwnKey || d.Key.AppID == 0
	var a *rehearsal.Around
	if logged { // who is not, may have taken any time
		if a, err = h.around(r, d, entry.Total); err != nil {
			return Reply{}, err
		}
	}
	plans, err := h.otherPlans(r, d, a)
	if err != nil {
		return Reply{}, err
	}
	second, err := h.secondWords(r, d, a)
	if err != nil {
		return Reply{}, err
	}
	v := receipt.View{
		ID: d.ID, Title: h.title(d.Receipt), Subtitle: requestWords(d.ReceiptRow, &entry), Badge: receiptBadge(d.Receipt), Verdict: h.verdict(d), Advice: h.advice(d.Receipt),
		Steps: receiptSteps(d, len(plans) > 0), Plans: plans, Limits: limitLines(d), After: d.Outcome.Admitted(), Facts: h.facts(r, d),
	}
	if v.Verdict = insertSentence(v.Verdict, second); len(plans) > 0 {
		var passing []string
		for _, p := range plans {
			if p.Passes {
				passing = append(passing, p.Name)
			}
		}
		if text := passingWords(passing); text != "" {
			v.Verdict = append(v.Verdict, text)
		}
	}
	if logged {
		showEntry(r, &v, d, &entry)
	}
	v.Waiting = !logged && h.Log != nil && d.Outcome != models.OutcomeOpen && r.Now.Sub(d.At) < time.Minute
	return Page(receipt.Page(r.layout("Request "+d.ID[:8], receiptCrumbs(d)...), v)), nil
}

// insertSentence puts a sentence behind the first one, if there is something to say.
func insertSentence(all []string, one string) []string {
	if one == "" {
		return all
	}
	return slices.Insert(all, min(1, len(all)), one)
}

// receiptCrumbs lead back to the key.
func receiptCrumbs(d models.ReceiptDetail) []ui.Crumb {
	switch {
	case d.OwnKey && d.Key.AppID != 0:
		return []ui.Crumb{{Label: "Apps", Href: "/apps"}, {Label: d.AppName, Href: appPath(d.Key.AppID)}, {Label: d.Key.Name, Href: keyPath(d.KeyID)}, {}}
	case d.Key.ID != 0:
		return []ui.Crumb{keysCrumb(), {Label: d.Key.Name, Href: ownerKeyPath(d.KeyID)}, {}}
	}
	return []ui.Crumb{{}}
}

// find reads what there is of a request: its entry in the log, which has all of it and comes when the request has ended, or its receipt, which is there at
// once.
func (h *Receipts) find(ctx context.Context, id string) (entry models.LogEntry, logged bool, err error) {
	err = models.NotFound("request")
	if h.Log != nil {
		if entry, err = h.Log.Entry(ctx, id); err == nil {
			return entry, true, nil
		}
	}
	if kind := models.KindOf(err); h.Kept == nil || kind != models.KindNotFound && kind != models.KindGone {
		return entry, false, err
	}
	found, kept := h.Kept.Receipt(id)
	if kept == nil {
		return models.LogEntry{Receipt: found}, false, nil
	}
	if models.KindOf(kept) != models.KindNotFound {
		err = kept
	}
	return entry, false, err
}

// requestWords is the call in a line: its method, or, where it met none, what was asked for.
func requestWords(row models.ReceiptRow, e *models.LogEntry) string {
	call := row.Method
	if call == "" {
		call = e.Verb + " " + e.Path
	}
	if row.APIName == "" {
		return call
	}
	return call + " of " + placeWords(row)
}

// placeWords names API and stage; "" when they are not there any more.
func placeWords(row models.ReceiptRow) string {
	if row.APIName == "" || row.StageName == "" {
		return row.APIName
	}
	return row.APIName + " · " + row.StageName
}

func receiptBadge(r models.Receipt) ui.BadgeProps {
	switch {
	case r.Outcome == models.OutcomeThrottled || r.Outcome == models.OutcomeQuota:
		return ui.BadgeProps{Kind: ui.Pur, Text: "Refused"}
	case !r.Outcome.Admitted():
		return ui.BadgeProps{Kind: ui.Bad, Text: "Refused"}
	case r.Outcome == models.OutcomeSuccess || r.Outcome == models.OutcomeRedirect:
		return ui.BadgeProps{Kind: ui.OK, Text: "Passed"}
	}
	return ui.BadgeProps{Kind: ui.Warn, Text: "Passed"}
}

// facts are what is known of the request besides the rule.
func (h *Receipts) facts(r *Request, d models.ReceiptDetail) []ui.Definition {
	facts := []ui.Definition{
		{Term: "Answer", Body: receipt.Answer(d.Status, h.doc(d.Problem).Title, "/problems/"+d.Problem)},
		{Term: "Time", Text: format.Moment(d.At)},
	}
	if d.Method != "" {
		facts = append(facts, ui.Definition{Term: "Request", Text: d.Method, Mono: true})
	}
	if d.APIName != "" {
		api := ui.Definition{Term: "API", Text: placeWords(d.ReceiptRow)}
		if d.OwnAPI {
			api.Href = ownerAPIPath(d.APIID)
		} else if d.APISlug != "" {
			api.Href = apiPath(d.APISlug)
		}
		facts = append(facts, api)
	}
	facts = append(facts, keyFacts(d)...)
	if d.Plan.Name != "" {
		plan := ui.Definition{Term: "Plan", Text: d.Plan.Name + ", version " + format.Count(int64(d.PlanVersion))}
		switch {
		case d.OwnKey && d.SubscriptionID != 0 && d.Key.AppID != 0:
			plan.Href = subscriptionPath(d.SubscriptionID)
		case d.OwnAPI:
			plan.Href = ownerPlanPath(d.PlanID)
		}
		facts = append(facts, plan)
	}
	if d.Outcome.Admitted() && d.Outcome != models.OutcomeOpen {
		if d.Latency > 0 {
			facts = append(facts, ui.Definition{Term: "Answer after", Text: format.Latency(d.Latency)})
		}
		facts = append(facts, ui.Definition{Term: "Body sent", Text: format.Bytes(d.BytesIn)}, ui.Definition{Term: "Body received", Text: format.Bytes(d.BytesOut)})
	}
	return facts
}

func keyFacts(d models.ReceiptDetail) []ui.Definition {
	switch {
	case d.KeyID == 0:
		return []ui.Definition{{Term: "Key", Text: "none that is known"}}
	case d.Key.ID == 0:
		return []ui.Definition{{Term: "Key", Text: d.KeyID.String(), Mono: true}, {Term: "Its plans", Text: "none of yours"}}
	case d.OwnKey && d.Key.AppID != 0:
		return []ui.Definition{{Term: "Key", Body: receipt.KeyName(d.Key.Name, d.Key.Hint, keyPath(d.KeyID))}, {Term: "App", Text: d.AppName, Href: appPath(d.Key.AppID)}}
	case d.Key.AppID != 0:
		return []ui.Definition{{Term: "Key", Body: receipt.KeyName(d.Key.Name, d.Key.Hint, ownerKeyPath(d.KeyID))}, {Term: "App", Text: d.AppName}, {Term: "Developer", Text: d.AccountEmail}}
	}
	return []ui.Definition{{Term: "Key", Body: receipt.KeyName(d.Key.Name, d.Key.Hint, ownerKeyPath(d.KeyID))}}
}

// How many refusals a key's page shows, and how many are looked at for them: not all are for everybody who sees the page.
const (
	refusalsShown  = 10
	refusalsLooked = 100
)

// newest lists a key's newest refusals that the reader may see; nil where no receipts are kept.
func (h *Receipts) newest(r *Request, key models.KeyID) (*receipt.List, error) {
	if h == nil || h.Kept == nil {
		return nil, nil
	}
	rows, err := h.Store.ReceiptRows(r.Context(), r.Account.ID, key, h.Kept.Refusals(key, refusalsLooked))
	if err != nil {
		return nil, err
	}
	list := &receipt.List{Now: r.Now}
	for _, row := range rows[:min(len(rows), refusalsShown)] {
		list.Rows = append(list.Rows, receipt.Row{At: row.At, Why: h.title(row.Receipt), Href: requestPath(row.ID), Request: row.Method, Where: placeWords(row), Status: row.Status})
	}
	return list, nil
}

func requestPath(id string) string { return "/requests/" + id }

// doc explains a problem; the zero value for an unknown one, and for none.
func (h *Receipts) doc(slug string) ProblemDoc {
	if at := slices.IndexFunc(h.Docs, func(d ProblemDoc) bool { return d.Slug == slug }); at >= 0 {
		return h.Docs[at]
	}
	return ProblemDoc{}
}
