package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
	"gatehouse/templates/usage"
)

// StatementStore is what pages of statements need of the store.
type StatementStore interface {
	ownerNextStore
	StatementMonths(ctx context.Context, owner models.AccountID, now time.Time, limit int) ([]models.StatementMonth, error)
	Statements(ctx context.Context, owner models.AccountID, month time.Time, p models.Page) (models.List[models.Statement], error)
	Statement(ctx context.Context, owner models.AccountID, month time.Time, customer models.ConsumerID) (models.Statement, error)
	EachStatementLine(ctx context.Context, owner models.AccountID, month time.Time, fn func(models.Statement, models.StatementLine) error) error
	StatementsClosed(ctx context.Context, owner models.AccountID, month time.Time) (time.Time, error)
	AccountStatements(ctx context.Context, account models.AccountID, limit int) ([]models.Statement, error)
	StatementOperations(ctx context.Context, st models.Statement, limit int) ([]models.StatementOperation, error)
	AccountStatement(ctx context.Context, account models.AccountID, month time.Time, customer models.ConsumerID) (models.Statement, error)
}

// Statements are closed months: what customers called, for those who bill it and for themselves.
type Statements struct{ Store StatementStore }

const (
	statementsPath      = "/statements"
	ownerStatementsPath = "/owner/statements"
	statementMonths     = 36  // in a list
	ownStatements       = 200 // of a developer, newest first
	statementOperations = 200 // of a statement, the busiest
	monthLayout         = "2006-01"
)

// Owner lists months, with ?month= its customers, and with ?customer= one statement.
func (s *Statements) Owner(r *Request) (Reply, error) {
	if r.Query("month") == "" {
		return s.months(r)
	}
	month, err := monthOf(r)
	if err != nil {
		return Reply{}, err
	}
	if r.Query("customer") == "" {
		return s.customers(r, month)
	}
	id, err := models.ParseID[models.Consumer](r.Query("customer"))
	if err != nil {
		return Reply{}, models.NotFound("statement")
	}
	st, err := s.Store.Statement(r.Context(), r.Account.ID, month, id)
	if err != nil {
		return Reply{}, err
	}
	name := month.Format("January 2006")
	v, err := s.view(r.Context(), st)
	if err != nil {
		return Reply{}, err
	}
	v.UsageHref = ownerUsagePath + "?" + url.Values{"customer": {id.String()}, "from": {format.Machine(month)}, "to": {format.Machine(month.AddDate(0, 1, 0))}}.Encode()
	return Page(usage.StatementPage(r.layout("Statement", ui.Crumb{Label: "Statements", Href: ownerStatementsPath}, ui.Crumb{Label: name, Href: ownerMonth(month)}, ui.Crumb{Label: v.Customer}), v)), nil
}

func monthOf(r *Request) (time.Time, error) {
	month, err := time.Parse(monthLayout, r.Query("month"))
	if err != nil {
		return month, models.NotFound("month")
	}
	return month, nil
}

func ownerMonth(month time.Time) string {
	return ownerStatementsPath + "?month=" + month.Format(monthLayout)
}

func (s *Statements) months(r *Request) (Reply, error) {
	months, err := s.Store.StatementMonths(r.Context(), r.Account.ID, r.Now, statementMonths)
	if err != nil {
		return Reply{}, err
	}
	var v usage.MonthsView
	for _, m := range months {
		row := usage.MonthRow{Name: m.Month.Format("January 2006"), ClosedAt: m.ClosedAt, State: ui.BadgeProps{Kind: ui.OK, Text: "Closed"}}
		switch end := m.Month.AddDate(0, 1, 0); {
		case !m.ClosedAt.IsZero():
			row.Href = ownerMonth(m.Month)
			row.CSV, row.JSON = ownerStatementsPath+".csv?month="+m.Month.Format(monthLayout), ownerStatementsPath+".json?month="+m.Month.Format(monthLayout)
		case end.After(r.Now):
			row.State, row.Text = ui.BadgeProps{Kind: ui.Info, Text: "Running"}, "closes after "+format.DateTime(r.Local(end))
		case m.Open > 0:
			row.State, row.Text = ui.BadgeProps{Kind: ui.Warn, Text: "Waiting"}, format.Requests(m.Open)+" that began in it and can be given back are not answered yet"
		default:
			row.State, row.Text = ui.BadgeProps{Kind: ui.Info, Text: "Closing"}, "closes within two hours of its end"
		}
		v.Rows = append(v.Rows, row)
	}
	if len(v.Rows) == 0 {
		if v.Next, err = ownerNext(r.Context(), s.Store, r.Account.ID); err != nil {
			return Reply{}, err
		}
	}
	return Page(usage.Months(r.layout("Statements", ui.Crumb{}), v)), nil
}

