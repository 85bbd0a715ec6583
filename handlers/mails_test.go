package handlers_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/limit"
)

// everyNotice has data such as the store puts into the notices of each kind.
func everyNotice(now time.Time) map[models.NoticeKind][]models.NoticeData {
	subscription := models.NoticeData{Plan: "Growth", App: "Acme <Shop>", API: "Echo API", State: "pending", Message: "We launch on Monday.\nMay we?", Email: "nora@example.com", Name: "Nora Ödegård", Href: "/owner/subscriptions/sub0000000"}
	decided := models.NoticeData{Plan: "Growth", App: "Acme", API: "Echo API", State: "suspended", Reason: "Too many errors.", Href: "/subscriptions/sub0000000"}
	key := models.NoticeData{Key: "ios", KeyHint: "gwk1…8Pz2", App: "Acme", Plan: "Growth", Actor: "nora@example.com", Href: "/keys/k3y0000000", At: now.Add(24 * time.Hour), Level: 3}
	limits := key
	limits.State, limits.Reason, limits.Throttle, limits.Quota = models.LimitsSet, "A launch", &limit.Throttle{Rate: 80, Burst: 160}, &limit.Quota{Limit: 50_000, Period: limit.PeriodMonth}
	ended, extended, blocked, ofApp := limits, key, key, limits
	ended.State, extended.State, extended.Extra, extended.Limit, extended.To, blocked.State = models.LimitsEnded, models.LimitsExtended, 500, 10_500, now.AddDate(0, 0, 20), models.KeyWasBlocked
	ofApp.Key, ofApp.KeyHint = "", ""
	used := key
	used.Level, used.Used, used.Limit, used.To = 80, 80_012, 100_000, now.AddDate(0, 0, 12)
	share := models.NoticeData{Name: "your keys", Level: 20, Requests: 4120, Refused: 1030, From: now.Add(-15 * time.Minute), To: now, Href: "/usage"}
	minutes := share
	minutes.Minutes, minutes.Level = 41, 41
	failed := share
	failed.Refused, failed.Failed = 0, 1030
	link := models.NoticeData{Link: "/verify/abcdefghij", Email: "nora@example.com", Role: "owner", At: now.Add(24 * time.Hour)}
	told := models.NoticeData{Title: "The plan Growth changes on 1 Apr", Lines: []string{"It would have refused 3 of your 41,200 calls last month."}, Href: "/notices/n0t1ce0000"}
	customer := models.CustomerWeek{Consumer: models.Consumer{ID: 7, AccountID: 7, Name: "Acme", Email: "acme@example.com"}, Requests: 30_200, Before: 18_200, Throttled: 412, Share: .93, KeyName: "ios", PlanName: "Growth"}
	week := models.OwnerWeek{From: now.AddDate(0, 0, -7), To: now, Requests: 41_200, Before: 36_800, Throttled: 512, Failed: 90, New: 12, NewNames: []string{"Nora", "Otto", "Olga"}, Left: 1, LeftNames: []string{"Zanzibar"},
		Through: now, Growing: []models.CustomerWeek{customer}, Declining: []models.CustomerWeek{customer}, MostThrottled: []models.CustomerWeek{customer}, NearQuota: []models.CustomerWeek{customer},
		Failing: []models.OperationWeek{{Method: "GET /users/{id}", Place: "Echo API · prod", StageID: 5, MethodID: 6, Requests: 900, Failed: 90}}, Waiting: 3, AskingInvitations: 1, Proposals: 2}
	one := func(d ...models.NoticeData) []models.NoticeData { return d }
	return map[models.NoticeKind][]models.NoticeData{
		models.NoticeVerify: one(link), models.NoticeReset: one(link), models.NoticeInvite: one(link), models.NoticeMoved: one(models.NoticeData{Email: "new@example.com", Href: "/forgot"}),
		models.NoticeSubscriptionAsked: one(subscription), models.NoticeSubscriptionApproved: one(decided), models.NoticeSubscriptionRefused: one(decided), models.NoticeSubscriptionChanged: one(decided), models.NoticeSubscriptionEnded: one(decided),
		models.NoticeInvitationAsked: one(subscription), models.NoticeInvitationApproved: one(decided), models.NoticeInvitationRefused: one(decided),
		models.NoticeKeyRotated: one(key), models.NoticeKeyRevoked: one(key), models.NoticeKeyExpiring: one(key), models.NoticeKeyExpired: one(key), models.NoticeKeyUnused: one(key), models.NoticeKeyBlocked: one(blocked),
		models.NoticeLimits: one(limits, ended, extended, ofApp), models.NoticeQuota: one(used), models.NoticeThrottled: one(share, minutes), models.NoticeErrors: one(failed),
		models.NoticePlanChanging: one(told), models.NoticePlanEnding: one(told), models.NoticeDeprecated: one(told),
		models.NoticeWeek:        one(models.NoticeData{Week: &week, Href: "/owner/analytics"}),
		models.NoticePlanFailed:  one(models.NoticeData{Plan: "Growth", At: now, Reason: "One of its stages was deleted.", Href: "/owner/plans/p1an000000"}),
		models.NoticeCertificate: one(models.NoticeData{Name: "Gateway 2026", API: "Echo API · prod", At: now, Level: 7, Href: "/owner/client-certificates/c3rt000000"}, models.NoticeData{Name: "Gateway 2026", API: "Echo API · prod", At: now, Href: "/owner/client-certificates/c3rt000000"}),
		models.NoticeImportEnded: one(models.NoticeData{Name: "keys.csv", State: "done", Created: 120, Updated: 3, Bad: 1, Href: "/owner/imports/1mp0000000"}), models.NoticeWebhookDisabled: one(models.NoticeData{Name: "https://example.com/hook", Reason: "It answered 410 Gone.", Href: "/webhooks/h00k000000"}),
		models.NoticeTest: one(models.NoticeData{Title: "A test", Lines: []string{"This is a test."}, Href: "/webhooks/h00k000000"}),
	}
}

