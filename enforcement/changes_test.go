package enforcement_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/enforcement"
	"gatehouse/models"
	"gatehouse/models/limit"
	"gatehouse/models/secret"
)

// R8: when a change is acknowledged, the very next request is held to it.
func TestAChangeHoldsOnTheNextRequest(t *testing.T) {
	tests := []struct {
		name   string
		before func(o *one) // of the gateway's start
		change func(o *one)
		path   string
		was    string
		is     string
	}{
		{"key disabled", nil, func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled = false }) }, "/a", "", "key-disabled"},
		{"key enabled", func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled = false }) },
			func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled = true }) }, "/a", "key-disabled", ""},
		{"key revoked", nil, func(o *one) { o.change(o.key, func(c *models.Credential) { c.Enabled, c.Revoked = false, true }) }, "/a", "", "key-revoked"},
		{"key deleted", nil, func(o *one) { o.change(o.key, nil) }, "/a", "", "key-unknown"},
		{"value replaced at once", nil, func(o *one) {
			o.change(o.key, func(c *models.Credential) {
				c.Secrets = []models.CredentialSecret{{Digest: o.ring.Digest(secret.Generate(secret.Prefix{}).Reveal())}}
			})
		}, "/a", "", "key-unknown"},
		{"subscription approved", func(o *one) {
			o.change(o.key, func(c *models.Credential) { c.Plans[0].State = models.MemberPending })
		}, func(o *one) { o.change(o.key, func(c *models.Credential) { c.Plans[0].State = models.MemberActive }) }, "/a", "subscription-pending", ""},
		{"subscription suspended", nil, func(o *one) {
			o.change(o.key, func(c *models.Credential) { c.Plans[0].State = models.MemberSuspended })
		}, "/a", "", "subscription-suspended"},
		{"subscription ended", nil, func(o *one) { o.change(o.key, func(c *models.Credential) { c.Plans = nil }) }, "/a", "", "no-plan"},
		{"throttle published", nil, func(o *one) { o.publish(o.plan, throttle(0, 0)) }, "/a", "", "throttled"},
		{"quota published", nil, func(o *one) { o.publish(o.plan, quota(1, limit.PeriodDay)) }, "/a", "", "quota-exceeded"},
		{"quota raised", func(o *one) { o.publish(o.plan, quota(0, limit.PeriodDay)) },
			func(o *one) { o.publish(o.plan, quota(10, limit.PeriodDay)) }, "/a", "quota-exceeded", ""},
		{"stage taken from the plan", nil, func(o *one) { o.publish(o.plan, func(t *models.Terms) { t.Stages = nil }) }, "/a", "", "no-plan"},
		{"operation left out", nil, func(o *one) {
			o.publish(o.plan, func(t *models.Terms) { t.Stages[0].Excluded = []models.MethodID{methodOf(o.stage, "GET /a")} })
		}, "/a", "", "operation-not-in-plan"},
		{"method deployed", nil, func(o *one) {
			o.world.stage(func() { o.stage.Methods = append(o.stage.Methods, o.method("GET /new")) })
		}, "/new", "path-unknown", ""},
		{"method gone", nil, func(o *one) { o.world.stage(func() { o.stage.Methods = o.stage.Methods[1:2] }) }, "/a", "", "path-unknown"},
		{"key required", nil, func(o *one) {
			o.world.stage(func() {
				o.stage.Methods = append([]models.Method(nil), o.stage.Methods...)
				o.stage.Methods[3].KeyRequired = true
				o.value = ""
			})
		}, "/open", "", "key-missing"},
		{"last stage deleted", nil, func(o *one) { o.world.stage(func() { o.apis[0].Stages = nil }) }, "/a", "", "stage-unknown"},
		{"API deleted", nil, func(o *one) { o.world.stage(func() { o.apis = nil }) }, "/a", "", "api-unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOne(t, nil)
			if tt.before != nil {
				tt.before(o)
				catchUp(t, o.g)
			}
			if got := o.get(t, tt.path); got != tt.was {
				t.Fatalf("before: %q, want %q", got, tt.was)
			}
			tt.change(o)
			catchUp(t, o.g)
			if got := o.get(t, tt.path); got != tt.is {
				t.Errorf("after: %q, want %q", got, tt.is)
			}
		})
	}
}

