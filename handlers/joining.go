package handlers

import (
	"context"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"gatehouse/models"
	"gatehouse/templates/developer"
	"gatehouse/templates/owner"
	"gatehouse/templates/ui"
)

// joiningStore reads what plans ask of those who subscribe, and what was answered.
type joiningStore interface {
	Joining(ctx context.Context, plan models.PlanID) (models.Joining, error)
	Joined(ctx context.Context, id models.SubscriptionID) (models.Joined, bool, error)
}

func answerField(i int) string { return "answer." + strconv.Itoa(i) }

// joinView is what a plan asks, with what was typed.
func joinView(j models.Joining, f *Form, md *Markdown) developer.JoinView {
	var v developer.JoinView
	for i, q := range j.Questions {
		field := developer.JoinField{Name: answerField(i), Label: q.Label, Kind: string(q.Kind), Required: q.Required, Value: f.Get(answerField(i)), Error: f.Error(answerField(i))}
		switch q.Kind {
		case models.QuestionChoice:
			for _, c := range q.Choices {
				field.Options = append(field.Options, ui.Option{Value: c, Label: c})
			}
		case models.QuestionYesNo:
			field.Options = []ui.Option{{Value: "Yes", Label: "Yes"}, {Value: "No", Label: "No"}}
		}
		v.Fields = append(v.Fields, field)
	}
	if j.Version > 0 {
		v.Version, v.Terms, v.Accepted, v.AcceptError = strconv.Itoa(j.Version), md.HTML(j.Terms, 2), f.Checked("accept"), f.Error("accept")
	}
	return v
}

// readJoin reads the answers.
func readJoin(j models.Joining, f *Form) (in models.JoinForm) {
	for i := range j.Questions {
		in.Answers = append(in.Answers, f.Get(answerField(i)))
	}
	in.Accept = f.Checked("accept")
	in.Version, _ = strconv.Atoi(f.Get("terms")) // what is no number is no version
	return in
}

// joinedView is what was answered and accepted; nil where nothing was asked.
func joinedView(r *Request, store joiningStore, id models.SubscriptionID, md *Markdown) (*developer.JoinedView, error) {
	j, ok, err := store.Joined(r.Context(), id)
	if err != nil || !ok {
		return nil, err
	}
	v := &developer.JoinedView{At: j.At}
	for _, a := range j.Answers {
		v.Answers = append(v.Answers, ui.Definition{Term: a.Question, Text: orDash(a.Answer)})
	}
	if j.Terms != "" {
		v.Terms = md.HTML(j.Terms, 3)
	}
	return v, nil
}

// AskForm asks to be let in to a plan that is by invitation; ?plan= says which.
func (s *Subscribe) AskForm(r *Request) (Reply, error) {
	return s.ask(r, r.Query("plan"), NewForm(), false)
}

