package enforcement

import "net/netip"

// addressBlock is a block of addresses that is not the public Internet, with the words for it.
type addressBlock struct {
	netip.Prefix
	reason string
}

func block(prefix, reason string) addressBlock {
	return addressBlock{netip.MustParsePrefix(prefix), reason}
}

// neverBlocks are refused whatever the operator allows. Some metadata services are not link-local: those of Azure, Alibaba and AWS
// over IPv6.
var neverBlocks = []addressBlock{
	block("169.254.0.0/16", "a link-local address"),
	block("fe80::/10", "a link-local address"),
	block("168.63.129.16/32", "a cloud metadata service"),
	block("100.100.100.200/32", "a cloud metadata service"),
	block("fd00:ec2::254/128", "a cloud metadata service"),
	block("0.0.0.0/8", "not the address of a host"),
	block("::/128", "not the address of a host"),
	block("224.0.0.0/4", "a multicast address"),
	block("ff00::/8", "a multicast address"),
	block("255.255.255.255/32", "a broadcast address"),
}

// privateBlocks need the operator's word. Source: IANA's registries of special-purpose IPv4 and IPv6 addresses (RFC 6890).
var privateBlocks = []addressBlock{
	block("127.0.0.0/8", "a loopback address"),
	block("::1/128", "a loopback address"),
	block("10.0.0.0/8", "a private address"),
	block("172.16.0.0/12", "a private address"),
	block("192.168.0.0/16", "a private address"),
	block("100.64.0.0/10", "a private address"),
	block("fc00::/7", "a private address"),
	block("fec0::/10", "a private address"),
	block("192.0.0.0/24", "a reserved address"),
	block("192.0.2.0/24", "a reserved address"),
	block("198.18.0.0/15", "a reserved address"),
	block("198.51.100.0/24", "a reserved address"),
	block("203.0.113.0/24", "a reserved address"),
	block("240.0.0.0/4", "a reserved address"),
	block("64:ff9b:1::/48", "a reserved address"),
	block("100::/64", "a reserved address"),
	block("2001::/23", "a reserved address"),
	block("2001:db8::/32", "a reserved address"),
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour  = netip.MustParsePrefix("2002::/16")    // RFC 3056
	compatible = netip.MustParsePrefix("::/96")        // RFC 4291, 2.5.5.1
)

// reasonIn returns the words for the first block that ip is in, or "".
func reasonIn(blocks []addressBlock, ip netip.Addr) string {
	for _, b := range blocks {
		if b.Contains(ip) {
			return b.reason
		}
	}
	return ""
}

// plainAddr returns the address that ip stands for: without zone, and as IPv4 where IPv6 only wraps it.
func plainAddr(ip netip.Addr) netip.Addr {
	ip = ip.WithZone("").Unmap()
	if !ip.Is6() {
		return ip
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	case compatible.Contains(ip) && !ip.IsLoopback() && !ip.IsUnspecified():
		return netip.AddrFrom4([4]byte(b[12:]))
	default:
		return ip
	}
}

// plainPrefix writes an IPv4-mapped prefix as IPv4: ::ffff:10.0.0.0/104 allows what 10.0.0.0/8 does.
func plainPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}
