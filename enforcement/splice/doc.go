// Package splice carries bytes from one connection to another in the kernel: splice(2) by way of a pipe, on Linux. They are not copied to the process and back.
//
//	p := splice.Get() // nil: not here
//	defer p.Put()
//	n, err := p.From(client, 256<<10) // waits for the client alone
//	err = p.To(upstream)              // waits for the upstream alone
//
// net's own way (TCPConn.ReadFrom) does not tell which of the two sides it waits for, nor which of them failed. Who reads is bound by the connection's read deadline,
// who writes by its write deadline. A Pipe is for one goroutine at a time.
package splice
