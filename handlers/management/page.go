package management

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// Bounds of a page, as AWS has them.
const (
	defaultLimit = 25
	mostLimit    = 500
)

// limit is how many items a page has. What is out of range is no error on AWS: it gives the default page.
func (c *call) limit() int {
	n, err := strconv.Atoi(c.query.Get("limit"))
	switch {
	case err != nil || n < 1:
		return defaultLimit
	case n > mostLimit:
		return mostLimit
	}
	return n
}

// position reads where a page begins, as positionOf wrote it; false: at the beginning.
func (c *call) position(to any) (bool, error) {
	text := c.query.Get("position")
	if text == "" {
		return false, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, to)
	}
	if err != nil {
		return false, badRequest("Invalid position parameter: use the position that the page before has.")
	}
	return true, nil
}

// positionOf is the text that leads on; clients do not look into it.
func positionOf(place any) string {
	raw, _ := json.Marshal(place) // numbers and texts can be written
	return base64.RawURLEncoding.EncodeToString(raw)
}

// place is where a page of a list that is at hand ended: the key of its last item, and how many came before the next one.
type place struct {
	After string
	Index int
}

// paged cuts a page out of a list that is at hand. Key is what an item is known by: where it went away meanwhile, the page begins where it stood.
func paged[T any](c *call, items []T, key func(T) string) (page []T, position string, err error) {
	var from place
	if ok, err := c.position(&from); err != nil {
		return nil, "", err
	} else if ok {
		from.Index = min(max(0, from.Index), len(items))
		for i, item := range items {
			if key(item) == from.After {
				from.Index = i + 1
				break
			}
		}
	}
	end := min(from.Index+c.limit(), len(items))
	page = items[from.Index:end]
	if end < len(items) {
		position = positionOf(place{key(items[end-1]), end})
	}
	return page, position, nil
}

// list is the wire's list. AWS's is named item; an empty position is the last page's.
type list[T any] struct {
	Position string `json:"position,omitempty"`
	Item     []T    `json:"item"`
}

// listOf makes a list of what is at hand.
func listOf[T, W any](c *call, items []T, key func(T) string, wire func(T) W) (list[W], error) {
	page, position, err := paged(c, items, key)
	out := list[W]{Position: position, Item: make([]W, len(page))}
	for i, item := range page {
		out.Item[i] = wire(item)
	}
	return out, err
}
