package handlers

import (
	"io"
	"time"

	"gatehouse/models"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// confirmedFor is how long a proof of the password lasts for an export of values.
const confirmedFor = 10 * time.Minute

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
