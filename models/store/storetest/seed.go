package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// Size is how much Seed makes.
type Size struct {
	Plans int // of one owner, on a tenth as many APIs of two stages each
	Keys  int // three of five an owner's, for customers; the others developers', in apps
	Days  int // of usage, up to Now
}

// Few is as little as shows everything that pages can show.
func Few() Size { return Size{Plans: 40, Keys: 120, Days: 3} }

// Many is a portal that has grown. With GrownKeys on top it is what pages have to be fast with.
func Many() Size { return Size{Plans: 1000, Keys: 10_000, Days: 90} }

// Seeded is what Seed made, by what a test needs it for. Its JSON form makes a seeded file usable by another process.
type Seeded struct {
	Now      time.Time // at which the pages are to be looked at
	Password string    // everybody's
	Took     time.Duration

	// One owner has all plans, and one developer as many keys as a page sums up. The strangers have a thing of each kind themselves.
	Owner, Developer, Admin           models.Account
	StrangerOwner, StrangerDeveloper  models.Account
	InviteToken, ResetToken, APISlug  string
	APIs                              []models.APIID // of the owner
	StrangerAPI                       models.APIID
	API                               models.APIID // with the busiest plan, a description, and a long history of deployments
	Stage                             models.StageID
	Deployment                        models.DeploymentID
	Method                            models.MethodID
	Guide                             models.GuideID // of the API, published as "first-call"
	Plan, DraftPlan, AskPlan, NewPlan models.PlanID  // the busiest; never published; asks first; published with a draft on top
	App                               models.AppID
	Key                               models.KeyID          // the developer's busiest, on Plan
	Subscription                      models.SubscriptionID // of App to Plan
	CustomerKey                       models.KeyID          // the owner's, on Plan
	Import                            models.ImportID       // the owner's newest, which was small
	Waiting                           models.SubscriptionID // for the owner's answer
}

// Seed fills an empty store through its own use cases, and says how long that took. The shape is the same each time; ids, as ever, are not.
func Seed(t testing.TB, s *store.Store, size Size) Seeded {
	t.Helper()
	began := time.Now()
	hash, err := secret.NewHasher().Hash(t.Context(), seedPassword)
	if err != nil {
		t.Fatalf("hash password: %v", err)
	}
	d := &seeder{TB: t, Store: s, size: size, hash: hash, made: Seeded{Now: Now(), Password: seedPassword}, dice: rand.New(rand.NewPCG(26, 11))}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"people", d.people}, {"APIs", d.catalog}, {"plans", d.plans}, {"customers' keys", d.customers}, {"developers' keys", d.developers}, {"strangers", d.strangers},
		{"ends", d.ends}, {"usage", d.usage},
	} {
		start := time.Now()
		step.do()
		t.Logf("seed %-16s %8v", step.name, time.Since(start).Round(time.Millisecond))
	}
	d.made.Took = time.Since(began)
	return d.made
}

// seedPassword is a test's, and nobody's secret.
const seedPassword = "a-portal-full-of-people"

// seeder is a seeding under way.
type seeder struct {
	testing.TB
	*store.Store
	size Size
	hash string
	made Seeded
	dice *rand.Rand

	apis    []seededAPI
	offers  []seededPlan // in the order of their making
	persons []models.Account
	busy    []models.KeyID // the developer's
}

type seededAPI struct {
	id      models.APIID
	stages  []models.StageID
	methods []models.MethodID
}

type seededPlan struct {
	id    models.PlanID
	api   int
	terms models.Terms
	draft bool // never published
}

func (d *seeder) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatalf("seed: %v", err)
	}
}

// at is the time when a share of everything had been made: things have ages, and lists an order.
func (d *seeder) at(done, all int) time.Time {
	span := time.Duration(d.size.Days) * 24 * time.Hour
	return Now().Add(-span + time.Duration(float64(span)*float64(done)/float64(all+1))).Truncate(time.Millisecond)
}

func (d *seeder) account(role models.Role, name, email string, at time.Time) models.Account {
	d.Helper()
	a, err := d.CreateAccount(d.Context(), models.CommandLine(), models.NewAccount{Email: email, Name: name, PasswordHash: d.hash, Role: role}, at)
	d.must(err)
	return a
}

// people makes those whom tests sign in as, the developers, and links of both kinds.
func (d *seeder) people() {
	start := d.at(0, 1)
	d.made.Admin = d.account(models.RoleAdmin, "Ada Admin", "admin@example.com", start)
	d.made.Owner = d.account(models.RoleOwner, "Olga Owner", "owner@example.com", start)
	d.made.Developer = d.account(models.RoleDeveloper, "Dan Developer", "developer@example.com", start)
	d.made.StrangerOwner = d.account(models.RoleOwner, "Otto Other", "other-owner@example.com", start)
	d.made.StrangerDeveloper = d.account(models.RoleDeveloper, "Dora Different", "other-developer@example.com", start)
	n := max(3, d.size.Keys/20)
	for i := range n {
		d.persons = append(d.persons, d.account(models.RoleDeveloper, fmt.Sprintf("Person %05d", i), fmt.Sprintf("person-%05d@example.com", i), d.at(i, n)))
	}
	link := func(in models.NewLink) string {
		token, _, err := d.CreateLink(d.Context(), Actor(d.made.Admin), in, Now())
		d.must(err)
		return token
	}
	for i := range max(3, d.size.Plans/4) {
		link(models.NewLink{Kind: models.LinkInvite, Email: fmt.Sprintf("guest-%04d@example.com", i), Role: models.RoleDeveloper})
	}
	d.made.InviteToken = link(models.NewLink{Kind: models.LinkInvite, Email: "guest@example.com", Role: models.RoleDeveloper})
	d.made.ResetToken = link(models.NewLink{Kind: models.LinkReset, AccountID: d.persons[0].ID})
}
