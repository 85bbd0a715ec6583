package transport

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// Remaker makes another answer of an upstream's.
type Remaker interface {
	// Remake changes the head of an answer and returns its status. Whole: Body is to make the body, too. An error: there is no answer to be made of it.
	Remake(status int, h http.Header) (other int, whole bool, err error)
	// Body makes the answer's body of the upstream's, which is empty where the answer has none.
	Body(upstream []byte) ([]byte, error)
}

// MostWhole is how many bytes the body of an upstream's answer may have of which another one is made.
const MostWhole = 1 << 20

// unmade is an answer of which no other one could be made.
type unmade struct{ error }

func (u unmade) Unwrap() error { return u.error }

// remake has the caller make another answer of rep.
func (x *Exchange) remake(rep *reply, in *http.Request) error {
	status, whole, err := x.Remake.Remake(rep.status, rep.header)
	if err != nil {
		return unmade{err}
	}
	had := rep.length != 0 // it has a body, or may have one
	rep.status, rep.promise, rep.trailer = status, nil, nil
	switch {
	case status == http.StatusNoContent || status == http.StatusNotModified:
		rep.length = 0
		delete(rep.header, "Content-Length")
	case whole:
		return x.remakeBody(rep, in)
	case !had && in.Method != http.MethodHead:
		delete(rep.header, "Content-Length") // it may tell of the one that was not sent
	}
	return nil
}

// remakeBody reads the upstream's body and puts another one in its place.
func (x *Exchange) remakeBody(rep *reply, in *http.Request) error {
	upstream, err := x.readWhole(rep)
	if err != nil {
		return err
	}
	other, err := x.Remake.Body(upstream)
	if err != nil {
		return unmade{err}
	}
	_ = rep.body.Close() // what came of it is read
	rep.body, rep.line, rep.length = io.NopCloser(bytes.NewReader(other)), nil, int64(len(other))
	rep.header["Content-Length"] = []string{fmt.Sprint(len(other))}
	if in.Method == http.MethodHead {
		rep.length = 0
	}
	return nil
}

func (x *Exchange) readWhole(rep *reply) ([]byte, error) {
	if rep.length == 0 {
		return nil, nil
	}
	var all bytes.Buffer
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	for left := rep.length; ; {
		x.wait.awaitPart()
		n, err := rep.body.Read(buf[:])
		x.wait.gotPart()
		all.Write(buf[:n])
		left -= int64(n)
		switch {
		case all.Len() > MostWhole:
			return nil, unmade{fmt.Errorf("its body is larger than %d bytes, and a template is to make another one of it", MostWhole)}
		case err == io.EOF, rep.length > 0 && left == 0: //nolint:errorlint // bare
			return all.Bytes(), nil
		case err != nil:
			return nil, err
		}
	}
}

// unlike fits an answer to a client who asked with another verb than the upstream was asked with.
func (rep *reply) unlike(in *http.Request, verb string) {
	switch {
	case in.Method == verb:
	case verb == http.MethodHead:
		delete(rep.header, "Content-Length") // of a body that was not sent
	case in.Method == http.MethodHead:
		rep.length, rep.promise, rep.trailer = 0, nil, nil
	}
}
