package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// maxInvitations is how many e-mail addresses a plan may invite.
const maxInvitations = 1000

func invitationsOf(db *gorm.DB, plan models.PlanID) ([]string, error) {
	return selectAll[string](db, "invitations", `SELECT email FROM plan_invitations WHERE plan_id = ? ORDER BY email`, plan)
}

// PlanInvitations reads the e-mail addresses that see a plan whose audience is "invited", in lower case and in order.
func (s *Store) PlanInvitations(ctx context.Context, owner models.AccountID, id models.PlanID) ([]string, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedPlan(db, owner, id); err != nil {
		return nil, err
	}
	return invitationsOf(db, id)
}

// SetPlanInvitations says who is invited to a plan; field "emails". Who subscribed stays.
func (s *Store) SetPlanInvitations(ctx context.Context, actor models.Actor, id models.PlanID, emails []string, now time.Time) error {
	emails, err := cleanInvitations(emails)
	if err != nil {
		return err
	}
	return s.changePlan(ctx, actor, id, now, func(t *tx, p models.Plan) error {
		before, err := invitationsOf(t.DB, id)
		if err != nil {
			return err
		}
		if slices.Equal(before, emails) {
			return nil
		}
		if err := t.run("clear invitations", `DELETE FROM plan_invitations WHERE plan_id = ?`, id); err != nil {
			return err
		}
		values := make([][]any, len(emails))
		for i, e := range emails {
			values[i] = []any{int64(id), e}
		}
		if err := t.runMany("invite", `INSERT INTO plan_invitations (plan_id, email) VALUES (?, ?)`, values); err != nil {
			return err
		}
		return t.event("plan.invitations", planObject(p), facts{"emails": before}, facts{"emails": emails})
	})
}

// cleanInvitations checks e-mail addresses and brings them into the form of the table.
func cleanInvitations(emails []string) ([]string, error) {
	clean := []string{}
	for _, e := range emails {
		if strings.TrimSpace(e) == "" {
			continue
		}
		address, err := models.CleanEmail(e)
		if err != nil {
			var problem *models.Error
			errors.As(err, &problem)
			return nil, models.Invalid("emails", fmt.Sprintf("%q: %s", e, problem.Fields["email"]))
		}
		clean = append(clean, strings.ToLower(address))
	}
	slices.Sort(clean)
	if clean = slices.Compact(clean); len(clean) > maxInvitations {
		return nil, models.Invalid("emails", fmt.Sprintf("A plan invites at most %d addresses.", maxInvitations))
	}
	return clean, nil
}

// invited reports whether a plan's owner invited the account, or the plan is the account's own.
func invited(db *gorm.DB, p models.Plan, account models.AccountID) (bool, error) {
	if p.OwnerID == account {
		return true, nil
	}
	n, err := selectOne[int](db, "invitation", `SELECT EXISTS (SELECT 1 FROM plan_invitations i JOIN accounts a ON i.email = lower(a.email)
		WHERE i.plan_id = ? AND a.id = ?)`, p.ID, account)
	return n == 1, err
}
