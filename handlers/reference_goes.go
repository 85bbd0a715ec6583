package handlers

import (
	"cmp"
	"context"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
	"gatehouse/templates/format"
	"gatehouse/templates/public"
)

// readGoing reads what of the stage its owner takes away. What is said of an operation itself goes before what is said of the whole stage.
func (ref *reference) readGoing(ctx context.Context, s CatalogStore) error {
	all, err := s.Deprecations(ctx, ref.api.ID)
	if err != nil || len(all) == 0 {
		return err
	}
	own, whole := map[models.MethodID]models.Deprecation{}, models.Deprecation{}
	for _, d := range all {
		switch {
		case d.MethodID != 0:
			own[d.MethodID] = d
		case d.StageID == ref.stage.ID:
			whole = d
		}
	}
	ref.going = map[string]models.Deprecation{}
	for _, m := range ref.stage.Methods {
		if d, ok := own[m.ID]; ok {
			ref.going[m.Name()] = d
		} else if whole.ID != 0 {
			ref.going[m.Name()] = whole
		}
	}
	return nil
}

// goingWords say when something goes: "Deprecated since 2 Mar 2026. It answers 410 Gone from 1 Apr 2026, 00:00 UTC on."
func goingWords(d models.Deprecation, now time.Time, local func(time.Time) time.Time) string {
	words := "Deprecated since " + format.Date(local(d.Since)) + "."
	if d.Since.After(now) {
		words = "Deprecated from " + format.Date(local(d.Since)) + " on."
	}
	switch {
	case d.Gone(now):
		words += " It answers 410 Gone since " + format.DateTime(local(d.Sunset)) + "."
	case !d.Sunset.IsZero():
		words += " It answers 410 Gone from " + format.DateTime(local(d.Sunset)) + " on."
	default:
		words += " It still works, and no day is set on which it goes."
	}
	return words
}

// goingView is what an operation's page says of its end; nil where its owner says nothing.
func (ref *reference) goingView(r *Request, op openapi.Operation) *public.GoingView {
	d, ok := ref.going[op.Name()]
	if !ok {
		return nil
	}
	return &public.GoingView{Words: goingWords(d, r.Now, r.Local), Note: d.Note, Successor: d.Successor, Link: cmp.Or(d.Link, changelogPath(ref.api.Slug))}
}

// goingText is the same in a line of text, in UTC; "" where its owner says nothing.
func (ref *reference) goingText(r *Request, name string) string {
	d, ok := ref.going[name]
	if !ok {
		return ""
	}
	words := goingWords(d, r.Now, time.Time.UTC)
	if d.Note != "" {
		words += " " + strings.Join(strings.Fields(d.Note), " ")
	}
	if d.Successor != "" {
		words += " Use instead: " + d.Successor
	}
	return words + " More: " + cmp.Or(d.Link, r.Site.PublicURL+changelogPath(ref.api.Slug))
}

// goingBadge is the same in two words, for a list.
func (ref *reference) goingBadge(op openapi.Operation) string {
	d := ref.going[op.Name()]
	switch {
	case d.Sunset.IsZero():
		return "Deprecated"
	case d.Gone(ref.now):
		return "Gone"
	}
	return "Goes " + format.Date(d.Sunset.In(ref.now.Location()))
}
