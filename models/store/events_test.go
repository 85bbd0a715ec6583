package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
	"gatehouse/models/secret"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// actions returns what the viewer sees, page by page, newest first.
func actions(t *testing.T, s *store.Store, viewer models.Account, f models.EventFilter) (seen []string) {
	t.Helper()
	for p := (models.Page{Limit: 2}); ; {
		list, err := s.Events(t.Context(), viewer, f, p)
		ok(t, err)
		for _, e := range list.Items {
			seen = append(seen, e.Action+" "+e.ObjectName)
		}
		if p.After = list.Next; p.After == "" {
			return seen
		}
	}
}

func TestEveryChangeOfAnAccountIsAnEventOfItsTransaction(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	setup, _, err := s.CreateLink(ctx, models.CommandLine(), models.NewLink{Kind: models.LinkSetup}, now)
	ok(t, err)
	root, err := s.CompleteSetup(ctx, setup, models.NewAccount{Email: "root@example.com", Name: "Root", PasswordHash: "x"}, models.Actor{Address: "192.0.2.9"}, now)
	ok(t, err)
	by := storetest.Actor(root)
	bo, err := s.SignUp(ctx, newAccount("bo@example.com"), false, models.Actor{Address: "192.0.2.10", RequestID: "req-1"}, now)
	ok(t, err)
	invite, _, err := s.CreateLink(ctx, by, models.NewLink{Kind: models.LinkInvite, Email: "cy@example.com", Role: models.RoleOwner}, now)
	ok(t, err)
	_, err = s.AcceptInvite(ctx, invite, newAccount(""), models.Actor{}, now)
	ok(t, err)
	ok(t, s.SetRole(ctx, by, bo.ID, models.RoleOwner, now))
	ok(t, s.SetRole(ctx, by, bo.ID, models.RoleOwner, now)) // nothing changes: no event
	ok(t, s.RenameAccount(ctx, storetest.Actor(bo), bo.ID, "Bo B.", now))
	ok(t, s.SetPasswordHash(ctx, storetest.Actor(bo), bo.ID, "new", [32]byte{}, now))
	ok(t, s.SaveSession(ctx, session(bo.ID, 1, now)))
	ok(t, s.EndSession(ctx, storetest.Actor(bo), bo.ID, "handle-1", now))
	ok(t, s.SetAccountDisabled(ctx, by, bo.ID, true, now))
	ok(t, s.SetAccountDisabled(ctx, by, bo.ID, false, now))
	ok(t, s.SaveSettings(ctx, by, models.Settings{SignUp: models.SignUpInvited}, now))
	_, err = s.CreateAccount(ctx, by, newAccount("di@example.com"), now)
	ok(t, err)
	_, err = s.CreateAccount(ctx, by, newAccount("di@example.com"), now)
	wantKind(t, "twice", err, models.KindConflict) // leaves no event

	want := []string{
		"link.create setup ", "account.setup root@example.com", "link.use setup ", "account.signup bo@example.com", "link.create invite cy@example.com",
		"account.invite_accept cy@example.com", "link.use invite cy@example.com", "account.role bo@example.com", "account.rename bo@example.com",
		"account.password bo@example.com", "session.end bo@example.com", "account.disable bo@example.com", "account.enable bo@example.com",
		"settings.save Settings", "account.create di@example.com",
	}
	slices.Reverse(want)
	if diff := cmp.Diff(actions(t, s, root, models.EventFilter{}), want); diff != "" {
		t.Errorf("events (-got +want):\n%s", diff)
	}
	list, err := s.Events(ctx, root, models.EventFilter{Action: "account.signup"}, models.Page{})
	ok(t, err)
	got := list.Items[0]
	wantEvent := models.Event{ID: got.ID, At: now, Actor: "bo@example.com", ActorID: bo.ID, Action: "account.signup", ObjectKind: "account", ObjectID: bo.ID.String(),
		ObjectName: "bo@example.com", OwnerID: bo.ID, After: []byte(`{"email":"bo@example.com","name":"Ana","role":"developer"}`), Address: "192.0.2.10", RequestID: "req-1"}
	if diff := cmp.Diff(got, wantEvent); diff != "" {
		t.Errorf("event (-got +want):\n%s", diff)
	}
}

