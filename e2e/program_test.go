package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary = sync.OnceValues(func() (string, error) { return build("gatehouse") })

// crashBinary is a build of it that lets a test choose where it ends, and its clock, boot and journal: see enforcement/crash.
var crashBinary = sync.OnceValues(func() (string, error) { return build("gatehouse-crash", "-tags", "crashpoints") })

// builds is where both are.
var builds = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "gatehouse-e2e-") })

func build(name string, flags ...string) (string, error) {
	dir, err := builds()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	out, err := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "..")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
}

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := builds(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

// demoFolder is the data of a demo that has been started and stopped, made once.
var demoFolder = sync.OnceValues(func() (string, error) {
	dir, err := builds()
	if err != nil {
		return "", err
	}
	path, err := binary()
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "demo")
	said := &output{}
	cmd := exec.Command(path, "demo", "--data", data, "--portal-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--management-listen", "", "--ops-listen", "")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(5 * time.Minute); !strings.Contains(said.String(), "\ncurl ") && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		return "", fmt.Errorf("demo: %w\n%s", err, said)
	}
	return data, nil
})

// startDemo runs the demo, with more flags if there are any, on a data folder of the test's own.
func startDemo(t *testing.T, flags ...string) (p *process, data string) {
	t.Helper()
	made, err := demoFolder()
	if err != nil {
		t.Fatal(err)
	}
	data = filepath.Join(t.TempDir(), "demo")
	copyFolder(t, data, made)
	return start(t, append([]string{"demo", "--data", data}, flags...)...), data
}

// copyFolder copies a data folder, whose files are their owner's alone, and full of holes.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", "--sparse=always", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v\n%s", err, out)
	}
}

// process is a Gatehouse that runs.
type process struct {
	t                    *testing.T
	cmd                  *exec.Cmd
	stdout, stderr       *output
	portal, gateway, ops string
	management           string // "": there is none
	exited               chan error
}

// output keeps what a process prints and lets a test wait for a line.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs a command that serves, on free ports, and waits until it is ready.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return startBinary(t, path, nil, args...)
}

// startBinary is start of another build of the program, with more in its environment.
func startBinary(t *testing.T, path string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, stdout: &output{}, stderr: &output{}, exited: make(chan error, 1)}
	ops := freePort(t)
	p.ops = "http://" + ops
	p.cmd = exec.Command(path, append([]string{args[0], "--portal-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0", "--ops-listen", ops}, args[1:]...)...) // args win
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = p.stdout, p.stderr, append(os.Environ(), env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			<-p.exited
		}
		if t.Failed() {
			t.Logf("what the program said:\n%s%s", p.stdout, p.stderr)
		}
	})
	p.portal = p.line(`(?m)^Portal\s+(http\S+)`)
	p.gateway = p.line(`(?m)^Gateway\s+(http\S+)`)
	p.eventually("readiness", p.ready)
	if found := regexp.MustCompile(`(?m)^Management\s+(http\S+)`).FindStringSubmatch(p.stdout.String()); found != nil { // it stands below the others
		p.management = found[1]
	}
	return p
}

func (p *process) ready() bool {
	answer, err := http.Get(p.ops + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// freePort returns an address of this machine that nobody listens on. It is none of those that the system gives out by itself, and none that was returned before:
// who starts a moment later finds it free.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 11_000+(os.Getpid()*50+int(ports.Add(1)))%20_000)
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

var ports atomic.Int32 // that freePort has tried

// line waits for a line that matches and returns its first group.
func (p *process) line(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	p.eventually("a line like "+pattern, func() bool {
		found = re.FindStringSubmatch(p.stdout.String())
		return found != nil
	})
	return found[1]
}

func (p *process) eventually(what string, ok func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !ok() {
		select {
		case err := <-p.exited:
			p.exited <- err
			p.t.Fatalf("the program ended before %s: %v\n%s%s", what, err, p.stdout, p.stderr)
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain for %s\n%s%s", what, p.stdout, p.stderr)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop ends the program as an operator does and checks that it ended well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.exited:
		p.exited <- err
		if err != nil {
			p.t.Fatalf("an ordered stop ended with %v\n%s", err, p.stderr)
		}
	case <-time.After(2 * time.Minute):
		p.t.Fatal("the program did not stop")
	}
}

// command runs an administrative command to its end.
func command(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// curl runs a curl line as a person would paste it and returns the answer's head and body.
func curl(t *testing.T, line string) (status int, head http.Header, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if !strings.Contains(line, " -i") {
		line = strings.Replace(line, "curl ", "curl -i ", 1)
	}
	out, err := exec.CommandContext(ctx, "sh", "-c", strings.Replace(line, "curl ", "curl -sS ", 1)).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), nil)
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, string(text)
}
