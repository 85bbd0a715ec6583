package front

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/pires/go-proxyproto"
)

// Sizes of the PROXY protocol (haproxy, doc/proxy-protocol.txt).
const (
	leastHeader = 15      // "PROXY UNKNOWN\r\n"; every other header is longer
	mostHeader1 = 107     // of version 1, with its end of line
	beforeRest  = 16      // of version 2: signature, command, family, length of the rest
	mostRest    = 4 << 10 // of version 2
)

var errHeader = errors.New("the connection does not begin with a header of the PROXY protocol")

// readHeader reads the header that a connection must begin with, and not one byte more. It returns whom the proxy speaks for; nil: itself.
func readHeader(r io.Reader) (net.Addr, error) {
	head := make([]byte, leastHeader, mostHeader1)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("%w: %w", errHeader, err)
	}
	var err error
	switch {
	case bytes.HasPrefix(head, proxyproto.SIGV2):
		head, err = readRest(r, head)
	case bytes.HasPrefix(head, proxyproto.SIGV1):
		head, err = readLine(r, head)
	default:
		err = errHeader
	}
	if err != nil {
		return nil, err
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(head), len(head)))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read PROXY header: %w", err)
	case h.Command.IsLocal():
		return nil, nil
	}
	address, ok := h.SourceAddr.(*net.TCPAddr)
	if !ok {
		return nil, errors.New("read PROXY header: it is of no TCP connection")
	}
	return address, nil
}

// readRest reads what the header of version 2 says that it has.
func readRest(r io.Reader, head []byte) ([]byte, error) {
	head = head[:beforeRest]
	if _, err := io.ReadFull(r, head[leastHeader:]); err != nil {
		return nil, fmt.Errorf("read PROXY header: %w", err)
	}
	n := int(binary.BigEndian.Uint16(head[beforeRest-2:]))
	if n > mostRest {
		return nil, fmt.Errorf("read PROXY header: it has %d bytes", n)
	}
	whole := make([]byte, beforeRest+n)
	copy(whole, head)
	if _, err := io.ReadFull(r, whole[beforeRest:]); err != nil {
		return nil, fmt.Errorf("read PROXY header: %w", err)
	}
	return whole, nil
}

// readLine reads a header of version 1 to its end. What comes behind it is the client's, so it is read byte by byte.
func readLine(r io.Reader, head []byte) ([]byte, error) {
	for {
		if end := bytes.IndexByte(head, '\n'); end == len(head)-1 {
			return head, nil
		} else if end >= 0 || len(head) == mostHeader1 {
			return nil, errHeader
		}
		head = head[:len(head)+1]
		if _, err := io.ReadFull(r, head[len(head)-1:]); err != nil {
			return nil, fmt.Errorf("read PROXY header: %w", err)
		}
	}
}
