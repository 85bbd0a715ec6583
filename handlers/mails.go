package handlers

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/mail"
)

// Mails writes what notices say. Links in them are the public URL's, whatever a request called the host.
type Mails struct {
	Product   func(ctx context.Context) string // the portal's name; nil: Gatehouse
	PublicURL string
	// Digest is a keyed hash: it signs the links that end mails.
	Digest func(text string) [32]byte
}

// Write makes the mail of a delivery.
func (m *Mails) Write(ctx context.Context, d models.Delivery) (models.Mail, error) {
	lead := d.Messages[0]
	ctx = format.InZone(ctx, d.To.Location())
	v := m.view(ctx, d.Messages)
	out := models.Mail{ID: lead.ID.String(), To: d.To, Subject: oneLine(v.Title)}
	topic := lead.Kind.Type().Topic
	v.Why = "You get this mail because of your account at " + v.Product + ", " + d.To.Email + "."
	if d.To.Account == 0 {
		v.Why = "You get this mail because somebody entered this address at " + v.Product + "."
	} else if topic != models.TopicAccount {
		out.Unsubscribe = m.PublicURL + "/unsubscribe/" + m.token(d.To.Account, topic)
		v.Links = []mail.Link{{Label: "No more mails about " + topicName(topic), URL: out.Unsubscribe}, {Label: "Choose which mails you get", URL: m.PublicURL + "/me/mails"}}
	}
	var html bytes.Buffer
	if err := mail.Page(v).Render(ctx, &html); err != nil {
		return models.Mail{}, fmt.Errorf("write mail: %w", err)
	}
	out.HTML, out.Text = html.String(), mail.Text(v)
	return out, nil
}

// moment is a time in words, in the reader's zone.
type moment func(time.Time) string

// view is what a delivery says: the one thing, or the list of several.
func (m *Mails) view(ctx context.Context, messages []models.Message) mail.View {
	at := func(t time.Time) string { return format.DateTime(format.Local(ctx, t)) }
	product := "Gatehouse"
	if m.Product != nil {
		product = m.Product(ctx)
	}
	v := m.words(messages[0], product, at)
	if len(messages) > 1 {
		first := v
		v = mail.View{Title: fmt.Sprintf("%s, and %d more", first.Title, len(messages)-1), Lines: []string{"This happened within an hour or so."}}
		for _, message := range messages {
			w := m.words(message, product, at)
			item := mail.Item{Title: w.Title, URL: w.Button.URL}
			if len(w.Lines) > 0 {
				item.Text = w.Lines[0]
			}
			v.Items = append(v.Items, item)
		}
		v.Preheader = first.Title
	}
	v.Product = product
	if v.Preheader == "" && len(v.Lines) > 0 {
		v.Preheader = v.Lines[0]
	}
	return v
}

// token names an account and a topic in a link that needs no signing in.
func (m *Mails) token(account models.AccountID, topic models.Topic) string {
	text := account.String() + "." + string(topic)
	sum := m.Digest("unsubscribe " + text)
	return text + "." + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// readToken returns what a token names; ok is false for one that was not made here.
func (m *Mails) readToken(token string) (account models.AccountID, topic models.Topic, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0, "", false
	}
	account, err := models.ParseID[models.Account](parts[0])
	topic = models.Topic(parts[1])
	if err != nil || subtle.ConstantTimeCompare([]byte(token), []byte(m.token(account, topic))) == 0 {
		return 0, "", false
	}
	return account, topic, true
}

func topicName(t models.Topic) string {
	switch t {
	case models.TopicSubscriptions:
		return "subscriptions"
	case models.TopicKeys:
		return "keys"
	case models.TopicUsage:
		return "usage and quotas"
	case models.TopicPlans:
		return "changes of plans and APIs"
	case models.TopicWork:
		return "imports and webhooks"
	case models.TopicWeek:
		return "the week of your APIs"
	}
	return "your account"
}

// oneLine is a title as a header field may have it: people choose names of apps and plans.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u00a0' || r == '\u202f' }), " ")
}

