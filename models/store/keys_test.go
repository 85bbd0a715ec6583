package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
)

// digests returns the values of a key as the gateway knows them: the current one, then the old one.
func (w *world) digests(key models.KeyID) (digests []models.CredentialSecret) {
	w.t.Helper()
	c, err := w.Credential(w.t.Context(), key)
	ok(w.t, err)
	return c.Secrets
}

// DECISIONS 17: a rotation changes the value alone; the old one works until its deadline, and never do three.
func TestRotationKeepsEverythingButTheValue(t *testing.T) {
	ring := secret.NewKeyring()
	w := newWorld(t, func(c *store.Config) { c.Keyring = ring })
	ctx, actor := t.Context(), w.asDeveloper()
	p := w.plan("Free", w.stage("prod"))
	made := w.subscribe(p, "App")
	id, old := made.Key.ID, w.digests(made.Key.ID)[0].Digest

	var value secret.Value
	var k models.Key
	w.wantChange(models.ChangeKey, int64(id), func() {
		var err error
		k, value, err = w.RotateKey(ctx, actor, id, models.Rotation{Overlap: models.OverlapDay}, w.later())
		ok(t, err)
	})
	w.wantEvent("key.rotate", id.String(), w.owner.ID)
	if k.ID != id || k.Name != made.Key.Name || k.Hint != value.Hint() || !k.OldStopsAt.Equal(w.now.Add(24*time.Hour)) || k.Status(w.now) != models.KeyRotating {
		t.Errorf("got %+v", k)
	}
	read, err := w.OwnKey(ctx, w.developer.ID, id)
	ok(t, err)
	if diff := cmp.Diff(k, read.Key); diff != "" {
		t.Errorf("(-returned +read):\n%s", diff)
	}
	got := w.digests(id)
	if len(got) != 2 || got[0].Digest != ring.Digest(revealed(value)) || got[1].Digest != old || !got[1].StopsAt.Equal(k.OldStopsAt) {
		t.Errorf("got %+v", got)
	}
	if w.state(id, p.ID) != models.MemberActive {
		t.Error("the key lost its plan")
	}
	second, _, err := w.RotateKey(ctx, actor, id, models.Rotation{Overlap: models.OverlapHour}, w.later())
	ok(t, err)
	if got := w.digests(id); !w.stopped(got, old) || w.stopped(got, ring.Digest(revealed(value))) || second.Hint == k.Hint {
		t.Errorf("an older value still works: %+v", got)
	}
	ok(t, w.StopOldValue(ctx, actor, id, w.later()))
	w.wantEvent("key.stop_old", id.String(), w.owner.ID)
	if got := w.digests(id); !w.stopped(got, ring.Digest(revealed(value))) || !got[0].StopsAt.IsZero() {
		t.Errorf("the old value still works: %+v", got)
	}
	third, _, err := w.RotateKey(ctx, actor, id, models.Rotation{Overlap: models.OverlapNone}, w.later())
	ok(t, err)
	for i, got := range w.digests(id) {
		if i > 0 && got.StopsAt.After(w.now) || third.Status(w.now) != models.KeyActive {
			t.Errorf("without an overlap the old value works: %+v, %+v", got, third)
		}
	}
	_, _, err = w.RotateKey(ctx, actor, id, models.Rotation{Overlap: models.Overlap(time.Minute)}, w.later())
	wantField(t, "an overlap of one's own", err, "overlap")
}

// The gateway answers key-replaced by it, after a restart too, however the old value was stopped.
func TestReplacedValuesAreRemembered(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asDeveloper()
	id := w.subscribe(w.plan("Free", w.stage("prod")), "App").Key.ID
	var replaced [][32]byte
	for i := range models.RememberedValues + 2 {
		replaced = append(replaced, w.digests(id)[0].Digest)
		overlap := models.OverlapNone
		if i%2 == 1 {
			overlap = models.OverlapDay
		}
		_, _, err := w.RotateKey(ctx, actor, id, models.Rotation{Overlap: overlap}, w.later())
		ok(t, err)
		if i%4 == 1 {
			ok(t, w.StopOldValue(ctx, actor, id, w.later()))
		}
	}
	got := w.digests(id)
	if len(got) != models.RememberedValues+1 || !got[0].StopsAt.IsZero() {
		t.Fatalf("the gateway is told %+v, want the current value and %d before it", got, models.RememberedValues)
	}
	for _, digest := range replaced[len(replaced)-models.RememberedValues:] {
		if !w.stopped(got, digest) {
			t.Errorf("a value that was replaced is unknown or works: %+v", got)
		}
	}
}

