package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type clientCertificateRow struct {
	ID        models.ClientCertificateID
	OwnerID   models.AccountID
	Name      string
	Made      bool
	Chain     string
	NotBefore int64
	NotAfter  int64
	CreatedAt int64
}

const clientCertificateQuery = `SELECT c.id, c.owner_id, c.name, c.made, c.chain, c.not_before, c.not_after, c.created_at FROM client_certificates c `

func (r clientCertificateRow) certificate() models.ClientCertificate {
	return models.ClientCertificate{ID: r.ID, OwnerID: r.OwnerID, Name: r.Name, Made: r.Made, Chain: r.Chain,
		NotBefore: timeOf(r.NotBefore), NotAfter: timeOf(r.NotAfter), CreatedAt: timeOf(r.CreatedAt)}
}

// clientKey names a client certificate's row for its sealed key.
func clientKey(id models.ClientCertificateID) []byte {
	return []byte("client-certificate:" + id.String())
}

func clientCertificateOf(db *gorm.DB, owner models.AccountID, id models.ClientCertificateID) (models.ClientCertificate, error) {
	row, err := selectOne[clientCertificateRow](db, "client certificate", clientCertificateQuery+`WHERE c.id = ? AND c.owner_id = ?`, id, owner)
	return row.certificate(), err
}

func clientCertificateObject(c models.ClientCertificate) object {
	return object{kind: "client certificate", id: c.ID.String(), name: c.Name, owner: c.OwnerID}
}

// ClientCertificates lists an owner's client certificates with the stages that show them, newest first. There are at most models.MaxClientCertificates.
func (s *Store) ClientCertificates(ctx context.Context, owner models.AccountID) ([]models.ClientCertificateRow, error) {
	db := s.read.WithContext(ctx)
	rows, err := selectAll[clientCertificateRow](db, "client certificates", clientCertificateQuery+`WHERE c.owner_id = ? ORDER BY c.created_at DESC, c.id DESC`, owner)
	if err != nil {
		return nil, err
	}
	list, ids := make([]models.ClientCertificateRow, len(rows)), make([]models.ClientCertificateID, len(rows))
	for i, r := range rows {
		list[i].ClientCertificate, ids[i] = r.certificate(), r.ID
	}
	users, err := certificateUsers(db, ids)
	for i := range list {
		list[i].Stages = users[list[i].ID]
	}
	return list, err
}

// ClientCertificate reads a client certificate of an owner's with the stages that show it.
func (s *Store) ClientCertificate(ctx context.Context, owner models.AccountID, id models.ClientCertificateID) (models.ClientCertificateRow, error) {
	db := s.read.WithContext(ctx)
	c, err := clientCertificateOf(db, owner, id)
	if err != nil {
		return models.ClientCertificateRow{}, err
	}
	users, err := certificateUsers(db, []models.ClientCertificateID{id})
	return models.ClientCertificateRow{ClientCertificate: c, Stages: users[id]}, err
}

// certificateUsers are the stages that show some client certificates.
func certificateUsers(db *gorm.DB, ids []models.ClientCertificateID) (map[models.ClientCertificateID][]models.StageChoice, error) {
	type row struct {
		CertificateID models.ClientCertificateID
		StageID       models.StageID
		APIID         models.APIID `gorm:"column:api_id"`
		APIName       string       `gorm:"column:api_name"`
		APISlug       string       `gorm:"column:api_slug"`
		StageName     string
	}
	rows, err := selectAll[row](db, "stages of client certificates", `SELECT s.certificate_id, s.id AS stage_id, a.id AS api_id, a.name AS api_name, a.slug AS api_slug, s.name AS stage_name
		FROM stages s JOIN apis a ON a.id = s.api_id WHERE s.certificate_id IN ? ORDER BY a.name COLLATE NOCASE, s.created_at, s.id`, ids)
	users := map[models.ClientCertificateID][]models.StageChoice{}
	for _, r := range rows {
		users[r.CertificateID] = append(users[r.CertificateID], models.StageChoice{StageID: r.StageID, APIID: r.APIID, APIName: r.APIName, APISlug: r.APISlug, StageName: r.StageName})
	}
	return users, err
}