// words is what one message says.
func (m *Mails) words(message models.Message, product string, at moment) mail.View {
	d := message.Data
	var v mail.View
	switch message.Kind {
	case models.NoticeVerify, models.NoticeReset, models.NoticeInvite, models.NoticeMoved:
		v = accountMail(message.Kind, d, product, at)
	case models.NoticeSubscriptionAsked, models.NoticeSubscriptionApproved, models.NoticeSubscriptionRefused, models.NoticeSubscriptionChanged, models.NoticeSubscriptionEnded:
		v = subscriptionMail(message.Kind, d)
	case models.NoticeInvitationAsked, models.NoticeInvitationApproved, models.NoticeInvitationRefused:
		v = waitingMail(message.Kind, d)
	case models.NoticeLimits:
		v = limitsMail(d, at)
	case models.NoticeKeyRotated, models.NoticeKeyRevoked, models.NoticeKeyExpiring, models.NoticeKeyExpired, models.NoticeKeyUnused, models.NoticeKeyBlocked:
		v = keyMail(message.Kind, d, at)
	case models.NoticeQuota, models.NoticeThrottled, models.NoticeErrors:
		v = usageMail(message.Kind, d, at)
	case models.NoticeWeek:
		v = m.weekMail(d, product, at)
	case models.NoticeImportEnded:
		v = importMail(d)
	case models.NoticePlanFailed:
		v = mail.View{Title: "The scheduled version of " + d.Plan + " did not come into force", Button: mail.Link{Label: "Open the draft"},
			Lines: []string{"It was to come into force on " + at(d.At) + ". " + d.Reason, "It is a draft again, and the plan goes on as it is. Who was told of the change is told that it does not come."}}
	case models.NoticeCertificate:
		v = certificateMail(d, at)
	case models.NoticeWebhookDisabled:
		v = mail.View{Title: "A webhook was disabled", Lines: []string{"Nothing is sent to " + d.Name + " any more.", d.Reason}, After: []string{"Mend what is behind the address, enable the webhook on its page, and send again what it missed."}}
	default:
		v = mail.View{Title: d.Title, Lines: d.Lines}
	}
	if v.Button.Label == "" {
		v.Button.Label = "Open in " + product
	}
	switch {
	case d.Link != "":
		v.Button.URL = m.PublicURL + d.Link
	case d.Href != "":
		v.Button.URL = m.PublicURL + d.Href
	case message.Forgotten:
		v.After = append(v.After, "What this mail said is not kept any more.")
	}
	return v
}

func accountMail(kind models.NoticeKind, d models.NoticeData, product string, at moment) mail.View {
	switch kind {
	case models.NoticeVerify:
		return mail.View{Title: "Confirm your e-mail address", Lines: []string{"This address was entered for an account at " + product + ". Confirm that it is yours, so that mails about your keys and plans reach you."},
			Button: mail.Link{Label: "Confirm address"}, After: []string{"The link works once, until " + at(d.At) + ". If you did not enter the address, do nothing."}}
	case models.NoticeReset:
		return mail.View{Title: "Choose a new password", Lines: []string{"Somebody asked for a new password for your account at " + product + "."},
			Button: mail.Link{Label: "Choose a password"}, After: []string{"The link works once, until " + at(d.At) + ". If you did not ask for it, do nothing: your password stays as it is."}}
	}
	if kind == models.NoticeMoved {
		return mail.View{Title: "Your account has another address", Lines: []string{"Your account at " + product + " is reached at " + d.Email + " from now on. Nothing more is sent here."},
			Button: mail.Link{Label: "Password forgotten"}, After: []string{"If you did not change it, tell the people who run " + product + " at once."}}
	}
	role, _ := models.ParseRole(d.Role) // an invitation has one
	return mail.View{Title: "You are invited to " + product, Lines: []string{roleWords(role)}, Button: mail.Link{Label: "Make your account"},
		After: []string{"The link works once, until " + at(d.At) + "."}}
}

func subscriptionMail(kind models.NoticeKind, d models.NoticeData) mail.View {
	v := mail.View{Quote: d.Reason}
	switch kind {
	case models.NoticeSubscriptionAsked:
		v = mail.View{Title: d.App + " asks for " + d.Plan, Lines: []string{personWords(d) + " asks to put the app " + d.App + " on your plan " + d.Plan + ". Its key answers 403 until you decide."},
			Quote: d.Message, Button: mail.Link{Label: "Decide"}}
		if d.State == string(models.SubscriptionActive) {
			v.Title, v.Button.Label = d.App+" is on "+d.Plan, "Open subscription"
			v.Lines = []string{personWords(d) + " put the app " + d.App + " on your plan " + d.Plan + "."}
		}
	case models.NoticeSubscriptionApproved:
		v.Title, v.Lines = d.App+" is on "+d.Plan, []string{"Your request was approved. The keys of " + d.App + " work from now on, as they are."}
	case models.NoticeSubscriptionRefused:
		v.Title, v.Lines = d.App+" is not put on "+d.Plan, []string{"Your request was refused. You may ask again, or choose another plan."}
	case models.NoticeSubscriptionEnded:
		v.Title, v.Lines = d.App+" is not on "+d.Plan+" any more", []string{"The subscription has ended. Keys of " + d.App + " cannot call with it any more."}
	default:
		v.Title, v.Lines = d.App+" on "+d.Plan+" has changed", []string{"The subscription is now: " + d.State + "."}
		switch models.SubscriptionState(d.State) {
		case models.SubscriptionSuspended:
			v.Title, v.Lines = d.App+" on "+d.Plan+" is suspended", []string{"Keys of " + d.App + " are refused on this plan until its owner resumes the subscription."}
		case models.SubscriptionActive:
			v.Title, v.Lines = d.App+" on "+d.Plan+" goes on", []string{"Keys of " + d.App + " work on this plan."}
		}
	}
	if d.API != "" {
		v.Facts = append(v.Facts, mail.Fact{Term: "API", Text: d.API})
	}
	return v
}

