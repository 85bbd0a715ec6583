package handlers

import (
	"gatehouse/models"
	"gatehouse/models/limit"
)

// preset is what a new plan may begin with; owners change every number.
type preset struct {
	id, label, text string
	terms           models.Terms
}

// presets are the choices. The first one is taken unless the URL names another.
func presets() []preset {
	month := func(n int64) *limit.Quota { return &limit.Quota{Limit: n, Period: limit.PeriodMonth} }
	return []preset{
		{"free", "Free to try", "Slow, small, key at once", models.Terms{Name: "Free", Description: "To try things out.", Price: "€0 a month",
			Throttle: &limit.Throttle{Rate: 5, Burst: 10}, Quota: month(10_000), Audience: models.AudienceAnyone, Charge: models.ChargeAccepted, KeysPerApp: 1}},
		{"growth", "For production", "Fast, with a monthly quota", models.Terms{Name: "Growth", Description: "For apps in production with steady traffic.", Price: "€49 a month",
			Throttle: &limit.Throttle{Rate: 50, Burst: 100}, Quota: month(10_000_000), Audience: models.AudienceAnyone, Charge: models.ChargeAccepted, KeysPerApp: 2}},
		{"partner", "Ask first", "You approve each customer", models.Terms{Name: "Partner", Description: "For partners, with an agreement.", Price: "By agreement",
			Throttle: &limit.Throttle{Rate: 200, Burst: 400}, Audience: models.AudienceAsk, Charge: models.ChargeDelivered, KeysPerApp: 5}},
	}
}
