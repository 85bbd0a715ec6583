// Package trace passes W3C Trace Context on, and tells a collector of what is sampled, over OTLP/HTTP.
//
//	parent := trace.Take(r.Header)            // what the client sent, if it is well formed; else it is out of the header, too
//	c := tracer.Begin(parent)                 // the request's own part of the trace
//	r.Header.Set(trace.Header, c.String())    // for who is called next
//	tracer.Record(&trace.Span{…})             // when it is over: never waits
//
// Spans wait in a queue of a fixed size for a goroutine that sends them, some hundred at a time. One that finds no room is dropped, and counted: a collector
// that is slow or away never slows a request down. Without a Tracer nothing is made, and what a client sent is passed on as it is.
//
// A span has names, numbers and ids: never a query, a header's value, a body or a key's value.
package trace
