package store

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// Version returns the version of the newest entry of the change log; 0 when it is empty.
func (s *Store) Version(ctx context.Context) (version int64, err error) {
	if err := s.read.WithContext(ctx).Raw(`SELECT coalesce(max(version), 0) FROM changes`).Scan(&version).Error; err != nil {
		return 0, fmt.Errorf("read version: %w", err)
	}
	return version, nil
}

// changesMost is how many changes are told at once.
const changesMost = 1000

// ChangesSince returns what changed after a version, in order, at most 1,000 entries: ask again from the last one.
func (s *Store) ChangesSince(ctx context.Context, version int64) ([]models.Change, error) {
	var changes []models.Change
	err := s.read.WithContext(ctx).Raw(`SELECT version, kind, id FROM changes WHERE version > ? ORDER BY version LIMIT ?`, version, changesMost).
		Scan(&changes).Error
	if err != nil {
		return nil, fmt.Errorf("read changes since %d: %w", version, err)
	}
	return changes, nil
}

// Topology returns all APIs, their deployed stages with what is deployed there, and all plans in force; all in one moment.
func (s *Store) Topology(ctx context.Context) (t models.Topology, err error) {
	err = s.read.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		if t.Accounts, err = gatewayAccounts(db); err != nil {
			return err
		}
		if t.APIs, err = s.gatewayAPIs(db); err != nil {
			return err
		}
		if err := firstError(addDeprecations(db, t.APIs), s.addAuthorizers(db, t.APIs)); err != nil {
			return err
		}
		if t.Plans, err = gatewayPlans(db); err != nil {
			return err
		}
		t.Domains, err = gatewayDomains(db)
		return err
	})
	if err != nil {
		return models.Topology{}, fmt.Errorf("read topology: %w", err)
	}
	return t, nil
}

type gatewayStageRow struct {
	APIID      int64 `gorm:"column:api_id"`
	OwnerID    int64
	Slug       string
	APIName    string `gorm:"column:api_name"`
	ID         int64  // 0: no stage of the API is deployed
	Name       string
	Upstream   string
	TimeoutMs  int64
	Rate       sql.NullFloat64
	Burst      sql.NullInt64
	Settings   stageSettings
	KeyPlace   string
	KeyName    string
	KeyForward bool
	Methods    []byte
	Parts      []byte
	DocumentID models.DocumentID

	CanaryKeyPlace   string // of the canary's deployment; empty: there is none
	CanaryKeyName    string
	CanaryKeyForward bool
	CanaryMethods    []byte
	CanaryParts      []byte
	CanaryDocument   models.DocumentID

	CertificateID models.ClientCertificateID // 0: there is none
	Chain         []byte
	ClientKey     []byte // sealed
}

func (r gatewayStageRow) stage() (models.GatewayStage, error) {
	stage := models.GatewayStage{
		ID: models.StageID(r.ID), Name: r.Name, Upstream: r.Upstream, Timeout: time.Duration(r.TimeoutMs) * time.Millisecond,
		Throttle:  throttleOf(r.Rate, r.Burst),
		Settings:  models.StageSettings(r.Settings),
		KeySource: models.KeySource{Place: models.KeyPlace(r.KeyPlace), Name: r.KeyName, Forward: r.KeyForward},
	}
	if err := json.Unmarshal(r.Methods, &stage.Methods); err != nil {
		return models.GatewayStage{}, fmt.Errorf("methods of stage %s: %w", stage.ID, err)
	}
	var err error
	if stage.Parts, err = decodeParts(r.Parts); err != nil {
		return models.GatewayStage{}, fmt.Errorf("stage %s: %w", stage.ID, err)
	}
	validated := stage.Settings.Validation != models.RequestValidation{}
	if validated {
		stage.Document = r.DocumentID
	}
	if r.CanaryKeyPlace == "" {
		return stage, nil
	}
	stage.Canary = &models.GatewayCanary{KeySource: models.KeySource{Place: models.KeyPlace(r.CanaryKeyPlace), Name: r.CanaryKeyName, Forward: r.CanaryKeyForward}}
	if err := json.Unmarshal(r.CanaryMethods, &stage.Canary.Methods); err != nil {
		return models.GatewayStage{}, fmt.Errorf("methods of the canary of stage %s: %w", stage.ID, err)
	}
	if stage.Canary.Parts, err = decodeParts(r.CanaryParts); err != nil {
		return models.GatewayStage{}, fmt.Errorf("canary of stage %s: %w", stage.ID, err)
	}
	if validated {
		stage.Canary.Document = r.CanaryDocument
	}
	return stage, nil
}

