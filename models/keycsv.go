package models

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a CSV file of keys (DECISIONS 53).
const (
	MaxKeyCSV      = 256 << 20 // bytes
	MaxKeyCSVRows  = 1_000_000
	maxKeyCSVLine  = 1 << 20 // bytes of a line, with the line breaks in its quotes
	maxKeyCSVCell  = 4 << 10 // bytes
	maxKeyCSVCells = 200     // in a row
)

// The columns of a CSV file of keys. The first five are AWS's
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html).
const (
	columnName = iota
	columnKey
	columnDescription
	columnEnabled
	columnPlans
	columnID
	columnCustomer
	columnExpires
	numColumns
)

// columnNames are matched without regard to case.
func columnNames() [numColumns]string {
	return [numColumns]string{"Name", "Key", "Description", "Enabled", "UsagePlanIds", "Id", "CustomerId", "Expires"}
}

// KeyCSV reads a CSV file of keys, holding no more of it than a line: columns Name, Key, Description, Enabled, UsagePlanIds, Id, CustomerId, Expires in
// any order and case, others are left alone. Name is needed, Key too where Id is empty. No error and no sentence repeats a cell, for it may hold a key.
type KeyCSV struct {
	now    time.Time
	text   *keyText
	csv    *csv.Reader
	header []string
	at     [numColumns]int // of each column in a row; -1: the file does not have it
	rows   int
	line   int // of the row that was read last
}

// NewKeyCSV reads the heading. What is wrong with the file is an *Error at "file" or "line 1"; faults of r are returned as they are.
func NewKeyCSV(r io.Reader, now time.Time) (*KeyCSV, error) {
	text, err := newKeyText(r)
	if err != nil {
		return nil, err
	}
	p := &KeyCSV{now: now, text: text, csv: csv.NewReader(text), line: 1}
	p.csv.FieldsPerRecord = -1
	p.csv.TrimLeadingSpace = true
	p.csv.ReuseRecord = true
	header, err := p.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, Invalid("file", "The file is empty.")
	}
	if err != nil {
		return nil, p.broken(err)
	}
	p.header = slices.Clone(header)
	return p, p.readHeader()
}

// Next reads a row. problem is the first sentence that there is to say about it; the row is of no use then, but for its Line. The error is io.EOF at the
// end, and an *Error at "file" or "line N" where the rest cannot be read.
func (p *KeyCSV) Next() (row KeyImport, problem string, err error) {
	p.text.left = maxKeyCSVLine
	record, err := p.csv.Read()
	switch {
	case errors.Is(err, io.EOF) && p.rows == 0:
		return row, "", Invalid("file", "The file has a heading but no keys.")
	case errors.Is(err, io.EOF):
		return row, "", io.EOF
	case err != nil:
		return row, "", p.broken(err)
	}
	p.line, _ = p.csv.FieldPos(0)
	if p.rows++; p.rows > MaxKeyCSVRows {
		return row, "", atLine(p.line, "A file has at most 1,000,000 keys. Split it.")
	}
	row, problem = p.row(p.line, record)
	row.Line = p.line
	return row, problem, nil
}

// Columns returns the names of the columns that are read, and of those that are left alone, in the order of the file.
func (p *KeyCSV) Columns() (read, ignored []string) {
	names := columnNames()
	for i, cell := range p.header {
		if column := slices.Index(p.at[:], i); column >= 0 {
			read = append(read, names[column])
		} else if cell = strings.TrimSpace(cell); cell != "" {
			ignored = append(ignored, cell)
		}
	}
	return read, ignored
}

// broken says where the file is not CSV; what follows that place cannot be trusted, so reading ends there.
func (p *KeyCSV) broken(err error) error {
	if KindOf(err) != KindNone {
		return err
	}
	if errors.Is(err, errLongLine) {
		return atLine(p.line, "What begins after this line is longer than 1 MB. Is a quote not closed?")
	}
	if syntax := (*csv.ParseError)(nil); errors.As(err, &syntax) {
		return atLine(syntax.StartLine, `The quotes do not match: put a cell that has a " into quotes and write it twice inside.`)
	}
	return fmt.Errorf("read keys: %w", err)
}

// atLine is an error at a line of a file.
func atLine(line int, message string) error {
	var p ImportProblems
	p.Add(line, message)
	return p.Err()
}

