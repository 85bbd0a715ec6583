package openapi

import (
	"context"
	"errors"
	"io"
)

// Reader reads documents in a child process.
type Reader struct{ command []string }

// NewReader returns a Reader whose child is command, by default this program with the argument ChildArgument.
func NewReader(command ...string) *Reader { return &Reader{command: command} }

// ChildArgument is the only argument of a process that is to call ChildMain.
const ChildArgument = "read-openapi-child"

// Read gives what document says. The error is a *ReadError when the document is to blame.
func (r *Reader) Read(ctx context.Context, document []byte) (Description, error) {
	return Description{}, errors.New("reading documents is not built yet")
}

// ChildMain reads one document from stdin, writes the result to stdout and returns the exit status.
func ChildMain(stdin io.Reader, stdout io.Writer) int { return 1 }
