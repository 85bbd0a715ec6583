package handlers

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/requestlog"
	"gatehouse/templates/ui"
)

// LogStore is what the pages of the request log need of the store.
type LogStore interface {
	LogAppsOf(ctx context.Context, account models.AccountID) ([]models.LogApp, error)
	LogCustomer(ctx context.Context, owner models.AccountID, id models.ConsumerID) ([]models.AppID, []models.KeyID, error)
	LogNames(ctx context.Context, viewer models.AccountID, q models.LogQuestion) (models.LogNames, error)
	Consumer(ctx context.Context, owner models.AccountID, id models.ConsumerID) (models.Consumer, error)
	LogAPIsOf(ctx context.Context, owner models.AccountID) ([]models.LogAPI, error)
	LogAPIBySlug(ctx context.Context, slug string) (models.LogAPI, error)
	LogKeys(ctx context.Context, viewer models.AccountID, ids []models.KeyID) ([]models.LogKey, error)
	AccountKeys(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.KeyRow], error)
	Plan(ctx context.Context, owner models.AccountID, id models.PlanID) (models.PlanRow, error)
	ownerNextStore
}

// Logs is the request log: for developers of their apps' keys, for owners of their APIs.
type Logs struct {
	Store LogStore
	Log   models.RequestLog // nil: none is kept
	Docs  []ProblemDoc
}

// How a log is looked at.
const (
	logRows   = 50
	logKeys   = 200 // to choose from; the newest
	logApps   = 100 // likewise; the oldest
	logEvery  = 2 * time.Second
	ownLog    = "/log"
	ownersLog = "/owner/log"
)

// Show lists requests, newest first, narrowed by the URL.
func (h *Logs) Show(r *Request) (Reply, error) {
	q, err := h.question(r)
	if err != nil {
		return Reply{}, err
	}
	v := q.view()
	page := r.layout("Request log", ui.Crumb{})
	if len(q.problems) > 0 {
		return Again(requestlog.Page(page, v)), nil
	}
	if h.Log == nil {
		v.Ranges, v.None = nil, &requestlog.Nothing{Title: "No log is kept", Text: "This installation keeps no log of single requests at present. Usage counts every one."}
		return Page(requestlog.Page(page, v)), nil
	}
	found, err := h.Log.Entries(r.Context(), q.LogQuestion)
	if err != nil {
		return Reply{}, err
	}
	if err := h.fill(r.Context(), q, &v, found, r.Now); err != nil {
		return Reply{}, err
	}
	if v.Live {
		page.Live = q.path + "/live?" + q.filters.Encode()
	}
	return Page(requestlog.Page(page, v)), nil
}

// Live adds the requests that come while the page is open.
func (h *Logs) Live(r *Request) (Reply, error) {
	q, err := h.question(r)
	if err != nil || h.Log == nil {
		return Reply{}, err
	}
	if len(q.problems) > 0 {
		return Reply{}, models.NotFound("page")
	}
	var seen models.LogPage
	return r.liveEach(logEvery, func(ctx context.Context, now time.Time) (templ.Component, error) {
		ask := q.LogQuestion
		ask.After = seen.Newest
		found, err := h.Log.Entries(ctx, ask)
		if err != nil {
			return nil, err
		}
		if ask.After != "" && len(found.Entries) == 0 {
			seen.Newest = found.Newest
			return requestlog.Quiet(), nil
		}
		seen = withNewer(found, seen)
		v := q.view()
		if err := h.fill(ctx, q, &v, seen, now); err != nil {
			return nil, err
		}
		return requestlog.Update(v), nil
	}), nil
}

// withNewer is what a page shows when more came to what it showed. What leaves it at the end is found again where its next page begins.
func withNewer(found, seen models.LogPage) models.LogPage {
	if found.Next != "" || seen.Newest == "" { // more came than it can show, or it is the first look
		return found
	}
	rows := append(found.Entries, seen.Entries...)
	if len(rows) > logRows {
		rows = rows[:logRows]
	}
	seen.Entries, seen.Newest = rows, found.Newest
	seen.Damaged += found.Damaged
	return seen
}

// fill shows what was found.
func (h *Logs) fill(ctx context.Context, q *logQuestion, v *requestlog.View, found models.LogPage, now time.Time) error {
	var ids []models.KeyID
	for i := range found.Entries {
		if id := found.Entries[i].KeyID; id != 0 {
			ids = append(ids, id)
		}
	}
	keys, err := h.Store.LogKeys(ctx, q.reader, ids)
	if err != nil {
		return err
	}
	names := map[models.KeyID]models.LogKey{}
	for _, k := range keys {
		names[k.ID] = k
	}
	for i := range found.Entries {
		v.Rows = append(v.Rows, h.row(q, &found.Entries[i], names, now))
	}
	v.Damaged, v.Failing = found.Damaged > 0, h.Log.Failing()
	q.paging(ctx, v, found)
	if len(v.Rows) > 0 {
		return nil
	}
	v.None = q.nothing(ctx, found)
	if v.None == nil {
		v.None, err = h.noneYet(ctx, q)
	}
	return err
}