func gatewayAccounts(db *gorm.DB) ([]models.GatewayAccount, error) {
	rows, err := selectAll[accountRow](db, "accounts", `SELECT id, rate, burst FROM accounts WHERE rate IS NOT NULL ORDER BY id`)
	accounts := make([]models.GatewayAccount, len(rows))
	for i, r := range rows {
		accounts[i] = models.GatewayAccount{ID: models.AccountID(r.ID), Throttle: *throttleOf(r.Rate, r.Burst)}
	}
	return accounts, err
}

func (s *Store) gatewayAPIs(db *gorm.DB) ([]models.GatewayAPI, error) {
	var rows []gatewayStageRow
	err := db.Raw(`SELECT a.id AS api_id, a.owner_id, a.slug, a.name AS api_name, st.id, st.name, st.upstream, st.timeout_ms, st.rate, st.burst, coalesce(st.settings, '{}') AS settings,
			d.key_place, d.key_name, d.key_forward, d.methods, d.parts, d.document_id, c.document_id AS canary_document,
			c.key_place AS canary_key_place, c.key_name AS canary_key_name, c.key_forward AS canary_key_forward, c.methods AS canary_methods, c.parts AS canary_parts,
			cc.id AS certificate_id, cc.chain, cc.key AS client_key
		FROM apis a LEFT JOIN (stages st JOIN deployments d ON d.id = st.deployment_id) ON st.api_id = a.id
			LEFT JOIN deployments c ON c.id = st.canary_id AND c.api_id = a.id
			LEFT JOIN client_certificates cc ON cc.id = st.certificate_id AND cc.owner_id = a.owner_id
		ORDER BY a.id, st.id`).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	var apis []models.GatewayAPI
	for _, r := range rows {
		if len(apis) == 0 || apis[len(apis)-1].ID != models.APIID(r.APIID) {
			apis = append(apis, models.GatewayAPI{ID: models.APIID(r.APIID), OwnerID: models.AccountID(r.OwnerID), Slug: r.Slug, Name: r.APIName})
		}
		if r.ID == 0 {
			continue
		}
		stage, err := r.stage()
		if err != nil {
			return nil, err
		}
		if stage.Certificate, err = s.openClientCertificate(r); err != nil {
			stage.Broken = err.Error()
		}
		last := &apis[len(apis)-1]
		last.Stages = append(last.Stages, stage)
	}
	return apis, nil
}

// openClientCertificate opens what a stage shows its upstreams. A stage whose certificate is not to be had is broken, and not served without it.
func (s *Store) openClientCertificate(r gatewayStageRow) (*tls.Certificate, error) {
	switch {
	case r.CertificateID == 0 && r.Settings.TLS.Certificate == 0:
		return nil, nil
	case r.CertificateID != r.Settings.TLS.Certificate:
		return nil, errors.New("its client certificate is not there")
	}
	key, err := s.keyring.Open(r.ClientKey, clientKey(r.CertificateID))
	if err != nil {
		return nil, fmt.Errorf("open the key of its client certificate %s: %w", r.CertificateID, err)
	}
	return models.ClientKeyPair{Chain: r.Chain, Key: key}.TLS()
}

// addDeprecations adds what is deprecated to APIs, which are in the order of their ids.
func addDeprecations(db *gorm.DB, apis []models.GatewayAPI) error {
	all, err := deprecationsOf(selectAll[deprecationRow](db, "deprecations", deprecationQuery+`ORDER BY d.api_id, d.id`))
	for _, d := range all {
		if i, ok := slices.BinarySearchFunc(apis, d.APIID, func(a models.GatewayAPI, id models.APIID) int { return cmp.Compare(a.ID, id) }); ok {
			apis[i].Deprecations = append(apis[i].Deprecations, d)
		}
	}
	return err
}

func gatewayPlans(db *gorm.DB) ([]models.GatewayPlan, error) {
	var rows []struct {
		ID      int64
		Version int
		EndsAt  sql.NullInt64
		Terms   []byte
	}
	err := db.Raw(`SELECT p.id, p.version, p.ends_at, v.terms FROM plans p JOIN plan_versions v ON v.plan_id = p.id AND v.version = p.version
		WHERE p.state IN ('published', 'retired') ORDER BY p.id`).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	plans := make([]models.GatewayPlan, len(rows))
	for i, r := range rows {
		plans[i] = models.GatewayPlan{ID: models.PlanID(r.ID), Version: r.Version, EndsAt: nullTime(r.EndsAt)}
		if err := json.Unmarshal(r.Terms, &plans[i].Terms); err != nil {
			return nil, fmt.Errorf("terms of plan %s: %w", plans[i].ID, err)
		}
	}
	return plans, nil
}
