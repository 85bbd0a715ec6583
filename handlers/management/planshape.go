package management

import (
	"slices"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// usagePlan is a plan on the wire.
type usagePlan struct {
	ID          models.PlanID        `json:"id"`
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	Stages      []apiStage           `json:"apiStages"`
	Throttle    *throttleSettings    `json:"throttle,omitempty"`
	Quota       *quotaSettings       `json:"quota,omitempty"`
	ProductCode string               `json:"productCode,omitempty"`
	Tags        *models.ResourceTags `json:"tags,omitempty"` // nil: not shown
}

type apiStage struct {
	API      models.APIID                `json:"apiId"`
	Stage    string                      `json:"stage"`
	Throttle map[string]throttleSettings `json:"throttle,omitempty"` // by "/pets/GET"
}

type quotaSettings struct {
	Limit  integer `json:"limit"`
	Offset integer `json:"offset"`
	Period string  `json:"period"`
}

// planOf shows a plan, without its tags.
func planOf(d models.PlanDetail) usagePlan {
	terms := d.Shown()
	p := usagePlan{ID: d.ID, Name: terms.Name, Description: terms.Description, ProductCode: d.ProductCode, Throttle: throttleOf(terms.Throttle), Stages: []apiStage{}}
	if q := terms.Quota; q != nil && q.IsSet() {
		p.Quota = &quotaSettings{Limit: integer(q.Limit), Offset: integer(q.Offset), Period: q.Period.String()}
	}
	if d.State == models.PlanEnded {
		return p // it opens nothing
	}
	for _, s := range terms.Stages {
		if st, ok := d.Stages[s.StageID]; ok {
			p.Stages = append(p.Stages, apiStageOf(s, st))
		}
	}
	return p
}

func apiStageOf(s models.PlanStage, st models.StageChoice) apiStage {
	out := apiStage{API: st.APIID, Stage: st.StageName}
	for _, m := range s.Throttles {
		if at := slices.IndexFunc(st.Methods, func(have models.Method) bool { return have.ID == m.MethodID }); at >= 0 {
			if out.Throttle == nil {
				out.Throttle = map[string]throttleSettings{}
			}
			out.Throttle[st.Methods[at].Path+"/"+st.Methods[at].Verb] = *throttleOf(&m.Throttle)
		}
	}
	return out
}

func throttleOf(t *limit.Throttle) *throttleSettings {
	if t == nil {
		return nil
	}
	return &throttleSettings{Burst: integer(t.Burst), Rate: float(t.Rate)}
}

// withTags shows a plan with all tags.
func withTags(d models.PlanDetail) usagePlan {
	p, tags := planOf(d), planTags(d)
	p.Tags = &tags
	return p
}
