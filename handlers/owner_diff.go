package handlers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi/diff"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// What a page of changes lists.
const (
	itemsOnPage   = 25
	changesOfItem = 6   // each item's, on the page of all
	brokenCallers = 10  // who calls what breaks
	deploysShown  = 5   // stages to deploy to
	itemCallers   = 100 // who calls one operation
)

// seen is one of the two comparisons, on its way to a page.
type seen struct {
	models.DocumentChange
	comparison
	calls map[models.MethodID]int64 // of what breaks, or may break, in the last 30 days
}

// change reads the comparison that a page is about: what waits, unless ?of=imported asks for the last import, else that. None has no ID.
func (o *OwnerDocuments) change(r *Request, api models.API) (s seen, waits bool, err error) {
	waits, err = o.Store.DocumentWaits(r.Context(), api.ID)
	if err != nil {
		return s, false, err
	}
	if waits && r.Query("of") != "imported" {
		s.DocumentChange, err = o.Store.WaitingDocument(r.Context(), r.Account.ID, api.ID)
	} else {
		s.DocumentChange, err = o.Store.ImportedDocument(r.Context(), r.Account.ID, api.ID)
	}
	if models.KindOf(err) == models.KindNotFound {
		return seen{}, waits, nil
	}
	if err != nil {
		return s, waits, err
	}
	if err = json.Unmarshal(s.DocumentChange.Diff, &s.comparison); err != nil {
		return s, waits, fmt.Errorf("read comparison: %w", err)
	}
	s.calls, err = o.Store.MethodCalls(r.Context(), r.Account.ID, api.ID, s.touched(), r.Now)
	return s, waits, err
}

// touched are the operations whose callers have to do something, or may have to.
func (s seen) touched() (methods []models.MethodID) {
	for _, it := range s.comparison.Diff.Items {
		if it.Kind == diff.OfOperation && it.Level > diff.Harmless {
			methods = append(methods, methodIDs(it.ID)...)
		}
	}
	return methods
}

