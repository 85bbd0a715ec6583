package main

import (
	"flag"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"gatehouse/enforcement"
	"gatehouse/enforcement/front"
)

// edge is what the operator chose for the edge: who may hold how much of the gateway and of the portal, and which proxies are in front of them.
type edge struct {
	bounds         enforcement.Bounds
	maxBody        size
	stallBytes     size
	maxConnections int // of one listener; 0: no limit
	maxPerClient   int // connections of one address to one listener; 0: no limit

	proxyProtocol  list // networks
	trustedProxies list // networks
}

// What operators get who choose nothing.
const (
	defaultConnections = 20_000
	defaultPerClient   = 1000
)

func (e *edge) flags(fs *flag.FlagSet) {
	e.bounds = enforcement.DefaultBounds()
	b := &e.bounds
	e.maxBody, e.stallBytes = size(b.MaxBody), size(b.StallBytes)
	fs.IntVar(&e.maxConnections, "max-connections", defaultConnections, "most `connections` of gateway or portal, each; 0: no limit")
	fs.IntVar(&e.maxPerClient, "max-connections-per-address", defaultPerClient, "most `connections` of one address (IPv6: /64) to gateway or portal, each; 0: no limit")
	fs.DurationVar(&b.Head, "head-timeout", b.Head, "`time` for the head of a request to the gateway")
	fs.DurationVar(&b.Idle, "idle-timeout", b.Idle, "`time` for which a connection to the gateway may be idle")
	fs.Var(&e.maxBody, "max-body", "largest `size` of a request's body, where a stage does not say it; 0: no limit")
	fs.DurationVar(&b.Stall, "stall-timeout", b.Stall, "`time` of waiting for a client in which --stall-size must move, of a body that it sends or an answer that it reads; 0: no limit")
	fs.Var(&e.stallBytes, "stall-size", "`size` that must move in any --stall-timeout")
	fs.IntVar(&b.OpenPerKey, "max-open-per-key", b.OpenPerKey, "most `requests` of one key that are under way at once; 0: no limit")
	fs.IntVar(&b.StreamsPerKey, "max-streams-per-key", b.StreamsPerKey, "most `streams` (WebSockets, server-sent events) of one key at once; 0: no limit")
	fs.IntVar(&b.OpenPerAddress, "max-open-per-address", b.OpenPerAddress, "most `requests` without a key of one address that are under way at once; 0: no limit")
	fs.DurationVar(&b.StreamIdle, "stream-idle-timeout", b.StreamIdle, "`time` for which nothing may move on a stream; 0: no limit")
	fs.DurationVar(&b.StreamMax, "stream-max-time", b.StreamMax, "`time` that a stream may last, where a stage does not say it; 0: no limit")
	fs.Var(&e.proxyProtocol, "proxy-protocol", "`CIDR` of proxies whose connections to gateway and portal begin with a PROXY header; repeatable")
	fs.Var(&e.trustedProxies, "trusted-proxies", "`CIDR` of proxies whose X-Forwarded-For, -Proto and -Host are believed; repeatable")
}

// chosen returns the bounds of the gateway.
func (e *edge) chosen() enforcement.Bounds {
	b := e.bounds
	b.MaxBody, b.StallBytes = int64(e.maxBody), int64(e.stallBytes)
	return b
}

func (e *edge) problems() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	b := &e.bounds
	for _, f := range []struct {
		name      string
		got, most int
	}{
		{"max-connections", e.maxConnections, enforcement.MostOpen}, {"max-connections-per-address", e.maxPerClient, enforcement.MostOpen},
		{"max-open-per-key", b.OpenPerKey, enforcement.MostOpen}, {"max-streams-per-key", b.StreamsPerKey, enforcement.MostStreams},
		{"max-open-per-address", b.OpenPerAddress, enforcement.MostOpen},
	} {
		if f.got < 0 || f.got > f.most {
			add("--%s: name a number from 0 to %d", f.name, f.most)
		}
	}
	for _, f := range []struct {
		name string
		got  time.Duration
		none bool // 0 is allowed
	}{
		{"head-timeout", b.Head, false}, {"idle-timeout", b.Idle, false}, {"stall-timeout", b.Stall, true},
		{"stream-idle-timeout", b.StreamIdle, true}, {"stream-max-time", b.StreamMax, true},
	} {
		if f.got < 0 || f.got == 0 && !f.none || f.got > 0 && f.got < 10*time.Millisecond {
			add("--%s: name a time of at least 10ms", f.name)
		}
	}
	for _, f := range []struct {
		name string
		list list
	}{{"proxy-protocol", e.proxyProtocol}, {"trusted-proxies", e.trustedProxies}} {
		_, more := networks(f.name, f.list)
		problems = append(problems, more...)
	}
	return problems
}

// networks reads a flag of networks, and says what is wrong with those that are none.
func networks(flag string, texts list) (prefixes []netip.Prefix, problems []error) {
	for _, text := range texts {
		prefix, err := parseNetwork(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("--%s: %q is not a network such as 127.0.0.1/32 or 10.0.0.0/8", flag, text))
			continue
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, problems
}

// parseNetwork reads a network, or an address that is one by itself.
func parseNetwork(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		if ip, ipErr := netip.ParseAddr(text); ipErr == nil {
			return ip.Prefix(ip.BitLen())
		}
	}
	return prefix, err
}

// trusted is the proxies that are believed.
func (e *edge) trusted() []netip.Prefix {
	prefixes, _ := networks("trusted-proxies", e.trustedProxies) // what is wrong with the others was said by validate
	return prefixes
}

// bounded puts the limits of connections on a listener, below TLS.
func (in *instance) bounded(name string, l net.Listener) net.Listener {
	e := &in.config.edge
	c := front.Config{MaxConnections: e.maxConnections, MaxPerClient: e.maxPerClient, HeaderTimeout: e.bounds.Head}
	c.Proxies, _ = networks("proxy-protocol", e.proxyProtocol)
	if !in.config.encryption.speaks(name) {
		c.Refusal = front.PlainRefusal()
	}
	c.OnShed = func(why front.Reason) { in.numbers.shed.WithLabelValues(name, string(why)).Inc() }
	bounded := front.Listen(l, c)
	in.fronts.add(bounded)
	return bounded
}

// fronts are the listeners whose limits can change.
type fronts struct {
	mu  sync.Mutex
	all []*front.Listener
}

func (f *fronts) add(l *front.Listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, l)
}

func (f *fronts) setLimits(connections, perClient int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.all {
		l.SetLimits(connections, perClient)
	}
}

// liveEdge are the settings of the edge that change in place. They are set together: who changes one changes what all are now.
func (in *instance) liveEdge() map[string]func(c *config) error {
	bounds := func(c *config) error {
		in.gateway.SetBounds(c.edge.chosen())
		return nil
	}
	limits := func(c *config) error {
		in.fronts.setLimits(c.edge.maxConnections, c.edge.maxPerClient)
		return nil
	}
	return map[string]func(c *config) error{
		"max-body": bounds, "stall-timeout": bounds, "stall-size": bounds, "max-open-per-key": bounds, "max-streams-per-key": bounds, "max-open-per-address": bounds,
		"stream-idle-timeout": bounds, "stream-max-time": bounds, "max-connections": limits, "max-connections-per-address": limits,
		"trusted-proxies": func(c *config) error {
			in.trust.Set(c.edge.trusted())
			return nil
		},
	}
}
