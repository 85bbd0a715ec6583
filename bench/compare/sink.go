package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// startSink starts an upstream that takes the whole body of a request before it answers: nginx, which is the other one, answers at once.
func startSink() (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { // until the program ends
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go takeBodies(c)
		}
	}()
	return l.Addr().String(), nil
}

func takeBodies(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 256<<10)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}
