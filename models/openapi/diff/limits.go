package diff

import (
	"math/big"
	"slices"
	"strings"
)

// bounds are the limits of a schema as openapi words them, read again: what was compared as words alone could not be told to be narrower.
type bounds struct {
	low, high map[string]bound // by unit: "" for the value itself, "character", "item", "key"
	marks     []string         // limits that are there or not: "no item twice", "no other keys"
	other     []string         // limits whose order nobody knows: "matching …", "multiple of …"
}

type bound struct {
	at   *big.Rat
	open bool // the bound itself is not allowed
}

// readBounds reads limits such as "1 to 100", "at most 5 items" and "more than 0".
func readBounds(limits []string) bounds {
	b := bounds{low: map[string]bound{}, high: map[string]bound{}}
	for _, limit := range limits {
		if !b.read(limit) {
			if limit == "no item twice" || limit == "no other keys" {
				b.marks = append(b.marks, limit)
			} else {
				b.other = append(b.other, limit)
			}
		}
	}
	return b
}

func (b *bounds) read(limit string) bool {
	for _, form := range []struct {
		words     string
		low, high bool
		open      bool
	}{{"exactly ", true, true, false}, {"at least ", true, false, false}, {"at most ", false, true, false}, {"more than ", true, false, true}, {"less than ", false, true, true}} {
		if rest, ok := strings.CutPrefix(limit, form.words); ok {
			at, unit, ok := quantity(rest)
			if ok && form.low {
				b.low[unit] = bound{at, form.open}
			}
			if ok && form.high {
				b.high[unit] = bound{at, form.open}
			}
			return ok
		}
	}
	low, high, ok := strings.Cut(limit, " to ")
	if !ok {
		return false
	}
	from, _, okFrom := quantity(low)
	to, unit, okTo := quantity(high)
	if okFrom && okTo {
		b.low[unit], b.high[unit] = bound{at: from}, bound{at: to}
	}
	return okFrom && okTo
}

// quantity reads "100 characters".
func quantity(words string) (at *big.Rat, unit string, ok bool) {
	number, unit, _ := strings.Cut(words, " ")
	if len(number) > 40 || strings.Contains(number, "/") || exponent(number) > 400 { // a fraction with a million digits is no limit
		return nil, "", false
	}
	at, ok = new(big.Rat).SetString(number)
	return at, strings.TrimSuffix(unit, "s"), ok
}

// exponent is the size of the power of ten in a number.
func exponent(number string) int {
	_, power, _ := strings.Cut(strings.ToLower(number), "e")
	n := 0
	for _, c := range power {
		if c >= '0' && c <= '9' && n < 10_000 {
			n = 10*n + int(c-'0')
		}
	}
	return n
}

// verdict is what became of limits.
type verdict int

const (
	asBefore verdict = iota
	narrower
	wider
	different
)

// compareLimits says whether what is allowed became less, more, or something else.
func compareLimits(before, after []string) verdict {
	a, b := readBounds(before), readBounds(after)
	narrowed, widened := false, false
	edge := func(before, after map[string]bound, lower bool) {
		for _, unit := range []string{"", "character", "item", "key"} {
			was, had := before[unit]
			is, has := after[unit]
			switch {
			case !had && !has:
			case !had:
				narrowed = true
			case !has:
				widened = true
			default:
				order := is.at.Cmp(was.at)
				if !lower {
					order = -order
				}
				narrowed = narrowed || order > 0 || order == 0 && is.open && !was.open
				widened = widened || order < 0 || order == 0 && !is.open && was.open
			}
		}
	}
	edge(a.low, b.low, true)
	edge(a.high, b.high, false)
	for _, pair := range [][2][]string{{a.marks, b.marks}, {a.other, b.other}} {
		gone, came := without(pair[0], pair[1]), without(pair[1], pair[0])
		narrowed, widened = narrowed || len(came) > 0, widened || len(gone) > 0
	}
	switch {
	case narrowed && widened:
		return different
	case narrowed:
		return narrower
	case widened:
		return wider
	}
	return asBefore
}

// without are the words of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
