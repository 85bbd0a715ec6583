package models

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/models/limit"
)

// PlanState is where a usage plan stands in its life.
type PlanState string

// The states of a plan. A draft was never published; a retired plan takes no new subscribers and goes on for the ones it has; an ended one
// opens nothing any more.
const (
	PlanDraft     PlanState = "draft"
	PlanPublished PlanState = "published"
	PlanRetired   PlanState = "retired"
	PlanEnded     PlanState = "ended"
)

// Audience is who may subscribe to a plan.
type Audience string

// The audiences.
const (
	AudienceAnyone  Audience = "anyone"  // key at once
	AudienceAsk     Audience = "ask"     // the owner approves each request
	AudienceInvited Audience = "invited" // hidden from the catalog; only invited e-mail addresses see it, with a key at once
)

// Charge is what a plan counts against its quota (DECISIONS 5).
type Charge string

// The charge policies.
const (
	ChargeAccepted  Charge = "accepted"  // every request that passed the gate, also when the upstream failed
	ChargeDelivered Charge = "delivered" // upstream 5xx, timeouts and unreachable upstreams are given back
)

// Plan is a usage plan: what is in force, and what its owner is changing.
type Plan struct {
	ID          PlanID
	OwnerID     AccountID
	State       PlanState
	Version     int   // of InForce: 1, 2, 3 …; 0 while the plan is a draft
	InForce     Terms // zero while the plan is a draft
	Draft       *Terms
	DraftBy     string    // who saved Draft last; "" when nobody noted it
	DraftAt     time.Time // when; zero when nobody noted it
	CreatedAt   time.Time
	UpdatedAt   time.Time
	PublishedAt time.Time
	RetiredAt   time.Time
	EndsAt      time.Time // when it ends or ended; zero: no end is announced

	PublishAt     time.Time // when Draft comes into force by itself; zero: it waits to be published
	PublishBy     string    // who decided so
	PublishFailed string    // why the last scheduled draft did not come into force, in a sentence; "" where it did, or somebody has published since
}

// Current returns the terms that an editor shows: the draft if there is one, else what is in force.
func (p Plan) Current() Terms {
	if p.Draft != nil {
		return *p.Draft
	}
	return p.InForce
}

// Name returns the name that people know the plan by: the one in force, or the draft's before the first publication.
func (p Plan) Name() string {
	if p.Version > 0 {
		return p.InForce.Name
	}
	return p.Current().Name
}

// Terms are what a plan promises. One value is one version.
type Terms struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"` // at most 200 characters
	Price       string          `json:"price,omitempty"`       // free text such as "€49 a month"; at most 60 characters
	Throttle    *limit.Throttle `json:"throttle,omitempty"`    // per key over all stages of the plan; nil: no throttle
	Quota       *limit.Quota    `json:"quota,omitempty"`       // per key over all stages of the plan; nil: no quota
	Stages      []PlanStage     `json:"stages,omitempty"`
	Audience    Audience        `json:"audience"`
	Charge      Charge          `json:"charge"`
	KeysPerApp  int             `json:"keysPerApp"` // how many keys an app may have on the plan; 1 to 20
}

// PlanStage is a stage that a plan opens.
type PlanStage struct {
	StageID   StageID          `json:"stage"`
	Throttles []MethodThrottle `json:"throttles,omitempty"` // besides the plan's own throttle: both must pass
	Excluded  []MethodID       `json:"excluded,omitempty"`  // methods that the plan leaves out (DECISIONS 33)
}

// MethodThrottle limits one method of a plan's stage, per key.
type MethodThrottle struct {
	MethodID MethodID       `json:"method"`
	Throttle limit.Throttle `json:"throttle"`
}

// Limits of a plan's terms.
const (
	MaxKeysPerApp      = 20
	MaxMethodThrottles = 20 // per stage in a plan, AWS's limit (spec 1.4)
	MaxPlanStages      = 50
)

// NewTerms returns the terms that a new plan starts with.
func NewTerms(name string) Terms {
	return Terms{Name: name, Audience: AudienceAnyone, Charge: ChargeAccepted, KeysPerApp: 1}
}

// Check validates terms; fields "name", "description", "price", "rate", "burst", "quota", "period", "offset", "stages", "audience",
// "charge", "keys_per_app".
func (t Terms) Check() error {
	var p Problems
	_, nameErr := CleanName("name", t.Name)
	_, descriptionErr := CleanText("description", t.Description, 200)
	_, priceErr := CleanText("price", t.Price, 60)
	p.Join(nameErr, descriptionErr, priceErr)
	if t.Throttle != nil {
		addThrottle(&p, "rate", "burst", *t.Throttle)
	}
	if t.Quota != nil {
		addQuota(&p, *t.Quota)
	}
	t.checkStages(&p)
	if !slices.Contains([]Audience{AudienceAnyone, AudienceAsk, AudienceInvited}, t.Audience) {
		p.Add("audience", "Choose who may subscribe.")
	}
	if t.Charge != ChargeAccepted && t.Charge != ChargeDelivered {
		p.Add("charge", "Choose what counts against the quota.")
	}
	if t.KeysPerApp < 1 || t.KeysPerApp > MaxKeysPerApp {
		p.Add("keys_per_app", fmt.Sprintf("Enter 1 to %d keys.", MaxKeysPerApp))
	}
	return p.Err()
}

