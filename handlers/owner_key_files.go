package handlers

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// confirmedFor is how long a proof of the password lasts for an export of values.
const confirmedFor = 10 * time.Minute

// ImportForm asks for a CSV file of keys.
func (o *OwnerKeys) ImportForm(r *Request) (Reply, error) {
	return o.importPage(r, NewForm(), Page)
}

func (o *OwnerKeys) importPage(r *Request, f *Form, reply func(templ.Component) Reply) (Reply, error) {
	plans, err := publishedPlans(r, o.Store)
	if err != nil {
		return Reply{}, err
	}
	v := owner.ImportKeysView{Plans: plans}
	for field, text := range f.Errors() {
		if n := lineNumber(field); n > 0 {
			v.Lines = append(v.Lines, owner.LineProblem{Line: n, Text: text})
		}
	}
	slices.SortFunc(v.Lines, func(a, b owner.LineProblem) int { return a.Line - b.Line })
	return reply(owner.ImportKeys(r.layout("Import keys", keysCrumb(), ui.Crumb{}), v, f)), nil
}

// lineNumber is the number in "line 7", for the order of a report; 0 for what is no line.
func lineNumber(field string) int {
	n := 0
	for _, digit := range strings.TrimPrefix(field, "line ") {
		if digit < '0' || digit > '9' {
			return 0
		}
		n = n*10 + int(digit-'0')
	}
	return n
}

// Import creates and updates keys from a CSV file: all of them or none.
func (o *OwnerKeys) Import(r *Request) (Reply, error) {
	f, err := r.Upload()
	if err != nil {
		return Reply{}, err
	}
	data, err := f.File("file")
	if err != nil {
		return Reply{}, err
	}
	pasted := f.Get("csv")
	switch {
	case len(data) > 0 && strings.TrimSpace(pasted) != "":
		f.Fail("file", "Choose a file or paste lines, not both.")
		return o.importPage(r, f, Again)
	case len(data) == 0 && strings.TrimSpace(pasted) == "":
		f.Fail("file", "Choose a file, or paste lines.")
		return o.importPage(r, f, Again)
	case len(data) == 0:
		data = []byte(pasted)
	}
	rows, err := models.ParseKeyCSV(bytes.NewReader(data), r.Now)
	var report models.ImportCounts
	if err == nil {
		report, err = o.Store.ImportKeys(r.Context(), r.Actor(), models.NewImport{}, rows, r.Now)
	}
	if f.Accept(err) {
		f.message = ""
		if f.Error("file") == "" {
			f.message = models.Sentence(err)
		}
		return o.importPage(r, f, Again)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done("/owner/keys", "Imported: "+count(int(report.Created), "key")+" created, "+format.Count(report.Updated)+" updated. They work from their next request on."), nil
}

// ExportForm asks what an export holds.
func (o *OwnerKeys) ExportForm(r *Request) (Reply, error) {
	v := owner.ExportView{Confirmed: r.Session.ConfirmedWithin(confirmedFor), Values: r.Query("values") == "1"}
	return Page(owner.ExportKeys(r.layout("Export keys", keysCrumb(), ui.Crumb{}), v)), nil
}

// Export answers with a CSV file. Values are in it only after the password was proved once more.
func (o *OwnerKeys) Export(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	values := f.Checked("values")
	if values && !r.Session.ConfirmedWithin(confirmedFor) {
		return See(withNext("/confirm", "/owner/keys/export?values=1")), nil
	}
	name := "keys-" + r.Now.Format("2006-01-02") + ".csv"
	return Download(name, "text/csv; charset=utf-8", func(w io.Writer) error {
		return models.WriteKeyCSV(w, func(fn func(models.KeyExport) error) error {
			return o.Store.ExportKeys(r.Context(), r.Actor(), values, r.Now, fn)
		})
	}), nil
}
