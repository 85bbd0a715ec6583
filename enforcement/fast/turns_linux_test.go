package fast

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

func TestAMistakeTakesNobodyElsesTurn(t *testing.T) {
	address, _, lane := serveLane(t, httpUpstream(t, echo))
	const refused = "GET /refused HTTP/1.1\r\nHost: x\r\n\r\n"
	const pairs, requests = 8, 3 * mostInTurn
	var all []net.Conn
	var readers []*bufio.Reader
	for range 2 * pairs {
		c, r := dial(t, address)
		get(t, c, r, refused)
		all, readers = append(all, c), append(readers, r)
	}
	stopped, goOn := make(chan struct{}), make(chan struct{})
	lane.loops[0].post(func() { close(stopped); <-goOn }) // so that all of them are served in the same rounds
	<-stopped
	for i, c := range all {
		text := strings.Repeat(refused, requests)
		if i%2 == 0 {
			text = strings.Repeat(refused, mostInTurn) + "GET /panic HTTP/1.1\r\nHost: x\r\n\r\n"
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	close(goOn)
	for i := 1; i < len(readers); i += 2 {
		for range requests {
			if _, body := next(t, readers[i]); body != "no" {
				t.Errorf("%q", body)
			}
		}
	}
}
