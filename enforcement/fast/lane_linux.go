package fast

import (
	"log/slog"
	"runtime"
	"time"
)

// Supported reports whether there is a fast lane on this system.
const Supported = true

// New returns a lane whose loops run.
func New(c Config) (*Lane, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Tell == nil {
		c.Tell = func(Event) {}
	}
	if c.Loops <= 0 {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	l := &Lane{config: c, begin: time.Now()}
	for i := range c.Loops {
		o, err := newLoop(l, i)
		if err != nil {
			for _, made := range l.loops {
				made.closeOwn()
			}
			return nil, err
		}
		l.loops = append(l.loops, o)
	}
	l.spread.Store(1)
	l.spreading = spreading{over: 1, shares: make([]share, len(l.loops))}
	for _, o := range l.loops {
		go o.run()
	}
	return l, nil
}
