package handlers

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"gatehouse/templates/admin"
	"gatehouse/templates/format"
)

// actionWords says an action as people do, to stand before what it was done to: "plan.publish" is "published". One that has no words here
// is said as it is written.
func actionWords(action string) string {
	kind, verb, _ := strings.Cut(action, ".")
	for _, name := range []string{action, verb} {
		if words, ok := actionsInWords[name]; ok {
			return words
		}
	}
	return strings.NewReplacer("_", " ", ".", " ").Replace(verb) + " (" + kind + ")"
}

// actionsInWords has whole actions, and verbs that say the same of everything.
var actionsInWords = map[string]string{
	"create": "created", "update": "changed", "save": "saved", "delete": "deleted", "rename": "renamed", "enable": "enabled", "disable": "disabled",
	"look.save": "changed the look of", "publish": "published", "retire": "retired", "deploy": "deployed to", "import": "imported", "export": "exported", "rotate": "rotated", "revoke": "revoked",
	"approve": "approved", "refuse": "refused", "suspend": "suspended", "resume": "resumed", "end": "ended", "cancel": "cancelled", "move": "moved",
	"request": "requested", "use": "used", "expiry": "set the expiry of", "invitations": "changed the invitations of",
	"account.signup": "signed up as", "account.setup": "set Gatehouse up as", "account.role": "changed the role of", "account.throttle": "changed the throttle of", "account.password": "changed the password of",
	"account.email": "changed the address of", "account.verify": "confirmed the address of", "account.mail": "changed which mails go to", "backup.restore": "restored a backup of", "mail.resend": "sent again",
	"webhook.rotate": "made a new secret of", "account.invite_accept": "accepted the invitation of", "session.end": "ended sessions of", "api.import": "imported a document into", "document.bring": "brought a document for", "document.discard": "discarded the document that was brought for",
	"domain.add": "asked for the domain", "domain.remove": "removed the domain", "domain.activate": "found the proof of the domain", "domain.approve": "let in the domain", "domain.lose": "took back the domain, whose proof is gone,", "domain.expire": "forgot the domain, which nobody proved,",
	"method.add": "added a method to", "method.remove": "removed a method from", "method.key_required": "changed which methods need a key in", "method.authorizer": "changed who authorizes methods of",
	"method.change": "changed a method of", "api.path_add": "added a path to", "api.path_move": "moved a path in", "api.path_remove": "removed a path from", "api.parts": "changed models, validators or gateway responses of",
	"api.authorizer": "set the default authorizer of", "authorizer.flush": "flushed the kept answers of", "stage.point": "moved a deployment to",
	"stage.upstream": "changed the upstream of", "stage.variables": "changed the variables of", "stage.canary": "changed the canary of", "stage.canary_promote": "promoted the canary of", "stage.canary_abort": "aborted the canary of",
	"stage.headers": "changed the header rules of", "stage.cors": "changed CORS of", "stage.cache": "changed the cache of", "stage.purge": "forgot the cached answers of", "stage.flush": "forgot what authorizers said of callers of", "stage.limits": "changed the limits of", "stage.maintenance": "changed the maintenance of",
	"plan.save_draft": "saved a draft of", "plan.discard_draft": "discarded the draft of", "plan.detach": "took a deleted stage off", "plan.announce_end": "announced the end of", "plan.keep": "took back the end of", "changelog.create": "wrote", "deprecation.create": "deprecated", "deprecation.update": "changed the dates of", "deprecation.delete": "took back the deprecation of", "plan.schedule": "scheduled a version of", "plan.unschedule": "cancelled the scheduled version of", "plan.publish_failed": "could not publish the scheduled version of", "key.stop_old": "stopped the old value of", "key.stop_unused": "stopped the unused old value of",
	"tags": "changed the tags of", "plan.product_code": "changed the product code of", "key.add_to_plan": "added a plan to", "key.extend": "extended the quota of", "key.release_doubt": "released what was in doubt of", "key.remove_from_plan": "took a plan from", "plan.joining": "changed what is asked of subscribers of", "plan.ask_invitation": "asked to be let in to", "plan.invite": "invited somebody to", "plan.decline_invitation": "declined somebody for", "account.see_as": "began to see the portal as", "account.see_as_end": "stopped seeing the portal as", "override": "gave other limits to", "override_end": "gave the plan's limits again to", "subscription.change_plan": "changed the plan of",
}

// maxChanges bounds the rows that one event shows.
const maxChanges = 60

// changesOf compares what was before with what is after, value by value: "throttle.rate", 50, 80. What is equal is left out. Where only
// one side is there, everything of it is listed.
func changesOf(before, after json.RawMessage) []admin.Change {
	was, is := flatten(before), flatten(after)
	names := make([]string, 0, len(was)+len(is))
	for name := range was {
		names = append(names, name)
	}
	for name := range is {
		if _, ok := was[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return was[name] == is[name] })
	var changes []admin.Change
	for _, name := range names[:min(len(names), maxChanges)] {
		changes = append(changes, admin.Change{Name: name, Before: was[name], After: is[name]})
	}
	if more := len(names) - maxChanges; more > 0 {
		changes = append(changes, admin.Change{Name: "and more", After: format.Plural(int64(more), "value")})
	}
	return changes
}

// flatten lists the leaves of a JSON value by their dotted names.
func flatten(raw json.RawMessage) map[string]string {
	leaves := map[string]string{}
	if len(raw) == 0 {
		return leaves
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // 10000000 is not to become 1e+07
	var value any
	if decoder.Decode(&value) != nil {
		return map[string]string{"value": string(raw)}
	}
	flattenInto(leaves, "", value)
	return leaves
}

func flattenInto(leaves map[string]string, name string, value any) {
	under := func(part string) string {
		if name == "" {
			return part
		}
		return name + "." + part
	}
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			flattenInto(leaves, under(key), inner)
		}
	case []any:
		for i, inner := range v {
			flattenInto(leaves, under(strconv.Itoa(i+1)), inner)
		}
	case nil:
	case string:
		leaves[orValue(name)] = v
	case bool:
		leaves[orValue(name)] = map[bool]string{true: "yes", false: "no"}[v]
	case json.Number:
		leaves[orValue(name)] = v.String()
	}
}

func orValue(name string) string {
	if name == "" {
		return "value"
	}
	return name
}
