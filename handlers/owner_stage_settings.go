package handlers

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// stagePartForm is a form of a stage's settings: one part of them, saved without the others.
type stagePartForm struct {
	part models.StagePart
	tab  string
	mine []string // fields; one that ends in _ stands for all that begin with it
	// read puts what was typed into the stage and notes mistakes. It is called again on the stage as it is when it is saved, so it must not keep anything.
	read func(r *Request, f *Form, api models.API, s *models.Stage)
	page func(r *Request, api models.API, s models.Stage, f *Form) (templ.Component, error)
	done string
}

// savePart runs a form of a stage's settings.
func (o *OwnerStages) savePart(r *Request, p stagePartForm) (Reply, error) {
	api, s, err := o.stage(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if f.Get("more") != "" {
		page, err := p.page(r, api, s, f)
		return Page(page), err
	}
	next := s
	p.read(r, f, api, &next)
	f.acceptPart(next.Check(), p.mine)
	doubt := ""
	if p.part == models.StageUpstream {
		if err := o.needUpstream(r, f, api, next); err != nil {
			return Reply{}, err
		}
		if f.OK() {
			doubt = o.targetsAllowed(r, f, next)
		}
	}
	if f.OK() {
		_, err := o.Store.ChangeStage(r.Context(), r.Actor(), api.ID, s.ID, p.part, func(st *models.Stage) error { p.read(r, f, api, st); return nil }, r.Now)
		if err == nil {
			return r.Done(ownerStagePath(api.ID, s.ID)+"/"+p.tab, p.done+doubt), nil
		}
		if !f.acceptPart(err, p.mine) {
			return Reply{}, err
		}
	}
	page, err := p.page(r, api, s, f)
	return Again(page), err
}

// acceptPart is Accept for a form that has some of a thing's fields: what is wrong with the others is told above it.
func (f *Form) acceptPart(err error, mine []string) bool {
	var e *models.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return f.Accept(err)
	}
	for field, text := range e.Fields {
		here := slices.ContainsFunc(mine, func(name string) bool {
			return name == field || strings.HasSuffix(name, "_") && strings.HasPrefix(field, name)
		})
		if here {
			f.Fail(field, text)
		} else {
			f.message = "This does not go together with another setting of the stage. " + text
		}
	}
	return true
}

// stageFrame is what all pages of a stage show.
func stageFrame(r *Request, api models.API, s models.Stage, tab string, states StageStates) owner.StageFrame {
	row := stageRow(r, api, s)
	v := owner.StageFrame{Title: api.Name + " · " + s.Name, URL: row.URL, Href: row.Href, Tab: tab, DocsHref: stageHelp, UsageHref: pathWith("/owner/usage", "api", api.ID.String(), "stage", s.ID.String())}
	v.Badges = []ui.BadgeProps{{Kind: ui.Warn, Text: "Not deployed"}}
	if row.Number != "" {
		v.Badges[0] = ui.BadgeProps{Kind: ui.OK, Text: "Deployment " + row.Number}
	}
	v.Badges = append(v.Badges, row.Badges...)
	v.Badges = append(v.Badges, outBadge(states, s.ID)...)
	if m := s.Settings.Maintenance; m != nil {
		v.Maintenance = "This stage is switched off for maintenance: callers get 503."
	}
	return v
}

// stageHelp is the page that explains a stage's settings.
const stageHelp = "/owner/help/stages"

func stageLayout(r *Request, api models.API, s models.Stage, title string) ui.Page {
	crumbs := []ui.Crumb{apisCrumb(), {Label: api.Name, Href: ownerAPIPath(api.ID)}}
	if title == "" {
		return r.layout(api.Name+" · "+s.Name, append(crumbs, ui.Crumb{Label: s.Name})...)
	}
	return r.layout(title+" · "+s.Name, append(crumbs, ui.Crumb{Label: s.Name, Href: ownerStagePath(api.ID, s.ID)}, ui.Crumb{Label: title})...)
}

// stageStates are the states of a stage that people must not overlook.
func stageStates(s models.Stage) (badges []ui.BadgeProps) {
	if s.Settings.Maintenance != nil {
		badges = append(badges, ui.BadgeProps{Kind: ui.Bad, Text: "Maintenance"})
	}
	if c := s.Settings.Canary; c != nil {
		badges = append(badges, ui.BadgeProps{Kind: ui.Acc, Text: "Canary " + plainNumber(c.Percent) + " %"})
	}
	return badges
}

// outBadge says how many targets of a stage get nothing now.
func outBadge(states StageStates, id models.StageID) []ui.BadgeProps {
	if states == nil {
		return nil
	}
	targets, out := states.Targets(id), 0
	for _, t := range targets {
		if !t.In {
			out++
		}
	}
	switch {
	case out == 0:
		return nil
	case out == len(targets):
		return []ui.BadgeProps{{Kind: ui.Bad, Text: "No target in service"}}
	default:
		return []ui.BadgeProps{{Kind: ui.Warn, Text: count(out, "target") + " out"}}
	}
}

// rowsShown is how many rows a form shows: what is typed, and some to fill in.
func rowsShown(f *Form, most int, fields ...string) int {
	last := 0
	for n := 1; n <= most; n++ {
		for _, field := range fields {
			if f.Trimmed(numbered(field, n)) != "" {
				last = n
			}
		}
	}
	spare := 2
	if f.Get("more") != "" {
		spare = 5
	}
	return min(most, last+spare)
}

func numbered(name string, n int) string { return name + "_" + strconv.Itoa(n) }

