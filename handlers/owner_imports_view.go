package handlers

import (
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/chart"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// badLinesShown is how many bad lines the page of an import shows; the report has all of them.
const badLinesShown = 20

// view says in words where an import stands.
func (o *OwnerImports) view(i models.Import, now time.Time) (owner.KeyImportView, error) {
	v := owner.KeyImportView{
		Href: importPath(i.ID), File: importName(i), State: importBadge(i), By: i.CreatedBy, At: i.CreatedAt, Ended: i.EndedAt, Now: now,
		Read: strings.Join(i.Read, ", "), Ignored: strings.Join(i.Ignored, ", "), Counts: importCounts(i),
	}
	if i.Bytes > 0 {
		v.Size = format.Bytes(i.Bytes)
	}
	keyImportWords(i, &v)
	if i.State.Busy() {
		return v, nil
	}
	bad, err := o.Files.FirstBad(i, badLinesShown)
	if err != nil {
		return v, err
	}
	for _, line := range bad {
		v.Lines = append(v.Lines, owner.LineProblem{Line: line.Line, Text: line.Message})
	}
	v.MoreBad = i.Counts.Bad - int64(len(bad))
	if o.Files.HasReport(i) {
		v.Report = v.Href + "/report"
	}
	return v, nil
}

// keyImportWords says what is going on, and what can be done.
func keyImportWords(i models.Import, v *owner.KeyImportView) {
	c := i.Counts
	v.CanCancel = i.CheckCancel() == nil
	switch i.State {
	case models.ImportWaiting:
		v.Title, v.Text = "Waiting", "It is checked next; one import is at work at a time."
	case models.ImportChecking:
		v.Title, v.Text = "Checking", "Each line is looked at. Nothing is written yet."
	case models.ImportChecked:
		v.Title, v.Text = "Checked: nothing is written yet", checkedWords(i)
		v.CanStart, v.CanSkip = i.CheckStart(i.SkipBad) == nil, !i.SkipBad && i.CheckStart(false) != nil && i.CheckStart(true) == nil
		v.SkipsBad, v.Changes = i.SkipBad, c.Changes()
		if c.Bad > 0 && !i.SkipBad {
			v.Problem = "All lines are to be imported or none, and " + linesWords(c.Bad, "cannot be.", "cannot be.") + " Mend the file and send it again, or leave them out."
		}
	case models.ImportWriting:
		v.Title, v.Text = "Importing", "The new keys begin to work all at once, when the last line is written. You can leave this page: it goes on."
		v.Meter = &chart.Meter{Label: "Lines written", Used: format.Count(i.Written), Limit: format.Count(max(i.Written, c.Changes())), Share: share(i.Written, c.Changes())}
		if i.Live {
			v.Text = "The keys work. The report is being written."
		}
	case models.ImportUndoing:
		v.Title, v.Text = "Undoing", "What was written is taken back. None of the new keys ever worked."
	case models.ImportDone:
		v.Title, v.Text = "Done", "Every key works from its next request on."
		if c.Bad > 0 {
			v.Text = linesWords(c.Bad, "was left out.", "were left out.") + " Every other key works from its next request on."
		}
	case models.ImportFailed:
		v.Title, v.Problem = "Failed: nothing was imported", i.Reason
	case models.ImportCancelled:
		v.Title, v.Text = "Cancelled: nothing was imported", i.Reason
	}
}

func checkedWords(i models.Import) string {
	switch c := i.Counts; {
	case c.Changes() == 0 && c.Bad == 0:
		return "All keys of the file are as it says: there is nothing to import."
	case c.Changes() == 0:
		return "No line makes or changes a key."
	case c.Updated > 0:
		return "New keys begin to work all at once, when everything is written. Changes of keys that exist hold one batch after the other, at the end; they are undone if the import fails or is cancelled."
	default:
		return "Everything begins to hold at once, when the last line is written."
	}
}

func linesWords(n int64, one, many string) string {
	if n == 1 {
		return "1 line " + one
	}
	return format.Count(n) + " lines " + many
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func importCounts(i models.Import) []ui.Definition {
	c := i.Counts
	if c.Lines() == 0 {
		return nil
	}
	create, update := "New keys", "Changed keys"
	if i.State == models.ImportFailed || i.State == models.ImportCancelled || i.State == models.ImportUndoing {
		create, update = "Would have been new", "Would have been changed"
	}
	return []ui.Definition{
		{Term: create, Text: format.Count(c.Created)}, {Term: update, Text: format.Count(c.Updated)}, {Term: "Unchanged", Text: format.Count(c.Unchanged)},
		{Term: "Bad lines", Text: format.Count(c.Bad)},
	}
}

func importName(i models.Import) string {
	if i.File == "" {
		return "Pasted keys"
	}
	return i.File
}

func importBadge(i models.Import) ui.BadgeProps {
	switch i.State {
	case models.ImportChecked:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waiting for you"}
	case models.ImportWriting:
		return ui.BadgeProps{Kind: ui.Acc, Text: "Importing"}
	case models.ImportUndoing:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Undoing"}
	case models.ImportDone:
		return ui.BadgeProps{Kind: ui.OK, Text: "Done"}
	case models.ImportFailed:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Failed"}
	case models.ImportCancelled:
		return ui.BadgeProps{Kind: ui.Plain, Text: "Cancelled"}
	case models.ImportChecking:
		return ui.BadgeProps{Kind: ui.Acc, Text: "Checking"}
	default:
		return ui.BadgeProps{Kind: ui.Plain, Text: "Waiting"}
	}
}
