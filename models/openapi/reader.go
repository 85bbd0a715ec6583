package openapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ChildArgument is the only argument of a process that is to call ChildMain.
const ChildArgument = "read-openapi-child"

// Limits of one reading. Wall time and output are watched by the parent, the rest by the child's own system limits.
const (
	maxWall    = 20 * time.Second
	maxReaders = 2
	maxOutput  = 64 << 20
	maxStderr  = 4 << 10
)

// Reader reads documents, each in a child process that can do nothing but compute, and not for long: every parser can
// be made to hang or to die, and takes no more than its child with it then. A Reader may be used by many goroutines; it
// runs two children at a time and lets the others wait.
type Reader struct {
	command []string
	wall    time.Duration
	slots   chan struct{}
}

// NewReader returns a Reader whose child is command, without one this program itself with ChildArgument.
func NewReader(command ...string) *Reader {
	return &Reader{command: command, wall: maxWall, slots: make(chan struct{}, maxReaders)}
}

// Reading is what a document says: an index of it, whose operations and models are brief, and all of it as it is kept, for OpenReference.
type Reading struct {
	Description
	Pack []byte
}

// Read gives what document says. The error is a *ReadError when the document is to blame, the context's when it ended
// first, and otherwise a fault of ours.
func (r *Reader) Read(ctx context.Context, document []byte) (Reading, error) {
	if _, err := surface(document); err != nil {
		return Reading{}, err // answered without a child
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return Reading{}, fmt.Errorf("wait to read an OpenAPI document: %w", ctx.Err())
	}
	output, err := r.run(ctx, document)
	if err != nil {
		return Reading{}, err
	}
	if refused, ok := bytes.CutPrefix(output, []byte(refusedMark)); ok {
		problem := &ReadError{}
		if err := json.Unmarshal(refused, problem); err != nil {
			return Reading{}, fmt.Errorf("decode the reader's refusal: %w", err)
		}
		return Reading{}, problem
	}
	reference, err := OpenReference(output)
	if err != nil {
		return Reading{}, fmt.Errorf("decode the reader's answer: %w", err)
	}
	if len(output) == 0 {
		return Reading{}, errors.New("decode the reader's answer: it is empty")
	}
	return Reading{reference.Description, output}, nil
}

// refusedMark begins the answer of a child that refuses its document, a ReadError as JSON; what does not begin so is a pack.
const refusedMark = "refused "

func (r *Reader) run(ctx context.Context, document []byte) ([]byte, error) {
	command, err := r.child()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, r.wall)
	defer cancel()
	stdout, stderr := bounded{limit: maxOutput}, bounded{limit: maxStderr}
	cmd := exec.CommandContext(limited, command[0], command[1:]...)
	cmd.Env = []string{} // not nil, which would be our own environment
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(document), &stdout, &stderr
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("read an OpenAPI document: %w", ctx.Err())
	case limited.Err() != nil:
		return nil, &ReadError{Reason: fmt.Sprintf("The document takes longer than %v to read.", r.wall), cause: err}
	case stdout.over:
		return nil, &ReadError{Reason: "The document says more than can be shown.", cause: err}
	case errors.As(err, &exit):
		return nil, death(exit, stderr.String())
	case err != nil:
		return nil, fmt.Errorf("run the reader of OpenAPI documents: %w", err)
	}
	return stdout.Bytes(), nil
}

// child is the command to run. On Linux this program is named by the kernel's own link to it, which holds when its file
// was replaced or removed since it started.
func (r *Reader) child() ([]string, error) {
	if len(r.command) > 0 {
		return r.command, nil
	}
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return []string{self, ChildArgument}, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the reader of OpenAPI documents: %w", err)
	}
	return []string{path, ChildArgument}, nil
}

// death puts into words what ended a child, by what the Go runtime wrote and by the signal.
func death(exit *exec.ExitError, stderr string) *ReadError {
	first, _, _ := strings.Cut(stderr, "\n")
	cause := fmt.Errorf("reader of OpenAPI documents: %w: %s", exit, cmp.Or(first, "silent"))
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(stderr, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("stack overflow", "stack exceeds"):
		return &ReadError{Reason: "The document refers to itself in a loop that cannot be followed.", cause: cause}
	case has("out of memory", "cannot allocate memory", "failed to create new OS thread"):
		return &ReadError{Reason: fmt.Sprintf("The document needs more than %.1f GB of memory to read.", float64(maxMemory)/(1<<30)), cause: cause}
	case has("cpu limit exceeded"), exit.ExitCode() == -1: // a signal: the kernel's last word on processor time
		return &ReadError{Reason: fmt.Sprintf("The document takes more than %d seconds of processor time to read.", maxCPUSeconds), cause: cause}
	}
	return &ReadError{Reason: "The document makes the reader stop. An OpenAPI validator may show what is wrong with it.", cause: cause}
}

// bounded keeps the first limit bytes. What comes after them is an error for a writer of output, which ends the child,
// and is dropped for a small limit, so that a long complaint is not cut off by a broken pipe.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.limit - b.Len(); len(p) > room {
		b.over = true
		b.Buffer.Write(p[:room])
		if b.limit == maxOutput {
			return room, errors.New("more output than a description can have")
		}
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
