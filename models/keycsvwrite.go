package models

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// WriteKeyCSV writes a CSV file of the keys that each hands to its function. ParseKeyCSV reads it as updates of the same keys, by their
// Id; the columns after Expires are for people. Cells that a spreadsheet would take for a formula begin with ' (SEC-55), which
// ParseKeyCSV takes off.
func WriteKeyCSV(w io.Writer, each func(fn func(KeyExport) error) error) error {
	out := bufio.NewWriter(w)
	names := columnNames()
	writeRow(out, append(names[:], "Hint", "App", "Account", "Created", "LastUsed"))
	if err := each(func(k KeyExport) error { return writeRow(out, k.cells()) }); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return nil
}

func (k KeyExport) cells() []string {
	plans := make([]string, len(k.Memberships))
	blocked := false
	for i, m := range k.Memberships {
		plans[i] = m.PlanID.String()
		blocked = blocked || m.State == MemberBlocked
	}
	cells := make([]string, numColumns, numColumns+5)
	cells[columnName], cells[columnKey], cells[columnDescription] = k.Name, k.Value, k.Description
	cells[columnEnabled] = strconv.FormatBool(k.Enabled && !blocked)
	cells[columnPlans], cells[columnID], cells[columnCustomer] = strings.Join(plans, ","), k.ID.String(), k.CustomerID
	cells[columnExpires] = csvTime(k.ExpiresAt)
	return append(cells, k.Hint, k.AppName, k.AccountEmail, csvTime(k.CreatedAt), csvTime(k.LastUsedAt))
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999Z07:00")
}

// writeRow quotes every cell; the writer keeps its first error for Flush.
func writeRow(w *bufio.Writer, cells []string) error {
	for i, cell := range cells {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteByte('"')
		w.WriteString(strings.ReplaceAll(guard(cell), `"`, `""`))
		w.WriteByte('"')
	}
	_, err := w.WriteString("\r\n")
	return err
}

// CSVCell is a text as a cell of a file that people open in a spreadsheet: one that it would take for a formula begins with ' (SEC-55).
func CSVCell(text string) string { return guard(text) }

// guard puts a ' before a cell that a spreadsheet would take for a formula.
func guard(cell string) string {
	if isFormula(cell) {
		return "'" + cell
	}
	return cell
}

// unguard takes off what guard put before a cell.
func unguard(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && isFormula(rest) {
		return rest
	}
	return cell
}

// isFormula looks through leading space and through every ' of the cell's own, so that guard and unguard undo each other. The wide forms
// are what some spreadsheets take for = + - @ too.
func isFormula(cell string) bool {
	cell = strings.TrimLeft(cell, "'")
	if cell != "" && (cell[0] == '\t' || cell[0] == '\r' || cell[0] == '\n') {
		return true
	}
	for _, r := range cell {
		if r == '\'' || unicode.IsSpace(r) {
			continue
		}
		return slices.Contains([]rune("=+-@＝＋－＠"), r)
	}
	return false
}
