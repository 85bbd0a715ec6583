package jobs

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// checkedAtOnce is how many lines are looked at together, and noteEvery how often the page is told of it.
const (
	checkedAtOnce = 500
	noteEvery     = 500 * time.Millisecond
)

// check reads a file to its end and says of each line what it would do; the good ones it lays down in the order in which they will be written: keys that are to be
// made, in ascending ids, which write many times as fast as random ones, and then changes of keys that there are.
func (j *Imports) check(ctx context.Context, i models.Import) (err error) {
	in, file, err := j.unseal(i.ID, uploadFile)
	if err != nil {
		return err
	}
	defer file.Close()
	lines, err := models.NewKeyCSV(in, j.Now())
	if err != nil {
		return err
	}
	c := &checking{j: j, i: i, file: lines, values: map[[16]byte]uint32{}, keys: map[models.KeyID]uint32{}, nextID: random() % (idRange / 2)}
	c.read, c.ignored = lines.Columns()
	if err := errors.Join(c.run(ctx), c.close()); err != nil {
		return err
	}
	return j.Store.FinishImportCheck(ctx, i.ID, c.read, c.ignored, c.counts, j.Now())
}

// checking is a check under way.
type checking struct {
	j             *Imports
	i             models.Import
	file          *models.KeyCSV
	read, ignored []string
	counts        models.ImportCounts
	values        map[[16]byte]uint32 // line of each: half a digest
	keys          map[models.KeyID]uint32
	nextID        uint64
	noted         time.Time

	rows []models.KeyImport  // that look good by themselves
	all  []models.ImportLine // that were read, in order; without outcome: look at rows

	files     []*os.File
	sealers   []*secret.Sealer
	new, edit *gob.Encoder
	linesOut  *bufio.Writer
	lines     *csv.Writer
}

func (c *checking) run(ctx context.Context) error {
	if err := c.open(); err != nil {
		return err
	}
	for {
		row, problem, err := c.file.Next()
		if errors.Is(err, io.EOF) {
			return c.flush(ctx)
		}
		if err != nil {
			return err
		}
		if problem == "" {
			problem = c.repeated(row)
		}
		line := models.ImportLine{Line: row.Line, Message: problem}
		if problem != "" {
			line.Outcome = models.LineBad
		} else {
			c.rows = append(c.rows, row)
		}
		if c.all = append(c.all, line); len(c.all) < checkedAtOnce {
			continue
		}
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
}

// repeated says where the row's value stands already. AWS lets the later line win; two lines of one file that disagree are more likely a mistake.
func (c *checking) repeated(row models.KeyImport) string {
	if row.Value == "" {
		return ""
	}
	digest := c.j.Keyring.Digest(row.Value)
	half := [16]byte(digest[:16])
	if line, ok := c.values[half]; ok {
		return models.SameValue(int(line))
	}
	c.values[half] = uint32(row.Line)
	return ""
}

// flush looks at the lines in hand.
func (c *checking) flush(ctx context.Context) error {
	found, err := c.j.Store.CheckImport(ctx, c.i.OwnerID, c.rows, c.j.Now())
	if err != nil {
		return err
	}
	n := 0
	for _, line := range c.all {
		if line.Outcome == "" {
			line = found[n]
			if line, err = c.plan(c.rows[n], line); err != nil {
				return err
			}
			n++
		}
		c.counts.Add(line.Outcome, 1)
		if err := c.lines.Write(lineCells(line)); err != nil {
			return err
		}
	}
	c.rows, c.all = c.rows[:0], c.all[:0]
	if now := c.j.Now(); now.Sub(c.noted) >= noteEvery {
		c.noted = now
		return c.j.Store.NoteImportCheck(ctx, c.i.ID, c.read, c.ignored, c.counts, now)
	}
	return nil
}

// plan lays a good line down to be written.
func (c *checking) plan(row models.KeyImport, line models.ImportLine) (models.ImportLine, error) {
	planned := models.PlannedKey{KeyImport: row, Outcome: line.Outcome}
	switch line.Outcome {
	case models.LineCreated:
		line.KeyID = models.NewID[models.Key](c.nextID)
		c.nextID += 1 + random()%idStep
		planned.NewID = line.KeyID
		return line, c.new.Encode(planned)
	case models.LineUpdated, models.LineUnchanged:
		if first, ok := c.keys[line.KeyID]; ok {
			return models.ImportLine{Line: line.Line, Outcome: models.LineBad, Message: models.SameKey(int(first))}, nil
		}
		c.keys[line.KeyID] = uint32(line.Line)
		if line.Outcome == models.LineUpdated {
			return line, c.edit.Encode(planned)
		}
	}
	return line, nil
}

// Ids of one import ascend, by steps that nobody can guess, from a place in the lower half of all: a million steps end before the upper end.
const (
	idRange = 3656158440062976 - 101559956668416 // 36^10 - 36^9: see models.ID
	idStep  = 1 << 30
)

// open makes the files that the check fills, anew.
func (c *checking) open() error {
	for _, name := range []string{newFile, changedFile, linesFile} {
		f, err := c.j.create(c.i.ID, name)
		if err != nil {
			return err
		}
		c.files = append(c.files, f)
		if name == linesFile {
			c.linesOut = bufio.NewWriterSize(f, 1<<16)
			c.lines = csv.NewWriter(c.linesOut)
			continue
		}
		c.sealers = append(c.sealers, c.j.Keyring.SealTo(f, sealedName(c.i.ID, name)))
	}
	c.new, c.edit = gob.NewEncoder(c.sealers[0]), gob.NewEncoder(c.sealers[1])
	return c.lines.Write(lineColumns)
}

// close brings the files to the disk.
func (c *checking) close() error {
	var problems []error
	if c.lines != nil {
		c.lines.Flush()
		problems = append(problems, c.lines.Error(), c.linesOut.Flush())
	}
	for _, s := range c.sealers {
		problems = append(problems, s.Close())
	}
	for _, f := range c.files {
		problems = append(problems, f.Sync(), f.Close())
	}
	return errors.Join(problems...)
}
