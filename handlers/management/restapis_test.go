package management

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/models"
)

// newAPI makes an API on the wire, and returns its path and its root.
func (r *rig) newAPI(name string) (path, root string) {
	r.t.Helper()
	w := r.call("POST", "/restapis", map[string]string{"name": name}).is(201)
	return "/restapis/" + w.member("id"), w.member("rootResourceId")
}

func TestAnAPIReadsBackAsItWasGiven(t *testing.T) {
	r := newRig(t)
	w := r.call("POST", "/restapis", `{"name":"Pets","description":"All\nabout pets","version":"7","binaryMediaTypes":["image/png","*/*"],"minimumCompressionSize":1024,
		"apiKeySource":"AUTHORIZER","endpointConfiguration":{"types":["REGIONAL"],"ipAddressType":"dualstack"},"tags":{"team":"a"},"policy":"","disableExecuteApiEndpoint":false,
		"securityPolicy":"TLS_1_2","endpointAccessMode":"BASIC"}`).is(201)
	path := "/restapis/" + w.member("id")
	want := `{"id":"` + w.member("id") + `","name":"Pets","description":"All\nabout pets","createdDate":1772452801,"version":"7","binaryMediaTypes":["image/png","*/*"],"minimumCompressionSize":1024,
		"apiKeySource":"AUTHORIZER","endpointConfiguration":{"types":["REGIONAL"],"ipAddressType":"dualstack"},"tags":{"team":"a"},"disableExecuteApiEndpoint":false,
		"rootResourceId":"` + w.member("rootResourceId") + `","securityPolicy":"TLS_1_2","endpointAccessMode":"BASIC"}`
	w.says(want)
	r.call("GET", path, "").is(200).says(want)
	r.call("GET", "/restapis", "").is(200).says(`{"item":[` + want + `]}`)
	r.patch(path, "replace /name Cats", "replace /description New", "replace /version 8", "replace /apiKeySource HEADER", "add /binaryMediaTypes/a~1b", "replace /binaryMediaTypes/image~1png c/d",
		"remove /binaryMediaTypes/*~1*", "replace /minimumCompressionSize ", "replace /endpointConfiguration/types/REGIONAL EDGE", "replace /endpointConfiguration/ipAddressType ipv4",
		"replace /policy ", "replace /disableExecuteApiEndpoint false").is(200).
		says(`{"id":"` + w.member("id") + `","name":"Cats","description":"New","createdDate":1772452801,"version":"8","binaryMediaTypes":["a/b","c/d"],"apiKeySource":"HEADER",
		"endpointConfiguration":{"types":["EDGE"],"ipAddressType":"ipv4"},"tags":{"team":"a"},"disableExecuteApiEndpoint":false,"rootResourceId":"` + w.member("rootResourceId") + `",
		"securityPolicy":"TLS_1_2","endpointAccessMode":"BASIC"}`)
	a, err := r.API(t.Context(), r.owner.ID, mustID[models.API](t, w.member("id")))
	if err != nil || a.Slug != "pets" || a.KeySource != models.DefaultKeySource() || a.Summary != "New" {
		t.Errorf("%+v, %v", a, err)
	}
	r.call("DELETE", path, "").is(202)
	r.call("GET", path, "").refused(404, "NotFoundException", "Invalid API identifier specified 123456789012:"+w.member("id"))
	if second := r.call("POST", "/restapis", `{"name":"Dogs"}`).is(201); strings.Contains(string(second.body), `"tags"`) {
		t.Errorf("tags are told that nobody gave: %s", second.body)
	}
}