// DECISIONS 8: what was used stays, and what remains is what the new setting leaves of it.
func TestAQuotaChangedInMidPeriodCountsWhatWasUsed(t *testing.T) {
	day, week, month := limit.PeriodDay, limit.PeriodWeek, limit.PeriodMonth
	tests := []struct {
		name string
		to   *limit.Quota
		want int64 // used in the new window: 3 yesterday, which was a Monday, 2 today
	}{
		{"limit raised", &limit.Quota{Limit: 50, Period: day}, 2},
		{"limit lowered", &limit.Quota{Limit: 1, Period: day}, 2},
		{"day to week", &limit.Quota{Limit: 10, Period: week}, 5},
		{"day to month", &limit.Quota{Limit: 10, Period: month}, 5},
		{"day to a month from the 10th", &limit.Quota{Limit: 10, Period: month, Offset: 9}, 2},
	}
	for _, tt := range tests {
		for _, committed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, committed %v", tt.name, committed), func(t *testing.T) {
				o := newOne(t, quota(10, day))
				o.clock.advance(-24 * time.Hour)
				o.g = o.gateway(t)
				for range 3 {
					o.get(t, "/a")
				}
				o.clock.advance(24 * time.Hour)
				for range 2 {
					o.get(t, "/b")
				}
				if committed {
					drain(t, o.g)
					o.g = o.gateway(t)
				}
				o.publish(o.plan, func(t *models.Terms) { t.Quota = tt.to })
				catchUp(t, o.g)
				l, _ := o.g.Limits(t.Context(), o.key, o.plan)
				if l.Used != tt.want || l.Left != max(0, tt.to.Limit-tt.want) {
					t.Errorf("used %d, left %d; want %d, %d", l.Used, l.Left, tt.want, max(0, tt.to.Limit-tt.want))
				}
			})
		}
	}
}

func TestAQuotaRemovedAndSetAgainKnowsWhatWasUsed(t *testing.T) {
	o := newOne(t, quota(10, limit.PeriodDay))
	o.get(t, "/a")
	o.publish(o.plan, func(t *models.Terms) { t.Quota = nil })
	catchUp(t, o.g)
	o.get(t, "/a")
	o.get(t, "/a")
	o.publish(o.plan, quota(10, limit.PeriodDay))
	catchUp(t, o.g)
	if l, _ := o.g.Limits(t.Context(), o.key, o.plan); l.Used != 3 {
		t.Errorf("used %d, want 3", l.Used)
	}
}

// DECISIONS 9: else subscribing again would reset a quota.
func TestAKeyThatLeavesAndReturnsHasItsCount(t *testing.T) {
	o := newOne(t, func(t *models.Terms) { quota(3, limit.PeriodDay)(t); throttle(0.001, 10)(t) })
	other := o.addPlan("Other", quota(5, limit.PeriodDay), o.stage)
	o.spend(t, "/a")
	move := func(to ...models.PlanID) {
		o.change(o.key, func(c *models.Credential) {
			c.Plans = nil
			for _, p := range to {
				c.Plans = append(c.Plans, models.CredentialPlan{PlanID: p, State: models.MemberActive})
			}
		})
		catchUp(t, o.g)
	}
	before, _ := o.g.Limits(t.Context(), o.key, o.plan)
	move(other)
	if got := o.spend(t, "/a"); got != 5 {
		t.Errorf("on the other plan %d passed, want 5: it starts at 0", got)
	}
	move()
	move(o.plan)
	after, _ := o.g.Limits(t.Context(), o.key, o.plan)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("leaving and returning changed what is left (-before +after):\n%s", diff)
	}
	if got := o.get(t, "/a"); got != "quota-exceeded" {
		t.Errorf("back on the plan: %q", got)
	}
	// Away while the plan's quota becomes another one.
	move()
	o.publish(o.plan, quota(4, limit.PeriodMonth))
	catchUp(t, o.g)
	move(o.plan)
	if got := o.spend(t, "/a"); got != 1 {
		t.Errorf("back on the changed plan %d passed, want 1", got)
	}
}

