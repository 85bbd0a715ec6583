// Package accesslog writes one line of JSON for each request of the gateway, off its way.
//
//	l := accesslog.New(accesslog.Config{Prefix: prefix})
//	err := l.Use("/var/log/gatehouse/access.log")   // "-" is the standard output, "" nothing
//	l.Write(&accesslog.Entry{…})                     // neither waits, nor allocates, nor calls the system
//	err = l.Reopen()                                 // after the file was moved away
//
// Lines stand in buffers of a fixed size until a goroutine of the log's own writes them, 200 ms later at most. A line that finds no room is dropped, and
// counted: a disk that is slow or full never slows a request down. A line has no key value, no query and no byte that a terminal or a reader of lines would
// obey: control bytes are written as JSON has them.
package accesslog
