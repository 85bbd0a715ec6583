package chart

import "fmt"

// Heat is requests by weekday and hour, Monday and midnight first, in the zone of the page.
type Heat struct {
	ID      string // of the figure
	Caption string // "Requests by weekday and hour, last 4 weeks"
	Finding string // one sentence: the busiest and the quietest hour
	Hours   [7][24]int64
	Words   string // which time it covers, in sentences
	AsOf    string // on a live page: when it was drawn; "" elsewhere
	None    string // why there is none; the rest is empty then
}

// cellWidth and cellHeight are the size of an hour in a heat map.
const cellWidth, cellHeight = 10, 24

// Weekday names a row of Heat.Hours.
func Weekday(day int) string {
	return [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}[day]
}

func (h Heat) most() (most int64) {
	for _, hours := range h.Hours {
		for _, n := range hours {
			most = max(most, n)
		}
	}
	return most
}

// heatPath is the hours of one colour.
type heatPath struct{ class, d string }

// paths draws the hours by colour: the first is for none, the others share what is up to the most in equal steps.
func (h Heat) paths() []heatPath {
	paths := []heatPath{{class: "q0"}, {class: "q1"}, {class: "q2"}, {class: "q3"}, {class: "q4"}, {class: "q5"}}
	most, last := h.most(), int64(len(paths)-1)
	for day, hours := range h.Hours {
		for hour, n := range hours {
			level := int64(0)
			if n > 0 {
				level = 1 + min(last-1, (n-1)*last/most)
			}
			paths[level].d += box(float64(hour*cellWidth), float64(day*cellHeight), cellWidth, cellHeight)
		}
	}
	return paths
}

// hourLabel names a row of the table.
func hourLabel(hour int) string { return fmt.Sprintf("%02d:00", hour) }
