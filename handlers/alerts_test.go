package handlers

import (
	"testing"

	"gatehouse/models"
)

// TestAlertsSayTheirLevelsAsASentence: each with its unit, the last one after an "and".
func TestAlertsSayTheirLevelsAsASentence(t *testing.T) {
	for want, l := range map[string]models.Alert{
		"A key has used 80 % and 100 % of its quota":       {Kind: models.AlertQuota, Levels: []int64{80, 100}},
		"A key has used 50 %, 80 % and 100 % of its quota": {Kind: models.AlertQuota, Levels: []int64{50, 80, 100}},
		"5 % of requests are throttled, over 60 minutes":   {Kind: models.AlertThrottled, Levels: []int64{5}, Minutes: 60},
		"A key expires in 14 and 3 days":                   {Kind: models.AlertExpiring, Levels: []int64{14, 3}},
		"A key expires in 1 day":                           {Kind: models.AlertExpiring, Levels: []int64{1}},
		"A key is not used for 30 days":                    {Kind: models.AlertUnused, Levels: []int64{30}},
	} {
		if got := alertTitle(l); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
