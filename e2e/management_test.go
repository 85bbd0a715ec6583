package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// managed is a Gatehouse that an owner manages by the management API.
type managed struct {
	*process
	t          *testing.T
	data       string
	management string
	upstream   string // answers /7 with "order 7"
	key        accessKey
}

// accessKey is what `gatehouse credential create --json` prints.
type accessKey struct {
	ID     string `json:"accessKeyId"`
	Secret string `json:"secretAccessKey"`
}

// startManaged runs a Gatehouse with one owner, who has a credential.
func startManaged(t *testing.T, flags ...string) *managed {
	t.Helper()
	m := &managed{t: t, data: t.TempDir()}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "order %s", strings.TrimPrefix(r.URL.Path, "/"))
	}))
	t.Cleanup(up.Close)
	m.upstream = up.URL
	m.owner("ana@example.com")
	m.key = m.credential("ana@example.com")
	m.process = start(t, append([]string{"serve", "--data", m.data, "--management-listen", "127.0.0.1:0", "--allow-upstream", "127.0.0.1/32"}, flags...)...)
	m.management = m.line(`(?m)^Management\s+(http\S+)`)
	return m
}

func (m *managed) owner(email string) {
	m.t.Helper()
	if _, stderr, status := command(m.t, "lantern over the moat\n", "account", "create", "--data", m.data, "--email", email, "--password-stdin", "--role", "owner", "--json"); status != 0 {
		m.t.Fatalf("account: %s", stderr)
	}
}

func (m *managed) credential(email string) (key accessKey) {
	m.t.Helper()
	out, stderr, status := command(m.t, "", "credential", "create", "--data", m.data, "--account", email, "--json")
	if err := json.Unmarshal([]byte(out), &key); status != 0 || err != nil || key.Secret == "" {
		m.t.Fatalf("credential: %v, %q, %s", err, out, stderr)
	}
	return key
}

// environment is that of an owner's script.
func (m *managed) environment(work string) []string {
	return append(os.Environ(), "AWS_ACCESS_KEY_ID="+m.key.ID, "AWS_SECRET_ACCESS_KEY="+m.key.Secret, "AWS_DEFAULT_REGION=eu-central-1", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "HOME="+work,
		"MANAGEMENT="+m.management, "GATEWAY="+m.gateway, "UPSTREAM="+m.upstream, "WORK="+work)
}

// script runs a script of testdata.
func (m *managed) script(interpreter, file string, more ...string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, "testdata/"+file)
	cmd.Env = append(m.environment(m.t.TempDir()), more...)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Errorf("%s: %v\n%s", file, err, out)
	}
}

// tool is the first of some programs that is there and does what is asked of it.
func tool(t *testing.T, try []string, args ...string) string {
	t.Helper()
	for _, path := range try {
		if exec.Command(path, args...).Run() == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("there is no %s: make deps installs it", try[0])
	}
	t.Skipf("there is no %s", try[0])
	return ""
}

func TestAnOwnerManagesEverythingByTheAWSCLI(t *testing.T) {
	t.Parallel()
	cli := tool(t, []string{"/usr/bin/aws", "aws"}, "--version")
	startManaged(t).script("bash", "management.sh", "AWS="+cli)
}

func TestAnOwnersProgramsManageEverythingByBoto3(t *testing.T) {
	t.Parallel()
	python := tool(t, []string{"/usr/bin/python3", "python3"}, "-c", "import boto3")
	startManaged(t).script(python, "management.py")
}

// ask is a call of the gateway.
func (m *managed) ask(path, key string) (status int, body string) {
	m.t.Helper()
	r, err := http.NewRequest(http.MethodGet, m.gateway+path, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
