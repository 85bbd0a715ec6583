package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// This file has the digest that owners get of their APIs each week. Its numbers are read beside everybody; the note that it was told, and the mail, are one short transaction.

// digestsAtOnce is how many owners are told in one look.
const digestsAtOnce = 20

// operationsLooked is among how many of the busiest operations those are found that failed most.
const operationsLooked = 100

// tellWeeks lets an owner be told of each week from now on.
func (t *tx) tellWeeks(owner models.AccountID) error {
	return t.run("tell of weeks", `INSERT INTO digests (account_id, due_at) VALUES (?, 0) ON CONFLICT DO NOTHING`, owner)
}

// TellWeeks queues the digests that are due: of the week that is over, to each owner of APIs on Monday morning in his zone, unless there is nothing to tell or he wants none.
// Who was not told in time, because nobody served, is told of the last week alone.
func (s *Store) TellWeeks(ctx context.Context, now time.Time) error {
	type row struct {
		AccountID models.AccountID
		DueAt     int64
		Zone      string
		Wants     bool
	}
	due, err := selectAll[row](s.read.WithContext(ctx), "digests that are due", `SELECT d.account_id, d.due_at, a.zone,
			d.due_at > 0 AND a.disabled_at IS NULL AND NOT EXISTS (SELECT 1 FROM mail_refusals r WHERE r.account_id = a.id AND r.topic = ?) AS wants
		FROM digests d CROSS JOIN accounts a ON a.id = d.account_id WHERE d.due_at <= ? ORDER BY d.due_at, d.account_id LIMIT ?`, string(models.TopicWeek), millis(now), digestsAtOnce)
	if err != nil {
		return err
	}
	for _, d := range due {
		zone := models.Preferences{Zone: d.Zone}.Location()
		var w models.OwnerWeek
		if d.Wants {
			if w, err = s.OwnerWeek(ctx, d.AccountID, zone, now); err != nil {
				return fmt.Errorf("tell of week: %w", err)
			}
		}
		err := s.change(ctx, models.System(), now, func(t *tx) error {
			next := t.Exec(`UPDATE digests SET due_at = ? WHERE account_id = ? AND due_at = ?`, millis(models.NextDigest(t.now, zone)), d.AccountID, d.DueAt)
			if next.Error != nil || next.RowsAffected == 0 || !d.Wants || w.Empty() {
				return next.Error
			}
			return t.notify(models.Notice{Kind: models.NoticeWeek, Account: d.AccountID, Side: models.SideOwner, ByMail: true, Dedupe: "week " + w.To.UTC().Format(time.RFC3339),
				Data: models.NoticeData{Week: &w, From: w.From, To: w.To, Href: "/owner/analytics"}})
		})
		if err != nil {
			return fmt.Errorf("tell of week: %w", err)
		}
	}
	return nil
}

// OwnerWeek reads what happened to an owner's APIs in the week, Monday to Sunday in a zone, that was over at now. What it says of single customers is of the seven whole days (UTC) for
// which RefreshCustomers computed it last.
func (s *Store) OwnerWeek(ctx context.Context, owner models.AccountID, zone *time.Location, now time.Time) (w models.OwnerWeek, err error) {
	w.From, w.To = models.WeekBefore(now, zone)
	before, _ := models.WeekBefore(w.From, zone)
	db := s.read.WithContext(ctx)
	scope, span := models.UsageScope{Owner: owner}, models.UsageRange{From: w.From.UTC().Truncate(30 * time.Minute), To: w.To.UTC().Truncate(30 * time.Minute), Step: models.StepHalfHour}
	points, err := s.UsageSeries(ctx, scope, span)
	if err != nil {
		return w, err
	}
	earlier, err := s.UsageSeries(ctx, scope, models.UsageRange{From: before.UTC().Truncate(30 * time.Minute), To: span.From, Step: models.StepHalfHour})
	if err != nil {
		return w, err
	}
	sum, last := models.Sum(points), models.Sum(earlier)
	w.Requests, w.Before = sum.Total(), last.Total()
	w.Throttled = sum.Counts[models.OutcomeThrottled] + sum.Counts[models.OutcomeQuota]
	w.Failed = sum.Counts[models.OutcomeServerError] + sum.Counts[models.OutcomeUpstream]
	if w.Failed > 0 {
		if w.Failing, err = s.failedOf(ctx, scope, span); err != nil {
			return w, err
		}
	}
	return w, firstError(s.customersOfWeek(ctx, owner, &w), comeAndGone(db, owner, &w), waitsFor(db, owner, &w))
}

