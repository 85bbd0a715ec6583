package enforcement

import (
	"math"
	"math/rand/v2"

	"gatehouse/models"
)

// A stage may serve a part of its callers by another deployment: its canary, a stage of its own here that shares name, limits and usage with it. Which of the
// two a request gets is chosen before its method is looked for and says nothing about whether it may pass: methods, key source and plan rules are then those of
// the chosen one alone, from the beginning. So nothing reaches a method of either that needs a key without one.

// headerCanary tells, on its answers, the deployment that a canary's requests got.
const headerCanary = "X-Gatehouse-Canary"

// compileCanary makes the canary of a stage, which is compiled itself; nil: it has none.
func compileCanary(in *models.GatewayStage, st *stage, c *compiler) *stage {
	if in.Settings.Canary == nil || in.Canary == nil || in.Settings.Canary.Percent <= 0 {
		return nil
	}
	other := *in
	other.Settings.Variables = in.Settings.CanaryVariables()
	other.KeySource, other.Methods, other.Canary, other.Settings.Canary = in.Canary.KeySource, in.Canary.Methods, nil, nil
	other.Document, other.Parts = in.Canary.Document, in.Canary.Parts
	canary := c.stage(&other, st.api, true)
	canary.shared, canary.throttle = st.shared, st.throttle
	canary.deployment = in.Settings.Canary.Deployment.String()
	st.canaryShare = uint64(math.Min(in.Settings.Canary.Percent, 100) / 100 * (1 << 32))
	return canary
}

// serving returns the stage or its canary, whichever the request gets: always the same for a key that is known, else by chance.
func (q *request) serving(st *stage) *stage {
	if st.canary == nil {
		return st
	}
	lot := rand.Uint64()
	if key := q.callingKey(st); key != 0 {
		lot = mixed(uint64(key) ^ mixed(uint64(st.id)))
	}
	if lot>>32 < st.canaryShare {
		return st.canary
	}
	return st
}

// callingKey is the known key that a request presents where the stage reads keys, or where its canary does; 0: none.
func (q *request) callingKey(st *stage) models.KeyID {
	if q.as != 0 {
		return q.as
	}
	for _, source := range []models.KeySource{st.key, st.canary.key} {
		value, _, p := presented(source, q.r.Header, q.query)
		if p != problemNone || q.g.malformed(value) {
			continue
		}
		digest := [32]byte(q.g.config.Keyring.Digest(value))
		if e, _, ok := q.g.keys.Find(&digest); ok {
			id := e.Key()
			e.Unlock()
			return id
		}
	}
	return 0
}

// mixed spreads ids evenly (splitmix64).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
