package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"gatehouse/models"
)

// joiningOf reads what a plan asks of those who subscribe.
func joiningOf(db *gorm.DB, plan models.PlanID) (j models.Joining, err error) {
	type row struct {
		Questions   string
		Terms       int
		Carries     bool
		WaitingList bool
		Text        sql.NullString
	}
	rows, err := selectAll[row](db, "joining", `SELECT j.questions, j.terms, j.carries, j.waiting_list, t.text FROM plan_joining j LEFT JOIN plan_texts t ON t.plan_id = j.plan_id AND t.version = j.terms WHERE j.plan_id = ?`, plan)
	if err != nil || len(rows) == 0 {
		return j, err
	}
	r := rows[0]
	if err := json.Unmarshal([]byte(r.Questions), &j.Questions); err != nil {
		return j, fmt.Errorf("read questions of plan: %w", err)
	}
	j.Carries, j.WaitingList, j.Version, j.Terms = r.Carries, r.WaitingList, r.Terms, r.Text.String
	return j, nil
}

// Joining reads what a plan asks of those who subscribe. Who may see the plan is for the caller to know.
func (s *Store) Joining(ctx context.Context, plan models.PlanID) (models.Joining, error) {
	return joiningOf(s.read.WithContext(ctx), plan)
}

// SetJoining changes what a plan of the actor's asks of those who subscribe from now on; fields as models.Joining. Another text of the terms is another version; those before
// are kept for who accepted them.
func (s *Store) SetJoining(ctx context.Context, actor models.Actor, plan models.PlanID, in models.Joining, now time.Time) error {
	in, err := in.Clean()
	if err != nil {
		return err
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		p, err := ownedPlan(t.DB, actor.AccountID, plan)
		if err != nil {
			return err
		}
		before, err := joiningOf(t.DB, plan)
		if err != nil {
			return err
		}
		switch in.Version = before.Version; {
		case in.Terms == "":
			in.Version = 0
		case in.Terms != before.Terms || before.Version == 0:
			last, err := selectOne[int](t.DB, "version of terms", `SELECT coalesce(max(version), 0) FROM plan_texts WHERE plan_id = ?`, plan)
			if err != nil {
				return err
			}
			in.Version = last + 1
			err = t.run("keep terms of use", `INSERT INTO plan_texts (plan_id, version, text, set_by, set_at) VALUES (?, ?, ?, ?, ?)`, plan, in.Version, in.Terms, actor.Label, millis(t.now))
			if err != nil {
				return err
			}
		}
		questions, err := json.Marshal(in.Questions)
		if err != nil {
			return err
		}
		err = t.run("set joining", `INSERT OR REPLACE INTO plan_joining (plan_id, questions, terms, carries, waiting_list) VALUES (?, ?, ?, ?, ?)`, plan, string(questions), in.Version, in.Carries, in.WaitingList)
		return firstError(err, t.event("plan.joining", object{kind: "plan", id: p.ID.String(), name: p.Name(), owner: p.OwnerID}, joiningFacts(before), joiningFacts(in)))
	})
}

func joiningFacts(j models.Joining) facts {
	return facts{"questions": j.Questions, "termsVersion": j.Version, "carries": j.Carries, "waitingList": j.WaitingList}
}

// joinBy keeps what a developer answered and accepted, after checking it against what the plan asks now.
func (t *tx) joinBy(sub models.SubscriptionID, plan models.PlanID, in models.JoinForm) error {
	j, err := joiningOf(t.DB, plan)
	if err != nil || !j.Asks() {
		return err
	}
	answers, err := j.Check(in)
	if err != nil {
		return err
	}
	text, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	accepted := j.Version > 0
	return t.run("keep answers", `INSERT INTO subscription_answers (subscription_id, answers, plan_id, terms, at) VALUES (?, ?, ?, ?, ?)`, sub, string(text),
		sql.NullInt64{Int64: int64(plan), Valid: accepted}, sql.NullInt64{Int64: int64(j.Version), Valid: accepted}, millis(t.now))
}

// Joined reads what was answered and accepted when a subscription was made; ok is false where nothing was asked. Whose it is is for the caller to know.
func (s *Store) Joined(ctx context.Context, id models.SubscriptionID) (j models.Joined, ok bool, err error) {
	type row struct {
		Answers string
		Text    sql.NullString
		Terms   sql.NullInt64
		At      int64
	}
	rows, err := selectAll[row](s.read.WithContext(ctx), "answers", `SELECT a.answers, t.text, a.terms, a.at FROM subscription_answers a LEFT JOIN plan_texts t ON t.plan_id = a.plan_id AND t.version = a.terms
		WHERE a.subscription_id = ?`, id)
	if err != nil || len(rows) == 0 {
		return j, false, err
	}
	r := rows[0]
	j.Terms, j.Version, j.At = r.Text.String, int(r.Terms.Int64), timeOf(r.At)
	return j, true, json.Unmarshal([]byte(r.Answers), &j.Answers)
}

// AskablePlans lists the plans by invitation of an API that the viewer is not invited to and can ask for, oldest first.
func (s *Store) AskablePlans(ctx context.Context, viewer models.AccountID, api models.APIID) ([]models.AskablePlan, error) {
	db := s.read.WithContext(ctx)
	rows, err := selectAll[planRow](db, "plans by invitation", `SELECT DISTINCT `+planColumns+` FROM stages s `+openedStages+`JOIN plan_joining j ON j.plan_id = p.id
		WHERE s.api_id = ? AND s.deployment_id IS NOT NULL AND p.state = 'published' AND p.ended = 0 AND j.waiting_list = 1 ORDER BY p.created_at, p.id`, api)
	if err != nil {
		return nil, err
	}
	var out []models.AskablePlan
	for _, r := range rows {
		p, err := r.plan()
		if err != nil {
			return nil, err
		}
		isInvited, err := invited(db, p, viewer)
		if err != nil {
			return nil, err
		}
		if p.InForce.Audience != models.AudienceInvited || isInvited {
			continue
		}
		one := models.AskablePlan{PlanID: p.ID, Terms: p.InForce}
		asked, err := waitingWhere(db, `w.plan_id = ? AND w.account_id = ?`, p.ID, viewer)
		if err != nil {
			return nil, err
		}
		if len(asked) > 0 {
			one.Asked = asked[0]
		}
		out = append(out, one)
	}
	return out, nil
}

