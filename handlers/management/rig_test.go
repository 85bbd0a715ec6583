package management

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/enforcement/validation"
	"gatehouse/handlers"
	"gatehouse/models"
	"gatehouse/models/store"
	"gatehouse/models/store/storetest"
)

// rig is the management API over a real store, with an owner who signs requests.
//
//	r := newRig(t)
//	r.call("POST", "/usageplans", `{"name":"Gold"}`).is(201).member("id")
//	r.call("GET", "/usageplans/nosuchplan", "").refused(404, "NotFoundException", "Invalid Usage Plan ID specified")
type rig struct {
	*store.Store
	t     testing.TB
	api   *API
	owner models.Account
	key   models.SigningKey
	now   time.Time // moves on by a second with each request
}

// newRig opens a store of the test's own. Options change the store's configuration.
func newRig(t testing.TB, options ...func(*store.Config)) *rig {
	t.Helper()
	return rigOver(t, storetest.Open(t, options...))
}

// rigOver is a rig over a store that is there already, with an owner of its own.
func rigOver(t testing.TB, s *store.Store) *rig {
	t.Helper()
	r := &rig{Store: s, t: t, owner: storetest.Owner(t, s), now: storetest.Now()}
	r.api = New(Config{Records: s, Keys: s, AccountID: "123456789012", CheckModel: validation.CheckModel, GatewayURL: "https://gateway.example.com", Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
		Words: handlers.PlanWords})
	r.as(r.owner)
	return r
}

// as signs what follows in the name of somebody else.
func (r *rig) as(account models.Account) *rig {
	r.t.Helper()
	key, secret, err := r.CreateAccessKey(r.t.Context(), storetest.Actor(account), account.ID, models.NewAccessKey{Name: "test"}, r.now)
	if err != nil {
		r.t.Fatalf("make access key: %v", err)
	}
	r.key = models.SigningKey{AccessKey: key, Secret: secret.Reveal()}
	return r
}

// actor is the owner in the store's own calls.
func (r *rig) actor() models.Actor { return storetest.Actor(r.owner) }

// reply is what came back, to be looked at.
type wireReply struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
}

