package enforcement

import "net/netip"

// addressBlock is a block of addresses that is not the public Internet, with the words for it.
type addressBlock struct{ prefix, reason string }

// neverBlocks are refused whatever the operator allows. 168.63.129.16 and fd00:ec2::254 are metadata services that are not
// link-local (Azure, AWS); so is 100.100.100.200 (Alibaba).
func neverBlocks() []addressBlock {
	return []addressBlock{
		{"169.254.0.0/16", "a link-local address"},
		{"fe80::/10", "a link-local address"},
		{"168.63.129.16/32", "a cloud metadata service"},
		{"100.100.100.200/32", "a cloud metadata service"},
		{"fd00:ec2::254/128", "a cloud metadata service"},
		{"0.0.0.0/8", "not the address of a host"},
		{"::/128", "not the address of a host"},
		{"224.0.0.0/4", "a multicast address"},
		{"ff00::/8", "a multicast address"},
		{"255.255.255.255/32", "a broadcast address"},
	}
}

// privateBlocks need the operator's word. Sources: IANA's registries of special-purpose IPv4 and IPv6 addresses (RFC 6890).
func privateBlocks() []addressBlock {
	return []addressBlock{
		{"127.0.0.0/8", "a loopback address"},
		{"::1/128", "a loopback address"},
		{"10.0.0.0/8", "a private address"},
		{"172.16.0.0/12", "a private address"},
		{"192.168.0.0/16", "a private address"},
		{"100.64.0.0/10", "a private address"},
		{"fc00::/7", "a private address"},
		{"fec0::/10", "a private address"},
		{"192.0.0.0/24", "a reserved address"},
		{"192.0.2.0/24", "a reserved address"},
		{"198.18.0.0/15", "a reserved address"},
		{"198.51.100.0/24", "a reserved address"},
		{"203.0.113.0/24", "a reserved address"},
		{"240.0.0.0/4", "a reserved address"},
		{"2001::/23", "a reserved address"},
		{"2001:db8::/32", "a reserved address"},
		{"100::/64", "a reserved address"},
	}
}

func neverReason(ip netip.Addr) string {
	if !ip.IsValid() {
		return "not an address"
	}
	return reasonIn(neverBlocks(), ip)
}

func privateReason(ip netip.Addr) string { return reasonIn(privateBlocks(), ip) }

func reasonIn(blocks []addressBlock, ip netip.Addr) string {
	for _, b := range blocks {
		if netip.MustParsePrefix(b.prefix).Contains(ip) {
			return b.reason
		}
	}
	return ""
}

// embedded returns the IPv4 address that a translated IPv6 address leads to (NAT64, RFC 6052; 6to4, RFC 3056; IPv4-compatible,
// RFC 4291), else ip itself.
func embedded(ip netip.Addr) netip.Addr {
	if !ip.Is6() {
		return ip
	}
	b := ip.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case netip.MustParsePrefix("2002::/16").Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	case netip.MustParsePrefix("::/96").Contains(ip) && !ip.IsLoopback() && !ip.IsUnspecified():
		return netip.AddrFrom4([4]byte(b[12:16]))
	default:
		return ip
	}
}

// unmapPrefix writes an IPv4-mapped prefix as IPv4, so that ::ffff:10.0.0.0/104 allows what 10.0.0.0/8 does.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}
