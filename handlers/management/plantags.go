package management

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/models"
)

// What the portal knows of a plan beyond AWS is in tags that begin with gatehouse:. They are read from the plan, so that they are true whoever changed it, and
// shown where they differ from what a plan is that is made here: then a program that knows nothing of them never sees a difference.
const (
	tagState    = models.OwnTag + "state"
	tagPrice    = models.OwnTag + "price"
	tagAudience = models.OwnTag + "audience"
	tagCharge   = models.OwnTag + "charge"
	tagKeys     = models.OwnTag + "keys-per-app"
	tagEnds     = models.OwnTag + "ends"
	tagExcluded = models.OwnTag + "excluded:" // api:stage follows
)

const planTagNames = tagState + ", " + tagPrice + ", " + tagAudience + ", " + tagCharge + ", " + tagKeys + ", " + tagEnds + ", " + tagExcluded + "{apiId}:{stage}"

// planTags are all tags of a plan.
func planTags(d models.PlanDetail) models.ResourceTags {
	tags := maps.Clone(d.Tags)
	if tags == nil {
		tags = models.ResourceTags{}
	}
	terms := d.Shown()
	put := func(name, value, usual string) {
		if value != usual {
			tags[name] = value
		}
	}
	put(tagState, string(d.State), string(models.PlanPublished))
	put(tagPrice, terms.Price, "")
	put(tagAudience, string(terms.Audience), string(models.AudienceInvited))
	put(tagCharge, string(terms.Charge), string(models.ChargeAccepted))
	put(tagKeys, strconv.Itoa(terms.KeysPerApp), "1")
	if !d.EndsAt.IsZero() && d.State != models.PlanEnded {
		tags[tagEnds] = d.EndsAt.UTC().Format(time.RFC3339Nano)
	}
	for _, s := range terms.Stages {
		st := d.Stages[s.StageID]
		var names []string
		for _, m := range st.Methods {
			if slices.Contains(s.Excluded, m.ID) {
				names = append(names, m.Verb+" "+m.Path)
			}
		}
		put(tagExcluded+st.APIID.String()+":"+st.StageName, strings.Join(names, ", "), "")
	}
	return tags
}

// putPlanTags sets tags of a plan that is being changed, or made.
func putPlanTags(e *models.PlanEdit, tags map[string]string, isNew bool) error {
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		value := tags[name]
		if !strings.HasPrefix(name, models.OwnTag) {
			e.Tags[name] = value
			continue
		}
		if err := putPlanTag(e, name, value, isNew); err != nil {
			return err
		}
	}
	return e.Tags.Check()
}

// removePlanTags takes tags off a plan; what one of Gatehouse's said becomes as usual.
func removePlanTags(e *models.PlanEdit, names []string) error {
	usual := map[string]string{tagState: string(models.PlanPublished), tagAudience: string(models.AudienceInvited), tagCharge: string(models.ChargeAccepted), tagKeys: "1"}
	for _, name := range names {
		delete(e.Tags, name)
		if !strings.HasPrefix(name, models.OwnTag) {
			continue
		}
		if err := putPlanTag(e, name, usual[name], false); err != nil {
			return err
		}
	}
	return nil
}

func putPlanTag(e *models.PlanEdit, name, value string, isNew bool) (err error) {
	switch name {
	case tagState:
		states := []string{string(models.PlanDraft), string(models.PlanPublished), string(models.PlanRetired), string(models.PlanEnded)}
		if isNew {
			states = states[:2]
		}
		value, err = oneOfTag(name, value, states...)
		e.State = models.PlanState(value)
	case tagPrice:
		e.Terms.Price = value
	case tagAudience:
		value, err = oneOfTag(name, value, string(models.AudienceAnyone), string(models.AudienceAsk), string(models.AudienceInvited))
		e.Terms.Audience = models.Audience(value)
	case tagCharge:
		value, err = oneOfTag(name, value, string(models.ChargeAccepted), string(models.ChargeDelivered))
		e.Terms.Charge = models.Charge(value)
	case tagKeys:
		n, parseErr := strconv.Atoi(value)
		if parseErr != nil || n < 1 || n > models.MaxKeysPerApp {
			return badTag(name, value, fmt.Sprintf("1 to %d", models.MaxKeysPerApp))
		}
		e.Terms.KeysPerApp = n
	case tagEnds:
		e.EndsAt, err = readEnd(value)
	default:
		ref, ok := strings.CutPrefix(name, tagExcluded)
		if !ok {
			return badRequest("There is no tag %s. Of a usage plan there are: %s.", name, planTagNames)
		}
		err = exclude(e, ref, value)
	}
	return err
}

func badTag(name, value, possible string) error {
	return badRequest("The tag %s cannot be '%s'. Possible: %s.", name, value, possible)
}

func oneOfTag(name, value string, possible ...string) (string, error) {
	if !slices.Contains(possible, value) {
		return value, badTag(name, value, strings.Join(possible, ", "))
	}
	return value, nil
}

// readEnd reads when a plan ends; nothing: never.
func readEnd(value string) (at time.Time, err error) {
	if value == "" {
		return at, nil
	}
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err = time.Parse(form, value); err == nil {
			return at.UTC(), nil
		}
	}
	return at, badTag(tagEnds, value, "a day such as 2030-12-31, or an instant such as 2030-12-31T12:00:00Z")
}

// exclude leaves methods of a stage out, "GET /pets, POST /pets"; nothing: none.
func exclude(e *models.PlanEdit, ref, value string) error {
	s, st, err := stageIn(e, ref)
	if err != nil {
		return err
	}
	s.Excluded = nil
	for one := range strings.SplitSeq(value, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		verb, path, _ := strings.Cut(one, " ")
		m, err := methodIn(st, strings.TrimSpace(path), verb)
		if err != nil {
			return err
		}
		if !slices.Contains(s.Excluded, m.ID) {
			s.Excluded = append(s.Excluded, m.ID)
		}
	}
	slices.Sort(s.Excluded)
	return nil
}
