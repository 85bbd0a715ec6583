package management

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPatchPathsAreReadEscapedAndRaw(t *testing.T) {
	const method = "/apiStages/{stage}/throttle/{path...}/{verb}/rateLimit"
	for _, c := range []struct {
		pattern, path string
		want          parts
	}{
		{method, "/apiStages/a1:prod/throttle/~1pets/GET/rateLimit", parts{"stage": "a1:prod", "path": "/pets", "verb": "GET"}},
		{method, "/apiStages/a1:prod/throttle//pets/GET/rateLimit", parts{"stage": "a1:prod", "path": "/pets", "verb": "GET"}}, // Terraform
		{method, "/apiStages/a1:prod/throttle//pets/{id}/GET/rateLimit", parts{"stage": "a1:prod", "path": "/pets/{id}", "verb": "GET"}},
		{method, "/apiStages/a1:prod/throttle//GET/rateLimit", parts{"stage": "a1:prod", "path": "", "verb": "GET"}}, // the root
		{method, "/apiStages/a1:prod/throttle/GET/rateLimit", nil},
		{method, "/apiStages/a1:prod/throttle//pets/GET/burstLimit", nil},
		{"/variables/{name}", "/variables/a~0b~1c", parts{"name": "a~b/c"}},
		{"/variables/{name}", "/variables", nil},
		{"/variables/{name}", "/variables/a/b", nil},
		{"/{path...}/{verb}/throttling/rateLimit", "/*/*/throttling/rateLimit", parts{"path": "*", "verb": "*"}},
		{"/{path...}/{verb}/throttling/rateLimit", "/~1a~1b/GET/throttling/rateLimit", parts{"path": "/a/b", "verb": "GET"}},
		{"/{path...}/{verb}/throttling/rateLimit", "/a/b/GET/throttling/rateLimit", parts{"path": "a/b", "verb": "GET"}},
		{"/name", "name", nil},
		{"/name", "", nil},
	} {
		got, ok := match(c.pattern, c.path)
		if !ok {
			got = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, %s:\n%s", c.pattern, c.path, diff)
		}
	}
}

func TestAPatchThatFailsSaysWhatWouldBeRight(t *testing.T) {
	err := accountPatches.apply(new(account), []patchOperation{{Op: opAdd, Path: "/nothing"}})
	if want := "Invalid patch path  '/nothing' specified for op 'add'. Must be one of: [/cloudwatchRoleArn, /features]"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