func mustID[T any](t testing.TB, s string) models.ID[T] {
	t.Helper()
	id, err := models.ParseID[T](s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWhatAnAPICannotBeIsRefused(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string]string{
		`{}`:                            "1 validation error detected: Value null at 'createRestApiInput.name' failed to satisfy constraint: Member must not be null",
		`{"name":"x","description":""}`: "Description cannot be an empty string",
		`{"name":"x","minimumCompressionSize":10485761}`:                              "Invalid minimum compression size, must be between 0 and 10485760",
		`{"name":"x","endpointConfiguration":{"types":["EDGE","REGIONAL"]}}`:          "Cannot create an api with multiple Endpoint Types.",
		`{"name":"x","endpointConfiguration":{"types":[]}}`:                           "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
		`{"name":"x","endpointConfiguration":{"types":["X"]}}`:                        "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE",
		`{"name":"x","endpointConfiguration":{"types":["EDGE"],"ipAddressType":"6"}}`: "ipAddressType must be either ipv4 or dualstack.",
		`{"name":"x","policy":"{}"}`:                                                  "A resource policy is not supported by Gatehouse.",
		`{"name":"x","disableExecuteApiEndpoint":true}`:                               "disableExecuteApiEndpoint is not supported by Gatehouse.",
		`{"name":"x","tags":{"aws:a":"b"}}`:                                           `The tag "aws:a"`,
	} {
		w := r.call("POST", "/restapis", body)
		var said struct{ Message string }
		w.read(&said)
		if w.status != 400 || !strings.HasPrefix(said.Message, want) {
			t.Errorf("%s: %d %s", body, w.status, w.body)
		}
	}
	path, _ := r.newAPI("Pets")
	before := r.call("GET", path, "").body
	for _, op := range []string{"replace /minimumCompressionSize x", "replace /policy {}", "replace /disableExecuteApiEndpoint true", "replace /binaryMediaTypes a/b", "replace /nothing x",
		"replace /apiKeySource BODY", "replace /endpointConfiguration/types/REGIONAL EDGE", "add /endpointConfiguration/vpcEndpointIds x", "add /name x", "replace /name "} {
		r.patch(path, "replace /description Changed", op).refused(400, "BadRequestException", "")
	}
	if after := r.call("GET", path, "").body; string(after) != string(before) {
		t.Errorf("a patch that failed changed something: %s", after)
	}
	r.patch(path, "add /name x").refused(400, "BadRequestException", "Invalid patch operation specified. Must be one of: [replace]")
	r.patch(path, "replace /binaryMediaTypes x").refused(400, "BadRequestException", "Invalid patch path /binaryMediaTypes")
}

// Slugs are in the gateway's addresses, and unique; names on the wire need not be.
func TestAPIsOfOneNameGetSlugsOfTheirOwn(t *testing.T) {
	r := newRig(t)
	var slugs []string
	for range 3 {
		path, _ := r.newAPI("The very same name, which is longer than a slug may be")
		a, err := r.API(t.Context(), r.owner.ID, mustID[models.API](t, strings.TrimPrefix(path, "/restapis/")))
		if err != nil {
			t.Fatal(err)
		}
		slugs = append(slugs, a.Slug)
	}
	if slugs[0] == slugs[1] || slugs[1] == slugs[2] || slugs[2] != slugs[0][:38]+"-3" {
		t.Errorf("got %q", slugs)
	}
}

func TestDeletingAnAPITakesItOffPlans(t *testing.T) {
	r := newRig(t)
	api, stage := r.stage("pets", "prod")
	p, err := r.CreatePlan(t.Context(), r.actor(), models.Terms{Name: "Gold", Audience: models.AudienceAnyone, Charge: models.ChargeAccepted, KeysPerApp: 1, Stages: []models.PlanStage{{StageID: stage}}}, r.now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.PublishPlan(t.Context(), r.actor(), p.ID, r.now); err != nil {
		t.Fatal(err)
	}
	r.call("DELETE", "/restapis/"+api.String(), "").is(202)
	after, err := r.Plan(t.Context(), r.owner.ID, p.ID)
	if err != nil || len(after.InForce.Stages) != 0 {
		t.Errorf("%+v, %v", after.InForce, err)
	}
}

func TestOnesOwnAPIsAloneAreSeen(t *testing.T) {
	r := newRig(t)
	path, root := r.newAPI("Pets")
	other := rigOver(t, r.Store)
	for _, c := range [][2]string{{"GET", ""}, {"DELETE", ""}, {"GET", "/resources"}, {"GET", "/resources/" + root}, {"GET", "/models"}, {"GET", "/gatewayresponses"}, {"DELETE", "/resources/" + root}} {
		other.call(c[0], path+c[1], "").refused(404, "NotFoundException", "Invalid API identifier specified 123456789012:")
	}
	other.call("GET", "/restapis", "").is(200).says(`{"item":[]}`)
}

func TestAPIsComeInPages(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"One", "Two", "Three"} {
		r.newAPI(name)
	}
	var names []string
	for position := ""; ; {
		var page struct {
			Position string
			Item     []struct{ Name string }
		}
		r.call("GET", "/restapis?limit=2&position="+position, "").is(200).read(&page)
		for _, a := range page.Item {
			names = append(names, a.Name)
		}
		if position = page.Position; position == "" {
			break
		}
	}
	if got, _ := json.Marshal(names); string(got) != `["Three","Two","One"]` {
		t.Errorf("got %s", got)
	}
}