// AddClientCertificate keeps a certificate with its key, sealed, for the actor's stages; field "name". Made says that Gatehouse made it.
func (s *Store) AddClientCertificate(ctx context.Context, actor models.Actor, name string, made bool, pair models.ClientKeyPair, now time.Time) (c models.ClientCertificate, err error) {
	if name, err = models.CleanName("name", name); err != nil {
		return c, err
	}
	leaf, err := pair.Leaf()
	if err != nil {
		return c, err
	}
	err = s.changeOwn(ctx, actor, now, func(t *tx) error {
		n, err := selectOne[int](t.DB, "client certificates", `SELECT count(*) FROM client_certificates WHERE owner_id = ?`, actor.AccountID)
		if err != nil {
			return err
		}
		if n >= models.MaxClientCertificates {
			return models.Conflict(fmt.Sprintf("You have %d client certificates already. Delete one first that no stage shows.", n))
		}
		c = models.ClientCertificate{ID: newID[models.ClientCertificate](), OwnerID: actor.AccountID, Name: name, Made: made, Chain: string(pair.Chain),
			NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(), CreatedAt: t.now}
		err = t.run("keep client certificate", `INSERT INTO client_certificates (id, owner_id, name, made, chain, key, not_before, not_after, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.OwnerID, c.Name, c.Made, c.Chain, blob(s.keyring.Seal(pair.Key, clientKey(c.ID))), millis(c.NotBefore), millis(c.NotAfter), millis(t.now))
		if err != nil {
			return err
		}
		return t.event("client_certificate.create", clientCertificateObject(c), nil, facts{"ends": c.NotAfter, "fingerprint": c.Fingerprint(), "made here": c.Made})
	})
	return c, err
}

// DeleteClientCertificate forgets a client certificate of the actor's with its key. Conflict while a stage shows it.
func (s *Store) DeleteClientCertificate(ctx context.Context, actor models.Actor, id models.ClientCertificateID, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		c, err := clientCertificateOf(t.DB, actor.AccountID, id)
		if err != nil {
			return err
		}
		users, err := certificateUsers(t.DB, []models.ClientCertificateID{id})
		if err != nil {
			return err
		}
		if len(users[id]) > 0 {
			return models.Conflict("The stage " + users[id][0].Label() + " shows this certificate. Choose another one there first.")
		}
		if err := t.run("delete client certificate", `DELETE FROM client_certificates WHERE id = ?`, id); err != nil {
			return err
		}
		return t.event("client_certificate.delete", clientCertificateObject(c), facts{"ends": c.NotAfter, "fingerprint": c.Fingerprint()}, nil)
	})
}

// TellCertificates tells owners of client certificates that their stages show and that end soon, or have ended: once for each number of days that ToldDays says.
func (s *Store) TellCertificates(ctx context.Context, now time.Time) error {
	db := s.read.WithContext(ctx)
	rows, err := selectAll[clientCertificateRow](db, "client certificates that end", clientCertificateQuery+`WHERE c.not_after <= ?
		AND EXISTS (SELECT 1 FROM stages s WHERE s.certificate_id = c.id) ORDER BY c.id`, millis(now.Add(models.CertificateSoon)))
	if err != nil || len(rows) == 0 {
		return err
	}
	ids := make([]models.ClientCertificateID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	users, err := certificateUsers(db, ids)
	if err != nil {
		return err
	}
	return s.change(ctx, models.System(), now, func(t *tx) error {
		for _, r := range rows {
			c, stages := r.certificate(), make([]string, len(users[r.ID]))
			for i, st := range users[r.ID] {
				stages[i] = st.Label()
			}
			days := int64(max(0, c.NotAfter.Sub(t.now)+24*time.Hour-1) / (24 * time.Hour))
			err := t.notify(models.Notice{Kind: models.NoticeCertificate, Account: c.OwnerID, Side: models.SideOwner, Dedupe: fmt.Sprintf("certificate %s %d", c.ID, c.ToldDays(t.now)),
				Data: models.NoticeData{Name: c.Name, API: strings.Join(stages, ", "), At: c.NotAfter, Level: days, Href: "/owner/client-certificates/" + c.ID.String()}})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
