package ui

// TableProps is a table: its children are <tr> rows.
type TableProps struct {
	ID      string // of the tbody, for live updates; may be empty
	Caption string // says what is listed; read aloud only
	Columns []Column
	Flush   bool // lines up with the text around it: for a table in a padded card
	Stack   bool // on phones, cells stand below the first one of their row, each under its data-label
}

// Column is the head of a column. The cells below must have the same class: that
// of Class, plus "tn" for figures.
type Column struct {
	Label    string
	Num      bool   // right aligned
	Hide     Hide   // leaves on small screens
	SortHref string // sorts by this column
	Sorted   Sorted
	Quiet    bool // the label is only read aloud: actions
}

// Hide says on which screens a column is left out.
type Hide string

// Screens. Keep what names the row and its main action.
const (
	Never  Hide = ""
	Phone  Hide = "hide-s" // below 480 px
	Tablet Hide = "hide-m" // below 820 px
	Laptop Hide = "hide-l" // below 1080 px
)

// Sorted is the order of a column.
type Sorted string

// Orders.
const (
	Unsorted   Sorted = ""
	Ascending  Sorted = "ascending"
	Descending Sorted = "descending"
)

func (c Column) class() string {
	class := string(c.Hide)
	if c.Num {
		class += " n"
	}
	return class
}

// Pages leads through a long list.
type Pages struct {
	Summary    string // "1–50 of 1,204 keys"
	Prev, Next string // empty at either end
}

// Tab is a link to a sibling page.
type Tab struct {
	Label, Href string
	Count       string // behind the label; may be empty
	Current     bool
}

// Range is a link of a range control: 1h, 24h, 7d.
type Range struct {
	Label, Href string
	Current     bool
}

// Pill is a filter in force; its link takes it away.
type Pill struct{ Label, RemoveHref string }
