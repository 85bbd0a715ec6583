package models_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/models"
)

// Pages and programs set the same settings: what one rule lets through, the gateway has to live with.
func TestSettingsAreJudgedAtTheirFields(t *testing.T) {
	rule := func(action models.HeaderAction, name, value string) []models.HeaderRule {
		return []models.HeaderRule{{Action: action, Name: name, Value: value}}
	}
	cors := func(origins ...string) models.StageSettings {
		return models.StageSettings{CORS: &models.CORS{Origins: origins}}
	}
	variables := map[string]string{"host": "a.example.com", "tenant": "acme"}
	for _, test := range []struct {
		name   string
		set    models.StageSettings
		fields string // that are wrong, in order; "": none
	}{
		{"nothing set", models.StageSettings{}, ""},
		{"targets", models.StageSettings{Targets: models.StageTargets{Weight: 1000, Retries: 5, Others: []models.Target{{URL: "https://b.example.com/v1"}}}}, ""},
		{"a target with a query", models.StageSettings{Targets: models.StageTargets{Others: []models.Target{{URL: "https://b.example.com?x"}, {URL: "https://c.example.com", Weight: 1001}}}}, "target_1 weight_2"},
		{"a target twice", models.StageSettings{Targets: models.StageTargets{Others: []models.Target{{URL: "https://b.example.com"}, {URL: "https://b.example.com"}}}}, "target_2"},
		{"too many targets", models.StageSettings{Targets: models.StageTargets{Others: many(16)}}, "target_16"},
		{"weights and retries", models.StageSettings{Targets: models.StageTargets{Weight: -1, Retries: 6}}, "retries weight"},
		{"a target of a variable", models.StageSettings{Variables: variables, Targets: models.StageTargets{Others: []models.Target{{URL: "https://${stageVariables.host}/v2"}}}}, ""},
		{"a target of no variable", models.StageSettings{Variables: variables, Targets: models.StageTargets{Others: []models.Target{{URL: "https://${stageVariables.hots}/v2"}}}}, "target_1"},
		{"a target that a canary's variable breaks", models.StageSettings{Variables: variables, Targets: models.StageTargets{Others: []models.Target{{URL: "https://${stageVariables.host}/v2"}}},
			Canary: &models.Canary{Percent: 1, Variables: map[string]string{"host": "?"}}}, "target_1"},
		{"a health check", models.StageSettings{Targets: models.StageTargets{Health: &models.HealthCheck{Path: "/up?deep=1", Interval: time.Second, Timeout: time.Minute, Healthy: 10, Unhealthy: 1}}}, ""},
		{"a health check out of its ranges", models.StageSettings{Targets: models.StageTargets{Health: &models.HealthCheck{Path: "up", Interval: time.Millisecond, Timeout: time.Hour, Healthy: 11, Unhealthy: -1}}},
			"health_interval health_path health_timeout healthy unhealthy"},
		{"a breaker out of its ranges", models.StageSettings{Targets: models.StageTargets{Breaker: models.Breaker{Failures: 1001, Pause: time.Hour}}}, "breaker_failures breaker_pause"},
		{"times", models.StageSettings{Timeouts: models.StageTimeouts{Connect: 100 * time.Millisecond, Idle: time.Hour, Stream: 30 * 24 * time.Hour}}, ""},
		{"times out of their ranges", models.StageSettings{Timeouts: models.StageTimeouts{Connect: time.Millisecond, Idle: 2 * time.Hour, Stream: time.Second}}, "connect idle stream"},
		{"bodies", models.StageSettings{Limits: models.StageLimits{MaxBody: 1<<40 + 1}}, "max_body"},
		{"a variable's name", models.StageSettings{Variables: map[string]string{"a-b": "c"}}, "variables"},
		{"a variable's value", models.StageSettings{Variables: map[string]string{"a": "b c"}}, "variables"},
		{"an empty value", models.StageSettings{Variables: map[string]string{"a": ""}}, "variables"},
		{"a canary", models.StageSettings{Canary: &models.Canary{Percent: math.NaN(), Variables: map[string]string{"é": "1"}}}, "canary_percent canary_variables"},
		{"header rules", models.StageSettings{Variables: variables, Request: rule(models.HeaderSet, "X-Tenant", "${stageVariables.tenant} ${requestId}"), Response: rule(models.HeaderRemove, "Server", "")}, ""},
		{"a header of a connection", models.StageSettings{Request: rule(models.HeaderRemove, "Connection", ""), Response: rule(models.HeaderAdd, "Content-Length", "1")}, "request_1 response_1"},
		{"a header that says who calls", models.StageSettings{Request: rule(models.HeaderSet, "X-Forwarded-For", "1")}, "request_1"},
		{"a rule that only the canary breaks", models.StageSettings{Variables: variables, Canary: &models.Canary{Variables: map[string]string{"tenant": strings.Repeat("x", 512)}},
			Request: rule(models.HeaderSet, "X-Tenant", strings.Repeat("${stageVariables.tenant}", 10))}, "request_1"},
		{"an alias of it", models.StageSettings{Request: rule(models.HeaderSet, "X_Consumer_Id", "1")}, "request_1"},
		{"a header of limits", models.StageSettings{Response: rule(models.HeaderRemove, "RateLimit", "")}, "response_1"},
		{"a cookie", models.StageSettings{Response: rule(models.HeaderSet, "Set-Cookie", "a=b")}, "response_1"},
		{"no cookie", models.StageSettings{Response: rule(models.HeaderRemove, "Set-Cookie", "")}, ""},
		{"a second header in a value", models.StageSettings{Request: rule(models.HeaderSet, "A", "b\r\nC: d")}, "request_1"},
		{"a value without a rule for it", models.StageSettings{Request: rule(models.HeaderRemove, "A", "b"), Response: rule("replace", "A", "b")}, "request_1 response_1"},
		{"something else to stand for", models.StageSettings{Request: rule(models.HeaderSet, "A", "${context.apiId}")}, "request_1"},
		{"a variable without an end", models.StageSettings{Request: rule(models.HeaderSet, "A", "${stageVariables.tenant")}, "request_1"},
		{"origins", cors("https://app.example.com", "http://localhost:3000", "https://*.example.com"), ""},
		{"no origin", cors(), "origins"},
		{"an origin with a path", cors("https://app.example.com/"), "origins"},
		{"cookies from everywhere", models.StageSettings{CORS: &models.CORS{Origins: []string{"*"}, Credentials: true, MaxAge: 25 * time.Hour, Headers: []string{"a b"}, Expose: []string{"*"}}}, "credentials expose headers max_age"},
		{"a cache", models.StageSettings{Cache: &models.StageCache{TTL: time.Hour, MaxBody: 1 << 10, Vary: []string{"Accept"}}}, ""},
		{"a cache out of its ranges", models.StageSettings{Cache: &models.StageCache{MaxBody: 1, Vary: []string{"*"}}}, "cache_body ttl vary"},
		{"a long message", models.StageSettings{Maintenance: &models.Maintenance{Message: strings.Repeat("x", 201)}}, "message"},
		{"TLS", models.StageSettings{TLS: models.UpstreamTLS{CA: "no PEM", ServerName: "a b"}}, "ca server_name"},
	} {
		var e *models.Error
		err := test.set.Check()
		if errors.As(err, &e); err == nil {
			e = &models.Error{}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(e.Fields)), " "); got != test.fields {
			t.Errorf("%s: wrong are %q, want %q (%v)", test.name, got, test.fields, err)
		}
	}
}

