package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// UncountedChanges reads the changes of terms whose receivers do not all know what they mean for their own calls.
func (s *Store) UncountedChanges(ctx context.Context) ([]models.UncountedChange, error) {
	rows, err := selectAll[changeNoticeRow](s.read.WithContext(ctx), "notices to count", changeNoticeQuery+`WHERE n.untold = 0
		AND n.id IN (SELECT DISTINCT notice_id FROM notice_receivers WHERE counted = 0) ORDER BY n.created_at, n.id`)
	if err != nil {
		return nil, err
	}
	notices := make([]models.UncountedChange, len(rows))
	for i, r := range rows {
		n := models.UncountedChange{ID: r.ID, PlanID: models.PlanID(r.PlanID.Int64), Cancelled: r.State == string(models.ChangeCancelled)}
		if n.Before, err = decodeTerms(r.Before.String); err == nil {
			n.After, err = decodeTerms(r.After.String)
		}
		if err != nil {
			return nil, err
		}
		notices[i] = n
	}
	return notices, nil
}

// UncountedReceivers reads some receivers of a notice who do not know what it means, with the keys of their subscription; none at the end.
func (s *Store) UncountedReceivers(ctx context.Context, id models.ChangeNoticeID) ([]models.UncountedReceiver, error) {
	db := s.read.WithContext(ctx)
	type uncounted struct {
		AccountID      models.AccountID
		SubscriptionID models.SubscriptionID
		AppName        string
	}
	some, err := selectAll[uncounted](db, "receivers to count", `SELECT r.account_id, r.subscription_id, coalesce(a.name, '') AS app_name FROM notice_receivers r
		LEFT JOIN subscriptions s ON s.id = r.subscription_id LEFT JOIN apps a ON a.id = s.app_id
		WHERE r.notice_id = ? AND r.counted = 0 ORDER BY r.subscription_id, r.account_id LIMIT ?`, id, s.tellAtOnce())
	if err != nil || len(some) == 0 {
		return nil, err
	}
	type on struct {
		SubscriptionID models.SubscriptionID
		KeyID          models.KeyID
	}
	subscriptions := make([]models.SubscriptionID, len(some))
	for i, r := range some {
		subscriptions[i] = r.SubscriptionID
	}
	keys, err := selectAll[on](db, "keys of receivers", `SELECT subscription_id, key_id FROM plan_keys WHERE subscription_id IN ? ORDER BY subscription_id, key_id`,
		slices.Compact(subscriptions))
	if err != nil {
		return nil, err
	}
	of := groupBy(keys, func(k on) models.SubscriptionID { return k.SubscriptionID })
	out := make([]models.UncountedReceiver, len(some))
	for i, r := range some {
		out[i] = models.UncountedReceiver{AccountID: r.AccountID, SubscriptionID: r.SubscriptionID, AppName: r.AppName}
		for _, k := range of[r.SubscriptionID] {
			out[i].Keys = append(out[i].Keys, k.KeyID)
		}
	}
	return out, nil
}

// KeepChangeNumbers writes what a notice means for some receivers, as UncountedReceivers returned them, and queues what mails and webhooks say of it.
func (s *Store) KeepChangeNumbers(ctx context.Context, id models.ChangeNoticeID, some []models.UncountedReceiver, now time.Time) error {
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db, now: now.UTC().Truncate(time.Millisecond), keyring: s.keyring}
		row, err := selectOne[changeNoticeRow](db, "notice", changeNoticeQuery+`WHERE n.id = ?`, id)
		if err != nil {
			return err
		}
		n, err := row.notice()
		if err != nil {
			return err
		}
		for _, r := range some {
			if err := t.keepNumbers(n, r); err != nil {
				return err
			}
		}
		return nil
	})
	return translate(err)
}

// keepNumbers writes one receiver's numbers, once, and tells him.
func (t *tx) keepNumbers(n models.ChangeNotice, r models.UncountedReceiver) error {
	c := r.Numbers
	kept := t.Exec(`UPDATE notice_receivers SET counted = 1, recorded_from = ?, offered = ?, before_least = ?, before_most = ?, after_least = ?, after_most = ?
		WHERE account_id = ? AND notice_id = ? AND subscription_id = ? AND counted = 0`, nullMillis(c.From), c.Offered, c.BeforeLeast, c.BeforeMost, c.AfterLeast, c.AfterMost,
		r.AccountID, n.ID, r.SubscriptionID)
	if kept.Error != nil || kept.RowsAffected == 0 {
		return kept.Error
	}
	return t.notify(n.Notice(r.AccountID, r.SubscriptionID, r.AppName, &c))
}
