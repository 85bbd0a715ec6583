package store

import (
	"cmp"
	"database/sql"
	"slices"
)

// place is where an item stands in a list.
type place struct{ Sort, ID int64 }

func (p place) at() cursor { return cursor{sort: p.Sort, id: p.ID} }

// merge reads the first places, in descending order, of a list that is made of groups, each of which an index keeps in that order, as an owner's
// keys are by plan. newest is the first Sort of a group, NULL for an empty one: groups are asked in its order, and none any more once no
// place of it can be among the first. So a page costs the same however many groups and items there are.
func merge[G any](groups []G, limit int, newest func(G) sql.NullInt64, places func(G) ([]place, error)) ([]place, error) {
	groups = slices.DeleteFunc(slices.Clone(groups), func(g G) bool { return !newest(g).Valid })
	slices.SortStableFunc(groups, func(a, b G) int { return cmp.Compare(newest(b).Int64, newest(a).Int64) })
	var first []place
	for _, g := range groups {
		if len(first) == limit && first[limit-1].Sort > newest(g).Int64 {
			break
		}
		more, err := places(g)
		if err != nil {
			return nil, err
		}
		first = append(first, more...)
		slices.SortFunc(first, func(a, b place) int { return cmp.Or(cmp.Compare(b.Sort, a.Sort), cmp.Compare(b.ID, a.ID)) })
		first = first[:min(limit, len(first))]
	}
	return first, nil
}