// ParseKeyCSV reads a whole file of keys, which must not be large. Its error is an *Error whose fields "line N" say what to mend; faults of r are
// returned as they are.
func ParseKeyCSV(r io.Reader, now time.Time) ([]KeyImport, error) {
	p, err := NewKeyCSV(r, now)
	if err != nil {
		return nil, err
	}
	var problems ImportProblems
	seen := repeats{values: map[string]int{}, ids: map[KeyID]int{}}
	var rows []KeyImport
	for !problems.Full() {
		row, problem, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if problem == "" {
			problem = seen.note(row)
		}
		if problem != "" {
			problems.Add(row.Line, problem)
		}
		rows = append(rows, row)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return rows, nil
}

// repeats are the lines of values and ids of a file. AWS lets the later line win; two lines of one file that disagree are more likely a mistake.
type repeats struct {
	values map[string]int
	ids    map[KeyID]int
}

func (s *repeats) note(k KeyImport) (problem string) {
	if line, ok := s.values[k.Value]; ok && k.Value != "" {
		return SameValue(line)
	}
	if line, ok := s.ids[k.ID]; ok && k.ID != 0 {
		return fmt.Sprintf("The same Id stands on line %d.", line)
	}
	s.values[k.Value], s.ids[k.ID] = k.Line, k.Line
	return ""
}

// SameValue says of a line that its value stood on another one.
func SameValue(line int) string { return fmt.Sprintf("The same key stands on line %d.", line) }

// SameKey says of a line that it changes a key which another one changes.
func SameKey(line int) string { return fmt.Sprintf("The same key is named on line %d.", line) }

func (p *KeyCSV) readHeader() error {
	var problems ImportProblems
	for i := range p.at {
		p.at[i] = -1
	}
	if len(p.header) > maxKeyCSVCells {
		return atLine(1, fmt.Sprintf("The heading has %d columns; at most %d can be read.", len(p.header), maxKeyCSVCells))
	}
	for i, cell := range p.header {
		for column, name := range columnNames() {
			if !strings.EqualFold(strings.TrimSpace(cell), name) {
				continue
			}
			if p.at[column] >= 0 {
				problems.Add(1, "The column "+name+" stands twice in the heading.")
			}
			p.at[column] = i
		}
	}
	if p.at[columnName] < 0 || p.at[columnKey] < 0 && p.at[columnID] < 0 {
		problems.Add(1, "The first line must name the columns, at least Name and Key.")
	}
	return problems.Err()
}

// row reads one line; problem is the first sentence that there is to say about it.
func (p *KeyCSV) row(line int, record []string) (k KeyImport, problem string) {
	record = p.joinPlans(record)
	if len(record) != len(p.header) {
		return k, fmt.Sprintf("The line has %d cells, the heading has %d.", len(record), len(p.header))
	}
	for _, cell := range record {
		if len(cell) > maxKeyCSVCell {
			return k, "A cell is longer than 4 KB."
		}
	}
	cell := func(column int) string {
		if p.at[column] < 0 {
			return ""
		}
		return unguard(strings.TrimSpace(record[p.at[column]]))
	}
	k = KeyImport{Line: line, Value: cell(columnKey)}
	k.Given = KeyCells{Description: p.at[columnDescription] >= 0, CustomerID: p.at[columnCustomer] >= 0, ExpiresAt: p.at[columnExpires] >= 0}
	settings, err := CustomerKeySettings{cell(columnName), cell(columnDescription), cell(columnCustomer)}.Clean()
	if err != nil {
		return k, settingsProblem(err)
	}
	k.Name, k.Description, k.CustomerID = settings.Name, settings.Description, settings.CustomerID
	for _, read := range []func() string{
		func() string { return k.readID(cell(columnID)) },
		k.checkValue,
		func() string { return k.readEnabled(cell(columnEnabled)) },
		func() string { return k.readPlans(cell(columnPlans)) },
		func() string { return k.readExpiry(cell(columnExpires), p.now) },
	} {
		if problem := read(); problem != "" {
			return k, problem
		}
	}
	return k, ""
}

// joinPlans mends a list of plans in single quotes, which AWS allows and CSV takes for several cells.
func (p *KeyCSV) joinPlans(record []string) []string {
	at, extra := p.at[columnPlans], len(record)-len(p.header)
	if at < 0 || extra <= 0 || at+extra >= len(record) {
		return record
	}
	list := strings.TrimSpace(strings.Join(record[at:at+extra+1], ","))
	if len(list) < 2 || list[0] != '\'' || list[len(list)-1] != '\'' {
		return record
	}
	return slices.Concat(record[:at], []string{list[1 : len(list)-1]}, record[at+extra+1:])
}

// settingsProblem says which column breaks a rule.
func settingsProblem(err error) string {
	var e *Error
	if errors.As(err, &e) {
		for _, field := range []struct{ name, column string }{{"name", "Name"}, {"description", "Description"}, {"customer_id", "CustomerId"}} {
			if text, ok := e.Fields[field.name]; ok {
				return field.column + ": " + text
			}
		}
	}
	return "This line cannot be read."
}

func (k *KeyImport) readID(cell string) string {
	if cell == "" {
		return ""
	}
	var err error
	if k.ID, err = ParseID[Key](cell); err != nil {
		return "Id: this is not the id of a key. Leave it empty to create one."
	}
	return ""
}

func (k *KeyImport) checkValue() string {
	switch {
	case k.Value == "" && k.ID != 0:
		return ""
	case k.Value == "":
		return "Key: the key's value is missing."
	case len(k.Value) < 20 || len(k.Value) > 128:
		return "Key: a key has 20 to 128 characters."
	case strings.ContainsFunc(k.Value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "Key: a key has letters, digits and signs of ASCII only, no spaces."
	}
	return ""
}

func (k *KeyImport) readEnabled(cell string) string {
	k.Enabled, k.Given.Enabled = true, cell != ""
	switch {
	case cell == "", strings.EqualFold(cell, "true"):
	case strings.EqualFold(cell, "false"):
		k.Enabled = false
	default:
		return "Enabled: write true or false."
	}
	return ""
}

func (k *KeyImport) readPlans(cell string) string {
	for text := range strings.SplitSeq(strings.Trim(cell, `'"`), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		id, err := ParseID[Plan](text)
		if err != nil {
			return "UsagePlanIds: write ids of your plans, ten letters and digits each, with commas between them."
		}
		if !slices.Contains(k.Plans, id) {
			k.Plans = append(k.Plans, id)
		}
	}
	return ""
}

// readExpiry reads a day or an instant. A key that is updated may have expired already.
func (k *KeyImport) readExpiry(cell string, now time.Time) string {
	if cell == "" {
		return ""
	}
	at, err := time.Parse(time.RFC3339, cell)
	if err != nil {
		at, err = time.Parse(time.DateOnly, cell)
	}
	if err != nil {
		return "Expires: write a day such as 2030-12-31, or an instant such as 2030-12-31T12:00:00Z."
	}
	k.ExpiresAt = at.UTC().Truncate(time.Millisecond)
	if k.ID == 0 {
		if err := CheckExpiry(k.ExpiresAt, now); err != nil {
			return "Expires: " + Sentence(err)
		}
	}
	return ""
}

// ImportProblems collects what is wrong with the lines of a file. The zero value is ready.
type ImportProblems struct{ fields map[string]string }

// maxImportProblems is how many lines are told of: enough to see what kind of mistake it is.
const maxImportProblems = 20

// Add notes a sentence at a line; the first one at a line wins.
func (p *ImportProblems) Add(line int, message string) {
	if p.fields == nil {
		p.fields = map[string]string{}
	}
	if at := "line " + strconv.Itoa(line); p.fields[at] == "" && !p.Full() {
		p.fields[at] = message
	}
}

// Full reports whether there is no need to look for more.
func (p *ImportProblems) Full() bool { return len(p.fields) >= maxImportProblems }

// Err returns an Error of KindInvalid with all lines as fields "line N", or nil when there are none.
func (p *ImportProblems) Err() error {
	switch n := len(p.fields); {
	case n == 0:
		return nil
	case p.Full():
		return &Error{Kind: KindInvalid, Message: "Nothing was imported: many lines need mending. Here are the first ones.", Fields: p.fields}
	case n == 1:
		return &Error{Kind: KindInvalid, Message: "Nothing was imported: one line needs mending.", Fields: p.fields}
	default:
		return &Error{Kind: KindInvalid, Message: fmt.Sprintf("Nothing was imported: %d lines need mending.", n), Fields: p.fields}
	}
}
