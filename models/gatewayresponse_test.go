package models_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/models"
)

func TestAGatewayResponseIsRefusedInAWSsWords(t *testing.T) {
	param := func(name, value string) models.GatewayResponse {
		return models.GatewayResponse{Type: "THROTTLED", Parameters: map[string]string{name: value}}
	}
	template := func(kind, text string) models.GatewayResponse {
		return models.GatewayResponse{Type: "THROTTLED", Templates: map[string]string{kind: text}}
	}
	const mapping = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: "
	tests := []struct {
		name string
		in   models.GatewayResponse
		want string // the beginning of what is said; empty: nothing
	}{
		{"a plain one", template("application/json", `{"message":$context.error.messageString}`), ""},
		{"a literal", param("gatewayresponse.header.Access-Control-Allow-Origin", "'*'"), ""},
		{"a header of the request", param("gatewayresponse.header.X-A", "method.request.header.Origin"), ""},
		{"a media type", param("gatewayresponse.header.Content-Type", "'text/html; charset=utf-8'"), ""},
		{"other dollars", template("text/plain", "$5, $ref, ${x}, $"), ""},
		{"an unknown type", models.GatewayResponse{Type: "TEAPOT"}, "1 validation error detected: Value 'TEAPOT' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: [ACCESS_DENIED, "},
		{"an interim status", models.GatewayResponse{Type: "THROTTLED", Status: 101}, "Invalid status code specified: 101"},
		{"an empty template", template("application/json", ""), "Invalid null or empty value in responseTemplates"},
		{"an empty parameter", param("gatewayresponse.header.X-A", ""), "Invalid null or empty value in responseParameters"},
		{"no media type", template("123", "x"), "Validation Result: warnings : [], errors : [Invalid content type specified: 123]"},
		{"a script", template("application/javascript", "x"), "Validation Result: warnings : [], errors : [Invalid content type specified: application/javascript]"},
		{"another place", param("method.response.header.X-A", "'a'"), mapping},
		{"an open literal", param("gatewayresponse.header.X-A", "'a"), mapping},
		{"a line end", param("gatewayresponse.header.X-A", "'a\r\nX-B: 1'"), mapping},
		{"an expression of templates", param("gatewayresponse.header.X-A", "$context.stage"), mapping},
		{"a body", param("gatewayresponse.header.X-A", "method.request.body"), mapping},
		{"the gateway's own header", param("gatewayresponse.header.RateLimit", "'1'"), mapping},
		{"a cookie", param("gatewayresponse.header.Set-Cookie", "'a=b'"), mapping},
		{"framing", param("gatewayresponse.header.Content-Length", "'0'"), mapping},
		{"a media type of the caller's", param("gatewayresponse.header.Content-Type", "method.request.header.Accept"), mapping},
		{"the caller's password", param("gatewayresponse.header.X-A", "method.request.header.Authorization"), mapping},
		{"the key", template("application/json", "$context.identity.apiKey"), "Invalid mapping template specified for application/json: context.identity.apiKey is not known"},
		{"the body of a template", template("application/json", "$input.body"), "Invalid mapping template"},
		{"an open brace", template("application/json", "${context.stage"), "Invalid mapping template"},
		{"a backslash before a value", template("application/json", `"\$context.stage"`), "Invalid mapping template"},
		{"two backslashes", template("application/json", `"\\$context.stage"`), ""},
		{"too much", template("application/json", strings.Repeat("x", 33<<10)), "Invalid mapping template"},
		{"too many values", template("application/json", strings.Repeat("$context.stage ", 101)), "Invalid mapping template"},
	}
	for _, tt := range tests {
		err := models.CheckGatewayResponse(tt.in)
		if got := models.Sentence(err); !strings.HasPrefix(got, tt.want) || (err == nil) != (tt.want == "") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for kind := range models.GatewayResponseTypes {
		if err := models.CheckGatewayResponse(models.GatewayResponse{Type: kind}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestATemplateIsReadAsItIsMeant(t *testing.T) {
	got, problem := models.ParseAnswerTemplate(`a $context.stage-1 ${stageVariables.v}.html $stageVariables.v.x $method.request.header.X-Name. $context.requestId.$`)
	want := []models.AnswerPiece{
		{Text: "a "}, {From: models.AnswerOfContext, Text: "stage"}, {Text: "-1 "}, {From: models.AnswerOfVariable, Text: "v"}, {Text: ".html "}, {From: models.AnswerOfVariable, Text: "v"},
		{Text: ".x "}, {From: models.AnswerOfHeader, Text: "X-Name"}, {Text: ". "}, {From: models.AnswerOfContext, Text: "requestId"}, {Text: ".$"},
	}
	if problem != "" || !cmp.Equal(got, want) {
		t.Errorf("%s\n%s", problem, cmp.Diff(want, got))
	}
}
