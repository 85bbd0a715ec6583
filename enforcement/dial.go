package enforcement

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"gatehouse/models"
)

const dialTimeout = 10 * time.Second

// AddressPolicy says which addresses upstreams may have (DECISIONS 35): owners of APIs are not operators of the machine. Public
// addresses are fine; private and loopback ones need an entry in Allow; our own listeners, link-local addresses and cloud metadata
// services are never dialled, whatever Allow says. The zero policy allows public addresses.
type AddressPolicy struct {
	Allow   []netip.Prefix
	Sockets []string         // paths of unix sockets that upstreams may have, as they are written in their addresses
	Own     []netip.AddrPort // our own listeners; an unspecified address stands for every address of this machine
	// Live is what holds now, in place of the above, where it may change while serving; nil: it does not.
	Live *atomic.Pointer[AddressPolicy]
}

// RefusedError says why an upstream's address may not be dialled.
type RefusedError struct {
	Addr   netip.AddrPort
	Socket string // in place of Addr
	Reason string // such as "a loopback address"
	Remedy string // the operator's flag that would allow it; empty: nothing does
}

// Error says what to do.
func (e *RefusedError) Error() string {
	what := e.Socket
	if what == "" {
		what = e.Addr.String()
	}
	if e.Remedy == "" {
		return fmt.Sprintf("%s is %s; it can never be an upstream", what, e.Reason)
	}
	return fmt.Sprintf("%s is %s; to allow it, start the server with %s", what, e.Reason, e.Remedy)
}

// Refused marks it for transport: nothing was dialled.
func (e *RefusedError) Refused() {}

// now is the policy that holds.
func (p AddressPolicy) now() AddressPolicy {
	if p.Live != nil {
		return *p.Live.Load()
	}
	return p
}

// Check judges an address that is about to be dialled. Its error is a *RefusedError.
func (p AddressPolicy) Check(addr netip.AddrPort) error {
	p = p.now()
	ip := plainAddr(addr.Addr())
	addr = netip.AddrPortFrom(ip, addr.Port())
	if !ip.IsValid() {
		return &RefusedError{Addr: addr, Reason: "not an address"}
	}
	if reason := reasonIn(neverBlocks, ip); reason != "" {
		return &RefusedError{Addr: addr, Reason: reason}
	}
	if p.isOwn(addr) {
		return &RefusedError{Addr: addr, Reason: "a listener of this server itself"}
	}
	reason := reasonIn(privateBlocks, ip)
	if reason == "" {
		return nil
	}
	for _, allowed := range p.Allow {
		if plainPrefix(allowed).Contains(ip) {
			return nil
		}
	}
	return &RefusedError{Addr: addr, Reason: reason, Remedy: "--allow-upstream " + netip.PrefixFrom(ip, ip.BitLen()).String()}
}

// CheckSocket judges the path of a unix socket. Every one needs the operator's word. Its error is a *RefusedError.
func (p AddressPolicy) CheckSocket(path string) error {
	if slices.Contains(p.now().Sockets, path) {
		return nil
	}
	return &RefusedError{Socket: path, Reason: "a socket of this machine", Remedy: "--allow-upstream unix:" + path}
}

// CheckUpstream is CheckURL for an address in one of the forms that upstreams have.
func (p AddressPolicy) CheckUpstream(ctx context.Context, resolver *net.Resolver, upstream string) error {
	a, err := models.ParseUpstream(upstream)
	switch {
	case err != nil:
		return err
	case a.Socket != "":
		return p.CheckSocket(a.Socket)
	default:
		return p.CheckURL(ctx, resolver, &url.URL{Scheme: a.Scheme, Host: a.Host})
	}
}

// CheckURL judges every address that the host of an upstream's URL has now. It is an early word to the owner of a stage; the
// address is judged again whenever it is dialled. The error is a *RefusedError, or says that the name has no address.
func (p AddressPolicy) CheckURL(ctx context.Context, resolver *net.Resolver, upstream *url.URL) error {
	port, err := portOf(upstream)
	if err != nil {
		return err
	}
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ips, err := resolver.LookupNetIP(ctx, "ip", upstream.Hostname())
	if err != nil {
		return fmt.Errorf("look up %s: %w", upstream.Hostname(), err)
	}
	for _, ip := range ips {
		if err := p.Check(netip.AddrPortFrom(ip, port)); err != nil {
			return err
		}
	}
	return nil
}

// dialer judges the address that is really dialled, after the name was looked up: a name cannot change its mind in between.
func (p AddressPolicy) dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:   dialTimeout,
		KeepAlive: 30 * time.Second,
		Control: func(network, address string, _ syscall.RawConn) error {
			if network == "unix" {
				return p.CheckSocket(address)
			}
			addr, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("judge upstream address %q: %w", address, err)
			}
			return p.Check(addr)
		},
	}
}

// DialContext dials for whoever else reaches addresses that owners and developers chose, such as those of webhooks.
func (p AddressPolicy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return p.dialer().DialContext(ctx, network, address)
}

func (p AddressPolicy) isOwn(addr netip.AddrPort) bool {
	for _, own := range p.Own {
		if own.Port() != addr.Port() {
			continue
		}
		ip := own.Addr().Unmap()
		if ip == addr.Addr() || ip.IsUnspecified() && isLocal(addr.Addr()) {
			return true
		}
	}
	return false
}

// isLocal reports whether ip is an address of this machine. Interfaces come and go: they are read each time, which only
// happens for an upstream on one of our own ports. When they cannot be read, the answer is yes: refused.
func isLocal(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == ip {
			return true
		}
	}
	return false
}

func portOf(u *url.URL) (uint16, error) {
	switch {
	case u.Port() != "":
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return 0, fmt.Errorf("port %q of the upstream: %w", u.Port(), err)
		}
		return uint16(port), nil
	case u.Scheme == "http", u.Scheme == "h2c":
		return 80, nil
	case u.Scheme == "https":
		return 443, nil
	default:
		return 0, errors.New("the upstream must begin with http://, https:// or h2c://")
	}
}
