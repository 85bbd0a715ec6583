package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/templates/format"
)

// The plan editor's fields are the ones of models.Terms, and for each stage and method: rate.{stage}.{method}, burst.{stage}.{method}, and
// without.{stage} with the methods that are left out. Switches say whether there is a throttle and a quota at all, so that turning one off and on
// again does not lose its numbers.
const (
	fieldThrottled = "throttled"
	fieldLimited   = "limited"
)

func methodRate(s models.StageID, m models.MethodID) string {
	return "rate." + s.String() + "." + m.String()
}
func methodBurst(s models.StageID, m models.MethodID) string {
	return "burst." + s.String() + "." + m.String()
}
func withoutMethods(s models.StageID) string { return "without." + s.String() }

// termsForm fills the editor.
func termsForm(t models.Terms) *Form {
	f := NewForm("name", t.Name, "description", t.Description, "price", t.Price, "audience", string(t.Audience), "charge", string(t.Charge),
		"keys_per_app", strconv.Itoa(t.KeysPerApp), "period", limit.PeriodMonth.String(), "week_day", "0", "month_day", "1")
	if t.Throttle != nil {
		f.Set(fieldThrottled, "on")
		f.Set("rate", plainNumber(t.Throttle.Rate))
		f.Set("burst", strconv.FormatInt(t.Throttle.Burst, 10))
	}
	if q := t.Quota; q != nil {
		f.Set(fieldLimited, "on")
		f.Set("quota", format.Count(q.Limit))
		f.Set("period", q.Period.String())
		switch q.Period {
		case limit.PeriodWeek:
			f.Set("week_day", strconv.Itoa(q.Offset))
		case limit.PeriodMonth:
			f.Set("month_day", strconv.Itoa(q.Offset+1))
		}
	}
	for _, s := range t.Stages {
		f.Add("stage", s.StageID.String())
		for _, m := range s.Throttles {
			f.Set(methodRate(s.StageID, m.MethodID), plainNumber(m.Throttle.Rate))
			f.Set(methodBurst(s.StageID, m.MethodID), strconv.FormatInt(m.Throttle.Burst, 10))
		}
		for _, m := range s.Excluded {
			f.Add(withoutMethods(s.StageID), m.String())
		}
	}
	return f
}

// readTerms reads the editor; mistakes are noted in f. Was are the terms that the form was made of: what they say of methods that are not deployed
// now, and so not in the form, is kept; and a limit that cannot be read stands as it was, so that a page does not call it gone.
func readTerms(f *Form, choices []models.StageChoice, was models.Terms) models.Terms {
	t := models.Terms{Name: f.Trimmed("name"), Description: f.Trimmed("description"), Price: f.Trimmed("price"),
		Audience: models.Audience(f.Get("audience")), Charge: models.Charge(f.Get("charge"))}
	keys, problem := parseWhole(f.Get("keys_per_app"))
	if problem != "" {
		f.Fail("keys_per_app", problem)
		keys = 1
	}
	t.KeysPerApp = int(max(-1, min(keys, 1000)))
	if f.Checked(fieldThrottled) {
		if t.Throttle = readThrottle(f, "rate", "burst"); t.Throttle == nil {
			t.Throttle = was.Throttle
		}
	}
	if f.Checked(fieldLimited) {
		if t.Quota = readQuota(f); t.Quota == nil {
			t.Quota = was.Quota
		}
	}
	for _, choice := range choices {
		if f.Has("stage", choice.StageID.String()) {
			t.Stages = append(t.Stages, readPlanStage(f, choice, was))
		}
	}
	f.Accept(t.Check())
	return t
}

// readSharedThrottle reads the fields "rate" and "burst" of a throttle that is none when both are empty.
func readSharedThrottle(f *Form) *limit.Throttle {
	if f.Trimmed("rate") == "" && f.Trimmed("burst") == "" {
		return nil
	}
	return readThrottle(f, "rate", "burst")
}

