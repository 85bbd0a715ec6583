package openapi

import "bytes"

// This file has what a comparison of two documents asks of their readings without unpacking them.

// SameOperation says that both references have the operation and say the same of it, word for word. What its models say may differ.
func SameOperation(a, b *Reference, name string) bool {
	i, ok := a.operations[name]
	j, known := b.operations[name]
	return ok && known && samePart(a, a.index.Operations[i], b, b.index.Operations[j])
}

// SameModel says the same of models.
func SameModel(a, b *Reference, slug string) bool {
	i, ok := a.models[slug]
	j, known := b.models[slug]
	return ok && known && samePart(a, a.index.Models[i], b, b.index.Models[j])
}

// samePart compares what parts say: equal bytes are the rule, and other bytes may say the same where another version of the compressor wrote them.
func samePart(a *Reference, p part, b *Reference, q part) bool {
	if within(a, p) && within(b, q) && bytes.Equal(a.parts[p.At:p.At+p.Size], b.parts[q.At:q.At+q.Size]) {
		return true
	}
	one, err := a.read(p)
	if err != nil {
		return false
	}
	other, err := b.read(q)
	return err == nil && bytes.Equal(one, other)
}

func within(r *Reference, p part) bool {
	return p.At >= 0 && p.Size >= 0 && p.Size <= len(r.parts) && p.At <= len(r.parts)-p.Size
}

// ModelsOf are the slugs of the models that an operation refers to by itself.
func (r *Reference) ModelsOf(operation string) []string {
	i, ok := r.operations[operation]
	if !ok {
		return nil
	}
	return r.slugs(r.index.Operations[i].Uses)
}

// ModelsIn are the slugs of the models that a model refers to by itself.
func (r *Reference) ModelsIn(model string) []string {
	i, ok := r.models[model]
	if !ok {
		return nil
	}
	return r.slugs(r.index.Models[i].Uses)
}

func (r *Reference) slugs(places []int) []string {
	slugs := make([]string, len(places))
	for i, at := range places {
		slugs[i] = r.Models[at].Slug
	}
	return slugs
}

// ModelsOfSchema are the slugs of the models that a schema refers to by itself.
func ModelsOfSchema(s *Schema) (slugs []string) {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		slugs = append(slugs, s.Ref)
	}
	for _, slug := range s.Mapping {
		slugs = append(slugs, slug)
	}
	for i := range s.Properties {
		slugs = append(slugs, ModelsOfSchema(&s.Properties[i].Schema)...)
	}
	for _, several := range [][]Schema{s.AllOf, s.OneOf, s.AnyOf} {
		for i := range several {
			slugs = append(slugs, ModelsOfSchema(&several[i])...)
		}
	}
	return append(append(slugs, ModelsOfSchema(s.Items)...), ModelsOfSchema(s.AnyKey)...)
}
