package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

type domainRow struct {
	ID          models.DomainID
	StageID     models.StageID
	Host        string
	BasePath    string
	Proof       string
	ActiveSince sql.NullInt64
	ApprovedBy  string
	CheckedAt   int64
	Problem     string
	CreatedAt   int64
}

const domainColumns = `d.id, d.stage_id, d.host, d.base_path, d.proof, d.active_since, d.approved_by, d.checked_at, d.problem, d.created_at`

func (r domainRow) domain() models.Domain {
	d := models.Domain{ID: r.ID, StageID: r.StageID, Host: r.Host, BasePath: r.BasePath, Proof: r.Proof, ActiveSince: nullTime(r.ActiveSince), ApprovedBy: r.ApprovedBy,
		Problem: r.Problem, CreatedAt: timeOf(r.CreatedAt)}
	if r.CheckedAt != 0 {
		d.CheckedAt = timeOf(r.CheckedAt)
	}
	return d
}

func domainsOf(rows []domainRow, err error) ([]models.Domain, error) {
	out := make([]models.Domain, len(rows))
	for i, r := range rows {
		out[i] = r.domain()
	}
	return out, err
}

// placedDomain is a domain with what an event tells of it.
type placedDomain struct {
	Row     domainRow `gorm:"embedded"`
	OwnerID models.AccountID
	API     string `gorm:"column:api"`
	Stage   string
	Owner   string
}

const placedDomainQuery = `SELECT ` + domainColumns + `, a.owner_id, a.name AS api, s.name AS stage, o.email AS owner
	FROM domains d CROSS JOIN stages s ON s.id = d.stage_id CROSS JOIN apis a ON a.id = s.api_id CROSS JOIN accounts o ON o.id = a.owner_id `

func (p placedDomain) object() object {
	return object{kind: "domain", id: p.Row.ID.String(), name: p.Row.Host, owner: p.OwnerID}
}

func (p placedDomain) facts() facts {
	return facts{"host": p.Row.Host, "basePath": p.Row.BasePath, "api": p.API, "stage": p.Stage, "active": p.Row.ActiveSince.Valid}
}

// Domains lists the domains of a stage by name.
func (s *Store) Domains(ctx context.Context, owner models.AccountID, api models.APIID, stage models.StageID) ([]models.Domain, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedAPI(db, owner, api); err != nil {
		return nil, err
	}
	if _, err := stageOf(db, api, stage); err != nil {
		return nil, err
	}
	return domainsOf(selectAll[domainRow](db, "domains", `SELECT `+domainColumns+` FROM domains d WHERE d.stage_id = ? ORDER BY d.host`, stage))
}

// ownedDomain reads a domain of a stage of an owner's API.
func ownedDomain(db *gorm.DB, owner models.AccountID, api models.APIID, stage models.StageID, id models.DomainID) (placedDomain, error) {
	return selectOne[placedDomain](db, "domain", placedDomainQuery+`WHERE d.id = ? AND d.stage_id = ? AND s.api_id = ? AND a.owner_id = ?`, id, stage, api, owner)
}

// Domain reads a domain of a stage of an owner's API.
func (s *Store) Domain(ctx context.Context, owner models.AccountID, api models.APIID, stage models.StageID, id models.DomainID) (models.Domain, error) {
	row, err := ownedDomain(s.read.WithContext(ctx), owner, api, stage, id)
	return row.Row.domain(), err
}

