package handlers

import (
	"slices"

	"gatehouse/models"
)

// Settings changes name, address, summary, tags and where callers put their key.
func (o *OwnerAPIs) Settings(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := models.APISettings{Name: f.Trimmed("name"), Slug: f.Trimmed("slug"), Summary: f.Trimmed("summary"), Tags: models.SplitTags(f.Get("tags")), KeySource: readKeySource(f)}
	err = o.Store.UpdateAPI(r.Context(), r.Actor(), api.ID, in, r.Now)
	if f.Accept(err) {
		page, err := o.showPage(r, api, f, nil)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	message := "Saved."
	if in.Slug != api.Slug {
		message = "Saved. The gateway answers under the new address now, and no longer under /" + api.Slug + "/."
	}
	if in.KeySource != api.KeySource {
		message += " Where callers put their key takes effect with the next deployment of each stage."
	}
	return r.Done(ownerAPIPath(api.ID), message), nil
}

// AddMethod adds a method that no document describes.
func (o *OwnerAPIs) AddMethod(r *Request) (Reply, error) {
	api, err := o.api(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	m := models.Method{Verb: f.Get("verb"), Path: f.Trimmed("path"), Summary: f.Trimmed("summary"), KeyRequired: f.Checked("key_required")}
	err = models.CheckMethod(m.Verb, m.Path)
	if err == nil {
		_, err = o.Store.AddMethod(r.Context(), r.Actor(), api.ID, m, r.Now)
	}
	if f.Accept(err) {
		page, err := o.showPage(r, api, nil, f)
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerAPIPath(api.ID)+"#methods", m.Name()+" is added. Deploy to bring it to callers."), nil
}

// RemoveMethod takes a method out of the API; deployments that have it keep it.
func (o *OwnerAPIs) RemoveMethod(r *Request) (Reply, error) {
	api, err := param[models.API](r, "api")
	if err != nil {
		return Reply{}, err
	}
	id, err := param[models.Method](r, "method")
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, o.Store.RemoveMethod(r.Context(), r.Actor(), api, id, r.Now), ownerAPIPath(api), ownerAPIPath(api)+"#methods", "The method is removed. Callers have it until the next deployment.")
}

// KeyRequired says which methods need an API key: of the methods that were shown the ticked ones, or all or none of the API's.
func (o *OwnerAPIs) KeyRequired(r *Request) (Reply, error) {
	id, err := param[models.API](r, "api")
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	back := pathWith(ownerAPIPath(id), "q", f.Trimmed("q"), "from", f.Get("from")) + "#methods"
	const later = " Deploy to bring it to callers."
	set := func(ids []models.MethodID, required bool) error {
		return o.Store.SetKeyRequired(r.Context(), r.Actor(), id, ids, required, r.Now)
	}
	switch f.Get("action") {
	case "all":
		return ownerDone(r, set(nil, true), back, back, "Every method needs an API key."+later)
	case "none":
		return ownerDone(r, set(nil, false), back, back, "No method needs an API key."+later)
	}
	methods, err := o.Store.Methods(r.Context(), r.Account.ID, id)
	if err != nil {
		return Reply{}, err
	}
	need, open := changedKeys(f, methods)
	if len(need) > 0 {
		err = set(need, true)
	}
	if err == nil && len(open) > 0 {
		err = set(open, false)
	}
	if len(need)+len(open) == 0 {
		return r.Done(back, "Nothing has changed."), nil
	}
	return ownerDone(r, err, back, back, count(len(need)+len(open), "method")+" changed."+later)
}

// changedKeys compares the boxes of the form with the methods; methods that the form did not show stay as they are.
func changedKeys(f *Form, methods []models.Method) (need, open []models.MethodID) {
	shown, ticked := f.All("shown"), f.All("key")
	for _, m := range methods {
		id := m.ID.String()
		if !slices.Contains(shown, id) {
			continue
		}
		switch tick := slices.Contains(ticked, id); {
		case tick && !m.KeyRequired:
			need = append(need, m.ID)
		case !tick && m.KeyRequired:
			open = append(open, m.ID)
		}
	}
	return need, open
}
