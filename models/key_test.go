package models_test

import (
	"testing"
	"time"

	"gatehouse/models"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func TestTheWorstStateOfAKeyIsShown(t *testing.T) {
	past, future := noon.Add(-time.Hour), noon.Add(time.Hour)
	for _, c := range []struct {
		want models.KeyStatus
		key  models.Key
	}{
		{models.KeyActive, models.Key{Enabled: true}},
		{models.KeyActive, models.Key{Enabled: true, OldStopsAt: past, ExpiresAt: future}},
		{models.KeyRotating, models.Key{Enabled: true, OldStopsAt: future}},
		{models.KeyDisabled, models.Key{OldStopsAt: future}},
		{models.KeyExpired, models.Key{ExpiresAt: past}},
		{models.KeyExpired, models.Key{Enabled: true, ExpiresAt: noon}},
		{models.KeyRevoked, models.Key{Enabled: true, ExpiresAt: past, RevokedAt: past}},
	} {
		if got := c.key.Status(noon); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.key, got, c.want)
		}
	}
}

func TestExpiryLiesInTheNextTenYears(t *testing.T) {
	for _, c := range []struct {
		at time.Time
		ok bool
	}{
		{time.Time{}, true}, {noon.Add(time.Second), true}, {noon.AddDate(10, 0, 0), true},
		{noon, false}, {noon.Add(-time.Second), false}, {noon.AddDate(10, 0, 1), false},
	} {
		if err := models.CheckExpiry(c.at, noon); (err == nil) != c.ok {
			t.Errorf("%v: got %v", c.at, err)
		}
	}
}

// The whole table of decisions: what is not listed is refused, and final states stay final.
func TestSubscriptionStates(t *testing.T) {
	states := []models.SubscriptionState{models.SubscriptionPending, models.SubscriptionActive, models.SubscriptionSuspended,
		models.SubscriptionRefused, models.SubscriptionEnded}
	want := map[models.Decision]map[models.SubscriptionState]models.SubscriptionState{
		models.Approve: {models.SubscriptionPending: models.SubscriptionActive},
		models.Refuse:  {models.SubscriptionPending: models.SubscriptionRefused},
		models.Suspend: {models.SubscriptionActive: models.SubscriptionSuspended},
		models.Resume:  {models.SubscriptionSuspended: models.SubscriptionActive},
		models.End: {models.SubscriptionPending: models.SubscriptionEnded, models.SubscriptionActive: models.SubscriptionEnded,
			models.SubscriptionSuspended: models.SubscriptionEnded},
		"unknown": {},
	}
	for decision, steps := range want {
		for _, state := range states {
			got, err := models.Subscription{State: state}.Decide(decision, "because")
			if got != steps[state] || (err == nil) != (steps[state] != "") {
				t.Errorf("%s of %s: got %q, %v", decision, state, got, err)
			}
			if err != nil && models.KindOf(err) != models.KindConflict {
				t.Errorf("%s of %s: %v is no conflict", decision, state, err)
			}
		}
	}
	if _, err := (models.Subscription{State: models.SubscriptionPending}).Decide(models.Refuse, ""); models.KindOf(err) != models.KindInvalid {
		t.Errorf("a refusal without a reason: %v", err)
	}
}

func TestStateOfAMembership(t *testing.T) {
	for _, c := range []struct {
		subscription models.SubscriptionState
		blocked      bool
		want         models.MembershipState
	}{
		{"", false, models.MemberActive},
		{models.SubscriptionActive, false, models.MemberActive},
		{models.SubscriptionPending, false, models.MemberPending},
		{models.SubscriptionSuspended, false, models.MemberSuspended},
		{models.SubscriptionEnded, false, models.MemberEnded},
		{models.SubscriptionActive, true, models.MemberBlocked},
		{"", true, models.MemberBlocked},
	} {
		if got := models.MemberState(c.subscription, c.blocked); got != c.want {
			t.Errorf("%q, blocked %t: got %s, want %s", c.subscription, c.blocked, got, c.want)
		}
	}
}

func TestDeadKeysAreNotRotated(t *testing.T) {
	for _, c := range []struct {
		key  models.Key
		want models.Kind
	}{
		{models.Key{Enabled: true}, models.KindNone},
		{models.Key{}, models.KindNone}, // a disabled key may be rotated: that is how a leak is answered
		{models.Key{Enabled: true, ExpiresAt: noon}, models.KindConflict},
		{models.Key{Enabled: true, RevokedAt: noon}, models.KindConflict},
	} {
		if got := models.KindOf(c.key.CheckRotate(noon)); got != c.want {
			t.Errorf("%+v: got kind %d, want %d", c.key, got, c.want)
		}
	}
}

func TestOverlapsAreTheOnesThatPeopleChooseFrom(t *testing.T) {
	for _, o := range []models.Overlap{models.OverlapNone, models.OverlapHour, models.OverlapDay, models.OverlapWeek} {
		if err := o.Check(); err != nil {
			t.Errorf("%v: %v", time.Duration(o), err)
		}
	}
	for _, o := range []models.Overlap{-1, models.Overlap(time.Minute), models.Overlap(30 * 24 * time.Hour)} {
		if o.Check() == nil {
			t.Errorf("%v was accepted", time.Duration(o))
		}
	}
}