// stopped says that a value is known and works no more.
func (w *world) stopped(secrets []models.CredentialSecret, digest [32]byte) bool {
	for _, s := range secrets {
		if s.Digest == digest {
			return !s.StopsAt.IsZero() && !s.StopsAt.After(w.now)
		}
	}
	return false
}

func TestDeadKeysStayDead(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asDeveloper()
	made := w.subscribe(w.plan("Free", w.stage("prod")), "App")
	id := made.Key.ID
	wantField(t, "an expiry in the past", w.SetKeyExpiry(ctx, actor, id, w.now, w.later()), "expires")
	ok(t, w.SetKeyExpiry(ctx, actor, id, w.now.Add(time.Minute), w.later()))
	w.wantEvent("key.expiry", id.String(), w.owner.ID)
	w.now = w.now.Add(time.Hour)
	_, _, err := w.RotateKey(ctx, actor, id, models.Rotation{Overlap: models.OverlapNone}, w.later())
	wantKind(t, "rotate an expired key", err, models.KindConflict)
	ok(t, w.SetKeyExpiry(ctx, actor, id, time.Time{}, w.later()))
	_, _, err = w.RotateKey(ctx, actor, id, models.Rotation{Overlap: models.OverlapDay}, w.later())
	ok(t, err)

	w.wantChange(models.ChangeKey, int64(id), func() { ok(t, w.RevokeKey(ctx, actor, id, w.later())) })
	w.wantEvent("key.revoke", id.String(), w.owner.ID)
	c, err := w.Credential(ctx, id)
	ok(t, err)
	if !c.Revoked || c.Enabled || len(c.Secrets) == 0 {
		t.Errorf("the gateway is told %+v", c)
	}
	d, err := w.Key(ctx, w.developer.ID, id)
	if err != nil || d.Status(w.now) != models.KeyRevoked || len(d.Memberships) != 1 || len(d.Calls) != 0 {
		t.Errorf("got %+v, %v", d, err)
	}
	wantKind(t, "revoke again", w.RevokeKey(ctx, actor, id, w.later()), models.KindConflict)
	wantKind(t, "expiry", w.SetKeyExpiry(ctx, actor, id, time.Time{}, w.later()), models.KindConflict)
	wantKind(t, "block", w.SetKeyEnabled(ctx, w.asOwner(), id, false, w.later()), models.KindConflict)
	_, _, err = w.RotateKey(ctx, actor, id, models.Rotation{Overlap: models.OverlapDay}, w.later())
	wantKind(t, "rotate", err, models.KindConflict)
	wantR1(t, w.Store)
}

func TestAnotherKeyJoinsAllSubscriptionsOfItsApp(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asDeveloper()
	one, two, ended := w.plan("One", w.stage("prod")), w.asking("Two", w.stage("beta")), w.plan("Ended", w.stage("old"))
	made := w.subscribe(one, "App")
	_, _, err := w.Subscribe(ctx, actor, models.NewSubscription{PlanID: two.ID, AppID: made.App.ID}, w.later())
	ok(t, err)
	sub, _, err := w.Subscribe(ctx, actor, models.NewSubscription{PlanID: ended.ID, AppID: made.App.ID}, w.later())
	ok(t, err)
	ok(t, w.CancelSubscription(ctx, actor, sub.Subscription.ID, w.later()))
	k, value, err := w.CreateKey(ctx, actor, models.NewKey{AppID: made.App.ID, Name: " second ", ExpiresAt: w.now.Add(time.Hour)}, w.later())
	ok(t, err)
	w.wantEvent("key.create", k.ID.String(), w.owner.ID)
	if k.Name != "second" || k.ExpiresAt.IsZero() || value.IsZero() {
		t.Errorf("got %+v", k)
	}
	for p, want := range map[models.PlanID]models.MembershipState{one.ID: models.MemberActive, two.ID: models.MemberPending, ended.ID: ""} {
		if got := w.state(k.ID, p); got != want {
			t.Errorf("the key is %q on %s, want %q", got, p, want)
		}
	}
	keys, err := w.AppKeys(ctx, w.developer.ID, made.App.ID)
	if err != nil || len(keys) != 2 || keys[0].ID != k.ID || len(keys[0].Calls) != 2 || keys[0].AppName != "App" {
		t.Errorf("got %+v, %v", keys, err)
	}
	_, _, err = w.CreateKey(ctx, actor, models.NewKey{AppID: made.App.ID}, w.later())
	wantField(t, "a key without a name", err, "name")
	wantR1(t, w.Store)
}

