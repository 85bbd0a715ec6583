package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/static"
	"gatehouse/web"
)

// troubledLog is a log in a state that is hard to bring about.
type troubledLog struct {
	page    models.LogPage
	err     error
	failing bool
}

func (l troubledLog) Entries(context.Context, models.LogQuestion) (models.LogPage, error) {
	return l.page, l.err
}
func (l troubledLog) Entry(context.Context, string) (models.LogEntry, error) {
	return models.LogEntry{}, l.err
}
func (l troubledLog) Settings() models.LogSettings { return models.DefaultLogSettings() }
func (l troubledLog) Failing() bool                { return l.failing }

// What is missing is told, and how to go on where a search ended early.
func TestRequestLogTellsWhatIsMissing(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	one := models.LogEntry{Receipt: p.refusal(made, p.free, denied("key-disabled")), Verb: "GET", Path: "/echo/prod/get", Total: time.Millisecond}
	b := p.signedIn("developer@example.com")
	show := func(l troubledLog) answer {
		p.handler = web.Handler(p.site, web.Pages{SignIn: &handlers.SignIn{Store: p.store, Passwords: secret.NewQuickHasher(), Throttle: handlers.NewThrottle(p.clock)},
			Logs: &handlers.Logs{Store: p.store, Log: l, Docs: problemDocs()}}, static.Handler())
		return b.get("/log?path=x")
	}
	show(troubledLog{failing: true, page: models.LogPage{Entries: []models.LogEntry{one}}}).has(t, "The log cannot be written at present", "/echo/prod/get")
	show(troubledLog{page: models.LogPage{Entries: []models.LogEntry{one}, Damaged: 1}}).has(t, "A part of the log could not be read")
	early := models.LogPage{Next: "1.8.0", Searched: p.clock.Add(-time.Hour), Oldest: p.clock.Add(-48 * time.Hour)}
	show(troubledLog{page: early}).has(t, "Nothing found yet", "searched back to 2 Mar 2026, 11:00:00 UTC", "Search further back", "/log?before=1.8.0&amp;path=x")
	early.Entries = []models.LogEntry{one}
	show(troubledLog{page: early}).has(t, "/echo/prod/get", "Searched back to 2 Mar 2026, 11:00:00 UTC.", "Search further back")
	if got := show(troubledLog{err: errors.New("disk")}); got.status != http.StatusInternalServerError {
		t.Errorf("a fault: %d", got.status)
	} else {
		got.hasNot(t, "disk")
	}
}