func (s *Statements) customers(r *Request, month time.Time) (Reply, error) {
	closed, err := s.Store.StatementsClosed(r.Context(), r.Account.ID, month)
	if err != nil {
		return Reply{}, err
	}
	list, err := s.Store.Statements(r.Context(), r.Account.ID, month, r.Page())
	if err != nil {
		return Reply{}, err
	}
	name := month.Format("January 2006")
	v := usage.StatementsView{Month: name, ClosedAt: closed, CSV: ownerStatementsPath + ".csv?month=" + month.Format(monthLayout), JSON: ownerStatementsPath + ".json?month=" + month.Format(monthLayout)}
	for _, st := range list.Items {
		v.Rows = append(v.Rows, statementRow(st, ownerMonth(month)+"&customer="+st.Customer.ID.String()))
	}
	if list.Next != "" {
		v.Pages.Next = ownerMonth(month) + "&after=" + url.QueryEscape(list.Next)
	}
	if r.Query("after") != "" {
		v.Pages.Prev = ownerMonth(month)
	}
	return Page(usage.Statements(r.layout("Statements of "+name, ui.Crumb{Label: "Statements", Href: ownerStatementsPath}, ui.Crumb{Label: name}), v)), nil
}

// statementRow is a statement in a list.
func statementRow(st models.Statement, href string) usage.StatementRow {
	return usage.StatementRow{Name: consumerName(st.Customer), Detail: st.Customer.Email, Href: href, Month: st.Month.Format("January 2006"), Owner: st.Owner, Sums: statementSums(st.StatementSums)}
}

func statementSums(s models.StatementSums) usage.StatementSums {
	return usage.StatementSums{Charged: s.Charged, Admitted: s.Admitted, Refunded: s.Refunded(), Refused: s.Refused, Extra: s.Extra}
}

// view is a statement with its breakdowns.
func (s *Statements) view(ctx context.Context, st models.Statement) (usage.StatementView, error) {
	v := usage.StatementView{Customer: consumerName(st.Customer), Email: st.Customer.Email, Owner: st.Owner, Month: st.Month.Format("January 2006"), ClosedAt: st.ClosedAt, Sums: statementSums(st.StatementSums)}
	for _, l := range st.Lines {
		v.Lines = append(v.Lines, usage.StatementLine{Plan: l.Plan, Key: l.Key, Sums: statementSums(l.StatementSums)})
	}
	operations, err := s.Store.StatementOperations(ctx, st, statementOperations)
	for _, o := range operations {
		row := usage.StatementOperation{Stage: o.Stage, Admitted: o.Admitted, Refused: o.Refused}
		if row.Verb, row.Path = splitMethod(o.Method); st.Admitted+st.Refused > 0 {
			row.Share = float64(o.Admitted+o.Refused) / float64(st.Admitted+st.Refused)
		}
		v.Operations = append(v.Operations, row)
	}
	switch {
	case len(operations) == statementOperations:
		v.OperationsNote = "The " + format.Count(statementOperations) + " busiest."
	case len(operations) == 0 && st.Admitted+st.Refused > 0:
		v.OperationsNote = "Not known: this month was closed before operations were kept."
	}
	return v, err
}