func methodIDs(texts ...string) (ids []models.MethodID) {
	for _, text := range texts {
		if id, err := models.ParseID[models.Method](text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// methods are the operations whose callers an item concerns.
func itemMethods(it diff.Item) []models.MethodID {
	if it.Kind == diff.OfModel {
		return methodIDs(it.UsedIDs...)
	}
	return methodIDs(it.ID)
}

// callsOf adds up the calls of what an item concerns.
func (s seen) callsOf(it diff.Item) (n int64) {
	for _, id := range itemMethods(it) {
		n += s.calls[id]
	}
	return n
}

// Show is what the document that waits would change, else what the last one has changed.
func (o *OwnerDocuments) Show(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	s, waits, err := o.change(r, api)
	if err != nil {
		return Reply{}, err
	}
	v := owner.DiffView{API: api.Name, APIHref: ownerAPIPath(api.ID), Href: diffPath(api.ID), ImportHref: ownerAPIPath(api.ID) + "/import", ChangelogHref: ownerChangelogPath(api.ID), Now: r.Now, None: s.ID == 0}
	page := r.layout("Newer document", apisCrumb(), ui.Crumb{Label: api.Name, Href: v.APIHref}, ui.Crumb{})
	if v.None {
		return Page(owner.Diff(page, v)), nil
	}
	v.Waits, v.Stale, v.Change, v.File, v.By, v.At, v.Notes = s.Waits(), s.Stale, s.ID.String(), s.File, s.MadeBy, s.MadeAt, noteRows(s.Notes)
	d := s.comparison.Diff
	v.Before, v.After = documentWords(d.Before), documentWords(d.After)
	if !v.Waits {
		v.At = s.ImportedAt
		if v.Deploys, err = o.deploys(r, api); err != nil {
			return Reply{}, err
		}
	}
	if err := o.other(r, api, waits, &v); err != nil {
		return Reply{}, err
	}
	v.Lead, v.Broken = diffLead(d), d.Counts().Breaking > 0
	if d.Nothing() {
		return Page(owner.Diff(page, v)), nil
	}
	v.Sum = diffSum(d)
	if v.Callers, err = o.brokenCallers(r, api, s); err != nil {
		return Reply{}, err
	}
	if err := o.list(r, api, s, &v); err != nil {
		return Reply{}, err
	}
	return Page(owner.Diff(page, v)), nil
}

// other leads from one comparison to the other, where there are both.
func (o *OwnerDocuments) other(r *Request, api models.API, waits bool, v *owner.DiffView) error {
	switch {
	case !v.Waits && waits:
		v.OtherHref, v.OtherWords = v.Href, "What waits"
	case v.Waits:
		_, err := o.Store.ImportedDocument(r.Context(), r.Account.ID, api.ID)
		if models.KindOf(err) == models.KindNotFound {
			return nil
		}
		v.OtherHref, v.OtherWords = v.Href+"?of=imported", "The last import"
		return err
	}
	return nil
}

// deploys are the stages to which an import can be brought, none where they have all there is.
func (o *OwnerDocuments) deploys(r *Request, api models.API) (out []owner.DiffDeploy, err error) {
	if !api.Undeployed {
		return nil, nil
	}
	stages, err := o.Store.Stages(r.Context(), r.Account.ID, api.ID)
	for _, st := range stages[:min(len(stages), deploysShown)] {
		out = append(out, owner.DiffDeploy{Stage: st.Name, Action: ownerStagePath(api.ID, st.ID) + "/deploy"})
	}
	return out, err
}

// brokenCallers says who calls what breaks.
func (o *OwnerDocuments) brokenCallers(r *Request, api models.API, s seen) (c owner.DiffCallers, err error) {
	broken := methodIDs(s.comparison.Diff.Broken()...)
	called := 0
	var calls int64
	for _, id := range broken {
		if s.calls[id] > 0 {
			called++
			calls += s.calls[id]
		}
	}
	if called == 0 {
		return c, nil
	}
	callers, err := o.Store.CallersOf(r.Context(), r.Account.ID, api.ID, broken, brokenCallers, r.Now)
	if err != nil || callers.Keys == 0 {
		return c, err
	}
	c.Words = fmt.Sprintf("%s called %s of the %s whose callers have to do something, %s in the last 30 days.", keysWords(callers.Keys), format.Count(int64(called)), count(len(broken), "operation"), format.Plural(calls, "time"))
	c.Rows, c.More = callerRows(callers.Newest), callers.Keys > len(callers.Newest)
	return c, nil
}

func keysWords(n int) string {
	if n >= models.MaxCallersCounted {
		return format.Count(int64(n)) + " keys or more"
	}
	return count(n, "key")
}

// list fills in the items that ?show=, ?q= and ?from= ask for.
func (o *OwnerDocuments) list(r *Request, api models.API, s seen, v *owner.DiffView) error {
	kinds := diffKinds()
	v.Query = strings.TrimSpace(r.Query("q"))
	at := max(0, slices.IndexFunc(kinds, func(k diffKind) bool { return k.name == r.Query("show") }))
	v.Show = kinds[at].name
	of := ""
	if !v.Waits && r.Query("of") != "" {
		of = "imported"
	}
	for i, k := range kinds {
		n := 0
		for _, it := range s.comparison.Diff.Items {
			if k.has(it) {
				n++
			}
		}
		if n > 0 || i == at || i == 0 {
			v.Tabs = append(v.Tabs, ui.Tab{Label: k.label, Count: format.Count(int64(n)), Current: i == at, Href: pathWith(v.Href, "show", k.name, "q", v.Query, "of", of) + "#changes"})
		}
	}
	var found []diff.Item
	for _, it := range s.comparison.Diff.Items {
		if kinds[at].has(it) && (v.Query == "" || strings.Contains(strings.ToLower(it.Name+" "+it.Summary), strings.ToLower(v.Query))) {
			found = append(found, it)
		}
	}
	slices.SortStableFunc(found, func(a, b diff.Item) int {
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(s.callsOf(b), s.callsOf(a)))
	})
	from, err := strconv.Atoi(r.Query("from"))
	if err != nil || from < 0 || from >= len(found) {
		from = 0
	}
	to := min(len(found), from+itemsOnPage)
	page := func(from int) string {
		return pathWith(v.Href, "show", v.Show, "q", v.Query, "of", of, "from", strconv.Itoa(from)) + "#changes"
	}
	if from > 0 {
		v.Pages.Prev = page(max(0, from-itemsOnPage))
	}
	if to < len(found) {
		v.Pages.Next = page(to)
	}
	if len(found) > itemsOnPage {
		v.Pages.Summary = format.Count(int64(from+1)) + "–" + format.Count(int64(to)) + " of " + format.Count(int64(len(found)))
	}
	for _, it := range found[from:to] {
		item, err := o.item(r, api, s, it, changesOfItem)
		if err != nil {
			return err
		}
		group := weights()[weight(it)]
		if n := len(v.Groups); n == 0 || v.Groups[n-1].ID != group.id {
			v.Groups = append(v.Groups, owner.DiffGroup{ID: group.id, Title: group.title, Text: group.text})
		}
		last := &v.Groups[len(v.Groups)-1]
		last.Items = append(last.Items, item)
	}
	return nil
}

// item prepares an item with its worst changes.
func (o *OwnerDocuments) item(r *Request, api models.API, s seen, it diff.Item, most int) (owner.DiffItem, error) {
	out := diffItem(api.ID, it, most)
	if !s.Waits() && r.Query("of") != "" {
		out.Href += "?of=imported"
	}
	if it.Level == diff.Harmless {
		return out, nil
	}
	calls := s.callsOf(it)
	if calls == 0 {
		if it.State == diff.Removed && it.Kind == diff.OfOperation {
			out.Calls = "nobody called it in 30 days"
		}
		return out, nil
	}
	callers, err := o.Store.CallersOf(r.Context(), r.Account.ID, api.ID, itemMethods(it), 0, r.Now)
	out.Calls = keysWords(callers.Keys) + ", " + format.Plural(calls, "call") + " in 30 days"
	return out, err
}

// Item is one operation or schema with all that changes of it, and who calls it.
func (o *OwnerDocuments) Item(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	s, _, err := o.change(r, api)
	if err != nil {
		return Reply{}, err
	}
	i := slices.IndexFunc(s.comparison.Diff.Items, func(it diff.Item) bool { return it.Slug == r.Param("item") })
	if i < 0 {
		return Reply{}, models.NotFound("change")
	}
	it := s.comparison.Diff.Items[i]
	v := owner.DiffItemView{API: api.Name, List: diffPath(api.ID), Now: r.Now, Item: diffItem(api.ID, it, diff.MaxChanges)}
	if r.Query("of") != "" && !s.Waits() {
		v.List += "?of=imported"
	}
	if methods := itemMethods(it); len(methods) > 0 && it.Level > diff.Harmless {
		callers, err := o.Store.CallersOf(r.Context(), r.Account.ID, api.ID, methods, itemCallers, r.Now)
		if err != nil {
			return Reply{}, err
		}
		v.Asked = true
		v.Callers = owner.DiffCallers{Words: keysWords(callers.Keys) + " in the last 30 days", Rows: callerRows(callers.Newest), More: callers.Keys > len(callers.Newest)}
	}
	if it.Kind == diff.OfOperation && it.State == diff.Removed && s.Waits() {
		v.Deprecate = pathWith(deprecationsPath(api.ID)+"/new", "what", it.Name)
	}
	return Page(owner.DiffOf(r.layout(it.Name, apisCrumb(), ui.Crumb{Label: api.Name, Href: ownerAPIPath(api.ID)}, ui.Crumb{Label: "Newer document", Href: v.List}, ui.Crumb{}), v)), nil
}
