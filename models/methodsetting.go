package models

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"gatehouse/models/limit"
)

// NoMethodLimit is MethodSetting.Rate or Burst of a method without a limit at that level, as AWS writes it.
const NoMethodLimit = -1

// maxCacheTTL is AWS's.
const maxCacheTTL = time.Hour

// Throttle is what a setting says of a method's rate. Own is false where it says nothing, and the stage's own throttle holds for the method, too; a nil throttle
// that is its own is none at all. A rate without a burst, or with -1 as Terraform sends it, has the burst of one second (DECISIONS 6). Errors are Invalid at
// "rate" or "burst".
func (s MethodSetting) Throttle() (t *limit.Throttle, own bool, err error) {
	switch {
	case s.Rate == nil && s.Burst == nil:
		return nil, false, nil
	case s.Rate != nil && *s.Rate == NoMethodLimit, s.Rate == nil && *s.Burst == NoMethodLimit:
		return nil, true, nil
	case s.Rate == nil:
		return nil, false, Invalid("rate", "Set a rate, too: a burst alone says nothing of how fast the bucket fills.")
	case math.IsNaN(*s.Rate):
		return nil, false, Invalid("rate", "The rate must be a number.")
	}
	t = &limit.Throttle{Rate: *s.Rate, Burst: limit.BurstFor(*s.Rate)}
	if s.Burst != nil && *s.Burst != NoMethodLimit {
		t.Burst = int64(*s.Burst)
	}
	if err := t.Validate(); err != nil {
		var all limit.Problems
		if errors.As(err, &all) {
			return nil, false, Invalid(all[0].Field, all[0].Message)
		}
		return nil, false, err
	}
	return t, true, nil
}

// checkMethods judges what is said of methods, at "methods".
func (s StageSettings) checkMethods(p *Problems) {
	if len(s.Methods) > maxMethodSettings {
		p.Add("methods", fmt.Sprintf("A stage has settings for at most %d methods.", maxMethodSettings))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Methods)) {
		m := s.Methods[name]
		if _, _, err := m.Throttle(); err != nil {
			p.Add("methods", cutLine(name, 200)+": "+Sentence(err))
		}
		if m.CacheTTL < 0 || m.CacheTTL > maxCacheTTL {
			p.Add("methods", cutLine(name, 200)+": Keep answers for at most 1 hour (3,600 seconds).")
		}
	}
}

// maxMethodSettings is as many as an API can have methods, and one for all.
const maxMethodSettings = MaxMethods + 1