// call sends a signed request; its body is a text as it is, or anything else as JSON.
func (r *rig) call(method, target string, body any) wireReply {
	r.t.Helper()
	r.now = r.now.Add(time.Second)
	text, isText := body.(string)
	if !isText {
		b, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		text = string(b)
	}
	req := httptest.NewRequest(method, "http://127.0.0.1:8082"+target, strings.NewReader(text))
	req.RequestURI = target
	req.Header.Set("Accept", "application/json")
	sign(req, []byte(text), r.key, r.now)
	w := httptest.NewRecorder()
	r.api.Handler().ServeHTTP(w, req)
	return wireReply{t: r.t, what: method + " " + target, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}

// patch sends patch operations, each "replace /name Gold", "add /apiStages a:b" or "remove /throttle".
func (r *rig) patch(target string, operations ...string) wireReply {
	r.t.Helper()
	ops := make([]map[string]string, len(operations))
	for i, text := range operations {
		part := strings.SplitN(text, " ", 3)
		ops[i] = map[string]string{"op": part[0], "path": part[1]}
		if len(part) == 3 {
			ops[i]["value"] = part[2]
		}
	}
	return r.call("PATCH", target, map[string]any{"patchOperations": ops})
}

// sign signs a request as botocore does.
func sign(req *http.Request, body []byte, key models.SigningKey, at time.Time) {
	stamp := at.UTC().Format(amzDate)
	req.Header.Set("X-Amz-Date", stamp)
	s := signature{key: key.ID, day: stamp[:8], region: "eu-central-1", signed: []string{"accept", "host", "x-amz-date"}, stamp: stamp}
	path, _, _ := strings.Cut(req.RequestURI, "?")
	digest := sha256.Sum256(body)
	canonical := sha256.Sum256([]byte(s.canonical(req, encode(path, true), hex.EncodeToString(digest[:]))))
	scope := s.day + "/" + s.region + "/" + service + "/" + terminator
	derived := []byte("AWS4" + key.Secret)
	for _, part := range []string{s.day, s.region, service, terminator, algorithm + "\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(canonical[:])} {
		mac := hmac.New(sha256.New, derived)
		_, _ = io.WriteString(mac, part)
		derived = mac.Sum(nil)
	}
	req.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%x", algorithm, key.ID, scope, strings.Join(s.signed, ";"), derived))
}

// is demands a status.
func (w wireReply) is(status int) wireReply {
	w.t.Helper()
	if w.status != status {
		w.t.Fatalf("%s: got %d %s %s, want %d", w.what, w.status, w.header.Get("X-Amzn-Errortype"), w.body, status)
	}
	return w
}

// refused demands an error: its status, code and the beginning of its message.
func (w wireReply) refused(status int, code, message string) {
	w.t.Helper()
	var body struct{ Message string }
	_ = json.Unmarshal(w.body, &body) // what is no JSON has no message
	if w.status != status || w.header.Get("X-Amzn-Errortype") != code || !strings.HasPrefix(body.Message, message) {
		w.t.Errorf("%s: got %d %s %s, want %d %s %q", w.what, w.status, w.header.Get("X-Amzn-Errortype"), w.body, status, code, message)
	}
}

// read reads the body.
func (w wireReply) read(to any) {
	w.t.Helper()
	if err := json.Unmarshal(w.body, to); err != nil {
		w.t.Fatalf("%s: %v in %s", w.what, err, w.body)
	}
}

// member is a member of the body that is text.
func (w wireReply) member(name string) string {
	w.t.Helper()
	var body map[string]any
	w.read(&body)
	text, ok := body[name].(string)
	if !ok {
		w.t.Fatalf("%s: no text %q in %s", w.what, name, w.body)
	}
	return text
}

// body demands a body: JSON that says the same.
func (w wireReply) says(want string) wireReply {
	w.t.Helper()
	if got, want := canonicalJSON(w.t, w.body), canonicalJSON(w.t, []byte(want)); got != want {
		w.t.Errorf("%s:\n got %s\nwant %s", w.what, got, want)
	}
	return w
}

func canonicalJSON(t testing.TB, text []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // 200.0 is not 200
	var value any
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// stage makes an API of the owner's, with a stage to which its methods are deployed. Slug names it; methods are "GET /pets"; none are GET /pets and POST /pets.
func (r *rig) stage(slug, name string, methods ...string) (api models.APIID, stage models.StageID) {
	r.t.Helper()
	if len(methods) == 0 {
		methods = []string{"GET /pets", "POST /pets"}
	}
	in := models.NewAPI{Name: slug, Slug: slug, KeySource: models.DefaultKeySource()}
	for _, m := range methods {
		verb, path, _ := strings.Cut(m, " ")
		in.Methods = append(in.Methods, models.Method{Verb: verb, Path: path, KeyRequired: true})
	}
	a, err := r.CreateAPI(r.t.Context(), r.actor(), in, r.now)
	if err != nil {
		r.t.Fatal(err)
	}
	return a.ID, r.addStage(a.ID, name)
}

// addStage makes another stage of an API, and deploys to it.
func (r *rig) addStage(api models.APIID, name string) models.StageID {
	r.t.Helper()
	st, err := r.CreateStage(r.t.Context(), r.actor(), api, models.Stage{Name: name, Upstream: "https://example.com"}, r.now)
	if err == nil {
		_, err = r.Deploy(r.t.Context(), r.actor(), api, st.ID, "", r.now)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return st.ID
}

// A test of the rig itself: what it signs is accepted, and what is not signed so is not.
func TestSignedRequestsAreAnswered(t *testing.T) {
	r := newRig(t)
	r.call("GET", "/account", "").is(200)
	r.key.Secret += "x"
	r.call("GET", "/account", "").refused(403, "InvalidSignatureException", "The request signature we calculated does not match")
}