// R9 for the audit log.
func TestEventsAreSeenByWhomTheyConcern(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	admin, owner, developer := storetest.Admin(t, s), storetest.Owner(t, s), storetest.Developer(t, s)
	ok(t, s.RenameAccount(ctx, storetest.Actor(owner), owner.ID, "Olga", now))
	ok(t, s.RenameAccount(ctx, storetest.Actor(developer), developer.ID, "Dan", now.Add(time.Hour)))
	ok(t, s.SaveSettings(ctx, storetest.Actor(admin), models.Settings{SignUp: models.SignUpClosed}, now.Add(2*time.Hour)))

	for _, test := range []struct {
		name   string
		viewer models.Account
		filter models.EventFilter
		want   []string
	}{
		{"developers see what they did", developer, models.EventFilter{}, []string{"account.rename " + developer.Email}},
		{"owners see theirs and what they did", owner, models.EventFilter{}, []string{"account.rename " + owner.Email, "account.create " + owner.Email}},
		{"strangers see nothing", models.Account{Role: models.RoleDeveloper, ID: 5}, models.EventFilter{}, nil},
		{"a filter opens nothing", developer, models.EventFilter{Object: owner.ID.String()}, nil},
		{"administrators see all, by action", admin, models.EventFilter{Action: "account.rename"}, []string{"account.rename " + developer.Email, "account.rename " + owner.Email}},
		{"by group of actions", admin, models.EventFilter{Action: "settings."}, []string{"settings.save Settings"}},
		{"by actor", admin, models.EventFilter{Actor: strings.ToUpper(developer.Email[:len(developer.Email)-6])}, []string{"account.rename " + developer.Email}},
		{"by object", admin, models.EventFilter{Object: developer.ID.String(), Action: "account.rename"}, []string{"account.rename " + developer.Email}},
		{"by time", admin, models.EventFilter{From: now.Add(time.Hour), To: now.Add(2 * time.Hour)}, []string{"account.rename " + developer.Email}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(actions(t, s, test.viewer, test.filter), test.want); diff != "" {
				t.Errorf("events (-got +want):\n%s", diff)
			}
		})
	}
}

// R10: who copies the file learns no token, no session and no key.
func TestTheDatabaseFileHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, func(c *store.Config) { c.Path = filepath.Join(dir, "gatehouse.db") })
	ctx, now := t.Context(), storetest.Now()
	a := storetest.Developer(t, s)
	var secrets []string
	for _, in := range []models.NewLink{{Kind: models.LinkReset, AccountID: a.ID}, {Kind: models.LinkInvite, Email: "x@example.com", Role: models.RoleOwner}} {
		token, _, err := s.CreateLink(ctx, storetest.Actor(storetest.Admin(t, s)), in, now)
		ok(t, err)
		secrets = append(secrets, token)
	}
	in := session(a.ID, 1, now)
	in.Data = []byte("a flash message of the session")
	ok(t, s.SaveSession(ctx, in))
	value := secret.Generate(secret.Prefix{})
	ok(t, s.PutSecret(ctx, in.Digest, 5, value, now))
	secrets = append(secrets, string(in.Data), value.Reveal(), value.Reveal()[8:30])
	owner := storetest.Owner(t, s)
	_, access, err := s.CreateAccessKey(ctx, storetest.Actor(owner), owner.ID, models.NewAccessKey{Name: "ci"}, now)
	ok(t, err)
	secrets = append(secrets, access.Reveal())

	files, err := filepath.Glob(filepath.Join(dir, "*"))
	ok(t, err)
	var seen int
	for _, file := range files {
		content, err := os.ReadFile(file)
		ok(t, err)
		if strings.Contains(string(content), a.Email) {
			seen++
		}
		for i, text := range secrets {
			if strings.Contains(string(content), text) {
				t.Errorf("secret %d is in %s", i, filepath.Base(file))
			}
		}
	}
	if seen == 0 {
		t.Errorf("the account's e-mail is in none of %v: the test looks in the wrong place", files)
	}
}

func TestSealedDataBelongsToItsRow(t *testing.T) {
	s := storetest.Open(t)
	ctx, now := t.Context(), storetest.Now()
	a := storetest.Developer(t, s)
	for n := range byte(2) {
		in := session(a.ID, n, now)
		in.Data = fmt.Appendf(nil, "values of %d", n)
		ok(t, s.SaveSession(ctx, in))
	}
	ok(t, store.Writer(s).Exec(`UPDATE sessions SET data = (SELECT data FROM sessions WHERE handle = 'handle-0')`).Error)
	if _, err := s.LoadSession(ctx, [32]byte{1, 1}, now); err == nil {
		t.Error("a session took over the values of another")
	}
}