func TestAnAppHasABoundedNumberOfKeys(t *testing.T) {
	w := newWorld(t)
	app, err := w.CreateApp(t.Context(), w.asDeveloper(), "App", w.later())
	ok(t, err)
	for range models.MaxKeysPerApp {
		_, _, err := w.CreateKey(t.Context(), w.asDeveloper(), models.NewKey{AppID: app.ID, Name: "k"}, w.later())
		ok(t, err)
	}
	_, _, err = w.CreateKey(t.Context(), w.asDeveloper(), models.NewKey{AppID: app.ID, Name: "k"}, w.later())
	wantKind(t, "one more", err, models.KindConflict)
}

// A developer's key is switched off on this owner's plans only; the developer's other providers must not notice.
func TestBlockingADevelopersKeyStaysOnTheOwnersPlans(t *testing.T) {
	w := newWorld(t)
	p, foreign := w.plan("Free", w.stage("prod")), w.foreignPlan()
	made := w.subscribe(p, "App")
	_, _, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: foreign.ID, AppID: made.App.ID}, w.later())
	ok(t, err)
	w.wantChange(models.ChangeKey, int64(made.Key.ID), func() {
		ok(t, w.SetKeyEnabled(t.Context(), w.asOwner(), made.Key.ID, false, w.later()))
	})
	w.wantEvent("key.disable", made.Key.ID.String(), w.owner.ID)
	if a, b := w.state(made.Key.ID, p.ID), w.state(made.Key.ID, foreign.ID); a != models.MemberBlocked || b != models.MemberActive {
		t.Errorf("the key is %q here and %q there", a, b)
	}
	d, err := w.Key(t.Context(), w.owner.ID, made.Key.ID)
	ok(t, err)
	if len(d.Memberships) != 1 || d.Memberships[0].PlanID != p.ID || len(d.Calls) != 1 || !d.Enabled {
		t.Errorf("the owner sees %+v", d)
	}
	another := w.plan("Another", w.stage("beta"))
	_, _, err = w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: another.ID, AppID: made.App.ID}, w.later())
	ok(t, err)
	if got := w.state(made.Key.ID, another.ID); got != models.MemberBlocked {
		t.Errorf("the key got around its block: it is %q on another plan", got)
	}
	ok(t, w.SetKeyEnabled(t.Context(), w.asOwner(), made.Key.ID, true, w.later()))
	for _, plan := range []models.PlanID{p.ID, another.ID} {
		if got := w.state(made.Key.ID, plan); got != models.MemberActive {
			t.Errorf("the key is %q", got)
		}
	}
}

// foreignPlan is a plan of another owner that everybody may subscribe to.
func (w *world) foreignPlan() models.Plan {
	w.t.Helper()
	mine, api := w.owner, w.api
	defer func() { w.owner, w.api = mine, api }()
	w.owner = w.stranger()
	w.api = w.newAPI(w.owner, "foreign")
	return w.plan("Foreign", w.stage("prod"))
}

