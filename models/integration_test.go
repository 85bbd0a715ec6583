package models

import (
	"strings"
	"testing"
	"time"
)

func proxyTo(url string, change ...func(*Integration)) Integration {
	i := Integration{Kind: IntegrationHTTPProxy, Verb: "GET", URL: url}
	for _, fn := range change {
		fn(&i)
	}
	return i
}

func mapped(pairs ...string) func(*Integration) {
	return func(i *Integration) {
		i.Parameters = map[string]string{}
		for n := 0; n < len(pairs); n += 2 {
			i.Parameters[pairs[n]] = pairs[n+1]
		}
	}
}

func TestIntegrationsThatTheGatewayCannotDoAreRefused(t *testing.T) {
	const bad = "Invalid HTTP endpoint specified for URI"
	for name, c := range map[string]struct {
		i    Integration
		want string // part of the sentence; empty: it is good
	}{
		"plain":                        {proxyTo("https://api.example.com/v1"), ""},
		"parameter of its path":        {proxyTo("https://api.example.com/users/{id}"), ""},
		"mapped parameter":             {proxyTo("https://h/{user}?of={user}", mapped("integration.request.path.user", "method.request.path.id")), ""},
		"variables":                    {proxyTo("http://${stageVariables.host}:${stageVariables.port}/${stageVariables.base}/x"), ""},
		"other kind":                   {Integration{Kind: "AWS_PROXY", Verb: "POST", URL: "arn:aws:lambda"}, "AWS_PROXY are not supported"},
		"no verb":                      {Integration{Kind: IntegrationHTTP, URL: "http://h"}, "Enumeration value for HttpMethod must be non-empty"},
		"odd verb":                     {proxyTo("http://h", func(i *Integration) { i.Verb = "get" }), "Invalid HttpMethod specified"},
		"no URL":                       {proxyTo(""), bad},
		"other scheme":                 {proxyTo("unix:///run/app.sock"), bad},
		"scheme by a variable":         {proxyTo("${stageVariables.url}/x"), bad},
		"scheme by a variable, behind": {proxyTo("http${stageVariables.s}://h/x"), bad},
		"parameter in the host":        {proxyTo("https://{id}.example.com/"), bad},
		"user name":                    {proxyTo("https://a@h/"), bad},
		"fragment":                     {proxyTo("https://h/#x"), bad},
		"dots":                         {proxyTo("https://h/a/../b"), bad},
		"dots by a value":              {proxyTo("https://h/a/.{id}"), bad},
		"encoded dots":                 {proxyTo("https://h/a/%2E%2e/b"), bad},
		"escape by a value":            {proxyTo("https://h/a/%2{id}"), bad},
		"brace":                        {proxyTo("https://h/{id"), bad},
		"blank":                        {proxyTo("https://h/a b"), bad},
		"port":                         {proxyTo("https://h:99999/"), bad},
		"nothing feeds it":             {proxyTo("https://h/{other}"), "nothing feeds it"},
		"no such parameter":            {proxyTo("https://h/", mapped("integration.request.header.X-A", "method.request.path.other")), "[Invalid mapping expression specified: method.request.path.other]"},
		"body":                         {proxyTo("https://h/", mapped("integration.request.header.X-A", "method.request.body")), "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: method.request.body]"},
		"target":                       {proxyTo("https://h/", mapped("integration.request.body.x", "'a'")), "specified: integration.request.body.x]"},
		"own header":                   {proxyTo("https://h/", mapped("integration.request.header.X-Forwarded-For", "'1.2.3.4'")), "gateway's own"},
		"literal":                      {proxyTo("https://h/", mapped("integration.request.header.X-A", "'a b'", "integration.request.querystring.q", "stageVariables.v")), ""},
		"literal with a line's end":    {proxyTo("https://h/", mapped("integration.request.header.X-A", "'a\nb'")), "Invalid mapping expression"},
		"context":                      {proxyTo("https://h/", mapped("integration.request.header.X-A", "context.identity.sourceIp")), ""},
		"the key's value":              {proxyTo("https://h/", mapped("integration.request.header.X-A", "context.identity.apiKey")), "Invalid mapping expression"},
		"context in a path":            {proxyTo("https://h/{id}", mapped("integration.request.path.id", "context.path")), "cannot be made of"},
		"timeout":                      {proxyTo("https://h/", func(i *Integration) { i.Timeout = 30 * time.Second }), "between 50 ms and 29000 ms"},
		"passthrough":                  {proxyTo("https://h/", func(i *Integration) { i.Passthrough = "ALWAYS" }), "WHEN_NO_MATCH"},
		"mock":                         {Integration{Kind: IntegrationMock, Templates: map[string]string{"application/json": `{"statusCode": 200}`}}, ""},
		"mock with a media type":       {Integration{Kind: IntegrationMock, Templates: map[string]string{"123": `{"statusCode": 200}`}}, "errors : [Invalid content type specified: 123]"},
		"mock with #set":               {Integration{Kind: IntegrationMock, Templates: map[string]string{"application/json": `#set($a = 1)`}}, "#set"},
		"answers": {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{
			"200": {Parameters: map[string]string{"method.response.header.Access-Control-Allow-Origin": "'*'", "method.response.header.X-A": "integration.response.header.X-B"}},
			"404": {Pattern: `4\d{2}`},
		}}, ""},
		"answer's status":  {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{"100": {}}}, "200 to 599"},
		"answer's pattern": {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{"200": {Pattern: `(?!4)\d+`}}}, "RE2"},
		"answer's group":   {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{"200": {Pattern: `4)|(5`}}}, "RE2"},
		"answer's body":    {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{"200": {Parameters: map[string]string{"method.response.header.X-A": "integration.response.body.x"}}}}, "Invalid mapping expression"},
		"answer's request": {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{"200": {Parameters: map[string]string{"method.response.header.X-A": "method.request.header.x"}}}}, "Invalid mapping expression"},
		"answer's cookie":  {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{"200": {Parameters: map[string]string{"method.response.header.Set-Cookie": "'a=b'"}}}}, "upstream's to set"},
		"answer's limits":  {Integration{Kind: IntegrationMock, Responses: map[string]IntegrationResponse{"200": {Parameters: map[string]string{"method.response.header.X-RateLimit-Limit": "'1'"}}}}, "gateway's own"},
	} {
		err := CheckIntegration(c.i, "/users/{id}")
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(Sentence(err), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTemplatesHaveNothingThatIsNotRendered(t *testing.T) {
	for text, want := range map[string]int{ // pieces; -1: it is refused
		"":                            0,
		`{"statusCode": 200}`:         1,
		"$5 and #1, a#b, 100%, $":     1,
		`{"id":"$context.requestId"}`: 3,
		"${stageVariables.x}.com$!stageVariables.y":    3,
		`$input.params('id')$input.params("q")`:        2,
		`$input.body`:                                  1,
		`$input.json('$')`:                             1,
		`"$util.escapeJavaScript($input.params('a'))"`: 3,
		`$util.escapeJavaScript(${context.stage})`:     1,
		"#set($a = 1)":                                 -1,
		"#if($a)x#end":                                 -1,
		"#foreach($a in $b)":                           -1,
		"## comment":                                   -1,
		"#* comment *#":                                -1,
		"#[[ raw ]]#":                                  -1,
		"#{else}":                                      -1,
		"$input.path('$.a')":                           -1,
		"$input.json('$.a')":                           -1,
		"$input.params()":                              -1,
		"$input.bodyless":                              -1,
		"$a":                                           -1,
		"${a}":                                         -1,
		"$!{a}":                                        -1,
		"$context.identity.apiKey":                     -1,
		"$context.stage.toUpperCase()":                 -1,
		"$context.stage[0]":                            -1,
		"$stageVariables.get('x')":                     -1,
		"$util.base64Encode($input.body)":              -1,
		"$util.escapeJavaScript($input.path('$'))":     -1,
		"$util.escapeJavaScript('a')":                  -1,
		`$input.params('a').replace('b','c')`:          -1,
		`\$context.stage`:                              -1,
		`$input.params('$context.stage')`:              -1,
	} {
		pieces, err := ParseTemplate(text)
		if (err != nil) != (want < 0) || err == nil && len(pieces) != want {
			t.Errorf("%q: %d pieces, %v, want %d", text, len(pieces), err, want)
		}
		if err != nil && KindOf(err) != KindInvalid {
			t.Errorf("%q: %v is none for people", text, err)
		}
	}
}

func FuzzTemplatesLoseNoText(f *testing.F) {
	f.Add("a$context.stage${stageVariables.x}#1$input.params('y')z")
	f.Fuzz(func(t *testing.T, text string) {
		pieces, err := ParseTemplate(text)
		if err != nil {
			return
		}
		rest := text
		for _, p := range pieces {
			if p.Value.From != FromNowhere {
				continue
			}
			at := strings.Index(rest, p.Text)
			if at < 0 {
				t.Fatalf("%q lost %q", text, p.Text)
			}
			rest = rest[at+len(p.Text):]
		}
	})
}
