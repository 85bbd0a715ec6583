package enforcement_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"gatehouse/enforcement"
)

func TestAddressesAreJudged(t *testing.T) {
	allowing := func(prefixes ...string) (p enforcement.AddressPolicy) {
		for _, s := range prefixes {
			p.Allow = append(p.Allow, netip.MustParsePrefix(s))
		}
		return p
	}
	own := func(addrs ...string) (p enforcement.AddressPolicy) {
		p = allowing("127.0.0.0/8", "::1/128")
		for _, s := range addrs {
			p.Own = append(p.Own, netip.MustParseAddrPort(s))
		}
		return p
	}
	everything := allowing("0.0.0.0/0", "::/0")
	tests := []struct {
		name, addr string
		policy     enforcement.AddressPolicy
		want       string // part of the reason; empty: allowed
	}{
		{"public", "93.184.216.34:443", enforcement.AddressPolicy{}, ""},
		{"public IPv6", "[2606:2800:220:1::1]:443", enforcement.AddressPolicy{}, ""},
		{"loopback", "127.0.0.1:80", enforcement.AddressPolicy{}, "--allow-upstream 127.0.0.1/32"},
		{"loopback IPv6", "[::1]:80", enforcement.AddressPolicy{}, "--allow-upstream ::1/128"},
		{"loopback, mapped", "[::ffff:127.0.0.1]:80", enforcement.AddressPolicy{}, "--allow-upstream 127.0.0.1/32"},
		{"loopback, allowed", "127.0.0.1:80", allowing("127.0.0.0/8"), ""},
		{"loopback, mapped, allowed", "[::ffff:127.0.0.1]:80", allowing("127.0.0.0/8"), ""},
		{"loopback, allowed as mapped", "127.0.0.1:80", allowing("::ffff:127.0.0.0/104"), ""},
		{"private", "10.1.2.3:80", enforcement.AddressPolicy{}, "private"},
		{"private, another allowed", "10.1.2.3:80", allowing("10.2.0.0/16"), "private"},
		{"private IPv6", "[fd00::1]:80", enforcement.AddressPolicy{}, "private"},
		{"carrier's", "100.64.0.1:80", enforcement.AddressPolicy{}, "private"},
		{"documentation", "192.0.2.1:80", enforcement.AddressPolicy{}, "reserved"},
		{"NAT64 of loopback", "[64:ff9b::7f00:1]:80", enforcement.AddressPolicy{}, "loopback"},
		{"6to4 of private", "[2002:0a00:0001::1]:80", enforcement.AddressPolicy{}, "private"},
		{"compatible with loopback", "[::7f00:1]:80", enforcement.AddressPolicy{}, "loopback"},
		{"link-local, everything allowed", "169.254.1.1:80", everything, "link-local"},
		{"metadata, everything allowed", "169.254.169.254:80", everything, "link-local"},
		{"metadata, mapped", "[::ffff:169.254.169.254]:80", everything, "link-local"},
		{"metadata of AWS over IPv6", "[fd00:ec2::254]:80", everything, "metadata"},
		{"metadata of Azure", "168.63.129.16:80", everything, "metadata"},
		{"link-local IPv6 with a zone", "[fe80::1%eth0]:80", everything, "link-local"},
		{"unspecified", "0.0.0.0:80", everything, "never"},
		{"unspecified IPv6", "[::]:80", everything, "never"},
		{"multicast", "224.0.0.1:80", everything, "multicast"},
		{"broadcast", "255.255.255.255:80", everything, "never"},
		{"own", "127.0.0.1:8080", own("127.0.0.1:8080"), "this server itself"},
		{"own, mapped", "[::ffff:127.0.0.1]:8080", own("127.0.0.1:8080"), "this server itself"},
		{"own on every address", "127.0.0.9:8081", own("0.0.0.0:8081"), "this server itself"},
		{"own on every address, IPv6", "[::1]:8081", own("[::]:8081"), "this server itself"},
		{"another port", "127.0.0.1:8082", own("127.0.0.1:8080", "[::]:8081"), ""},
		{"another machine on our port", "93.184.216.34:8081", own("[::]:8081"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.policy.Check(netip.MustParseAddrPort(tt.addr))
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var refused *enforcement.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAnUpstreamIsJudgedByWhatItsNameMeans(t *testing.T) {
	var p enforcement.AddressPolicy
	for upstream, want := range map[string]string{
		"http://127.0.0.1:9/": "--allow-upstream", "https://[::1]": "--allow-upstream", "http://0x7f.1/": "", "http://localhost": "--allow-upstream",
		"http://2130706433": "",
	} {
		u, err := url.Parse(upstream)
		if err != nil {
			t.Fatal(err)
		}
		err = p.CheckURL(context.Background(), &net.Resolver{PreferGo: true}, u)
		// Odd spellings of an address are either not understood or refused.
		if err == nil || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", upstream, err, want)
		}
	}
	if err := p.CheckURL(context.Background(), nil, &url.URL{Scheme: "http", Host: "93.184.216.34"}); err != nil {
		t.Errorf("public: %v", err)
	}
}

// A name is judged when it is dialled, not when it was typed: it may have another address by then. And the gateway never calls itself.
func TestWhatIsDialledIsJudged(t *testing.T) {
	o := newOne(t, nil)
	o.policy.Allow = nil
	o.g = o.gateway(t)
	o.world.stage(func() { o.stage.Upstream = strings.Replace(o.up.url, "127.0.0.1", "localhost", 1) })
	catchUp(t, o.g)
	if got := o.get(t, "/a"); got != "upstream-forbidden" {
		t.Errorf("loopback that is not allowed: %q", got)
	}
	o.policy.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	o.policy.Own = []netip.AddrPort{netip.MustParseAddrPort(strings.TrimPrefix(o.up.url, "http://"))}
	o.g = o.gateway(t)
	if got := o.get(t, "/a"); got != "upstream-forbidden" {
		t.Errorf("a listener of ours: %q", got)
	}
	if n := len(o.up.requests()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}
