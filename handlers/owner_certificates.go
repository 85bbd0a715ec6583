package handlers

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"time"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

const certificatesPath = "/owner/client-certificates"

// CertificateStore is what the pages of client certificates need of the store.
type CertificateStore interface {
	ClientCertificates(ctx context.Context, owner models.AccountID) ([]models.ClientCertificateRow, error)
	ClientCertificate(ctx context.Context, owner models.AccountID, id models.ClientCertificateID) (models.ClientCertificateRow, error)
	AddClientCertificate(ctx context.Context, actor models.Actor, name string, made bool, pair models.ClientKeyPair, now time.Time) (models.ClientCertificate, error)
	DeleteClientCertificate(ctx context.Context, actor models.Actor, id models.ClientCertificateID, now time.Time) error
}

// Certificates are the pages of what gateways show upstreams that ask who calls.
type Certificates struct{ Store CertificateStore }

// List lists an owner's client certificates, and takes new ones.
func (c *Certificates) List(r *Request) (Reply, error) {
	page, err := c.listPage(r, NewForm())
	return Page(page), err
}

func (c *Certificates) listPage(r *Request, f *Form) (templ.Component, error) {
	rows, err := c.Store.ClientCertificates(r.Context(), r.Account.ID)
	if err != nil {
		return nil, err
	}
	v := owner.CertificatesView{Now: r.Now}
	for _, row := range rows {
		v.Rows = append(v.Rows, certificateRow(r, row))
	}
	return owner.Certificates(r.layout("Client certificates", apisCrumb(), ui.Crumb{Label: "Client certificates"}), v, f), nil
}

func certificateRow(r *Request, c models.ClientCertificateRow) owner.CertificateRow {
	row := owner.CertificateRow{Name: c.Name, Href: certificatesPath + "/" + c.ID.String(), Fingerprint: c.Fingerprint(), NotAfter: c.NotAfter, Origin: "Brought by you", Badge: ui.BadgeProps{Kind: ui.OK, Text: "Valid"}}
	if c.Made {
		row.Origin = "Made here"
	}
	switch left := c.NotAfter.Sub(r.Now); {
	case left <= 0:
		row.Badge = ui.BadgeProps{Kind: ui.Bad, Text: "Ended"}
	case r.Now.Before(c.NotBefore):
		row.Badge = ui.BadgeProps{Kind: ui.Warn, Text: "Not valid yet"}
	case left <= models.CertificateSoon:
		row.Badge = ui.BadgeProps{Kind: ui.Warn, Text: "Ends in " + format.Plural(int64(left/(24*time.Hour))+1, "day")}
	}
	for _, s := range c.Stages {
		row.Stages = append(row.Stages, owner.StageLink{Label: s.Label(), Href: ownerStagePath(s.APIID, s.StageID) + "/upstream"})
	}
	return row
}

// Make makes a key and a certificate that signs itself.
func (c *Certificates) Make(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	name := f.Trimmed("made_name")
	pair, err := models.NewClientKeyPair(name, r.Now)
	if err != nil {
		return c.refused(r, f, err, "made_name")
	}
	made, err := c.Store.AddClientCertificate(r.Context(), r.Actor(), name, true, pair, r.Now)
	if err != nil {
		return c.refused(r, f, err, "made_name")
	}
	return r.Done(certificatesPath+"/"+made.ID.String(), "The certificate is made. Give it to the upstream's people, then choose it on a stage's upstream page."), nil
}

// Bring keeps a certificate that its owner has.
func (c *Certificates) Bring(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	if _, err := models.CleanName("name", f.Get("name")); err != nil {
		f.Accept(err)
	}
	pair, err := models.ReadClientKeyPair(f.Get("chain"), f.Get("key"), r.Now)
	if err != nil || !f.OK() {
		return c.refused(r, f, err, "name")
	}
	kept, err := c.Store.AddClientCertificate(r.Context(), r.Actor(), f.Get("name"), false, pair, r.Now)
	if err != nil {
		return c.refused(r, f, err, "name")
	}
	return r.Done(certificatesPath+"/"+kept.ID.String(), "The certificate is kept, its key sealed. Choose it on a stage's upstream page."), nil
}

// refused draws the forms again; mistakes in the name stand at nameField.
func (c *Certificates) refused(r *Request, f *Form, err error, nameField string) (Reply, error) {
	said := NewForm()
	if err != nil && !said.Accept(err) {
		return Reply{}, err
	}
	for field, text := range said.Errors() {
		if field == "name" {
			field = nameField
		}
		f.Fail(field, text)
	}
	if f.message == "" {
		f.message = said.message
	}
	page, err := c.listPage(r, f)
	return Again(page), err
}

func (c *Certificates) certificate(r *Request) (models.ClientCertificateRow, error) {
	id, err := param[models.ClientCertificate](r, "certificate")
	if err != nil {
		return models.ClientCertificateRow{}, err
	}
	return c.Store.ClientCertificate(r.Context(), r.Account.ID, id)
}

func certificateLayout(r *Request, c models.ClientCertificateRow, crumbs ...ui.Crumb) ui.Page {
	return r.layout(c.Name, append([]ui.Crumb{apisCrumb(), {Label: "Client certificates", Href: certificatesPath}}, crumbs...)...)
}

// Show is one client certificate, without its key.
func (c *Certificates) Show(r *Request) (Reply, error) {
	row, err := c.certificate(r)
	if err != nil {
		return Reply{}, err
	}
	v := owner.CertificateView{Row: certificateRow(r, row), Chain: row.Chain, NotBefore: row.NotBefore, CreatedAt: row.CreatedAt, FileName: "client-certificate.pem", Now: r.Now}
	if block, _ := pem.Decode([]byte(row.Chain)); block != nil {
		if leaf, err := x509.ParseCertificate(block.Bytes); err == nil { // it was read when it was kept
			v.Subject, v.Issuer = leaf.Subject.String(), leaf.Issuer.String()
		}
	}
	return Page(owner.Certificate(certificateLayout(r, row, ui.Crumb{Label: row.Name}), v)), nil
}

// Text is the certificate as a file.
func (c *Certificates) Text(r *Request) (Reply, error) {
	row, err := c.certificate(r)
	if err != nil {
		return Reply{}, err
	}
	return Download("client-certificate.pem", "text/plain; charset=utf-8", func(w io.Writer) error {
		_, err := io.WriteString(w, row.Chain)
		return err
	}), nil
}

// DeleteForm asks before a certificate goes.
func (c *Certificates) DeleteForm(r *Request) (Reply, error) {
	row, err := c.certificate(r)
	if err != nil {
		return Reply{}, err
	}
	path := certificatesPath + "/" + row.ID.String()
	q := ui.Confirm{Title: "Delete " + row.Name + "?", Text: "Its key is gone then, and cannot be had again. No stage shows it.", Action: path + "/delete", Button: "Delete certificate", Danger: true, Cancel: path}
	if len(row.Stages) > 0 {
		q.Text, q.Problem = "", "The stage "+row.Stages[0].Label()+" shows this certificate. Choose another one there first."
	}
	return Page(owner.Confirm(certificateLayout(r, row, ui.Crumb{Label: row.Name, Href: path}, ui.Crumb{}), q)), nil
}

// Delete forgets a certificate and its key.
func (c *Certificates) Delete(r *Request) (Reply, error) {
	row, err := c.certificate(r)
	if err != nil {
		return Reply{}, err
	}
	return ownerDone(r, c.Store.DeleteClientCertificate(r.Context(), r.Actor(), row.ID, r.Now), certificatesPath+"/"+row.ID.String(), certificatesPath, row.Name+" is deleted.")
}
