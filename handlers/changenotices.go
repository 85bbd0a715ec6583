package handlers

import (
	"context"
	"time"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/ui"
)

// ChangeNoticeStore is what the pages of change notices need of the store.
type ChangeNoticeStore interface {
	ChangeNotices(ctx context.Context, account models.AccountID, p models.Page) (models.List[models.ChangeNoticeRow], error)
	ChangeNotice(ctx context.Context, account models.AccountID, id models.ChangeNoticeID) (models.ChangeNoticeDetail, error)
	AcknowledgeChange(ctx context.Context, actor models.Actor, id models.ChangeNoticeID, now time.Time) error
}

// ChangeNotices is the pages of what a developer was told of changes that others make.
type ChangeNotices struct{ Store ChangeNoticeStore }

func noticePath(id models.ChangeNoticeID) string { return "/notices/" + id.String() }

// List is all notices, newest first.
func (n *ChangeNotices) List(r *Request) (Reply, error) {
	p := r.Page()
	list, err := n.Store.ChangeNotices(r.Context(), r.Account.ID, p)
	if err != nil {
		return Reply{}, err
	}
	v := developer.NoticesView{Now: r.Now, Pages: listPages(r, p, list.Next)}
	for _, row := range list.Items {
		row.ChangeNotice = r.localNotice(row.ChangeNotice)
		v.Rows = append(v.Rows, developer.NoticeListRow{Title: row.Title(), Href: noticePath(row.ID), State: noticeBadge(row.ChangeNotice, r.Now), Takes: noticeTakes(row.ChangeNotice),
			Told: row.CreatedAt, New: !row.Seen})
	}
	return Page(developer.Notices(r.layout("Change notices", ui.Crumb{}), v)), nil
}

// Show is one notice, with what it means for the reader's own calls.
func (n *ChangeNotices) Show(r *Request) (Reply, error) {
	id, err := param[models.ChangeNotice](r, "notice")
	if err != nil {
		return Reply{}, err
	}
	d, err := n.Store.ChangeNotice(r.Context(), r.Account.ID, id)
	if err != nil {
		return Reply{}, err
	}
	d.ChangeNotice = r.localNotice(d.ChangeNotice)
	v := developer.NoticeView{Title: d.Title(), Href: noticePath(id), State: noticeBadge(d.ChangeNotice, r.Now), Told: d.CreatedAt, Now: r.Now, Seen: d.Seen, Note: d.Note,
		Lead: d.Lead()}
	for _, c := range d.Changes {
		v.Changes = append(v.Changes, developer.Difference{Name: c.What, Before: c.Before, After: c.After})
	}
	if d.Slug != "" {
		v.ChangesHref = apiPath(d.Slug) + "/changes"
	}
	waiting := false
	for _, f := range d.For {
		if f.SubscriptionID == 0 {
			continue
		}
		one := developer.NoticeFor{App: f.AppName, Numbers: f.Numbers.Sentence(f.AppName, d.CreatedAt), Href: subscriptionPath(f.SubscriptionID), Open: f.Open && d.State != models.ChangeCancelled}
		if waiting = waiting || !f.Counted; !f.Counted {
			one.Numbers = "What it would have meant for the calls of " + f.AppName + " is being counted. Look again in a moment."
		}
		v.For = append(v.For, one)
	}
	page := r.layout(v.Title, ui.Crumb{Label: "Change notices", Href: "/notices"}, ui.Crumb{})
	if waiting {
		page.Refresh = refreshSeconds
	}
	return Page(developer.Notice(page, v)), nil
}

// Acknowledge notes that the reader knows.
func (n *ChangeNotices) Acknowledge(r *Request) (Reply, error) {
	id, err := param[models.ChangeNotice](r, "notice")
	if err != nil {
		return Reply{}, err
	}
	if err := n.Store.AcknowledgeChange(r.Context(), r.Actor(), id, r.Now); err != nil {
		return Reply{}, err
	}
	return See("/notices"), nil
}

// localNotice has the notice's times in the reader's zone.
func (r *Request) localNotice(n models.ChangeNotice) models.ChangeNotice {
	n.TakesAt, n.CreatedAt = r.Local(n.TakesAt), r.Local(n.CreatedAt)
	return n
}

// noticeTakes is when it takes effect; zero where nothing does.
func noticeTakes(n models.ChangeNotice) time.Time {
	if n.State == models.ChangeCancelled || n.Kind == models.ChangeKept {
		return time.Time{}
	}
	return n.TakesAt
}

func noticeBadge(n models.ChangeNotice, now time.Time) ui.BadgeProps {
	switch {
	case n.State == models.ChangeCancelled:
		return ui.BadgeProps{Kind: ui.Plain, Text: "Taken back"}
	case n.State == models.ChangeInForce, !n.TakesAt.After(now):
		return ui.BadgeProps{Kind: ui.OK, Text: "In force"}
	}
	return ui.BadgeProps{Kind: ui.Warn, Text: "Announced"}
}
