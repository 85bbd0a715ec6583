package handlers

import (
	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/ui"
)

// This file holds the addresses, words and answers that the owner's pages share.

func ownerAPIPath(id models.APIID) string   { return "/owner/apis/" + id.String() }
func ownerPlanPath(id models.PlanID) string { return "/owner/plans/" + id.String() }
func ownerKeyPath(id models.KeyID) string   { return "/owner/keys/" + id.String() }
func ownerSubscriptionPath(id models.SubscriptionID) string {
	return "/owner/subscriptions/" + id.String()
}
func ownerStagePath(api models.APIID, id models.StageID) string {
	return ownerAPIPath(api) + "/stages/" + id.String()
}

func planBadge(p models.Plan) ui.BadgeProps {
	switch p.State {
	case models.PlanPublished:
		return ui.BadgeProps{Kind: ui.OK, Text: "Published"}
	case models.PlanRetired:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Retired"}
	case models.PlanEnded:
		return ui.BadgeProps{Kind: ui.Plain, Text: "Ended"}
	default:
		return ui.BadgeProps{Kind: ui.Acc, Text: "Draft"}
	}
}

func ownerSubscriptionBadge(s models.SubscriptionState) ui.BadgeProps {
	switch s {
	case models.SubscriptionPending:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waiting"}
	case models.SubscriptionActive:
		return ui.BadgeProps{Kind: ui.OK, Text: "Active"}
	case models.SubscriptionSuspended:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Suspended"}
	case models.SubscriptionRefused:
		return ui.BadgeProps{Kind: ui.Plain, Text: "Refused"}
	default:
		return ui.BadgeProps{Kind: ui.Plain, Text: "Ended"}
	}
}

func ownerMemberBadge(m models.MembershipState) ui.BadgeProps {
	switch m {
	case models.MemberPending:
		return ui.BadgeProps{Kind: ui.Warn, Text: "Waits for approval"}
	case models.MemberSuspended:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Suspended"}
	case models.MemberBlocked:
		return ui.BadgeProps{Kind: ui.Bad, Text: "Disabled by you"}
	case models.MemberEnded:
		return ui.BadgeProps{Kind: ui.Plain, Text: "Plan ended"}
	default:
		return ui.BadgeProps{Kind: ui.OK, Text: "Active"}
	}
}

// count writes a number with its noun: "31 keys", "1 key".
func count(n int, noun string) string { return format.Plural(int64(n), noun) }

// ownerDone ends an action without a form of its own: a refusal is told on the page that it came from.
func ownerDone(r *Request, err error, back, forward, message string) (Reply, error) {
	if refused := NewForm(); refused.Accept(err) {
		return r.Sorry(back, models.Sentence(err)), nil
	}
	if err != nil {
		return Reply{}, err
	}
	return r.Done(forward, message), nil
}
