package handlers_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// requestsIn sums the column of requests of a file.
func requestsIn(t *testing.T, file string) (sum int) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	ok(t, err)
	at := -1
	for i, name := range rows[0] {
		if name == "requests" {
			at = i
		}
	}
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(row[at])
		ok(t, err)
		sum += n
	}
	return sum
}

// An owner who asks what a customer called must read the same number wherever he looks: in the breakdown, on the customer's own page, and in its files.
func TestUsageOfACustomerIsTheSameEverywhere(t *testing.T) {
	p := openDeveloperPortal(t)
	made := p.subscribe(p.free, "Acme")
	other := p.account(models.RoleDeveloper, "other@example.com")
	theirs, _, err := p.store.Subscribe(t.Context(), storetest.Actor(other), models.NewSubscription{PlanID: p.free.ID, AppName: "Other"}, p.clock)
	ok(t, err)
	own, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Theirs", CustomerID: "C-77", Plans: []models.PlanID{p.free.ID}}, p.clock)
	ok(t, err)
	for key, n := range map[models.KeyID]int64{made.Key.ID: 432, theirs.Key.ID: 65, own.ID: 987} {
		p.meter(key, p.free, n, models.OutcomeSuccess)
	}
	b := p.signedIn("owner@example.com")
	page := b.get("/owner/usage?range=1h")
	table := page.body[strings.Index(page.body, `id="by-customer"`):]
	links := map[int]string{}
	for _, row := range regexp.MustCompile(`href="/owner/usage\?(customer=[a-z0-9]+)&amp;range=1h">[^<]+</a>(?s:.*?)<td class="n tn">\s*(\d+)`).FindAllStringSubmatch(table, -1) {
		n, err := strconv.Atoi(row[2])
		ok(t, err)
		links[n] = row[1]
	}
	for _, n := range []int{432, 65, 987} {
		one, listed := links[n]
		if !listed {
			t.Fatalf("no customer of the breakdown has %d: %v", n, links)
		}
		of := b.get("/owner/usage?" + one + "&range=1h")
		of.says(t, "Customer: ", ">"+strconv.Itoa(n)+"<")
		of.hasNot(t, "By customer")
		for _, file := range []string{"", "&part=method", "&part=plan"} {
			if got := requestsIn(t, b.get("/owner/usage.csv?"+one+"&range=1h"+file).body); got != n {
				t.Errorf("the file%s has %d requests, want %d", file, got, n)
			}
		}
		var doc struct{ Total struct{ Requests int } }
		ok(t, json.Unmarshal([]byte(b.get("/owner/usage.json?"+one+"&range=1h").body), &doc))
		if doc.Total.Requests != n {
			t.Errorf("the JSON file has %d, want %d", doc.Total.Requests, n)
		}
	}
	if got := requestsIn(t, b.get("/owner/usage.csv?range=1h&part=customer").body); got != 432+65+987 {
		t.Errorf("by customer: %d in all", got)
	}
}

// A menu of thousands is none: customers are found by the beginning of their names, and only one's own.
func TestCustomersOfUsageAreSearched(t *testing.T) {
	p := openDeveloperPortal(t)
	p.account(models.RoleOwner, "stranger@example.com")
	made := p.subscribe(p.free, "Acme")
	own, _, err := p.store.CreateCustomerKey(t.Context(), storetest.Actor(p.owner), models.NewCustomerKey{Name: "Theirs", CustomerID: "C-77", Plans: []models.PlanID{p.free.ID}}, p.clock)
	ok(t, err)
	b := p.signedIn("owner@example.com")
	b.get("/owner/usage/customers").says(t, "Nobody has called yet.")
	p.meter(made.Key.ID, p.free, 1, models.OutcomeSuccess)
	p.meter(own.ID, p.free, 1, models.OutcomeSuccess)
	for find, want := range map[string]string{"c-7": "C-77", "devel": "Test developer", "TEST": "Test developer", "": "C-77"} {
		b.get("/owner/usage/customers?range=7d&plan="+p.free.ID.String()+"&find="+find).says(t, want, "/owner/usage?customer=", "&amp;plan="+p.free.ID.String()+"&amp;range=7d")
	}
	b.get("/owner/usage/customers?find=zz").says(t, "No customer is called so who has called.")
	b.get("/owner/usage").says(t, "Customer:", `hx-get="/owner/usage/customers?range=24h"`, `formaction="/owner/usage/customers"`)
	s := p.signedIn("stranger@example.com")
	s.get("/owner/usage/customers?find=C").hasNot(t, "C-77")
	one := regexp.MustCompile(`/owner/usage\?(customer=[a-z0-9]+)`).FindStringSubmatch(b.get("/owner/usage/customers?find=C").body)[1]
	for _, path := range []string{"/owner/usage?", "/owner/usage.csv?", "/owner/usage/live?", "/owner/usage/customers?"} {
		if got := s.get(path + one); got.status != http.StatusNotFound {
			t.Errorf("a stranger at %s: %d", path, got.status)
		}
	}
}

// What is costly comes more slowly, but it comes: a page that is left open for an hour must not show an old table beside a new chart.
func TestLivePagesDrawHeatMapAndTablesAnew(t *testing.T) {
	for path, want := range map[string][]string{"/usage/live?range=24h": {"usage-heat"}, "/owner/usage/live?range=24h": {"usage-heat", "usage-tables"}} {
		synctest.Test(t, func(t *testing.T) {
			p := openDeveloperPortal(t)
			made := p.subscribe(p.free, "Acme")
			p.meter(made.Key.ID, p.free, 5, models.OutcomeSuccess)
			b := p.signedIn(map[bool]string{true: "owner@example.com", false: "developer@example.com"}[strings.HasPrefix(path, "/owner")])
			ctx, leave := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
			r.Header.Set("Cookie", b.cookie)
			w := httptest.NewRecorder()
			left := make(chan struct{})
			go func() {
				p.handler.ServeHTTP(w, r)
				close(left)
			}()
			time.Sleep(31 * time.Second) // of the test's clock
			leave()
			<-left
			messages := strings.Split(strings.TrimSpace(w.Body.String()), "\n\n")
			if len(messages) != 6 {
				t.Fatalf("%s: %d messages in 31 seconds, want one in 5", path, len(messages))
			}
			for i, message := range messages {
				for _, id := range want {
					if got := strings.Contains(message, `hx-target="#`+id+`"`); got != (i == 5) {
						t.Errorf("%s: message %d replaces #%s: %v", path, i+1, id, got)
					}
				}
			}
			if !strings.Contains(messages[5], "As of 12:00:00. Comes anew every 30\u00a0seconds.") {
				t.Errorf("%s does not say how old its heat map is", path)
			}
		})
	}
}
