package handlers_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
	"gatehouse/models/store/storetest"
)

// tester is a gateway that knows one token.
type tester struct{ asked []string }

func (g *tester) TryAuthorizer(_ context.Context, _ models.APIID, _ models.AuthorizerID, values []string) (models.AuthorizerTrial, error) {
	g.asked = append(g.asked, values...)
	switch {
	case values[0] == "Bearer good":
		return models.AuthorizerTrial{Allowed: true, Principal: "mia", Scopes: []string{"read"}, Told: []models.HeaderRule{{Name: "X-Authorizer-Email", Value: "mia@example.com"}}, Until: time.Unix(0, 0)}, nil
	case values[0] == "Bearer down":
		return models.AuthorizerTrial{Reason: "It cannot be reached, or is too slow.", Fault: "connection refused"}, nil
	default:
		return models.AuthorizerTrial{Refused: true, Reason: "The token expired."}, nil
	}
}

// An owner lets tokens of his issuer in, tries one, has methods ask for it, and cannot delete what is asked.
func TestAnOwnerMakesAnAuthorizerAndHasMethodsAskIt(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b := p.signedIn("owner@example.com")
	api := "/owner/apis/" + w.api.ID.String()
	path := api + "/authorizers"
	b.get(path).has(t, "No authorizers yet", path+"/new?kind=jwt", path+"/new?kind=http")
	b.get(path+"/new?kind=jwt").has(t, "Accept tokens", `name="issuer"`, `value="Authorization"`, `value="300"`, `value="60"`, "EdDSA")
	b.get(path+"/new?kind=http").has(t, "Ask your service", `name="url"`, `value="5000"`, "The same method")
	b.post(path, "kind", "jwt", "name", "a b", "issuer", "http://login.example.com/", "ttl", "x", "leeway", "60", "audiences", "weather").again(t, "Enter whole seconds", `value="a b"`)
	b.post(path, "kind", "jwt", "name", "a b", "issuer", "http://login.example.com/", "ttl", "300", "leeway", "60").again(t, "Use 1 to 128 letters", "can be replaced on the way")
	page := b.sees(b.post(path, "kind", "jwt", "name", "login", "issuer", "https://203.0.113.7/", "ttl", "300", "leeway", "60", "audiences", "weather\r\nmaps", "claims", "email, sub", "algorithms", "RS256"))
	page.has(t, "login is made", "Nothing asks it yet", "weather\nmaps", `value="email, sub"`, "Try it")
	list, err := p.store.Authorizers(t.Context(), p.owner.ID, w.api.ID)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	one := path + "/" + list[0].ID.String()
	b.post(path, "kind", "http", "name", "login", "url", "https://203.0.113.7/check", "verb", "POST", "timeout", "5000", "reuse", "method", "ttl", "0").again(t, "has an authorizer of this name already")
	b.post(path, "kind", "http", "name", "check", "url", "https://203.0.113.7/check", "verb", "POST", "timeout", "5000", "reuse", "method", "ttl", "0", "secret_header", "X-Secret", "secret", "a b\tc").again(t, "letters, digits and signs of ASCII")
	page = b.sees(b.post(path, "kind", "http", "name", "check", "url", "https://203.0.113.7/check", "verb", "POST", "timeout", "5000", "reuse", "method", "ttl", "0", "secret_header", "X-Secret", "secret", "hush"))
	page.has(t, "check is made", "the one that is kept stays")
	page.hasNot(t, "hush")

	list, err = p.store.Authorizers(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	other := list[0]
	if other.Name != "check" {
		t.Fatal(other)
	}
	good := b.post(one+"/test", "source", " Bearer good ")
	good.has(t, "It would pass", "mia", "X-Authorizer-Email", "mia@example.com")
	good.hasNot(t, "Bearer good")
	b.post(one+"/test", "source", "Bearer old").has(t, "It would be refused", "The token expired.")
	b.post(one+"/test", "source", "Bearer down").has(t, "could not be asked", "connection refused")

	methods, err := p.store.Methods(t.Context(), p.owner.ID, w.api.ID)
	ok(t, err)
	b.sees(b.post(path+"/default", "authorizer", list[1].ID.String())).has(t, "The default is saved", "login, the default")
	b.post(path+"/methods", "action", "ticked", "authorizer", "", "scopes", "read").again(t, "Tick the methods that are meant first", `value="read"`)
	b.post(path+"/methods", "action", "all", "authorizer", one[strings.LastIndex(one, "/")+1:], "scopes", `read "x`, "q", "get").again(t, "at most 20 scopes", `value="read &#34;x"`, `" selected>login`, `value="get"`)
	b.sees(b.post(path+"/methods", "action", "ticked", "method", methods[0].ID.String(), "authorizer", "none")).has(t, ">None<")
	b.sees(b.post(path+"/methods", "action", "ticked", "method", methods[1].ID.String(), "authorizer", list[1].ID.String(), "scopes", "read write")).has(t, "read write")
	b.get(api).has(t, "login")
	b.sees(b.post(one+"/delete")).has(t, "The authorizer is asked by the API", "s default, 1 method")
	b.get(one).has(t, "s default, 1 method")
	b.sees(b.post(path+"/flush")).has(t, "each caller is judged anew")
	b.sees(b.post(one+"/flush")).has(t, "each caller is judged anew")
	b.get(path+"?q=nothing+like+it").has(t, "No method has these words")
	ok(t, p.store.SetDefaultAuthorizer(t.Context(), storetest.Actor(p.owner), w.api.ID, 0, p.clock))
	b.sees(b.post(path+"/methods", "action", "all", "authorizer", ""))
	b.get(one+"/delete").has(t, "Delete login?")
	b.sees(b.post(one+"/delete")).has(t, "login is deleted")

	ok(t, p.store.SetDefaultAuthorizer(t.Context(), storetest.Actor(p.owner), w.api.ID, other.ID, p.clock))
	_, err = p.store.Deploy(t.Context(), storetest.Actor(p.owner), w.api.ID, w.stage.ID, "", p.clock)
	ok(t, err)
	p.signedIn("developer@example.com").get("/apis/echo/docs/get-get").has(t, "The API asks a service of its own who calls by it", "TOKEN")
	p.signedIn("developer@example.com").get("/apis/echo").has(t, "Bearer TOKEN")

	for _, stranger := range []string{"stranger@example.com", "developer@example.com"} {
		if page := p.signedIn(stranger).get(path); page.status == 200 {
			t.Errorf("%s sees it: %d", stranger, page.status)
		}
	}
	b.sees(b.post(api+"/settings", "name", "Echo", "slug", "echo", "summary", "", "key_place", "authorizer")).has(t, "Callers send no key")
	if strings.Contains(b.get(api).body, "hush") {
		t.Error("a page tells the secret")
	}
}

// A host that has no address yet is no mistake; one that the operator does not allow is.
func TestTheAddressOfAnAuthorizerIsLookedAtWhenItIsSaved(t *testing.T) {
	p := openOwnerPortal(t)
	w := p.world(p.owner, "echo", nil)
	b, path := p.signedIn("owner@example.com"), "/owner/apis/"+w.api.ID.String()+"/authorizers"
	b.sees(b.post(path, "kind", "jwt", "name", "elsewhere", "issuer", "https://nowhere/", "ttl", "300", "leeway", "60")).has(t, "elsewhere is made", "Its host has no address now: callers get 503 until it has one.")
	p.refused = "10.0.0.7"
	b.post(path, "kind", "jwt", "name", "inside", "issuer", "https://10.0.0.7/", "ttl", "300", "leeway", "60").again(t, "The address 10.0.0.7 is private")
}
