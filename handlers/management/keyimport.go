package management

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"gatehouse/models"
)

// importRecords are imports of keys in the store.
type importRecords interface {
	CheckImport(ctx context.Context, owner models.AccountID, rows []models.KeyImport, now time.Time) ([]models.ImportLine, error)
	ImportAtOnce(ctx context.Context, actor models.Actor, rows []models.PlannedKey, bytes int64, skipBad bool, now time.Time) error
}

var importOperations = []operation{
	{name: "ImportApiKeys", verb: http.MethodPost, path: "/apikeys", mode: "import", status: http.StatusCreated, do: (*call).importAPIKeys},
}

// What one call imports, and how many lines are judged together.
const (
	mostImported  = 100_000
	judgedAtOnce  = 500
	mostWarnings  = 100
	largerImports = "Import larger files in the portal (Keys, Import) or by gatehouse key import, which show how far they are."
)

// keyFile is a file of keys that was read: each value once, as its last line has it, at the place of the first (spec 4).
type keyFile struct {
	rows     []models.KeyImport
	warnings []string
	bad      map[int]bool // lines
}

func (f *keyFile) warn(line int, problem string) {
	f.bad[line] = true
	switch n := len(f.warnings); {
	case n < mostWarnings:
		f.warnings = append(f.warnings, fmt.Sprintf("Line %d: %s", line, problem))
	case n == mostWarnings:
		f.warnings = append(f.warnings, "And more lines.")
	}
}

func readKeyFile(body []byte, now time.Time) (*keyFile, error) {
	lines, err := models.NewKeyCSV(bytes.NewReader(body), now)
	if err != nil {
		return nil, err
	}
	f, at := &keyFile{bad: map[int]bool{}}, map[string]int{}
	for n := 0; ; n++ {
		row, problem, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return f, nil
		case err != nil:
			return nil, err
		case n == mostImported:
			return nil, badRequest("A call imports at most %d keys. %s", mostImported, largerImports)
		case problem != "":
			f.warn(row.Line, problem)
			continue
		}
		if i, again := at[row.Value]; again && row.Value != "" {
			f.rows[i] = row
			continue
		}
		at[row.Value] = len(f.rows)
		f.rows = append(f.rows, row)
	}
}

// importAPIKeys makes keys, and changes those whose values there are.
func (c *call) importAPIKeys() (any, error) {
	var broken constraints
	broken.oneOf(c.query.Get("format"), "importApiKeysInput.format", "csv")
	if err := broken.err(); err != nil {
		return nil, err
	}
	f, err := readKeyFile(c.body, c.now)
	if err != nil {
		return nil, err
	}
	skipBad := !isTrue(c.query.Get("failonwarnings"))
	ids := make([]models.KeyID, 0, len(f.rows))
	var planned []models.PlannedKey
	for rows := range slices.Chunk(f.rows, judgedAtOnce) {
		lines, err := c.Records.CheckImport(c.ctx, c.owner(), rows, c.now)
		if err != nil {
			return nil, err
		}
		for i, line := range lines {
			switch line.Outcome {
			case models.LineBad:
				f.warn(line.Line, line.Message)
				continue
			case models.LineCreated:
				planned = append(planned, models.PlannedKey{KeyImport: rows[i], Outcome: line.Outcome, NewID: line.KeyID})
			case models.LineUpdated:
				planned = append(planned, models.PlannedKey{KeyImport: rows[i], Outcome: line.Outcome})
			}
			ids = append(ids, line.KeyID)
		}
	}
	if len(f.bad) > 0 && !skipBad {
		return nil, badRequest("Nothing was imported: %d of the lines cannot be (%v). %s", len(f.bad), first(f.bad), f.warnings[0])
	}
	if len(planned) > 0 {
		if err := c.Records.ImportAtOnce(c.ctx, c.actor, planned, int64(len(c.body)), skipBad, c.now); err != nil {
			return nil, err
		}
		if c.Learn != nil {
			if err := c.Learn(c.ctx); err != nil {
				return nil, err
			}
		}
	}
	return struct {
		IDs      []models.KeyID `json:"ids"`
		Warnings []string       `json:"warnings,omitempty"`
	}{ids, f.warnings}, nil
}

// first are some of the lines that are bad, in order.
func first(lines map[int]bool) []int {
	sorted := slices.Sorted(maps.Keys(lines))
	return sorted[:min(5, len(sorted))]
}