// waitingMail is of the waiting list of a plan by invitation.
func waitingMail(kind models.NoticeKind, d models.NoticeData) mail.View {
	v := mail.View{Quote: d.Reason}
	switch kind {
	case models.NoticeInvitationAsked:
		v = mail.View{Title: orWords(d.Name, d.Email) + " asks to be let in to " + d.Plan, Lines: []string{personWords(d) + " waits to be invited to your plan " + d.Plan + "."}, Quote: d.Message, Button: mail.Link{Label: "Decide"}}
	case models.NoticeInvitationApproved:
		v.Title, v.Lines = "You are let in to "+d.Plan, []string{"The owner of the plan " + d.Plan + " invites you. It stands among the plans of the API now, for your apps to subscribe to."}
		v.Button.Label = "See the plan"
	default:
		v.Title, v.Lines = "You are not let in to "+d.Plan, []string{"The owner of the plan " + d.Plan + " declined. You may ask again, or choose another plan."}
	}
	if d.API != "" {
		v.Facts = append(v.Facts, mail.Fact{Term: "API", Text: d.API})
	}
	return v
}

// limitsMail is of limits that an owner gave a key, or each key of an app, in place of the plan's.
func limitsMail(d models.NoticeData, at moment) mail.View {
	whose, each := d.Key, "The key "+d.Key
	v := mail.View{Quote: d.Reason, Facts: []mail.Fact{{Term: "Plan", Text: d.Plan}, {Term: "App", Text: d.App}}}
	if d.Key == "" {
		whose, each = d.App, "Each key of "+d.App
	} else {
		v.Facts = append([]mail.Fact{{Term: "Key", Text: d.Key + "  " + d.KeyHint}}, v.Facts...)
	}
	switch d.State {
	case models.LimitsExtended:
		change := format.Requests(d.Extra) + " more"
		if d.Extra < 0 {
			change = format.Requests(-d.Extra) + " fewer"
		}
		v.Title = whose + " has " + change + " on " + d.Plan
		v.Lines = []string{fmt.Sprintf("%s has %s in all until %s. Then the quota is as it was.", each, format.Requests(d.Limit), at(d.To))}
		return v
	case models.LimitsEnded:
		v.Title, v.Lines = whose+" has the limits of "+d.Plan+" again", []string{each + " has had limits of its own. From the next request on those of the plan hold."}
	default:
		v.Title, v.Lines = whose+" has other limits on "+d.Plan, []string{each + " has limits of its own on the plan " + d.Plan + ". They hold from the next request on."}
		if !d.At.IsZero() {
			v.Lines = append(v.Lines, "They end on "+at(d.At)+"; then those of the plan hold.")
		}
	}
	v.Facts = append(v.Facts, mail.Fact{Term: "Rate", Text: throttleWords(d.Throttle)}, mail.Fact{Term: "Quota", Text: quotaWords(d.Quota)})
	return v
}

// personWords is the other party.
func personWords(d models.NoticeData) string {
	if d.Name == "" {
		return d.Email
	}
	return d.Name + " (" + d.Email + ")"
}

func certificateMail(d models.NoticeData, at moment) mail.View {
	v := mail.View{Title: "The client certificate " + d.Name + " ends in " + format.Plural(max(1, d.Level), "day"), Facts: []mail.Fact{{Term: "Shown by", Text: d.API}}, Button: mail.Link{Label: "Open certificate"},
		Lines: []string{"It holds until " + at(d.At) + ". From then on upstreams that look at it refuse the gateway, and calls get 502."},
		After: []string{"Make or bring a new one, give it to the people of the upstream, and choose it on the stage's upstream page."}}
	if d.Level == 0 {
		v.Title = "The client certificate " + d.Name + " has ended"
		v.Lines = []string{"It held until " + at(d.At) + ". Upstreams that look at it refuse the gateway, and calls get 502."}
	}
	return v
}

