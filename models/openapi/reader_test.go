package openapi

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestReaderGivesWhatTheChildRead would fail if the way through the child changed a description.
func TestReaderGivesWhatTheChildRead(t *testing.T) {
	document := mustFile(t, "testdata/petstore-3.0.yaml")
	got, err := NewReader().Read(t.Context(), document)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := mustRead(t, string(document)).Pack()
	if err != nil {
		t.Fatal(err)
	}
	here, there := mustOpen(t, direct), mustOpen(t, got.Pack)
	if diff := cmp.Diff(here.Description, there.Description, cmpopts.IgnoreUnexported(Description{})); diff != "" {
		t.Errorf("through the child (-direct +child):\n%s", diff)
	}
	for _, op := range here.Operations {
		a, _, errA := here.Described(op.Verb, op.Path)
		b, _, errB := there.Described(op.Verb, op.Path)
		if diff := cmp.Diff(a, b); diff != "" || errA != nil || errB != nil {
			t.Errorf("%s through the child (-direct +child):\n%s%v%v", op.Name(), diff, errA, errB)
		}
	}
}

// TestReadErrorKeepsItsLineThroughTheChild: a reason without its line sends its reader searching.
func TestReadErrorKeepsItsLineThroughTheChild(t *testing.T) {
	_, err := NewReader().Read(t.Context(), []byte("openapi: 3.0.3\ninfo: {title: a, title: b}\n"))
	want := &ReadError{Line: 2, Column: 18, Reason: `The key "title" is here a second time; it is also in line 2.`}
	var got *ReadError
	if !errors.As(err, &got) || *got != *want {
		t.Errorf("got %#v, want %#v", err, want)
	}
}

// TestChildReachesNothing would fail if a document that took over its reader could open a file or a socket.
func TestChildReachesNothing(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(self, "isolated-child").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("got %v and %q, want nothing", err, out)
	}
}

// TestChildKnowsNothingOfItsParent would fail if secrets in the environment came within a document's reach.
func TestChildKnowsNothingOfItsParent(t *testing.T) {
	t.Setenv("GATEHOUSE_SECRET", "canary")
	script := filepath.Join(t.TempDir(), "child.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nif [ -n \"$GATEHOUSE_SECRET\" ]; then exit 3; fi\ncat \"$0.pack\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	pack, err := Description{}.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script+".pack", pack, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := NewReader(script).Read(t.Context(), []byte("openapi: 3.0.3")); err != nil {
		t.Error(err)
	}
}

// TestChildThatHangsIsEnded: without the limit on wall time one document would hold a slot for ever.
func TestChildThatHangsIsEnded(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(self, "hanging-child")
	r.wall = 10 * time.Millisecond
	_, err = r.Read(t.Context(), []byte("openapi: 3.0.3"))
	var refused *ReadError
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "takes longer than 10ms to read") {
		t.Errorf("got %v", err)
	}
}

// TestChildThatIsKilledIsAnAnswer: the document is to blame for the death of its child, and is told so.
func TestChildThatIsKilledIsAnAnswer(t *testing.T) {
	for _, test := range []struct{ name, script, reason string }{
		{"by the kernel", "kill -9 $$", "more than 10 seconds of processor time"},
		{"by its stack", "echo 'runtime: goroutine stack exceeds 1-byte limit' >&2; exit 2", "refers to itself in a loop"},
		{"by its memory", "echo 'fatal error: runtime: out of memory' >&2; exit 2", "more than 1.5 GB of memory"},
		{"by its processor time", "echo 'SIGXCPU: cpu limit exceeded' >&2; exit 2", "more than 10 seconds of processor time"},
		{"by a panic", "echo 'panic: index out of range' >&2; exit 2", "makes the reader stop"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewReader("/bin/sh", "-c", test.script).Read(t.Context(), []byte("openapi: 3.0.3"))
			var refused *ReadError
			if !errors.As(err, &refused) || !strings.Contains(refused.Reason, test.reason) || refused.Unwrap() == nil {
				t.Errorf("got %v, want %q with a cause", err, test.reason)
			}
		})
	}
}

// TestOurOwnFaultsAreNotBlamedOnTheDocument: its owner could do nothing about them.
func TestOurOwnFaultsAreNotBlamedOnTheDocument(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name   string
		ctx    context.Context
		reader *Reader
	}{
		{"no child", t.Context(), NewReader("/nowhere/gatehouse")},
		{"a child that says nothing", t.Context(), NewReader("/bin/sh", "-c", "exit 0")},
		{"a caller that is gone", cancelled, NewReader()},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.reader.Read(test.ctx, []byte("openapi: 3.0.3"))
			var refused *ReadError
			if err == nil || errors.As(err, &refused) {
				t.Errorf("got %v, want an error that is no ReadError", err)
			}
		})
	}
}

// TestReadersWaitForASlot would fail if a hundred uploads could start a hundred children.
func TestReadersWaitForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader()
		for range maxReaders {
			r.slots <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		var err error
		waiting.Go(func() { _, err = r.Read(ctx, []byte("openapi: 3.0.3")) })
		synctest.Wait() // it waits for a slot, or Wait would not return before its child has ended
		cancel()
		waiting.Wait()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
