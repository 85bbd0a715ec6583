package handlers

import (
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// This file says in a badge and a sentence how keys, memberships and subscriptions stand.

// keyStatus is a key's state in a badge. What its plans say of it counts too: a key that may call nothing is not active.
func keyStatus(k models.Key, memberships []models.Membership, now time.Time) ui.BadgeProps {
	switch k.Status(now) {
	case models.KeyRevoked:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Revoked"}
	case models.KeyExpired:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Expired"}
	case models.KeyDisabled:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Disabled"}
	}
	going := goingOn(memberships)
	in := func(s models.MembershipState) bool {
		return slices.ContainsFunc(going, func(m models.Membership) bool { return m.State == s })
	}
	switch {
	case len(memberships) == 0:
		return ui.BadgeProps{Kind: ui.Warn, Text: "On no plan"}
	case len(going) == 0:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Plan ended"}
	case in(models.MemberActive) && k.Status(now) == models.KeyRotating:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Rotating"}
	case in(models.MemberActive):
		return ui.BadgeProps{Kind: ui.OK, Text: "Active"}
	case in(models.MemberPending):
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waiting"}
	case in(models.MemberBlocked):
		return ui.BadgeProps{Kind: ui.Bad, Text: "Blocked"}
	}
	return ui.BadgeProps{Kind: ui.Bad, Text: "Suspended"}
}

// goingOn are the memberships of plans that have not ended.
func goingOn(memberships []models.Membership) (out []models.Membership) {
	for _, m := range memberships {
		if m.State != models.MemberEnded {
			out = append(out, m)
		}
	}
	return out
}

// memberState is the state of a key on a plan, with what it means; the text is empty while calls pass.
func memberState(s models.MembershipState) (ui.BadgeProps, string) {
	switch s {
	case models.MemberPending:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waiting"}, "The owner has not approved the subscription yet. Calls get 403 until then; nothing else is needed from you."
	case models.MemberSuspended:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Suspended"}, "The owner suspended the subscription: calls get 403. Ask the owner what is needed."
	case models.MemberBlocked:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Blocked"}, "The owner blocked this key on the plan: calls get 403. Other keys of the app go on. Ask the owner what is needed."
	}
	if s == models.MemberEnded {
		return ui.BadgeProps{Kind: ui.Plain, Text: "Plan ended"}, "The plan has ended: calls get 403. What was used of it stays on record."
	}
	return ui.BadgeProps{Kind: ui.OK, Text: "Active"}, ""
}

// subscriptionState is a subscription's state in a badge.
func subscriptionState(s models.SubscriptionState) ui.BadgeProps {
	switch s {
	case models.SubscriptionActive:
		return ui.BadgeProps{Kind: ui.OK, Text: "Active"}
	case models.SubscriptionPending:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waiting for approval"}
	case models.SubscriptionSuspended:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Suspended"}
	case models.SubscriptionRefused:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Refused"}
	}
	return ui.BadgeProps{Kind: ui.Plain, Text: "Ended"}
}

// endWords says that a plan ends, and what that means; "" where no end is announced or where it is over.
func endWords(ends, now time.Time) string {
	if ends.IsZero() || !now.Before(ends) {
		return ""
	}
	return "ends on " + format.DateTime(ends.In(now.Location())) + ", " + format.Ago(ends, now) + ": its keys get 403 from then on"
}

// subscriptionWords says why a subscription that is not active lets nothing through, and what to do.
func subscriptionWords(s models.SubscriptionRow, now time.Time) string {
	reason := ""
	if s.Reason != "" {
		reason = " Reason: " + strings.TrimRight(s.Reason, ".") + "."
	}
	switch s.State {
	case models.SubscriptionPending:
		return "Asked " + format.Ago(s.RequestedAt, now) + ". The keys answer 403 until the owner approves; nothing else is needed from you."
	case models.SubscriptionSuspended:
		return "The owner suspended this subscription; its keys get 403." + reason
	case models.SubscriptionRefused:
		return "The owner refused this request." + reason + " You may ask again, or choose another plan."
	case models.SubscriptionEnded:
		return "This subscription has ended." + reason
	}
	return ""
}