// closeRows moves the rows of a form up to where empty ones are, so that the numbers of rows are those of what they make; a row where only fields of more are
// filled in is empty. It returns how many are left.
func closeRows(f *Form, most int, fields []string, more ...string) int {
	rows := 0
	for n := 1; n <= most; n++ {
		if !slices.ContainsFunc(fields, func(field string) bool { return f.Trimmed(numbered(field, n)) != "" }) {
			continue
		}
		if rows++; rows == n {
			continue
		}
		for _, field := range slices.Concat(fields, more) {
			f.values[numbered(field, rows)] = f.values[numbered(field, n)]
			delete(f.values, numbered(field, n))
		}
	}
	return rows
}

// optionalNumber reads a whole number that may be left out: 0 then, which stands for the default. A 0 that was typed is none: it is -1, for which no setting has room.
func optionalNumber(f *Form, field string) int {
	n := number(f, field)
	if n == 0 && f.Trimmed(field) != "" {
		return -1
	}
	return n
}

// number reads a whole number; nothing is 0, and what is below it -1.
func number(f *Form, field string) int {
	if f.Trimmed(field) == "" {
		return 0
	}
	n, problem := parseWhole(f.Get(field))
	if problem != "" {
		f.Fail(field, problem)
	}
	return int(max(-1, min(n, math.MaxInt32)))
}

// optionalTime reads a duration in units that may be left out: 0 then, which stands for the default. A 0 that was typed is too short for it.
func optionalTime(f *Form, field string, unit time.Duration) time.Duration {
	if f.Trimmed(field) == "" {
		return 0
	}
	n, problem := parseDecimal(f.Get(field))
	if problem != "" {
		f.Fail(field, problem)
	}
	d := time.Duration(max(-1, min(n, 1e6)) * float64(unit))
	if n >= 0 && d < time.Millisecond {
		d = 1 // too short, and not the default
	}
	return d.Truncate(max(1, min(time.Millisecond, d)))
}

// optionalBytes reads a size in units that may be left out: 0 then, which stands for the default; a 0 that was typed is -1.
func optionalBytes(f *Form, field string, unit float64) int64 {
	if f.Trimmed(field) == "" {
		return 0
	}
	n, problem := parseDecimal(f.Get(field))
	if problem != "" {
		f.Fail(field, problem)
	}
	bytes := max(-1, min(n*unit, 1<<62))
	switch {
	case n == 0:
		return -1
	case n > 0 && bytes < 1:
		return 1
	}
	return int64(bytes)
}

// setNumber fills a field where a number is set.
func setNumber(f *Form, field string, n float64) {
	if n != 0 {
		f.Set(field, plainNumber(n))
	}
}

func setOn(f *Form, field string, on bool) {
	if on {
		f.Set(field, "on")
	}
}

// settingsOf says in a line each what is set of a stage.
func settingsOf(api models.API, s models.Stage) []owner.SettingRow {
	path, set := ownerStagePath(api.ID, s.ID), s.Settings
	row := func(name, tab, text string) owner.SettingRow {
		return owner.SettingRow{Name: name, Href: path + "/" + tab, Text: text}
	}
	rows := []owner.SettingRow{
		row("Targets", "upstream", targetWords(set)),
		row("Variables", "variables", noneOr(count(len(set.Variables), "variable"), len(set.Variables) > 0)),
		row("Canary", "variables", "None: all callers get the stage's deployment"),
		row("Header rules", "headers", noneOr(fmt.Sprintf("%d for requests, %d for answers", len(set.Request), len(set.Response)), len(set.Request)+len(set.Response) > 0)),
		row("CORS", "headers", "Preflights are answered for every page"),
		row("Cache", "cache", "Nothing is kept"),
		row("Limits and validation", "limits", limitWords(set)),
		row("Maintenance", "maintenance", "The stage is served"),
	}
	if c := set.Canary; c != nil {
		rows[2].Text, rows[2].Badge = "of the callers get another deployment", &ui.BadgeProps{Kind: ui.Acc, Text: plainNumber(c.Percent) + " %"}
	}
	if c := set.CORS; c != nil {
		rows[4].Text = "Pages of " + originWords(c.Origins) + " may call"
	}
	if c := set.Cache; c != nil {
		rows[5].Text = "Answers are kept for " + format.Duration(c.TTL)
	}
	if m := set.Maintenance; m != nil {
		rows[7].Text, rows[7].Badge = m.Message, &ui.BadgeProps{Kind: ui.Bad, Text: "Switched off"}
	}
	return rows
}

func noneOr(text string, any bool) string {
	if any {
		return text
	}
	return "None"
}

func originWords(origins []string) string {
	if len(origins) == 1 && origins[0] == "*" {
		return "all origins"
	}
	return count(len(origins), "origin")
}

func targetWords(s models.StageSettings) string {
	words := "One upstream"
	if n := len(s.Targets.Others); n > 0 {
		words = count(n+1, "target")
	}
	if s.Targets.Health != nil {
		words += ", health checked"
	}
	if s.Targets.Retries < 0 {
		words += ", no retries"
	}
	if s.TLS.Certificate != 0 {
		words += ", client certificate"
	}
	if s.TLS.Insecure {
		words += ", certificate not looked at"
	}
	return words
}

func limitWords(s models.StageSettings) string {
	words := "Bodies as the operator has set"
	if n := s.Limits.MaxBody; n > 0 {
		words = "Bodies of at most " + format.Bytes(n)
	}
	switch v := s.Validation; {
	case v.Parameters && v.Body:
		words += ", parameters and bodies validated"
	case v.Parameters:
		words += ", parameters validated"
	case v.Body:
		words += ", bodies validated"
	}
	return words
}
