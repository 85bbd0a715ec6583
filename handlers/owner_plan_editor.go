package handlers

import (
	"fmt"
	"math"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/owner"
)

// Methods that the editor lists: small APIs in full, of large ones those with settings and those that were searched for.
const (
	methodsListed    = 40  // of one stage
	methodsUnchecked = 120 // of all stages together, to list them for stages that are not open too
)

// editorView is the editor of terms, as far as it does not depend on which plan they are of.
func editorView(f *Form, t models.Terms, choices []models.StageChoice, now time.Time) owner.Editor {
	v := owner.Editor{Effect: effect(f, t, choices, now), Find: f.Trimmed("find")}
	v.Throttle = v.Effect.Throttle
	v.FieldNames = []string{"name", "price", "description", "rate", "burst", "quota", "period", "week_day", "month_day", "stages"}
	all := 0
	for _, c := range choices {
		all += len(c.Methods)
	}
	for _, c := range choices {
		s := editorStage(f, c, all <= methodsUnchecked, v.Find)
		for _, m := range s.Methods {
			v.FieldNames = append(v.FieldNames, m.RateField, m.BurstField)
		}
		v.Stages = append(v.Stages, s)
	}
	v.FieldNames = append(v.FieldNames, "audience", "charge", "keys_per_app")
	return v
}

func editorStage(f *Form, c models.StageChoice, all bool, find string) owner.EditorStage {
	s := owner.EditorStage{ID: c.StageID.String(), Label: c.Label(), Open: f.Has("stage", c.StageID.String()), Undeployed: !c.Deployed}
	limited, without, listed := 0, 0, 0
	for _, m := range c.Methods {
		e := owner.EditorMethod{ID: m.ID.String(), Verb: m.Verb, Path: m.Path, Name: m.Name() + " on " + c.StageName,
			RateField: methodRate(c.StageID, m.ID), BurstField: methodBurst(c.StageID, m.ID), WithoutField: withoutMethods(c.StageID)}
		out := f.Has(e.WithoutField, e.ID)
		special := f.Trimmed(e.RateField) != "" || f.Trimmed(e.BurstField) != ""
		found := find != "" && strings.Contains(strings.ToLower(m.Name()), strings.ToLower(find))
		switch {
		case out:
			without++
		case special:
			limited++
		}
		s.Expanded = s.Expanded || found || f.Error(e.RateField) != "" || f.Error(e.BurstField) != ""
		switch {
		case out || special:
		case !s.Open && !all, len(c.Methods) > methodsListed && (!found || listed >= methodsListed):
			s.Hidden++
			continue
		}
		listed++
		s.Methods = append(s.Methods, e)
	}
	s.Expanded = s.Expanded || limited+without > 0 && limited+without <= 12
	s.Summary = count(len(c.Methods), "method")
	if limited > 0 {
		s.Summary += fmt.Sprintf(", %d limited", limited)
	}
	if without > 0 {
		s.Summary += fmt.Sprintf(", %d left out", without)
	}
	return s
}

// effect says what the form means, as far as it can be read.
func effect(f *Form, t models.Terms, choices []models.StageChoice, now time.Time) owner.Effect {
	names := namesOf(choices)
	return owner.Effect{Throttle: throttleView(f), Quota: quotaSentence(t.Quota, now), Card: previewCard(t, names), Warnings: termsWarnings(t, names, now)}
}

func throttleView(f *Form) owner.ThrottleView {
	v := owner.ThrottleView{On: f.Checked(fieldThrottled), RateMost: "200", BurstMost: "400"}
	t, ok := typedLimits(f)
	if !ok {
		return v
	}
	v.Drawable, v.Rate, v.Burst = true, t.Rate, float64(t.Burst)
	v.RateMost, v.BurstMost = sliderMost(t.Rate, 200), sliderMost(float64(t.Burst), 400)
	if f.Trimmed("burst") == "" {
		v.Derived = fmt.Sprintf("The burst is empty, so it is %s: one second's worth of the rate, at least 1.", format.Count(t.Burst))
	}
	return v
}

// sliderMost is the upper end of a slider on which a number stands at most half way.
func sliderMost(x, least float64) string {
	most := least
	for most < 2*x && most < 1e9 {
		most *= 10
	}
	return plainNumber(math.Round(most))
}