// AddDomain notes that an owner wants a host to lead to a stage. It does so once it is proved (NoteDomain) or approved. Fields as Domain.Clean.
func (s *Store) AddDomain(ctx context.Context, actor models.Actor, api models.APIID, in models.Domain, now time.Time) (models.Domain, error) {
	in, err := in.Clean()
	if err != nil {
		return in, err
	}
	err = s.changeAPI(ctx, actor, api, now, func(t *tx, a models.API) error {
		st, err := stageOf(t.DB, api, in.StageID)
		if err != nil {
			return err
		}
		has, err := selectOne[int](t.DB, "domains", `SELECT count(*) FROM domains WHERE stage_id = ?`, st.ID)
		if err != nil {
			return err
		}
		if has >= models.MaxDomains {
			return models.Conflict(fmt.Sprintf("A stage has at most %d domains. Remove one first.", models.MaxDomains))
		}
		row := domainRow{ID: newID[models.Domain](), StageID: st.ID, Host: in.Host, BasePath: in.BasePath, Proof: "gatehouse=" + strings.ToLower(rand.Text()), CreatedAt: millis(t.now)}
		err = t.run("add domain", `INSERT INTO domains (id, stage_id, host, base_path, proof, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
			row.ID, row.StageID, row.Host, row.BasePath, row.Proof, row.CreatedAt)
		if isDuplicate(err) {
			return conflictAt("host", "The stage has this domain already.")
		}
		if err != nil {
			return err
		}
		in = row.domain()
		placed := placedDomain{Row: row, OwnerID: a.OwnerID, API: a.Name, Stage: st.Name}
		return t.event("domain.add", placed.object(), nil, placed.facts())
	})
	return in, err
}

// RemoveDomain takes a domain from a stage: from the next request on it leads nowhere.
func (s *Store) RemoveDomain(ctx context.Context, actor models.Actor, api models.APIID, stage models.StageID, id models.DomainID, now time.Time) error {
	return s.change(ctx, actor, now, func(t *tx) error {
		d, err := ownedDomain(t.DB, actor.AccountID, api, stage, id)
		if err != nil {
			return err
		}
		return t.removeDomain(d, "domain.remove")
	})
}

func (t *tx) removeDomain(d placedDomain, action string) error {
	if err := t.run("remove domain", `DELETE FROM domains WHERE id = ?`, d.Row.ID); err != nil {
		return err
	}
	if d.Row.ActiveSince.Valid {
		if err := t.changed(models.ChangeTopology); err != nil {
			return err
		}
	}
	return t.event(action, d.object(), d.facts(), nil)
}

// AllDomains lists everybody's domains, newest first, for administrators.
func (s *Store) AllDomains(ctx context.Context, p models.Page) (models.List[models.DomainRow], error) {
	from, err := newestFirst(p)
	if err != nil {
		return models.List[models.DomainRow]{}, err
	}
	rows, err := selectAll[placedDomain](s.read.WithContext(ctx), "domains", placedDomainQuery+`WHERE (d.created_at, d.id) < (?, ?) ORDER BY d.created_at DESC, d.id DESC LIMIT ?`, from.sort, from.id, limitOf(p)+1)
	if err != nil {
		return models.List[models.DomainRow]{}, err
	}
	return cut(rows, p, func(r placedDomain) cursor { return cursor{r.Row.CreatedAt, int64(r.Row.ID)} }, placedDomain.row), nil
}

// DomainRow reads one of everybody's domains.
func (s *Store) DomainRow(ctx context.Context, id models.DomainID) (models.DomainRow, error) {
	r, err := selectOne[placedDomain](s.read.WithContext(ctx), "domain", placedDomainQuery+`WHERE d.id = ?`, id)
	return r.row(), err
}

func (p placedDomain) row() models.DomainRow {
	return models.DomainRow{Domain: p.Row.domain(), API: p.API, Stage: p.Stage, Owner: p.Owner}
}

// ApproveDomain lets a domain lead to its stage without a proof: an administrator knows whose it is.
func (s *Store) ApproveDomain(ctx context.Context, actor models.Actor, id models.DomainID, now time.Time) error {
	return s.changeDomain(ctx, actor, id, now, func(t *tx, d placedDomain) error {
		if d.Row.ActiveSince.Valid {
			return nil
		}
		holder, err := holderOf(t.DB, d.Row.Host)
		if err != nil {
			return err
		}
		if len(holder) > 0 {
			return models.Conflict(d.Row.Host + " leads to " + holder[0].API + " · " + holder[0].Stage + " already. Remove it there first.")
		}
		return t.activateDomain(d, t.actor.Label)
	})
}

// RefuseDomain takes a domain from whoever has it.
func (s *Store) RefuseDomain(ctx context.Context, actor models.Actor, id models.DomainID, now time.Time) error {
	return s.changeDomain(ctx, actor, id, now, func(t *tx, d placedDomain) error { return t.removeDomain(d, "domain.remove") })
}

// changeDomain runs an administrator's use case on a domain.
func (s *Store) changeDomain(ctx context.Context, actor models.Actor, id models.DomainID, now time.Time, fn func(*tx, placedDomain) error) error {
	if err := mustBeAdmin(actor); err != nil {
		return err
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		d, err := selectOne[placedDomain](t.DB, "domain", placedDomainQuery+`WHERE d.id = ?`, id)
		if err != nil {
			return err
		}
		return fn(t, d)
	})
}

// holderOf finds who has a host; none: it is free.
func holderOf(db *gorm.DB, host string) ([]placedDomain, error) {
	return selectAll[placedDomain](db, "domains", placedDomainQuery+`WHERE d.host = ? AND d.active_since IS NOT NULL`, host)
}

func (t *tx) activateDomain(d placedDomain, approvedBy string) error {
	err := t.run("activate domain", `UPDATE domains SET active_since = ?, approved_by = ?, problem = '' WHERE id = ?`, millis(t.now), approvedBy, d.Row.ID)
	if err != nil {
		return err
	}
	if err := t.changed(models.ChangeTopology); err != nil {
		return err
	}
	before := d.facts()
	d.Row.ActiveSince = sql.NullInt64{Int64: millis(t.now), Valid: true}
	action := "domain.activate"
	if approvedBy != "" {
		action = "domain.approve"
	}
	return t.event(action, d.object(), before, d.facts())
}

// How often DNS is asked about a domain.
const (
	waitingEvery = 5 * time.Minute
	activeEvery  = time.Hour
)

// DomainsToCheck returns domains about which DNS was not asked for a while, at most 50, the longest first.
func (s *Store) DomainsToCheck(ctx context.Context, now time.Time) ([]models.Domain, error) {
	return domainsOf(selectAll[domainRow](s.read.WithContext(ctx), "domains", `SELECT `+domainColumns+` FROM domains d
		WHERE d.checked_at <= ? AND (d.active_since IS NULL OR d.checked_at <= ?) ORDER BY d.checked_at LIMIT 50`,
		millis(now.Add(-waitingEvery)), millis(now.Add(-activeEvery))))
}

// NoteDomain notes what DNS says of a domain. One that shows its proof becomes active, and takes the host from whoever does not show his any more; one that
// was approved is taken from nobody.
func (s *Store) NoteDomain(ctx context.Context, id models.DomainID, check models.DomainCheck, now time.Time) error {
	return s.change(ctx, models.System(), now, func(t *tx) error {
		d, err := selectOne[placedDomain](t.DB, "domain", placedDomainQuery+`WHERE d.id = ?`, id)
		if err != nil {
			return err
		}
		problem, proved := check.Problem, slices.Contains(check.Proofs, d.Row.Proof)
		switch active := d.Row.ActiveSince.Valid; {
		case !active && proved:
			taken, err := t.takeHost(d, check.Proofs)
			if err != nil {
				return err
			}
			if taken {
				problem = "Another stage has this host and shows its own proof."
			} else if err := t.activateDomain(d, ""); err != nil {
				return err
			}
		case active && !proved && check.Known && d.Row.ApprovedBy == "":
			problem = "The TXT record that proves the domain is gone. It goes on working, but whoever proves it next gets it."
		}
		return t.run("note check of domain", `UPDATE domains SET checked_at = ?, problem = ? WHERE id = ?`, millis(t.now), problem, id)
	})
}

// takeHost frees a host for whoever has proved it; taken: it is somebody else's, with as good a right.
func (t *tx) takeHost(d placedDomain, proofs []string) (taken bool, err error) {
	holders, err := holderOf(t.DB, d.Row.Host)
	if err != nil || len(holders) == 0 {
		return false, err
	}
	holder := holders[0]
	if holder.Row.ApprovedBy != "" || slices.Contains(proofs, holder.Row.Proof) {
		return true, nil
	}
	err = t.run("take host", `UPDATE domains SET active_since = NULL, created_at = ?, problem = ? WHERE id = ?`, millis(t.now), "Its TXT record is gone, and somebody else has proved the host.", holder.Row.ID)
	if err != nil {
		return false, err
	}
	before := holder.facts()
	holder.Row.ActiveSince = sql.NullInt64{}
	return false, t.event("domain.lose", holder.object(), before, holder.facts())
}

// ForgetDomains removes domains that nobody has proved in time.
func (s *Store) ForgetDomains(ctx context.Context, now time.Time) error {
	late := millis(now.Add(-models.DomainWaiting))
	const which = `WHERE d.created_at < ? AND d.active_since IS NULL LIMIT 50`
	some, err := selectAll[int64](s.read.WithContext(ctx), "domains", `SELECT d.id FROM domains d `+which, late)
	if err != nil || len(some) == 0 {
		return err
	}
	return s.change(ctx, models.System(), now, func(t *tx) error {
		rows, err := selectAll[placedDomain](t.DB, "domains", placedDomainQuery+which, late)
		for _, d := range rows {
			if err := t.removeDomain(d, "domain.expire"); err != nil {
				return err
			}
		}
		return err
	})
}

// gatewayDomains reads the domains that lead somewhere.
func gatewayDomains(db *gorm.DB) (out []models.GatewayDomain, err error) {
	rows, err := selectAll[domainRow](db, "domains", `SELECT `+domainColumns+` FROM domains d WHERE d.active_since IS NOT NULL ORDER BY d.host`)
	for _, r := range rows {
		out = append(out, models.GatewayDomain{Host: r.Host, BasePath: r.BasePath, Stage: r.StageID})
	}
	return out, err
}
