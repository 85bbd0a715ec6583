package enforcement

import (
	"fmt"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// methodLimit is what a stage's setting for one method says of its rate, in place of the stage's own throttle: a bucket that all callers of the method share
// (DECISIONS 3).
type methodLimit struct {
	throttle limit.Throttle // for words; the bucket decides
	shared   limit.SharedLayer
}

// limitMethods gives the stage's methods the limits that its settings name. A canary's method of the same id shares the level. Settings of methods that are not
// deployed say nothing.
func (st *stage) limitMethods(in *models.GatewayStage, before *snapshot) {
	if len(in.Settings.Methods) == 0 {
		return
	}
	levels := map[models.MethodID]*limit.Shared{}
	for each := st; each != nil; each = each.canary {
		for _, m := range each.methods {
			setting, ok := in.Settings.Methods[m.name]
			if !ok || m.name == models.AllMethods {
				continue
			}
			t, own, err := setting.Throttle()
			if err != nil {
				each.broken = fmt.Sprintf("the rate that it sets for %s is not valid: %v", m.name, err)
			}
			if !own || err != nil {
				continue
			}
			m.limit = &methodLimit{}
			if t == nil {
				continue
			}
			if levels[m.id] == nil {
				levels[m.id] = before.methodLevel(st.id, m.id)
			}
			m.limit.throttle, m.limit.shared = *t, limit.SharedLayer{Bucket: t.Compile(), State: levels[m.id]}
		}
	}
}

// methodLevel is stageLevel for a method of a stage.
func (before *snapshot) methodLevel(id models.StageID, method models.MethodID) *limit.Shared {
	if before != nil {
		for st := before.stages[id]; st != nil; st = st.canary {
			if l := st.methodLayer(method); l.State != nil {
				return l.State
			}
		}
	}
	return new(limit.Shared)
}

// methodLayer is the bucket that the stage's settings give a method; none if they give it none, or without a limit.
func (st *stage) methodLayer(id models.MethodID) limit.SharedLayer {
	for _, m := range st.methods {
		if m.id == id && m.limit != nil {
			return m.limit.shared
		}
	}
	return limit.SharedLayer{}
}

// layerOf is the throttle that all callers of a method share: its own, else the stage's.
func (st *stage) layerOf(m *method) limit.SharedLayer {
	if m != nil && m.limit != nil {
		return m.limit.shared
	}
	return st.shared
}

// stageThrottle is that of layerOf, for words.
func (t *target) stageThrottle() *limit.Throttle {
	if t.method != nil && t.method.limit != nil {
		return &t.method.limit.throttle
	}
	return &t.stage.throttle
}