func TestCustomerKeysAreTheOwnersToManage(t *testing.T) {
	w := newWorld(t)
	ctx, actor := t.Context(), w.asOwner()
	prod, beta := w.stage("prod"), w.stage("beta")
	one, two, other := w.plan("One", prod), w.plan("Two", prod), w.plan("Other", beta)
	k, value, err := w.CreateCustomerKey(ctx, actor, models.NewCustomerKey{Name: "Acme", Description: "pilot", CustomerID: "c-1",
		Plans: []models.PlanID{one.ID, other.ID, one.ID}}, w.later())
	ok(t, err)
	w.wantEvent("key.create", k.ID.String(), w.owner.ID)
	if k.OwnerID != w.owner.ID || k.Hint != value.Hint() || k.Sealed || w.state(k.ID, one.ID) != models.MemberActive || w.state(k.ID, other.ID) == "" {
		t.Errorf("got %+v", k)
	}
	wantKind(t, "a second plan for a stage", w.AddKeyToPlan(ctx, actor, k.ID, two.ID, w.later()), models.KindConflict)
	wantKind(t, "the same plan", w.AddKeyToPlan(ctx, actor, k.ID, one.ID, w.later()), models.KindConflict)
	wantKind(t, "a draft", w.AddKeyToPlan(ctx, actor, k.ID, w.draft(termsOf("Draft")).ID, w.later()), models.KindConflict)
	ok(t, w.MoveKey(ctx, actor, k.ID, one.ID, two.ID, false, w.later()))
	w.wantEvent("key.move", k.ID.String(), w.owner.ID)
	wantKind(t, "from where it is not", w.MoveKey(ctx, actor, k.ID, one.ID, two.ID, false, w.later()), models.KindNotFound)
	wantKind(t, "to where its stage is held", w.MoveKey(ctx, actor, k.ID, other.ID, one.ID, false, w.later()), models.KindConflict)
	if w.state(k.ID, other.ID) == "" {
		t.Error("a refused move took the key off its plan")
	}
	w.wantChange(models.ChangeKey, int64(k.ID), func() { ok(t, w.RemoveKeyFromPlan(ctx, actor, k.ID, other.ID, w.later())) })
	wantKind(t, "remove again", w.RemoveKeyFromPlan(ctx, actor, k.ID, other.ID, w.later()), models.KindNotFound)
	wantR1(t, w.Store)

	ok(t, w.UpdateCustomerKey(ctx, actor, k.ID, models.CustomerKeySettings{Name: "Acme Ltd", CustomerID: "c-2"}, w.later()))
	ok(t, w.SetKeyEnabled(ctx, actor, k.ID, false, w.later()))
	ok(t, w.RenameKey(ctx, actor, k.ID, "Acme Inc", w.later()))
	d, err := w.OwnKey(ctx, w.owner.ID, k.ID)
	ok(t, err)
	if d.Name != "Acme Inc" || d.Description != "" || d.CustomerID != "c-2" || d.Enabled {
		t.Errorf("got %+v", d.KeyRow)
	}
	_, _, err = w.CreateCustomerKey(ctx, actor, models.NewCustomerKey{ExpiresAt: w.now.Add(-time.Hour)}, w.later())
	wantField(t, "an empty key", err, "name")
	wantField(t, "an empty key", err, "expires")
	n := count(t, w.Store, `SELECT count(*) FROM keys`)
	_, _, err = w.CreateCustomerKey(ctx, actor, models.NewCustomerKey{Name: "x", Plans: []models.PlanID{one.ID, two.ID}}, w.later())
	wantKind(t, "two plans for a stage", err, models.KindConflict)
	if count(t, w.Store, `SELECT count(*) FROM keys`) != n {
		t.Error("a refused key was left behind")
	}
}

// A developer's key goes with its subscription; its owner of the plan cannot carry it elsewhere.
func TestDevelopersKeysAreNotTheOwnersToMove(t *testing.T) {
	w := newWorld(t)
	one, two := w.plan("One", w.stage("prod")), w.plan("Two", w.stage("beta"))
	made := w.subscribe(one, "App")
	for what, err := range map[string]error{
		"add":    w.AddKeyToPlan(t.Context(), w.asOwner(), made.Key.ID, two.ID, w.later()),
		"remove": w.RemoveKeyFromPlan(t.Context(), w.asOwner(), made.Key.ID, one.ID, w.later()),
		"move":   w.MoveKey(t.Context(), w.asOwner(), made.Key.ID, one.ID, two.ID, false, w.later()),
		"update": w.UpdateCustomerKey(t.Context(), w.asOwner(), made.Key.ID, models.CustomerKeySettings{Name: "x"}, w.later()),
	} {
		wantKind(t, what, err, models.KindConflict)
	}
	for what, err := range map[string]error{
		"rename": w.RenameKey(t.Context(), w.asOwner(), made.Key.ID, "x", w.later()),
		"revoke": w.RevokeKey(t.Context(), w.asOwner(), made.Key.ID, w.later()),
	} {
		wantKind(t, what, err, models.KindNotFound)
	}
}

// R10: of a generated value only its keyed hash, its hint and its last four characters are in the file.
func TestNoGeneratedValueIsInTheDatabase(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, func(c *store.Config) { c.Path = filepath.Join(dir, "g.db") })
	made, value, err := w.Subscribe(t.Context(), w.asDeveloper(), models.NewSubscription{PlanID: w.plan("Free", w.stage("prod")).ID, AppName: "App"}, w.later())
	ok(t, err)
	_, rotated, err := w.RotateKey(t.Context(), w.asDeveloper(), made.Key.ID, models.Rotation{Overlap: models.OverlapDay}, w.later())
	ok(t, err)
	imported := "imported-value-0123456789"
	_, err = w.ImportKeys(t.Context(), w.asOwner(), models.NewImport{}, []models.KeyImport{{Line: 2, Name: "x", Value: imported, Enabled: true}}, w.later())
	ok(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		ok(t, err)
		for _, text := range []string{revealed(value), revealed(rotated), imported} {
			if bytes.Contains(content, []byte(text)) || bytes.Contains(content, []byte(text[4:len(text)-4])) {
				t.Errorf("a value is in %s", filepath.Base(file))
			}
		}
	}
}