// Requests go on while a plan's quota becomes one of other windows: not one of them is forgotten or counted twice.
func TestCountsTakenAnewAreExactBesideRequests(t *testing.T) {
	o := newOne(t, quota(1_000_000, limit.PeriodDay))
	ctx, stop := context.WithCancel(context.Background())
	var passed, refused int64
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for ctx.Err() == nil {
				slug := o.g.Admit("echo", "prod", "GET", "/a", o.value)
				mu.Lock()
				switch slug {
				case "":
					passed++
				default:
					refused++
				}
				mu.Unlock()
			}
		})
	}
	go o.g.Run(ctx)
	for i := range 40 {
		period := []limit.Period{limit.PeriodMonth, limit.PeriodWeek, limit.PeriodDay, limit.PeriodNone}[i%4]
		o.publish(o.plan, func(t *models.Terms) {
			t.Quota = nil
			if period != limit.PeriodNone {
				t.Quota = &limit.Quota{Limit: 1_000_000, Period: period}
			}
		})
		catchUp(t, o.g)
	}
	o.publish(o.plan, quota(1_000_000, limit.PeriodMonth))
	catchUp(t, o.g)
	stop()
	group.Wait()
	if l, _ := o.g.Limits(t.Context(), o.key, o.plan); l.Used != passed {
		t.Errorf("used %d, but %d passed", l.Used, passed)
	}
	if refused != 0 {
		t.Errorf("%d requests were refused while the plan changed", refused)
	}
	drain(t, o.g)
	if got := o.chargedTo(o.key, o.plan); got != passed {
		t.Errorf("charged %d, but %d passed", got, passed)
	}
}

// A request that found the plan without a quota, and is decided after the ledger has counted for the quota that was published meanwhile, would be of no count.
func TestARequestThatIsUnderWayWhileAQuotaIsPublishedIsCounted(t *testing.T) {
	o := newOne(t, nil)
	var meanwhile func()
	o.g = o.gateway(t, func(c *enforcement.Config) {
		c.Now = func() time.Time {
			if do := meanwhile; do != nil {
				meanwhile = nil
				do()
			}
			return o.clock.now()
		}
	})
	var between []string
	meanwhile = func() { // the plan is found, and the key is not asked yet
		o.publish(o.plan, quota(10, limit.PeriodDay))
		catchUp(t, o.g)
		between = append(between, o.get(t, "/a"))
	}
	if got := o.g.Admit("echo", "prod", "GET", "/a", o.value); got != "" || len(between) != 1 || between[0] != "" {
		t.Fatalf("the request: %q, the one between: %q", got, between)
	}
	if l, ok := o.g.Limits(t.Context(), o.key, o.plan); !ok || l.Used != 2 || l.Left != 8 {
		t.Errorf("used %d, left %d, %v; want 2, 8", l.Used, l.Left, ok)
	}
	drain(t, o.g)
	if got := o.chargedTo(o.key, o.plan); got != 2 {
		t.Errorf("charged %d, want 2", got)
	}
}

func TestAThrottleMadeSmallerHoldsAtOnce(t *testing.T) {
	o := newOne(t, throttle(1, 100))
	o.publish(o.plan, throttle(1, 2))
	catchUp(t, o.g)
	if got := o.spend(t, "/a"); got != 2 {
		t.Errorf("%d passed, want 2", got)
	}
}

// A stage keeps the level of its bucket over deployments, else deploying would reset it.
func TestAStagesBucketOutlivesDeployments(t *testing.T) {
	o := newOne(t, nil)
	o.world.stage(func() { o.stage.Throttle = &limit.Throttle{Rate: 0.001, Burst: 3} })
	catchUp(t, o.g)
	if got := o.spend(t, "/a"); got != 3 {
		t.Fatalf("%d passed, want 3", got)
	}
	o.world.stage(func() {})
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "throttled" {
		t.Errorf("after a deployment: %q", got)
	}
}