func keyMail(kind models.NoticeKind, d models.NoticeData, at moment) mail.View {
	v := mail.View{Facts: []mail.Fact{{Term: "Key", Text: d.Key + "  " + d.KeyHint}}}
	if d.App != "" {
		v.Facts = append(v.Facts, mail.Fact{Term: "App", Text: d.App})
	}
	if d.Actor != "" {
		v.Facts = append(v.Facts, mail.Fact{Term: "By", Text: d.Actor})
	}
	switch kind {
	case models.NoticeKeyRotated:
		v.Title, v.Lines = "The key "+d.Key+" has a new value", []string{"The value before it works until " + at(d.At) + ". Its limits and counts stay."}
		v.After = []string{"If nobody of yours did this, revoke the key now."}
	case models.NoticeKeyRevoked:
		v.Title, v.Lines = "The key "+d.Key+" was revoked", []string{"Requests with it are refused from now on, for good."}
	case models.NoticeKeyExpiring:
		v.Title = "The key " + d.Key + " expires in " + format.Plural(max(1, d.Level), "day")
		v.Lines = []string{"It works until " + at(d.At) + ". Give it a later expiry, or make a new key and let your programs use that one."}
		v.Button.Label = "Open key"
	case models.NoticeKeyBlocked:
		v.Facts = append(v.Facts, mail.Fact{Term: "Plan", Text: d.Plan})
		v.Title, v.Lines = "The key "+d.Key+" is blocked on "+d.Plan, []string{"The owner of the plan blocked this key. Its requests are refused there until the owner lets it call again."}
		if d.State == models.KeyWasLetIn {
			v.Title, v.Lines = "The key "+d.Key+" may call on "+d.Plan+" again", []string{"The owner of the plan lets this key call again."}
		}
	case models.NoticeKeyExpired:
		v.Title, v.Lines = "The key "+d.Key+" has expired", []string{"Requests with it are refused since " + at(d.At) + ". With a later expiry it works again."}
	default:
		used := "It was never used."
		if !d.LastUsed.IsZero() {
			used = "It was last used on " + at(d.LastUsed) + "."
		}
		v.Title, v.Lines = "The key "+d.Key+" is not used", []string{used + " A key that nobody needs is best revoked."}
	}
	return v
}

func usageMail(kind models.NoticeKind, d models.NoticeData, at moment) mail.View {
	v := mail.View{}
	for _, f := range []mail.Fact{{Term: "Key", Text: strings.TrimSpace(d.Key + "  " + d.KeyHint)}, {Term: "App", Text: d.App}, {Term: "Plan", Text: d.Plan}, {Term: "API", Text: d.API}} {
		if f.Text != "" {
			v.Facts = append(v.Facts, f)
		}
	}
	span := at(d.From) + " to " + at(d.To)
	switch kind {
	case models.NoticeQuota:
		v.Title = fmt.Sprintf("%s has used %d %% of its quota", d.Key, d.Used*100/max(1, d.Limit)) // by now: more than the level, where it came fast
		v.Lines = []string{fmt.Sprintf("%s of %s requests on %s are used. The count begins anew on %s.", format.Count(d.Used), format.Count(d.Limit), d.Plan, at(d.To))}
		if d.Used >= d.Limit {
			v.Title = d.Key + " has used its quota up"
			v.Lines[0] = fmt.Sprintf("All %s requests on %s are used. Requests get 429 until %s.", format.Count(d.Limit), d.Plan, at(d.To))
		}
		v.Button.Label = "See usage"
	case models.NoticeThrottled:
		v.Button.Label = "See usage"
		if d.Minutes > 0 {
			v.Title = fmt.Sprintf("Throttled in %s of an hour: %s", format.Plural(d.Minutes, "minute"), d.Name)
			v.Lines = []string{fmt.Sprintf("In %s some requests came faster than the limits allow: %s of %s got 429, from %s.", format.Plural(d.Minutes, "minute"), format.Count(d.Refused), format.Count(d.Requests), span)}
			return v
		}
		v.Title = fmt.Sprintf("%s of %s requests are throttled", format.PercentOf(d.Refused, d.Requests), d.Name)
		v.Lines = []string{fmt.Sprintf("%s of %s requests came faster than the limits allow and got 429, from %s.", format.Count(d.Refused), format.Count(d.Requests), span)}
	default:
		v.Title = fmt.Sprintf("%s of the answers to %s are errors", format.PercentOf(d.Failed, d.Requests), d.Name)
		v.Lines = []string{fmt.Sprintf("%s of %s requests failed at the API (5xx, unreachable or too slow), from %s.", format.Count(d.Failed), format.Count(d.Requests), span)}
		v.Button.Label = "See usage"
	}
	return v
}

func importMail(d models.NoticeData) mail.View {
	name := orWords(d.Name, "pasted keys")
	v := mail.View{Title: "The import of " + name + " is done", Facts: []mail.Fact{{Term: "New keys", Text: format.Count(d.Created)}, {Term: "Changed keys", Text: format.Count(d.Updated)}, {Term: "Lines with mistakes", Text: format.Count(d.Bad)}},
		Lines: []string{"All its keys work."}, Button: mail.Link{Label: "Open import"}}
	if d.State != string(models.ImportDone) {
		v.Title, v.Lines = "The import of "+name+" has failed", []string{"None of its keys works. " + d.Reason}
	}
	return v
}

func orWords(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