// Ask puts the reader on the plan's waiting list.
func (s *Subscribe) Ask(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	id, err := models.ParseID[models.Plan](f.Get("plan"))
	if err != nil {
		return Reply{}, models.NotFound("plan")
	}
	err = s.Store.AskInvitation(r.Context(), r.Actor(), id, f.Get("message"), r.Now)
	if f.Accept(err) {
		return s.ask(r, f.Get("plan"), f, true)
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(apiPath(r.Param("slug")), "The owner was asked. When they let you in, you are told, and the plan appears here."), nil
}

func (s *Subscribe) ask(r *Request, plan string, f *Form, again bool) (Reply, error) {
	api, err := s.Store.CatalogAPI(r.Context(), r.Account.ID, r.Param("slug"))
	if err != nil {
		return Reply{}, err
	}
	plans, err := s.Store.AskablePlans(r.Context(), r.Account.ID, api.ID)
	if err != nil {
		return Reply{}, err
	}
	for _, p := range plans {
		if p.PlanID.String() != plan {
			continue
		}
		v := developer.AskView{API: api.Name, APIHref: apiPath(api.Slug), Action: apiPath(api.Slug) + "/ask", PlanID: plan, Plan: planCard(models.CatalogPlan{PlanID: p.PlanID, Terms: p.Terms}),
			Message: f.Get("message"), MessageError: f.Error("message"), Waiting: p.Asked.State == models.WaitingAsked}
		if p.Asked.State == models.WaitingDeclined {
			v.Declined = strings.TrimSuffix(p.Asked.Reason, ".") + "."
		}
		page := developer.AskInvitation(r.layout("Ask to be let in", ui.Crumb{Label: "Catalog", Href: "/apis"}, ui.Crumb{Label: api.Name, Href: apiPath(api.Slug)}, ui.Crumb{}), v)
		if again {
			return Again(page), nil
		}
		return Page(page), nil
	}
	return Reply{}, models.NotFound("plan")
}

// JoiningForm is what a plan asks of those who subscribe.
func (o *OwnerPlans) JoiningForm(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	j, err := o.Store.Joining(r.Context(), row.ID)
	if err != nil {
		return Reply{}, err
	}
	f := NewForm("terms", j.Terms)
	for i, q := range j.Questions {
		n := strconv.Itoa(i)
		f.Set("question."+n, q.Label)
		f.Set("kind."+n, string(q.Kind))
		f.Set("choices."+n, strings.Join(q.Choices, "\n"))
		if q.Required {
			f.Set("required."+n, "on")
		}
	}
	for name, on := range map[string]bool{"carries": j.Carries, "waiting_list": j.WaitingList} {
		if on {
			f.Set(name, "on")
		}
	}
	return Page(o.joiningPage(r, row, j, f)), nil
}

// Joining changes it.
func (o *OwnerPlans) Joining(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	in := models.Joining{Terms: f.Get("terms"), Carries: f.Checked("carries"), WaitingList: f.Checked("waiting_list")}
	for i := range models.MaxQuestions {
		n := strconv.Itoa(i)
		in.Questions = append(in.Questions, models.Question{Label: f.Get("question." + n), Kind: models.QuestionKind(f.Get("kind." + n)), Required: f.Checked("required." + n),
			Choices: strings.Split(strings.ReplaceAll(f.Get("choices."+n), "\r", ""), "\n")})
	}
	err = o.Store.SetJoining(r.Context(), r.Actor(), row.ID, in, r.Now)
	if f.Accept(err) {
		return Again(o.joiningPage(r, row, models.Joining{}, f)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(ownerPlanPath(row.ID)+"/joining", "Saved. Who subscribes from now on is asked this."), nil
}

// DecideWaiting invites somebody from the waiting list, or declines.
func (o *OwnerPlans) DecideWaiting(r *Request) (Reply, error) {
	row, err := o.plan(r)
	if err != nil {
		return Reply{}, err
	}
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	account, err := param[models.Account](r, "account")
	if err != nil {
		return Reply{}, err
	}
	err = o.Store.DecideWaiting(r.Context(), r.Actor(), row.ID, account, f.Checked("invite"), f.Get("reason"), r.Now)
	if f.Accept(err) {
		page, err := o.invitationsPage(r, row, f, account.String())
		return Again(page), err
	}
	if err != nil {
		return Reply{}, err
	}
	message := "Declined. The developer sees your reason."
	if f.Checked("invite") {
		message = "Invited: the developer can subscribe at once."
	}
	return r.Done(ownerPlanPath(row.ID)+"/invitations#waiting", message), nil
}

// DecideMany decides about all requests that were selected in the queue.
func (o *OwnerSubscriptions) DecideMany(r *Request) (Reply, error) {
	f, err := r.Form()
	if err != nil {
		return Reply{}, err
	}
	const queue = "/owner/subscriptions?state=pending"
	d := models.Decision(f.Get("decision"))
	switch {
	case len(f.All("subscription")) == 0:
		return r.Sorry(queue, "Select the requests first."), nil
	case d != models.Approve && d != models.Refuse:
		return Reply{}, models.NotFound("decision")
	}
	done, problem := 0, ""
	for _, text := range f.All("subscription")[:min(len(f.All("subscription")), 200)] {
		id, err := models.ParseID[models.Subscription](text)
		if err != nil {
			return Reply{}, models.NotFound("subscription")
		}
		_, err = o.Store.DecideSubscription(r.Context(), r.Actor(), id, d, f.Trimmed("reason"), r.Now)
		if NewForm().Accept(err) {
			problem = models.Sentence(err)
			continue
		}
		if err != nil {
			return Reply{}, err
		}
		done++
	}
	if problem != "" {
		return r.Sorry(queue, count(done, "request")+" decided. Of the others: "+problem), nil
	}
	return r.Done(queue, map[models.Decision]string{models.Approve: "Approved: ", models.Refuse: "Refused: "}[d]+count(done, "request")+"."), nil
}

func (o *OwnerPlans) joiningPage(r *Request, row models.PlanRow, j models.Joining, f *Form) templ.Component {
	v := owner.JoiningView{PlanHead: planHead(row, r.Here()), Rows: models.MaxQuestions}
	if j.Version > 0 {
		v.Version = "Version " + strconv.Itoa(j.Version) + "."
	}
	return owner.Joining(r.layout("Joining", plansCrumb(), ui.Crumb{Label: row.Name(), Href: v.Href}, ui.Crumb{}), v, f)
}