// R1 and GW-28: what cannot be known is refused, and breaks nothing else.
func TestItFailsClosed(t *testing.T) {
	t.Run("nothing loaded", func(t *testing.T) {
		o := newOne(t, nil)
		o.breakDown(errAway)
		o.g = enforcement.New(o.config(t))
		if err := o.g.Load(context.Background()); !errors.Is(err, errAway) {
			t.Errorf("Load = %v", err)
		}
		for _, path := range []string{"/a", "/open"} {
			if got := o.get(t, path); got != "not-ready" {
				t.Errorf("%s: %q", path, got)
			}
		}
		if o.g.Ready() == nil {
			t.Error("it says that it is ready")
		}
		o.breakDown(nil)
		if err := o.g.Load(context.Background()); err != nil || o.get(t, "/a") != "" || o.g.Ready() != nil {
			t.Errorf("it does not recover: %v", err)
		}
	})
	t.Run("two plans for one stage", func(t *testing.T) {
		o := newOne(t, nil)
		other := o.addPlan("Other", nil, o.stage)
		o.change(o.key, func(c *models.Credential) {
			c.Plans = append(c.Plans, models.CredentialPlan{PlanID: other, State: models.MemberActive})
		})
		catchUp(t, o.g)
		if got := o.get(t, "/a"); got != "not-ready" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a broken stage beside a good one", func(t *testing.T) {
		o := newOne(t, nil)
		for _, broken := range []string{"://", "http://", "file:///etc/passwd", "http://u:p@h/", "http://h:99999"} {
			o.addAPI(fmt.Sprintf("bad%d", len(broken)), broken, "open GET /a")
			catchUp(t, o.g)
			if got := slugOf(t, in(o.g, "GET", fmt.Sprintf("/bad%d/prod/a", len(broken)), "")); got != "stage-broken" {
				t.Errorf("upstream %q: %q", broken, got)
			}
		}
		if got := o.get(t, "/a"); got != "" {
			t.Errorf("the good one: %q", got)
		}
	})
	t.Run("a key source that HTTP uses itself", func(t *testing.T) {
		o := newOne(t, nil)
		o.world.stage(func() { o.stage.KeySource = models.KeySource{Place: models.KeyInHeader, Name: "Host"} })
		catchUp(t, o.g)
		if got := o.get(t, "/a"); got != "stage-broken" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a membership state of a later version", func(t *testing.T) {
		o := newOne(t, nil)
		o.change(o.key, func(c *models.Credential) { c.Plans[0].State = "probation" })
		catchUp(t, o.g)
		if got := o.get(t, "/a"); got != "subscription-suspended" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("the records away", func(t *testing.T) {
		o := newOne(t, nil)
		o.breakDown(errAway)
		o.change(o.key, func(c *models.Credential) { c.Enabled = false })
		if err := o.g.CatchUp(context.Background()); !errors.Is(err, errAway) {
			t.Errorf("CatchUp = %v, want it to say that the change does not hold", err)
		}
		if o.g.Ready() == nil {
			t.Error("it says that it is ready")
		}
		if got := o.get(t, "/a"); got != "" {
			t.Errorf("it does not go on with what it knows: %q", got)
		}
		o.breakDown(nil)
		catchUp(t, o.g)
		if got := o.get(t, "/a"); got != "key-disabled" || o.g.Ready() != nil {
			t.Errorf("it does not recover: %q, %v", got, o.g.Ready())
		}
		drain(t, o.g)
		if got := o.count(o.key, models.OutcomeSuccess); got != 1 {
			t.Errorf("%d counted of what passed meanwhile, want 1", got)
		}
	})
}

func TestAnAPIIsFoundByIDAndBySlug(t *testing.T) {
	o := newOne(t, nil)
	// The slug of another API is this one's id: the id wins.
	id := o.apis[0].ID.String()
	o.addAPI(id, "http://192.0.2.1", "open GET /other")
	catchUp(t, o.g)
	for _, name := range []string{"echo", id} {
		if got := slugOf(t, in(o.g, "GET", "/"+name+"/prod/a", o.value)); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A command beside the server changes the records without telling the gateway, which has a second to learn of it.
func TestRunLearnsOfChangesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		st := w.addAPI("echo", "http://192.0.2.1", "GET /a")
		key, value := w.addKey(w.addPlan("Free", nil, st))
		g := w.gateway(t)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		if got := g.Admit("echo", "prod", "GET", "/a", value); got != "" {
			t.Errorf("before: %q", got)
		}
		w.change(key, func(c *models.Credential) { c.Enabled = false })
		time.Sleep(time.Second)
		synctest.Wait()
		if got := g.Admit("echo", "prod", "GET", "/a", value); got != "key-disabled" {
			t.Errorf("a second later: %q", got)
		}
		if got := w.count(key, models.OutcomeOpen); got != 1 {
			t.Errorf("%d requests are committed a second later, want 1", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// An import is one change, however many keys it made; nothing that was revoked meanwhile comes back with it, and no other change waits for it.
func TestAnImportIsOneChangeThatHoldsNoOtherUp(t *testing.T) {
	w := newWorld()
	st := w.addAPI("echo", "http://192.0.2.1", "GET /a")
	plan := w.addPlan("Free", nil, st)
	g := w.gateway(t)
	_, other := w.addKey(plan)
	var ids []models.KeyID
	var values []string
	for range 7 {
		id, value := w.addKey(plan)
		ids, values = append(ids, id), append(values, value)
	}
	w.mu.Lock()
	w.changes, w.version = w.changes[:len(w.changes)-len(values)], w.version-int64(len(values))
	w.note(models.ChangeImport, 1)
	w.mu.Unlock()
	if got := g.Admit("echo", "prod", "GET", "/a", values[0]); got != "key-unknown" {
		t.Errorf("before: %q", got)
	}
	catchUp(t, g)
	w.change(ids[6], func(c *models.Credential) { c.Enabled, c.Revoked = false, true })
	w.publish(plan, throttle(0, 0))
	catchUp(t, g)
	for value, want := range map[string]string{other: "throttled", values[6]: "key-revoked", values[0]: "key-unknown"} {
		if got := g.Admit("echo", "prod", "GET", "/a", value); got != want {
			t.Errorf("while the keys are being learned: %q, want %q", got, want)
		}
	}
	if err := g.Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.publish(plan, func(terms *models.Terms) { terms.Throttle = nil })
	catchUp(t, g)
	for i, value := range values {
		want := ""
		if i == 6 {
			want = "key-revoked"
		}
		if got := g.Admit("echo", "prod", "GET", "/a", value); got != want {
			t.Errorf("key %d: %q, want %q", i, got, want)
		}
	}
}

// Whatever order changes come in, the gateway ends where one that starts afresh begins.
func TestAfterAnyChangesItDecidesLikeAFreshGateway(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld()
		w.clock = newClock("2026-03-10 12:00:00")
		st := w.addAPI("echo", "http://192.0.2.1", "GET /a", "GET /b")
		st2 := w.addAPI("other", "http://192.0.2.1", "GET /a", "GET /b")
		plans := []models.PlanID{w.addPlan("p", nil, st), w.addPlan("q", quota(5, limit.PeriodDay), st), w.addPlan("r", quota(5, limit.PeriodMonth), st2)}
		type held struct {
			id    models.KeyID
			value string
		}
		var keys []held
		for range 3 {
			id, value := w.addKey(plans[0])
			keys = append(keys, held{id, value})
		}
		g := w.gateway(t)
		key := func(t *rapid.T) models.KeyID { return keys[rapid.IntRange(0, len(keys)-1).Draw(t, "key")].id }
		plan := func(t *rapid.T) models.PlanID { return rapid.SampledFrom(plans).Draw(t, "plan") }
		rt.Repeat(map[string]func(*rapid.T){
			"enable": func(t *rapid.T) {
				w.change(key(t), func(c *models.Credential) { c.Enabled = rapid.Bool().Draw(t, "enabled") })
			},
			"join": func(t *rapid.T) {
				w.change(key(t), func(c *models.Credential) {
					c.Plans = []models.CredentialPlan{{PlanID: plan(t), State: models.MemberActive}}
				})
			},
			"leave": func(t *rapid.T) { w.change(key(t), func(c *models.Credential) { c.Plans = nil }) },
			"publish": func(t *rapid.T) {
				q := limit.Quota{Limit: int64(rapid.IntRange(0, 8).Draw(t, "limit")), Period: limit.Period(rapid.IntRange(0, 3).Draw(t, "period"))}
				w.publish(plan(t), func(terms *models.Terms) {
					terms.Quota = &q
					if !q.IsSet() {
						terms.Quota = nil
					}
				})
			},
			"call": func(t *rapid.T) {
				k := keys[rapid.IntRange(0, len(keys)-1).Draw(t, "key")]
				g.Admit(rapid.SampledFrom([]string{"echo", "other"}).Draw(t, "api"), "prod", "GET", "/a", k.value)
			},
			"catch up":  func(*rapid.T) { catchUp(t, g) },
			"pass time": func(t *rapid.T) { w.clock.advance(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour) },
		})
		catchUp(t, g)
		drain(t, g)
		fresh := w.gateway(t)
		for _, k := range keys {
			for _, p := range plans {
				a, okA := g.Limits(t.Context(), k.id, p)
				b, okB := fresh.Limits(t.Context(), k.id, p)
				if diff := cmp.Diff(b, a); diff != "" || okA != okB {
					rt.Fatalf("key %v on plan %v (-fresh +grown):\n%s", k.id, p, diff)
				}
			}
		}
	})
}