// Each kind of mail is complete in both parts: a subject of one line, the same links, none to another site, no script, no image that tells that it was read, and lines that fit.
func TestEachKindOfMailIsCompleteInBothParts(t *testing.T) {
	const portal = "https://portal.example.com"
	mails := &handlers.Mails{PublicURL: portal, Digest: func(text string) (d [32]byte) { copy(d[:], text); return d }}
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	notices := everyNotice(now)
	address := regexp.MustCompile(`https?://[^\s"<>]+`)
	for _, kind := range models.NoticeTypes() {
		if len(notices[kind.Kind]) == 0 {
			t.Errorf("%s: no data to write", kind.Kind)
		}
		for _, data := range notices[kind.Kind] {
			d := models.Delivery{To: models.Receiver{Account: 9, Email: "olga@example.com", Name: "Olga", Verified: true, Zone: "Europe/Berlin"}, Messages: []models.Message{{ID: 5, Kind: kind.Kind, Data: data, CreatedAt: now}}}
			m, err := mails.Write(t.Context(), d)
			ok(t, err)
			if m.Subject == "" || strings.ContainsAny(m.Subject, "\r\n") || !strings.Contains(m.Text, "You get this mail because") || (m.Unsubscribe == "") != (kind.Topic == models.TopicAccount) {
				t.Errorf("%s: subject %q, unsubscribe %q", kind.Kind, m.Subject, m.Unsubscribe)
			}
			links := map[string]bool{}
			for _, part := range []string{m.Text, hrefs(t, m.HTML)} {
				for _, link := range address.FindAllString(part, -1) {
					if u, err := url.Parse(link); (err != nil || !strings.HasPrefix(link, portal+"/")) && link != data.Name {
						t.Errorf("%s: leads to %s (%v, %v)", kind.Kind, link, u, err)
					}
					links[link] = true
				}
			}
			for link := range links {
				if !strings.Contains(m.Text, link) || link != data.Name && !strings.Contains(hrefs(t, m.HTML), link) {
					t.Errorf("%s: %s is in one part alone", kind.Kind, link)
				}
			}
			for line := range strings.SplitSeq(m.Text, "\n") {
				if utf8.RuneCountInString(line) > 78 && !strings.Contains(line, "https://") || strings.ContainsAny(line, "\u00a0\u202f") {
					t.Errorf("%s: a line that does not fit: %q", kind.Kind, line)
				}
			}
			if strings.Contains(m.HTML, "<Shop>") || strings.Contains(m.HTML, "!(") || strings.Contains(m.Text, "%!") {
				t.Errorf("%s: not escaped, or not formatted:\n%s", kind.Kind, m.Text)
			}
		}
	}
}

var (
	hrefOf  = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
	loading = regexp.MustCompile(`(?i)<(script|img|link|form|iframe|object)\b|url\(|@import`)
)

// hrefs are the addresses of a page's links, a line each; a mail that loads anything, or runs it, fails.
func hrefs(t *testing.T, page string) string {
	t.Helper()
	if found := loading.FindString(page); found != "" {
		t.Errorf("a mail has %s", found)
	}
	var out strings.Builder
	for _, found := range hrefOf.FindAllStringSubmatch(page, -1) {
		out.WriteString(html.UnescapeString(found[1]) + "\n")
	}
	return out.String()
}

// A digest says what waits for its reader first, in his zone, and how much is how much more than before.
func TestADigestSaysWhatHappenedAndWhatWaits(t *testing.T) {
	mails := &handlers.Mails{PublicURL: "https://portal.example.com", Digest: func(string) (d [32]byte) { return d }}
	now := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	data := everyNotice(now)[models.NoticeWeek][0]
	write := func() models.Mail {
		m, err := mails.Write(t.Context(), models.Delivery{To: models.Receiver{Account: 9, Email: "olga@example.com", Zone: "Europe/Berlin"}, Messages: []models.Message{{ID: 5, Kind: models.NoticeWeek, Data: data, CreatedAt: now}}})
		ok(t, err)
		return m
	}
	m := write()
	text := strings.Join(strings.Fields(m.Text), " ")
	for _, want := range []string{"The week of your APIs: 41,200 requests", "9 Mar 2026, 01:00 CET", "41,200, 12 % more than in the week before", "512, 1.2 %", "Nora, Otto, Olga and 9 more", "Customers who left: Zanzibar", "Waiting for you: 3 requests for plans", "Waiting for you: a request to be let in",
		"Waiting for you: 2 proposed changelog entries", "Acme has used 93 % of a quota", "412 of 30,200 requests got 429.", "Acme calls more", "30,200 requests, 18,200 in the seven days before.", "GET /users/{id} failed", "90 of 900 requests on Echo API · prod.", "No more mails about the week of your APIs: https://portal.example.com/unsubscribe/"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, m.Text)
		}
	}
	if strings.Index(text, "Waiting for you") > strings.Index(text, "calls more") {
		t.Error("what waits does not come first")
	}
	data.Week = &models.OwnerWeek{From: now.AddDate(0, 0, -7), To: now, Before: 1000}
	if text := write().Text; !strings.Contains(text, "100 % fewer than in the week") {
		t.Errorf("a week without requests:\n%s", text)
	}
}