// failedOf are the operations that failed most, of the busiest.
func (s *Store) failedOf(ctx context.Context, scope models.UsageScope, span models.UsageRange) (out []models.OperationWeek, err error) {
	rows, err := s.UsageBreakdown(ctx, scope, span, models.ByMethod, operationsLooked)
	for _, r := range rows {
		failed := r.Counts[models.OutcomeServerError] + r.Counts[models.OutcomeUpstream]
		if failed > 0 && r.MethodID != 0 {
			out = append(out, models.OperationWeek{Method: r.Label, Place: r.Detail, StageID: r.StageID, MethodID: r.MethodID, Requests: r.Total(), Failed: failed})
		}
	}
	slices.SortStableFunc(out, func(a, b models.OperationWeek) int { return int(min(max(b.Failed-a.Failed, -1), 1)) })
	return out[:min(len(out), models.WeekLines)], err
}

// customersOfWeek are the customers that are worth a look.
func (s *Store) customersOfWeek(ctx context.Context, owner models.AccountID, w *models.OwnerWeek) error {
	for order, to := range map[models.CustomerOrder]*[]models.CustomerWeek{
		models.CustomersGrowing: &w.Growing, models.CustomersDeclining: &w.Declining, models.CustomersThrottled: &w.MostThrottled, models.CustomersNearQuota: &w.NearQuota,
	} {
		found, err := s.CustomerWeeks(ctx, owner, order, models.WeekLines)
		if err != nil {
			return err
		}
		for _, c := range found {
			if order == models.CustomersNearQuota && c.Share < models.WeekNearQuota {
				continue
			}
			*to, w.Through = append(*to, c), c.Through
		}
	}
	return nil
}

// comeAndGone counts the developers who subscribed for the first time, and those who were on a plan and are on none any more, and names some.
func comeAndGone(db *gorm.DB, owner models.AccountID, w *models.OwnerWeek) error {
	from, to := millis(w.From), millis(w.To)
	come, err := selectAll[string](db, "new customers", `SELECT coalesce(nullif(a.name, ''), a.email) FROM customers c CROSS JOIN accounts a ON a.id = c.account_id
		WHERE c.owner_id = ? AND c.since >= ? AND c.since < ? ORDER BY c.since, c.account_id LIMIT ?`, owner, from, to, models.MaxWeekCustomers)
	if err != nil {
		return err
	}
	gone, err := selectAll[string](db, "customers who left", `SELECT coalesce(nullif(c.name, ''), c.email)
		FROM (SELECT ap.account_id, max(s.ended_at) AS ended_at FROM plans p CROSS JOIN subscriptions s INDEXED BY subscriptions_ended ON s.plan_id = p.id CROSS JOIN apps ap ON ap.id = s.app_id
			WHERE p.owner_id = ? AND s.ended_at >= ? AND s.ended_at < ? AND s.state = 'ended' GROUP BY ap.account_id) page CROSS JOIN accounts c ON c.id = page.account_id
		WHERE NOT EXISTS (SELECT 1 FROM apps ap CROSS JOIN subscriptions s ON s.app_id = ap.id CROSS JOIN plans p ON p.id = s.plan_id
			WHERE ap.account_id = page.account_id AND p.owner_id = ? AND p.ended = 0 AND s.state IN ('pending', 'active', 'suspended'))
		ORDER BY page.ended_at, page.account_id LIMIT ?`, owner, from, to, owner, models.MaxWeekCustomers)
	w.New, w.Left = len(come), len(gone)
	w.NewNames, w.LeftNames = come[:min(len(come), models.WeekLines)], gone[:min(len(gone), models.WeekLines)]
	return err
}

// waitsFor counts what waits for the owner now.
func waitsFor(db *gorm.DB, owner models.AccountID, w *models.OwnerWeek) error {
	type waiting struct{ Asked, Invitations, Proposals int }
	n, err := selectOne[waiting](db, "what waits", `SELECT
		(SELECT coalesce(sum(c.waiting), 0) FROM plans p JOIN plan_counts c ON c.plan_id = p.id WHERE p.owner_id = ? AND p.ended = 0) AS asked,
		(SELECT count(*) FROM plans p CROSS JOIN plan_waiting x ON x.plan_id = p.id AND x.state = 'waiting' WHERE p.owner_id = ? AND p.ended = 0) AS invitations,
		(SELECT count(*) FROM apis a CROSS JOIN changelog l ON l.api_id = a.id AND l.state = 'proposed' WHERE a.owner_id = ?) AS proposals`, owner, owner, owner)
	w.Waiting, w.AskingInvitations, w.Proposals = n.Asked, n.Invitations, n.Proposals
	return err
}
