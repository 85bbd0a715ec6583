package models

import "time"

// ChangelogEntry is what an API's owner tells everybody who may see the API.
type ChangelogEntry struct {
	ID        ChangelogID
	APIID     APIID
	Proposed  bool      // it was made of a change, and its owner has not published it
	Day       time.Time // 00:00 UTC
	Title     string    // one line, at most 120 characters
	Body      string    // Markdown, at most 20,000 characters
	Breaking  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Clean trims and checks what an owner typed; fields "title", "body", "day".
func (e ChangelogEntry) Clean() (ChangelogEntry, error) {
	var p Problems
	var titleErr, bodyErr error
	e.Title, titleErr = cleanLine("title", e.Title, 120)
	e.Body, bodyErr = CleanText("body", e.Body, 20_000)
	p.Join(titleErr, bodyErr)
	if titleErr == nil && e.Title == "" {
		p.Add("title", "Say in one line what changed.")
	}
	if e.Day.IsZero() {
		p.Add("day", "Enter a day such as 2027-03-31.")
	}
	e.Day = e.Day.UTC().Truncate(24 * time.Hour)
	return e, p.Err()
}
