package models

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// QuestionKind is how a question is answered.
type QuestionKind string

// The kinds of questions.
const (
	QuestionText   QuestionKind = "text"
	QuestionChoice QuestionKind = "choice"
	QuestionYesNo  QuestionKind = "yesno"
)

// Question is what an owner asks of those who subscribe to a plan.
type Question struct {
	Label    string       `json:"label"` // 1 to 200 characters
	Kind     QuestionKind `json:"kind"`
	Required bool         `json:"required,omitempty"`
	Choices  []string     `json:"choices,omitempty"` // of QuestionChoice: 2 to 20
}

// Joining is what a plan asks of those who subscribe. It stands beside the plan's terms and acts at once; those who are on the plan already are asked nothing.
type Joining struct {
	Questions   []Question // at most MaxQuestions
	Terms       string     // of use, Markdown, at most 20,000 characters; "": there are none
	Version     int        // of Terms: 1, 2, 3 …; 0: there are none. What was accepted is kept with its text
	Carries     bool       // who changes to the plan brings what he used in the window along
	WaitingList bool       // a plan by invitation stands in the catalog, and can be asked for
}

// MaxQuestions is how many questions a plan asks at most.
const MaxQuestions = 5

// Clean trims and checks what an owner typed; fields "question.0" …, "choices.0" …, "terms".
func (j Joining) Clean() (Joining, error) {
	var p Problems
	var kept []Question
	for i, q := range j.Questions {
		label, err := CleanText("question", q.Label, 200)
		if err != nil {
			p.Add(fmt.Sprintf("question.%d", i), Sentence(err))
		}
		if q.Label = label; label == "" && err == nil {
			continue // an empty row
		}
		switch q.Kind {
		case QuestionChoice:
			q.Choices = slices.DeleteFunc(slices.Clone(q.Choices), func(c string) bool { return strings.TrimSpace(c) == "" })
			for k := range q.Choices {
				q.Choices[k] = strings.TrimSpace(q.Choices[k])
				if len(q.Choices[k]) > 200 {
					p.Add(fmt.Sprintf("choices.%d", i), "A choice has at most 200 characters.")
				}
			}
			if len(q.Choices) < 2 || len(q.Choices) > 20 {
				p.Add(fmt.Sprintf("choices.%d", i), "Enter 2 to 20 choices, each on a line.")
			}
		case QuestionText, QuestionYesNo:
			q.Choices = nil
		default:
			p.Add(fmt.Sprintf("question.%d", i), "Choose how it is answered.")
		}
		kept = append(kept, q)
	}
	if j.Questions = kept; len(kept) > MaxQuestions {
		p.Add("question.0", fmt.Sprintf("A plan asks at most %d questions.", MaxQuestions))
	}
	var err error
	j.Terms, err = CleanText("terms", j.Terms, 20_000)
	p.Join(err)
	return j, p.Err()
}

// Asks reports whether there is something to answer or to accept.
func (j Joining) Asks() bool { return len(j.Questions) > 0 || j.Version > 0 }

// JoinForm is what a developer answered. Answers are in the order of the questions; Version is of the terms that he read.
type JoinForm struct {
	Answers []string
	Accept  bool
	Version int
}

// Answer is a question with its answer.
type Answer struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// Check checks a form against what is asked; fields "answer.0" …, "accept".
func (j Joining) Check(in JoinForm) (answers []Answer, err error) {
	var p Problems
	for i, q := range j.Questions {
		text := ""
		if i < len(in.Answers) {
			text = strings.TrimSpace(in.Answers[i])
		}
		field := fmt.Sprintf("answer.%d", i)
		switch {
		case text == "" && q.Required:
			p.Add(field, "Answer this question.")
		case text == "":
		case q.Kind == QuestionChoice && !slices.Contains(q.Choices, text), q.Kind == QuestionYesNo && text != "Yes" && text != "No":
			p.Add(field, "Choose one of the answers.")
		case len(text) > 1000:
			p.Add(field, "Enter at most 1,000 characters.")
		}
		answers = append(answers, Answer{q.Label, text})
	}
	switch {
	case j.Version == 0:
	case !in.Accept:
		p.Add("accept", "Read the terms of use and accept them.")
	case in.Version != j.Version:
		p.Add("accept", "The terms of use have changed since you opened this page. Read them again.")
	}
	return answers, p.Err()
}

// Joined is what a developer answered and accepted when he subscribed.
type Joined struct {
	Answers []Answer
	Terms   string // the very text that was accepted; "": there was none
	Version int
	At      time.Time
}

// WaitingState is where somebody stands on the waiting list of a plan.
type WaitingState string

// The states. The zero value: not on it.
const (
	WaitingAsked    WaitingState = "waiting"
	WaitingInvited  WaitingState = "invited"
	WaitingDeclined WaitingState = "declined"
)

// Waiting is somebody who asks to be let in to a plan that is by invitation.
type Waiting struct {
	PlanID    PlanID
	AccountID AccountID
	Email     string
	Name      string
	Message   string
	State     WaitingState
	Reason    string // why it was declined
	AskedAt   time.Time
}

// AskablePlan is a plan by invitation that can be asked for.
type AskablePlan struct {
	PlanID PlanID
	Terms  Terms
	Asked  Waiting // zero: the reader did not ask
}