func waitingWhere(db *gorm.DB, where string, args ...any) ([]models.Waiting, error) {
	type row struct {
		PlanID      models.PlanID
		AccountID   models.AccountID
		Email, Name string
		Message     string
		State       string
		Reason      string
		AskedAt     int64
	}
	rows, err := selectAll[row](db, "waiting list", `SELECT w.plan_id, w.account_id, a.email, a.name, w.message, w.state, w.reason, w.asked_at FROM plan_waiting w CROSS JOIN accounts a ON a.id = w.account_id WHERE `+where, args...)
	out := make([]models.Waiting, len(rows))
	for i, r := range rows {
		out[i] = models.Waiting{PlanID: r.PlanID, AccountID: r.AccountID, Email: r.Email, Name: r.Name, Message: r.Message, State: models.WaitingState(r.State), Reason: r.Reason, AskedAt: timeOf(r.AskedAt)}
	}
	return out, err
}

// AskInvitation puts the actor on the waiting list of a plan; field "message", at most 500 characters. Who was declined may ask again.
func (s *Store) AskInvitation(ctx context.Context, actor models.Actor, plan models.PlanID, message string, now time.Time) error {
	message, err := models.CleanText("message", message, 500)
	if err != nil {
		return err
	}
	return s.changeOwn(ctx, actor, now, func(t *tx) error {
		p, err := planByID(t.DB, plan)
		if err != nil {
			return err
		}
		j, err := joiningOf(t.DB, plan)
		if err != nil {
			return err
		}
		if p.State != models.PlanPublished || p.InForce.Audience != models.AudienceInvited || !j.WaitingList {
			return models.NotFound("plan")
		}
		asked := t.Exec(`INSERT INTO plan_waiting (plan_id, account_id, message, state, reason, asked_at) VALUES (?, ?, ?, 'waiting', '', ?)
			ON CONFLICT DO UPDATE SET message = excluded.message, state = 'waiting', reason = '', asked_at = excluded.asked_at, decided_at = NULL WHERE state <> 'waiting'`,
			plan, actor.AccountID, message, millis(t.now))
		if asked.Error != nil {
			return fmt.Errorf("ask to be let in: %w", asked.Error)
		}
		if asked.RowsAffected == 0 {
			return nil // asked already, and the owner was told
		}
		w, err := waitingWhere(t.DB, `w.plan_id = ? AND w.account_id = ?`, plan, actor.AccountID)
		if err != nil || len(w) == 0 {
			return err
		}
		return firstError(t.tellWaiting(models.NoticeInvitationAsked, p, w[0]), t.event("plan.ask_invitation", object{kind: "plan", id: p.ID.String(), name: p.Name(), owner: p.OwnerID}, nil, facts{"message": message}))
	})
}

// WaitingList lists who waits to be let in to a plan of an owner's, oldest first, at most 200.
func (s *Store) WaitingList(ctx context.Context, owner models.AccountID, plan models.PlanID) ([]models.Waiting, error) {
	db := s.read.WithContext(ctx)
	if _, err := ownedPlan(db, owner, plan); err != nil {
		return nil, err
	}
	return waitingWhere(db, `w.plan_id = ? AND w.state = 'waiting' ORDER BY w.asked_at, w.account_id LIMIT ?`, plan, maxLimit)
}

// DecideWaiting invites somebody who waits to a plan of the actor's, or declines with a reason; field "reason", 1 to 500 characters.
func (s *Store) DecideWaiting(ctx context.Context, actor models.Actor, plan models.PlanID, account models.AccountID, invite bool, reason string, now time.Time) error {
	reason, err := models.CleanText("reason", reason, 500)
	switch {
	case err != nil:
		return err
	case !invite && reason == "":
		return models.Invalid("reason", "Say why; the developer reads it.")
	}
	return s.change(ctx, actor, now, func(t *tx) error {
		p, err := ownedPlan(t.DB, actor.AccountID, plan)
		if err != nil {
			return err
		}
		some, err := waitingWhere(t.DB, `w.plan_id = ? AND w.account_id = ?`, plan, account)
		if err != nil {
			return err
		}
		if len(some) == 0 || some[0].State != models.WaitingAsked {
			return models.Conflict("This request was decided already.")
		}
		state, action, kind := models.WaitingDeclined, "plan.decline_invitation", models.NoticeInvitationRefused
		if invite {
			state, action, kind = models.WaitingInvited, "plan.invite", models.NoticeInvitationApproved
			if err := t.run("invite", `INSERT OR IGNORE INTO plan_invitations (plan_id, email) VALUES (?, lower(?))`, plan, some[0].Email); err != nil {
				return err
			}
		}
		w := some[0]
		w.State, w.Reason = state, reason
		err = t.run("decide", `UPDATE plan_waiting SET state = ?, reason = ?, decided_at = ? WHERE plan_id = ? AND account_id = ?`, string(state), reason, millis(t.now), plan, account)
		return firstError(err, t.tellWaiting(kind, p, w), t.event(action, object{kind: "plan", id: p.ID.String(), name: p.Name(), owner: p.OwnerID}, nil, facts{"email": some[0].Email, "reason": reason}))
	})
}