// readThrottle reads a rate and a burst, each in a field of its own. Nil when both are empty or one cannot be read.
func readThrottle(f *Form, rateField, burstField string) *limit.Throttle {
	rateText, burstText := f.Trimmed(rateField), f.Trimmed(burstField)
	switch {
	case rateText == "" && burstText == "":
		if rateField == "rate" {
			f.Fail(rateField, "Enter a rate, or turn the limit off.")
		}
		return nil
	case rateText == "":
		f.Fail(rateField, "A burst needs a rate. Enter how many requests a second follow it.")
		return nil
	}
	var t limit.Throttle
	var problem string
	if t.Rate, problem = parseDecimal(rateText); problem != "" {
		f.Fail(rateField, problem)
	}
	if t.Burst = limit.BurstFor(t.Rate); burstText != "" {
		if t.Burst, problem = parseWhole(burstText); problem != "" {
			f.Fail(burstField, problem)
		}
	}
	if f.Error(rateField) != "" || f.Error(burstField) != "" {
		return nil
	}
	if !acceptLimit(f, t.Validate(), map[string]string{"rate": rateField, "burst": burstField}) {
		return nil
	}
	return &t
}

func readQuota(f *Form) *limit.Quota {
	var q limit.Quota
	var problem string
	if q.Limit, problem = parseWhole(f.Get("quota")); f.Trimmed("quota") == "" {
		problem = "Enter how many requests, or turn the quota off."
	}
	if problem != "" {
		f.Fail("quota", problem)
	}
	period, err := limit.ParsePeriod(f.Get("period"))
	if err != nil {
		f.Fail("period", "Choose a day, a week or a month.")
	}
	q.Period = period
	switch period {
	case limit.PeriodWeek:
		q.Offset = offset(f, "week_day", 0)
	case limit.PeriodMonth:
		q.Offset = offset(f, "month_day", 1)
	}
	if f.Error("quota") != "" || f.Error("period") != "" {
		return nil
	}
	if !acceptLimit(f, q.Validate(), map[string]string{"limit": "quota", "period": "period", "offset": offsetField(period)}) {
		return nil
	}
	return &q
}

func offsetField(p limit.Period) string {
	if p == limit.PeriodWeek {
		return "week_day"
	}
	return "month_day"
}

func offset(f *Form, field string, first int) int {
	n, err := strconv.Atoi(f.Get(field))
	if err != nil {
		f.Fail(field, "Choose a day.")
		return 0
	}
	return n - first
}

// acceptLimit notes the problems of a limit at the form's fields and reports whether there were none.
func acceptLimit(f *Form, err error, fields map[string]string) bool {
	var problems limit.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			f.Fail(fields[p.Field], p.Message)
		}
	}
	return err == nil
}

func readPlanStage(f *Form, choice models.StageChoice, was models.Terms) models.PlanStage {
	s := models.PlanStage{StageID: choice.StageID}
	shown := map[models.MethodID]bool{}
	for _, m := range choice.Methods {
		shown[m.ID] = true
		switch rate, burst := methodRate(choice.StageID, m.ID), methodBurst(choice.StageID, m.ID); {
		case f.Has(withoutMethods(choice.StageID), m.ID.String()):
			s.Excluded = append(s.Excluded, m.ID)
		case f.Trimmed(rate) != "" || f.Trimmed(burst) != "":
			if t := readThrottle(f, rate, burst); t != nil {
				s.Throttles = append(s.Throttles, models.MethodThrottle{MethodID: m.ID, Throttle: *t})
			}
		}
	}
	if len(s.Throttles) > models.MaxMethodThrottles {
		f.Fail("stages", fmt.Sprintf("%s has %d methods with limits of their own; at most %d are possible.", choice.Label(), len(s.Throttles), models.MaxMethodThrottles))
	}
	for _, old := range was.Stages {
		if old.StageID != choice.StageID {
			continue
		}
		for _, m := range old.Throttles {
			if !shown[m.MethodID] {
				s.Throttles = append(s.Throttles, m)
			}
		}
		s.Excluded = append(s.Excluded, slices.DeleteFunc(slices.Clone(old.Excluded), func(id models.MethodID) bool { return shown[id] })...)
	}
	return s
}

// typedLimits returns rate and burst as far as they can be read, for the words and the drawing beside the form. Ok is false when there is nothing to draw.
func typedLimits(f *Form) (t limit.Throttle, ok bool) {
	rate, problem := parseDecimal(f.Get("rate"))
	if problem != "" || rate < 0 || rate > limit.MaxRate {
		return t, false
	}
	t = limit.Throttle{Rate: rate, Burst: limit.BurstFor(rate)}
	if strings.TrimSpace(f.Get("burst")) != "" {
		if t.Burst, problem = parseWhole(f.Get("burst")); problem != "" {
			return t, false
		}
	}
	return t, t.Validate() == nil
}
