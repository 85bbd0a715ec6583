package store

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/models"
)

// This file has what is proposed to the changelogs of the APIs that a plan opens. Of a plan that only invited people see nothing is: the changelog is read by all.

// proposedAtOnce is of how many APIs' changelogs a change of one plan is proposed to.
const proposedAtOnce = 20

// proposeOfPlan proposes an entry to each API that terms open.
func (t *tx) proposeOfPlan(terms models.Terms, title, body string) error {
	if terms.Audience == models.AudienceInvited {
		return nil
	}
	apis, err := selectAll[models.APIID](t.DB, "APIs of plan", `SELECT DISTINCT st.api_id FROM json_each(?) x CROSS JOIN stages st ON st.id = x.value ORDER BY st.api_id LIMIT ?`, numberList(terms.StageIDs()), proposedAtOnce)
	for _, api := range apis {
		if err != nil {
			break
		}
		err = t.propose(api, models.CutLine(title, 120), body, false)
	}
	return err
}

// proposeVersion proposes to tell of a version that is in force now: that the plan is new, or what changed, in the words in which subscribers are told.
func (t *tx) proposeVersion(before, p models.Plan, changes []models.TermsChange) error {
	if before.Version == 0 {
		body := "The plan " + markdownText(p.InForce.Name) + " is new."
		for _, more := range []string{p.InForce.Description, p.InForce.Price} {
			if more != "" {
				body += "\n\n" + markdownText(more)
			}
		}
		return t.proposeOfPlan(p.InForce, "New plan: "+p.InForce.Name, body)
	}
	if len(changes) == 0 {
		return nil
	}
	lines := make([]string, len(changes))
	for i, c := range changes {
		lines[i] = "- " + markdownText(c.What) + ": " + markdownText(c.Before) + " → " + markdownText(c.After)
	}
	return t.proposeOfPlan(p.InForce, "The plan "+p.InForce.Name+" has changed", strings.Join(lines, "\n"))
}

// proposeRetired proposes to tell that a plan takes no new subscribers.
func (t *tx) proposeRetired(p models.Plan) error {
	return t.proposeOfPlan(p.InForce, "The plan "+p.Name()+" takes no new subscribers", "The plan "+markdownText(p.Name())+" is retired: it goes on for those who are on it.")
}

// proposeEnd proposes to tell when a plan ends.
func (t *tx) proposeEnd(p models.Plan, ends time.Time) error {
	title := fmt.Sprintf("The plan %s ends on %s", p.Name(), ends.Format("2 January 2006"))
	return t.proposeOfPlan(p.InForce, title, "The plan "+markdownText(p.Name())+" ends on "+ends.Format("2 January 2006, 15:04 UTC")+". From then on its keys are refused; choose another plan before.")
}

// announcedChanges are the words in which subscribers were told of a version that is about to come into force.
func (t *tx) announcedChanges(id models.PlanID) ([]models.TermsChange, error) {
	rows, err := selectAll[changeNoticeRow](t.DB, "announced changes", changeNoticeQuery+`WHERE n.plan_id = ? AND n.state = 'announced' ORDER BY n.created_at DESC, n.id DESC LIMIT 1`, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	n, err := rows[0].notice()
	return n.Changes, err
}

// markdownText writes a text as Markdown that says just that.
func markdownText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "\n", " ", "\r", " ", "&", `\&`).Replace(s)
}
