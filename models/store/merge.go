package store

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// few is how many items a question may mean to be answered from the indexes of what it asks for. If it means more, the list is walked,
// which soon finds some of so many.
const few = 1000

// fewOf reads the ids that some queries of one column id find, each in an index, unless they are more than few.
func fewOf[ID any](db *gorm.DB, queries []string, args ...any) (ids []ID, isFew bool, err error) {
	limit := fmt.Sprintf(` LIMIT %d)`, few+1)
	ids, err = selectAll[ID](db, "what is meant", `SELECT id FROM (`+strings.Join(queries, limit+` UNION SELECT id FROM (`)+limit, args...)
	return ids, len(ids) <= few, err
}

// place is where an item stands in a list.
type place struct{ Sort, ID int64 }

func (p place) at() cursor { return cursor{sort: p.Sort, id: p.ID} }

// merge reads the first places, in descending order, of a list that is made of groups, each of which an index keeps in that order, as an owner's
// subscriptions are by plan. newest is the first Sort of a group, NULL for an empty one. It bounds what is read: when so many groups begin at least as high as
// places are asked for, none below can be among the first. So a page costs the same however many items there are.
func merge[G any](groups []G, limit int, newest func(G) sql.NullInt64, places func(g G, least int64) ([]place, error)) ([]place, error) {
	groups = slices.DeleteFunc(slices.Clone(groups), func(g G) bool { return !newest(g).Valid })
	slices.SortStableFunc(groups, func(a, b G) int { return cmp.Compare(newest(b).Int64, newest(a).Int64) })
	var least int64
	if len(groups) >= limit {
		least = newest(groups[limit-1]).Int64
	}
	var lists [][]place
	for _, g := range groups {
		if newest(g).Int64 < least {
			break
		}
		list, err := places(g, least)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	return firstOf(limit, lists...), nil
}

// firstOf returns the first places of lists, in descending order.
func firstOf(limit int, lists ...[]place) []place {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b place) int { return cmp.Or(cmp.Compare(b.Sort, a.Sort), cmp.Compare(b.ID, a.ID)) })
	return all[:min(limit, len(all))]
}