func (t Terms) checkStages(p *Problems) {
	if len(t.Stages) > MaxPlanStages {
		p.Add("stages", fmt.Sprintf("A plan opens at most %d stages.", MaxPlanStages))
	}
	seen := map[StageID]bool{}
	for _, s := range t.Stages {
		if seen[s.StageID] {
			p.Add("stages", "A stage stands twice in the plan.")
		}
		seen[s.StageID] = true
		if len(s.Throttles) > MaxMethodThrottles {
			p.Add("stages", fmt.Sprintf("A plan limits at most %d single methods per stage.", MaxMethodThrottles))
		}
		methods := map[MethodID]bool{}
		for _, m := range s.Throttles {
			if methods[m.MethodID] {
				p.Add("stages", "A method has two limits in the same stage.")
			}
			methods[m.MethodID] = true
			addThrottle(p, "stages", "stages", m.Throttle)
		}
	}
}

// Clean trims the texts of terms and checks them; fields as Check.
func (t Terms) Clean() (Terms, error) {
	if err := t.Check(); err != nil {
		return Terms{}, err
	}
	t.Name, _ = CleanName("name", t.Name)
	t.Description, _ = CleanText("description", t.Description, 200)
	t.Price, _ = CleanText("price", t.Price, 60)
	return t, nil
}

// Without returns the terms without some stages.
func (t Terms) Without(stages []StageID) Terms {
	t.Stages = slices.DeleteFunc(slices.Clone(t.Stages), func(s PlanStage) bool { return slices.Contains(stages, s.StageID) })
	return t
}

// Opens reports whether the terms open a stage.
func (t Terms) Opens(id StageID) bool {
	return slices.ContainsFunc(t.Stages, func(s PlanStage) bool { return s.StageID == id })
}

// Open returns which of a stage's methods the terms open.
func (t Terms) Open(id StageID, methods []Method) []Method {
	for _, s := range t.Stages {
		if s.StageID == id {
			return slices.DeleteFunc(slices.Clone(methods), func(m Method) bool { return slices.Contains(s.Excluded, m.ID) })
		}
	}
	return nil
}

// StageIDs returns the stages in the order of the terms.
func (t Terms) StageIDs() []StageID {
	ids := make([]StageID, len(t.Stages))
	for i, s := range t.Stages {
		ids[i] = s.StageID
	}
	return ids
}

// CheckKeysPerApp says whether an app may have so many keys on the plan.
func (p Plan) CheckKeysPerApp(keys int) error {
	if keys <= p.InForce.KeysPerApp {
		return nil
	}
	if p.InForce.KeysPerApp == 1 {
		return Conflict(fmt.Sprintf("The plan %s allows one key per app. Rotate the key that the app has, or revoke it first.", p.Name()))
	}
	return Conflict(fmt.Sprintf("The plan %s allows %d keys per app. Revoke one that is not needed any more.", p.Name(), p.InForce.KeysPerApp))
}

// HeldStage is a stage that a key may call already, by which plan.
type HeldStage struct {
	StageID   StageID
	StageName string // "api · stage", for people
	PlanID    PlanID
	PlanName  string
}

// CheckOnePlanPerStage is R1: none of the wanted stages may be held by another plan. The error names the first clash.
func CheckOnePlanPerStage(held []HeldStage, plan PlanID, wanted []StageID) error {
	for _, h := range held {
		if h.PlanID != plan && slices.Contains(wanted, h.StageID) {
			return &HeldElsewhere{Held: h, Wanted: plan, conflict: Conflict(fmt.Sprintf(
				"This key already calls %s on the plan %s. A key can be on one plan per stage: move it to this plan, or use another key.", h.StageName, h.PlanName))}
		}
	}
	return nil
}

// HeldElsewhere is R1's Conflict for one key: Held is in the way, and the key can be moved from its plan.
type HeldElsewhere struct {
	Key      KeyID
	Wanted   PlanID // that was to open the stage, too
	Held     HeldStage
	conflict *Error
}

// Error implements error.
func (e *HeldElsewhere) Error() string { return e.conflict.Error() }

// Unwrap returns the Conflict for people.
func (e *HeldElsewhere) Unwrap() error { return e.conflict }

// ErrHeldElsewhere is R1 for a plan that is about to open a stage which one of its keys calls on another plan.
func ErrHeldElsewhere(k Key, plan PlanID, h HeldStage) error {
	return &HeldElsewhere{Key: k.ID, Wanted: plan, Held: h, conflict: Conflict(fmt.Sprintf(
		"The key %s (%s) already calls %s on the plan %s. A key can be on one plan per stage: take it off one of the two plans, or leave the stage out.",
		k.Name, k.Hint, h.StageName, h.PlanName))}
}

// addThrottle adds the problems of a throttle at the two given fields.
func addThrottle(p *Problems, rate, burst string, t limit.Throttle) {
	addLimit(p, t.Validate(), map[string]string{"rate": rate, "burst": burst})
}

// addQuota adds the problems of a quota at "quota", "period" and "offset".
func addQuota(p *Problems, q limit.Quota) {
	addLimit(p, q.Validate(), map[string]string{"limit": "quota", "period": "period", "offset": "offset"})
}

func addLimit(p *Problems, err error, fields map[string]string) {
	var problems limit.Problems
	if errors.As(err, &problems) {
		for _, problem := range problems {
			p.Add(fields[problem.Field], problem.Message)
		}
	}
}