// Own lists a developer's statements, and with ?month= and ?customer= shows one.
func (s *Statements) Own(r *Request) (Reply, error) {
	if r.Query("month") != "" {
		month, err := monthOf(r)
		if err != nil {
			return Reply{}, err
		}
		id, err := models.ParseID[models.Consumer](r.Query("customer"))
		if err != nil {
			return Reply{}, models.NotFound("statement")
		}
		st, err := s.Store.AccountStatement(r.Context(), r.Account.ID, month, id)
		if err != nil {
			return Reply{}, err
		}
		v, err := s.view(r.Context(), st)
		if err != nil {
			return Reply{}, err
		}
		return Page(usage.StatementPage(r.layout("Statement", ui.Crumb{Label: "Statements", Href: statementsPath}, ui.Crumb{Label: v.Month}), v)), nil
	}
	list, err := s.Store.AccountStatements(r.Context(), r.Account.ID, ownStatements)
	if err != nil {
		return Reply{}, err
	}
	var rows []usage.StatementRow
	for _, st := range list {
		rows = append(rows, statementRow(st, statementsPath+"?month="+st.Month.Format(monthLayout)+"&customer="+st.Customer.ID.String()))
	}
	return Page(usage.OwnStatements(r.layout("Statements", ui.Crumb{Label: "Usage", Href: "/usage"}, ui.Crumb{Label: "Statements"}), rows)), nil
}

// statementColumns are the columns of a month's file; the names are promised (docs/concepts.md).
func statementColumns() []string {
	return []string{"month", "customer_id", "customer", "email", "plan_id", "plan", "key_id", "key", "charged", "admitted", "refunded", "refused", "extra", "closed_at"}
}

func statementCells(st models.Statement, l models.StatementLine) []string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{st.Month.Format(monthLayout), st.Customer.ID.String(), st.Customer.Name, st.Customer.Email, l.PlanID.String(), l.Plan, l.KeyID.String(), l.Key,
		number(l.Charged), number(l.Admitted), number(l.Refunded()), number(l.Refused), number(l.Extra), format.Machine(st.ClosedAt)}
}

// File is a month of all customers, as they are read: ?month=, or the newest that is closed.
func (s *Statements) File(r *Request) (Reply, error) {
	month, err := s.fileMonth(r)
	if err != nil {
		return Reply{}, err
	}
	each := func(fn func(cells []string) error) error {
		if month.IsZero() {
			return nil
		}
		return s.Store.EachStatementLine(r.Context(), r.Account.ID, month, func(st models.Statement, l models.StatementLine) error { return fn(statementCells(st, l)) })
	}
	name := "statements-" + month.Format(monthLayout)
	if month.IsZero() {
		name = "statements"
	}
	if strings.HasSuffix(r.URL.Path, ".json") {
		return Download(name+".json", "application/json; charset=utf-8", func(w io.Writer) error { return writeLines(w, each) }), nil
	}
	return Download(name+".csv", csvKind, func(w io.Writer) error {
		return spreadsheet(w, statementColumns(), func(row func(...string)) error {
			return each(func(cells []string) error { row(cells...); return nil })
		})
	}), nil
}

// fileMonth is the zero time when no month is closed yet.
func (s *Statements) fileMonth(r *Request) (month time.Time, err error) {
	if r.Query("month") != "" {
		if month, err = monthOf(r); err != nil {
			return month, err
		}
		_, err = s.Store.StatementsClosed(r.Context(), r.Account.ID, month)
		return month, err
	}
	months, err := s.Store.StatementMonths(r.Context(), r.Account.ID, r.Now, statementMonths)
	for _, m := range months {
		if !m.ClosedAt.IsZero() {
			return m.Month, err
		}
	}
	return time.Time{}, err
}

// writeLines writes lines as a list of objects, one a line, as they come.
func writeLines(w io.Writer, each func(fn func(cells []string) error) error) error {
	columns, first := statementColumns(), true
	if _, err := io.WriteString(w, "["); err != nil {
		return fmt.Errorf("write statements: %w", err)
	}
	err := each(func(cells []string) error {
		object := map[string]any{}
		for i, name := range columns {
			object[name] = cells[i]
			if i >= 8 && i < 13 {
				object[name] = json.RawMessage(cells[i])
			}
		}
		text, err := json.Marshal(object)
		if err != nil {
			return fmt.Errorf("write statement: %w", err)
		}
		comma := ",\n"
		if first {
			comma, first = "\n", false
		}
		_, err = io.WriteString(w, comma+string(text))
		return err
	})
	_, end := io.WriteString(w, "\n]\n")
	return errors.Join(err, end)
}
