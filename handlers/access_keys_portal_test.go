package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

var accessKeyPattern = regexp.MustCompile(`^/owner/access-keys/(GHAK[A-Z2-7]{16})\?new=1$`)

func TestAnOwnerMakesAnAccessKeyWhoseSecretIsShownOnce(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	b.get("/owner/access-keys").has(t, "No access keys", "https://manage.example.com", "aws --endpoint-url https://manage.example.com apigateway get-rest-apis")
	b.get("/owner/access-keys/new").has(t, "Create access key", "In 90 days")
	for expires, name := range map[string]string{"90": " ", "tomorrow": "deploy"} {
		got := b.post("/owner/access-keys/new", "name", name, "expires", expires)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("%q, %q: got %d, want 422", name, expires, got.status)
		}
	}
	made := b.post("/owner/access-keys/new", "name", "deploy from CI", "expires", "30")
	match := accessKeyPattern.FindStringSubmatch(made.location)
	if match == nil {
		t.Fatalf("create: %d to %q", made.status, made.location)
	}
	id, path := match[1], "/owner/access-keys/"+match[1]
	key, err := p.store.SigningKey(t.Context(), id, p.clock)
	ok(t, err)
	if want := p.clock.AddDate(0, 0, 30); !key.ExpiresAt.Equal(want) {
		t.Errorf("it expires %s, want %s", key.ExpiresAt, want)
	}
	shown := b.get(made.location)
	shown.has(t, key.Secret, "export AWS_ACCESS_KEY_ID="+id, "export AWS_SECRET_ACCESS_KEY="+key.Secret, "endpoint_url = https://manage.example.com", "deploy from CI is ready")
	again := b.get(made.location)
	again.hasNot(t, key.Secret)
	again.has(t, "was shown once", "aws_access_key_id = "+id)
	b.get(path).hasNot(t, key.Secret)
	b.get(path).has(t, "Active", `href="/owner/audit?credential=`+id+`"`)

	ok(t, p.store.NoteAccessKeyUse(t.Context(), id, "192.0.2.7", p.clock))
	b.get("/owner/access-keys").has(t, "deploy from CI", id, "from 192.0.2.7", "Active")
	b.sees(b.post(path+"/disable")).has(t, "is disabled", "Enable")
	if _, err := p.store.SigningKey(t.Context(), id, p.clock); err == nil {
		t.Error("a disabled key signs")
	}
	b.sees(b.post(path+"/enable")).has(t, "works again", "Disable")
	b.get(path+"/revoke").has(t, "Revoke deploy from CI?", "cannot be undone")
	b.sees(b.post(path+"/revoke")).has(t, "deploy from CI is revoked", "Revoked")
	b.get(path).hasNot(t, "Use it", ">Enable<", ">Disable<")
	if got := b.post(path + "/enable"); got.status == http.StatusOK {
		t.Error("a revoked key is enabled")
	}
}

// Who borrows a browser for a moment must not leave with a key that lasts.
func TestAnAccessKeyIsMadeOnlyByWhoProvedThePassword(t *testing.T) {
	p := openOwnerPortal(t)
	b := p.signedIn("owner@example.com")
	p.clock = p.clock.Add(11 * time.Minute)
	for _, got := range []answer{b.get("/owner/access-keys/new"), b.post("/owner/access-keys/new", "name", "x", "expires", "never")} {
		if got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/confirm?next=") {
			t.Errorf("got %d to %q, want to be asked for the password", got.status, got.location)
		}
	}
	if got := b.post("/confirm", "password", password, "next", "/owner/access-keys/new"); got.location != "/owner/access-keys/new" {
		t.Fatalf("confirm: %d to %q", got.status, got.location)
	}
	if got := b.post("/owner/access-keys/new", "name", "x", "expires", "never"); !accessKeyPattern.MatchString(got.location) {
		t.Errorf("create: %d to %q", got.status, got.location)
	}
}

func TestAccessKeysOfOthersAreNotThere(t *testing.T) {
	p := openOwnerPortal(t)
	key, _, err := p.store.CreateAccessKey(t.Context(), storetest.Actor(p.owner), p.owner.ID, models.NewAccessKey{Name: "deploy"}, p.clock)
	ok(t, err)
	for _, email := range []string{"stranger@example.com", "developer@example.com"} {
		b := p.signedIn(email)
		for _, path := range []string{"/owner/access-keys/" + key.ID, "/owner/access-keys/" + key.ID + "/revoke"} {
			if got := b.get(path); got.status != http.StatusNotFound {
				t.Errorf("%s by %s: %d", path, email, got.status)
			}
		}
		for _, verb := range []string{"/disable", "/revoke"} {
			if got := b.post("/owner/access-keys/" + key.ID + verb); got.status != http.StatusNotFound {
				t.Errorf("%s by %s: %d", verb, email, got.status)
			}
		}
		if got := b.get("/owner/access-keys"); strings.Contains(got.body, key.ID) {
			t.Errorf("%s sees it in the list", email)
		}
	}
	for range models.MaxAccessKeys - 1 {
		_, _, err := p.store.CreateAccessKey(t.Context(), storetest.Actor(p.owner), p.owner.ID, models.NewAccessKey{Name: "more"}, p.clock)
		ok(t, err)
	}
	b := p.signedIn("owner@example.com")
	b.get("/owner/access-keys").has(t, "as many as there can be")
	got := b.post("/owner/access-keys/new", "name", "one too many", "expires", "never")
	if got.status != http.StatusUnprocessableEntity {
		t.Errorf("one too many: %d", got.status)
	}
	got.has(t, "Revoke one first", `value="one too many"`)
}
