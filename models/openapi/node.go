package openapi

import (
	"iter"

	"github.com/pb33f/go-yaml"
)

// child gives the value of a mapping's key, nil without one.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// text gives the value of a mapping's key when it is a text, "" otherwise.
func text(n *yaml.Node, key string) string {
	if v := child(n, key); v != nil && v.Kind == yaml.ScalarNode && v.Tag != "!!null" {
		return v.Value
	}
	return ""
}

// list gives the elements of a mapping's key when it is a list.
func list(n *yaml.Node, key string) []*yaml.Node {
	if v := child(n, key); v != nil && v.Kind == yaml.SequenceNode {
		return v.Content
	}
	return nil
}

// pairs goes over a mapping's keys and values; it has none when n is no mapping.
func pairs(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// remove takes a key out of a mapping and says whether it was there.
func remove(n *yaml.Node, key string) bool {
	if n == nil || n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			return true
		}
	}
	return false
}

// like makes a mapping or a list that stands where n stands.
func like(n *yaml.Node, kind yaml.Kind, content ...*yaml.Node) *yaml.Node {
	tag := "!!map"
	if kind == yaml.SequenceNode {
		tag = "!!seq"
	}
	return &yaml.Node{Kind: kind, Tag: tag, Line: n.Line, Column: n.Column, Content: content}
}

func kindWord(kind yaml.Kind) string {
	switch kind {
	case yaml.MappingNode:
		return "a set of keys"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}
