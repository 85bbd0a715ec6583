package models

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a CSV file of keys.
const (
	MaxKeyCSV      = 10 << 20 // bytes
	MaxKeyCSVRows  = 100_000
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

// ParseKeyCSV reads a CSV file of keys: columns Name, Key, Description, Enabled, UsagePlanIds, Id, CustomerId, Expires in any order and
// case, others are left alone. Name is needed, Key too where Id is empty. Its errors are an *Error whose fields "line N" say what to mend;
// they never repeat a cell, for it may hold a key. Faults of r are returned as they are.
func ParseKeyCSV(r io.Reader, now time.Time) ([]KeyImport, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxKeyCSV+1))
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	data, problem := textOf(data)
	if problem != "" {
		return nil, Invalid("file", problem)
	}
	p := keyParser{now: now, csv: csv.NewReader(bytes.NewReader(data)), values: map[string]int{}, ids: map[KeyID]int{}}
	p.csv.FieldsPerRecord = -1
	p.csv.TrimLeadingSpace = true
	p.csv.ReuseRecord = true
	return p.parse()
}

// textOf returns the text of a file without its byte order mark and with line feeds, or a sentence that says why it cannot be read.
func textOf(data []byte) (text []byte, problem string) {
	switch {
	case len(data) > MaxKeyCSV:
		return nil, "The file is larger than 10 MB. Split it."
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, "The file is written in UTF-16. Save it as CSV in UTF-8."
	case bytes.IndexByte(data, 0) >= 0:
		return nil, "The file has NUL bytes: it is not a CSV file."
	case !utf8.Valid(data):
		return nil, "The file is not written in UTF-8. Save it as CSV in UTF-8."
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.IndexByte(data, '\n') < 0 {
		data = bytes.ReplaceAll(data, []byte{'\r'}, []byte{'\n'}) // lines as they ended before Mac OS X
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, "The file is empty."
	}
	return data, ""
}

type keyParser struct {
	now      time.Time
	csv      *csv.Reader
	at       [numColumns]int // of each column in a row; -1: the file does not have it
	width    int
	problems ImportProblems
	values   map[string]int // line of each
	ids      map[KeyID]int
}

func (p *keyParser) parse() ([]KeyImport, error) {
	header, err := p.csv.Read()
	if err != nil {
		return nil, p.broken(err)
	}
	if err := p.readHeader(header); err != nil {
		return nil, err
	}
	var rows []KeyImport
	for !p.problems.Full() {
		record, err := p.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, p.broken(err)
		}
		line, _ := p.csv.FieldPos(0)
		if len(rows) == MaxKeyCSVRows {
			p.problems.Add(line, "A file has at most 100,000 keys. Split it.")
			break
		}
		row, problem := p.row(line, record)
		if problem != "" {
			p.problems.Add(line, problem)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, Invalid("file", "The file has a heading but no keys.")
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return rows, nil
}

// broken says where the file is not CSV; what follows that place cannot be trusted, so reading ends there.
func (p *keyParser) broken(err error) error {
	line := 1
	if syntax := (*csv.ParseError)(nil); errors.As(err, &syntax) {
		line = syntax.StartLine
	}
	p.problems.Add(line, `The quotes do not match: put a cell that has a " into quotes and write it twice inside.`)
	return p.problems.Err()
}

func (p *keyParser) readHeader(header []string) error {
	p.width = len(header)
	for i := range p.at {
		p.at[i] = -1
	}
	if p.width > maxKeyCSVCells {
		p.problems.Add(1, fmt.Sprintf("The heading has %d columns; at most %d can be read.", p.width, maxKeyCSVCells))
		return p.problems.Err()
	}
	for i, cell := range header {
		for column, name := range columnNames() {
			if !strings.EqualFold(strings.TrimSpace(cell), name) {
				continue
			}
			if p.at[column] >= 0 {
				p.problems.Add(1, "The column "+name+" stands twice in the heading.")
			}
			p.at[column] = i
		}
	}
	if p.at[columnName] < 0 || p.at[columnKey] < 0 && p.at[columnID] < 0 {
		p.problems.Add(1, "The first line must name the columns, at least Name and Key.")
	}
	return p.problems.Err()
}

// row reads one line; problem is the first sentence that there is to say about it.
func (p *keyParser) row(line int, record []string) (k KeyImport, problem string) {
	record = p.joinPlans(record)
	if len(record) != p.width {
		return k, fmt.Sprintf("The line has %d cells, the heading has %d.", len(record), p.width)
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
	return k, p.repeated(k)
}

// joinPlans mends a list of plans in single quotes, which AWS allows and CSV takes for several cells.
func (p *keyParser) joinPlans(record []string) []string {
	at, extra := p.at[columnPlans], len(record)-p.width
	if at < 0 || extra <= 0 || at+extra >= len(record) {
		return record
	}
	list := strings.TrimSpace(strings.Join(record[at:at+extra+1], ","))
	if len(list) < 2 || list[0] != '\'' || list[len(list)-1] != '\'' {
		return record
	}
	return slices.Concat(record[:at], []string{list[1 : len(list)-1]}, record[at+extra+1:])
}

// repeated notes the row's value and id, or says where they stand already. AWS lets the later line win; two lines of one file that disagree
// are more likely a mistake.
func (p *keyParser) repeated(k KeyImport) string {
	if line, ok := p.values[k.Value]; ok && k.Value != "" {
		return fmt.Sprintf("The same key stands on line %d.", line)
	}
	if line, ok := p.ids[k.ID]; ok && k.ID != 0 {
		return fmt.Sprintf("The same Id stands on line %d.", line)
	}
	p.values[k.Value], p.ids[k.ID] = k.Line, k.Line
	return ""
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