func many(n int) (targets []models.Target) {
	for i := range n {
		targets = append(targets, models.Target{URL: "https://" + string(rune('a'+i)) + ".example.com"})
	}
	return targets
}

func TestVariablesStandForTheirValues(t *testing.T) {
	s := models.StageSettings{Variables: map[string]string{"a": "1", "b": "2"}, Canary: &models.Canary{Variables: map[string]string{"b": "3"}}}
	const text = "${stageVariables.a}-${stageVariables.b}-${requestId}-$"
	own, err := models.ExpandVariables(text, s.Variables)
	canary, canaryErr := models.ExpandVariables(text, s.CanaryVariables())
	if own != "1-2-${requestId}-$" || canary != "1-3-${requestId}-$" || err != nil || canaryErr != nil {
		t.Errorf("got %q (%v) and %q (%v)", own, err, canary, canaryErr)
	}
	st := models.Stage{Name: "prod", Timeout: time.Second, Upstream: "https://${stageVariables.host}", Settings: models.StageSettings{Variables: map[string]string{"host": "example.com:8443"}}}
	if err := st.Check(); err != nil {
		t.Error(err)
	}
	st.Settings.Variables = nil
	if err := st.Check(); models.KindOf(err) != models.KindInvalid {
		t.Errorf("a variable that is not there: %v", err)
	}
}

func TestAClientCertificateIsMadeOrBrought(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	pair, err := models.NewClientKeyPair("Gateway", now)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := pair.Leaf()
	if err != nil || leaf.Subject.CommonName != "Gateway" || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || !leaf.NotAfter.Equal(now.Add(365*24*time.Hour)) || leaf.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("made %+v, %v", leaf, err)
	}
	chain, key := string(pair.Chain), string(pair.Key)
	again, err := models.ReadClientKeyPair("noise\n"+chain, key+"noise", now)
	if err != nil || string(again.Chain) != chain || string(again.Key) != key {
		t.Errorf("read again: %v", err)
	}
	if c, err := again.TLS(); err != nil || c.PrivateKey == nil {
		t.Errorf("for a connection: %v", err)
	}
	other, err := models.NewClientKeyPair("Other", now)
	if err != nil {
		t.Fatal(err)
	}
	locked := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	for name, test := range map[string]struct{ chain, key, field string }{
		"no certificate":       {"x", key, "chain"},
		"no key":               {chain, chain, "key"},
		"another's key":        {chain, string(other.Key), "key"},
		"a key with a pass":    {chain, locked, "key"},
		"a key in the chain":   {chain + key, key, "chain"},
		"more than is sane":    {strings.Repeat(chain, 200), key, "chain"},
		"nothing where it is ": {chain, "", "key"},
	} {
		_, err := models.ReadClientKeyPair(test.chain, test.key, now)
		var e *models.Error
		if !errors.As(err, &e) || e.Fields[test.field] == "" {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "MIG") {
			t.Errorf("%s: the error tells of the key: %v", name, err)
		}
	}
	if _, err := models.ReadClientKeyPair(chain, key, now.AddDate(2, 0, 0)); models.KindOf(err) != models.KindInvalid {
		t.Errorf("one that ended: %v", err)
	}
}
