package transport

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
)

// tunnel carries bytes both ways after a protocol was switched, until both sides have finished or one broke.
func (x *Exchange) tunnel(rep *reply) {
	defer func() { _ = rep.tunnel.Close() }()
	x.closeWith(rep.tunnel)
	client, rw, err := http.NewResponseController(x.answer.ResponseWriter).Hijack()
	if err != nil {
		x.answer.upstream = 0
		x.forget()
		x.failure = Invalid
		x.Caller.Fail(x.answer.ResponseWriter, Invalid, err)
		return
	}
	defer func() { _ = client.Close() }()
	h := rep.header
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	if err := writeSwitch(rw.Writer, h); err != nil {
		x.breakOff(ClientGone)
		return
	}
	ended := make(chan error, 2)
	// What net/http has read ahead comes first. The rest is read past it: the end of the client's half would end the request's context.
	ahead, _ := rw.Reader.Peek(rw.Reader.Buffered())
	go func() { ended <- x.pour(rep.tunnel, io.MultiReader(bytes.NewReader(ahead), client), x.addIn) }()
	go func() { ended <- x.pour(client, rep.tunnel, x.addOut) }()
	if err := <-ended; err == nil {
		<-ended // one side has finished; the other may go on
	}
}

func (x *Exchange) addIn(n int64)  { x.in.Add(n) }
func (x *Exchange) addOut(n int64) { x.out.Add(n) }

func writeSwitch(w *bufio.Writer, h http.Header) error {
	if _, err := w.WriteString("HTTP/1.1 101 Switching Protocols\r\n"); err != nil {
		return err
	}
	if err := h.Write(w); err != nil {
		return err
	}
	if _, err := w.WriteString("\r\n"); err != nil {
		return err
	}
	return w.Flush()
}

// pour carries one way. Its error is nil when the source has finished and the other side knows: the other way goes on.
func (x *Exchange) pour(to io.Writer, from io.Reader, count func(int64)) error {
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := from.Read(buf[:])
		if n > 0 {
			m, err := to.Write(buf[:n])
			count(int64(m))
			if err != nil {
				return err
			}
		}
		if err == io.EOF { //nolint:errorlint // bare
			return closeWrite(to)
		}
		if err != nil {
			return err
		}
	}
}

// closeWrite says that nothing more comes; where that cannot be said, the error ends both ways.
func closeWrite(w io.Writer) error {
	if half, ok := w.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
