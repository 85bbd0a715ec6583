package main

import (
	"context"
	"net"
	"time"
)

// ownGatewayHost is a host under which the portal is not to be found; "" where the operator named none, or the same for both.
func (in *instance) ownGatewayHost() string {
	if h := in.config.hosts; h.Portal != "" && h.Gateway != h.Portal {
		return h.Gateway
	}
	return ""
}

// certificateOf says what certificate callers of a host get; nil: somebody else terminates TLS.
func (in *instance) certificateOf() func(host string) (time.Time, string) {
	if !in.config.encryption.speaks(gatewayListener) {
		return nil
	}
	return in.certificates.Standing
}

// resolver asks the DNS server that the operator named, or the system's.
func (c *config) resolver() *net.Resolver {
	if c.dnsResolver == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, c.dnsResolver)
	}}
}
