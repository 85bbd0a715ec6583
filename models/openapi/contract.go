package openapi

import "encoding/json"

// Contract is an operation as the document's author wrote it, in JSON, for what compares requests with it.
type Contract struct {
	Format     string          // as Description.Format
	Operation  json.RawMessage // an object
	Shared     json.RawMessage // what all operations of its path share: an object
	Root       json.RawMessage // the top of the document: an object
	Components []Component     // all that it refers to, directly or by way of others: references lead nowhere else
}

// Component is a part of a document that others refer to, by #/components/{Section}/{Name}, or #/{Section}/{Name} in 2.0.
type Component struct {
	Section, Name string
	JSON          json.RawMessage
}

// IsOld reports whether the contract is of a 2.0 document.
func (c Contract) IsOld() bool { return c.Format == swagger2 }

// Contract gives the operation with a verb and a path; false where the document says nothing of it.
func (r *Reference) Contract(verb, path string) (c Contract, ok bool, err error) {
	p, ok := r.index.Fragments[verb+" "+path]
	if !ok {
		return c, false, nil
	}
	c.Format = r.Format
	if c.Operation, err = r.read(p); err != nil {
		return c, false, err
	}
	for _, shared := range []struct {
		to *json.RawMessage
		p  part
	}{{&c.Shared, r.index.Items[path]}, {&c.Root, r.index.Root}} {
		*shared.to = json.RawMessage("{}")
		if shared.p.Size == 0 {
			continue
		}
		if *shared.to, err = r.read(shared.p); err != nil {
			return c, false, err
		}
	}
	used := map[int]bool{}
	var add func(uses []int)
	add = func(uses []int) {
		for _, i := range uses {
			if err != nil || used[i] {
				continue
			}
			used[i] = true
			component := r.index.Components[i]
			var text []byte
			if text, err = r.read(component.part); err == nil {
				c.Components = append(c.Components, Component{component.Section, component.Name, text})
				add(component.Uses)
			}
		}
	}
	add(p.Uses)
	return c, true, err
}
