package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keys are the values that callers present. The last tenth may call as often as they like, all others once a minute on the path /few.
type keys []string

const (
	keyCount  = 1000
	freeCount = keyCount / 10
)

func newKeys() keys {
	k := make(keys, keyCount)
	for i := range k {
		k[i] = fmt.Sprintf("benchmarkkeynumber%06dxxxxxxxxxxxx", i)
	}
	return k
}

func isFree(i int) bool { return i >= keyCount-freeCount }

// side is one of those that are compared.
type side struct {
	name    string
	job     string // what it does per request
	ours    bool
	address string // without TLS; empty: it speaks TLS alone
	secured string // with TLS; empty: it does not speak it
	cmd     *exec.Cmd

	operations string // address of the gateway's profiles
}

// at is where a side is asked.
func (x *side) at(secured bool) (scheme, address string) {
	if secured {
		return "https", x.secured
	}
	return "http", x.address
}

// bench is everything that runs.
type bench struct {
	dir      string
	keys     keys
	upstream string // address
	sink     string // address of one that takes bodies

	binary  string // of the gateway
	seeded  string // folder with its data
	lanes   bool   // it has two lanes
	manages bool   // it has a management API
	sides   []*side
	others  []*exec.Cmd

	measured map[string]map[string][]result // by shape and side
	memory   map[string]float64             // MB more for idle connections, by side
	lost     map[string]string              // by side: what was answered and not recorded
}

func (b *bench) stop() {
	for _, s := range b.sides {
		end(s.cmd)
	}
	for _, c := range b.others {
		end(c)
	}
}

// keepSides stops all sides but those that are named.
func (b *bench) keepSides(names []string) {
	b.sides = slices.DeleteFunc(b.sides, func(x *side) bool {
		unwanted := !slices.Contains(names, x.name)
		if unwanted {
			end(x.cmd)
		}
		return unwanted
	})
}

// end stops what was started, in order.
func end(c *exec.Cmd) {
	if c == nil || c.Process == nil {
		return
	}
	_ = c.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { _ = c.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(25 * time.Second):
		_ = c.Process.Kill()
	}
}

// freePort returns a loopback address that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (b *bench) write(name, text string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// start runs a program until the end of the comparison and waits until it listens.
func (b *bench) start(ctx context.Context, address, program string, args ...string) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(b.dir, filepath.Base(program)+"-"+strings.ReplaceAll(address, ":", "-")+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, b.dir
	cmd.Env = append(os.Environ(), "HOME="+b.dir, "XDG_DATA_HOME="+b.dir, "XDG_CONFIG_HOME="+b.dir)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	for range 600 {
		if c, err := net.Dial("tcp", address); err == nil {
			return cmd, c.Close()
		}
		select {
		case <-ctx.Done():
			return cmd, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	text, _ := os.ReadFile(log.Name())
	return cmd, errors.Join(fmt.Errorf("%s does not listen: %s", program, text), cmd.Process.Kill())
}

func (b *bench) startUpstream(ctx context.Context) (err error) {
	if b.upstream, err = freePort(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "large"), make([]byte, 1<<20), 0o600); err != nil {
		return err
	}
	path, err := b.write("upstream.conf", fmt.Sprintf(upstreamConf, b.dir, b.upstream, strings.Repeat("x", 1021), b.dir))
	if err != nil {
		return err
	}
	if b.sink, err = startSink(); err != nil {
		return err
	}
	cmd, err := b.start(ctx, b.upstream, "nginx", "-c", path, "-e", "stderr")
	b.others = append(b.others, cmd)
	return err
}

// ports returns two free ones.
func ports() (plain, secured string, err error) {
	if plain, err = freePort(); err == nil {
		secured, err = freePort()
	}
	return plain, secured, err
}

const upstreamConf = `daemon off; worker_processes 1; pid %s/upstream.pid; user root;
events { worker_connections 8192; }
http {
	access_log off; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0; sendfile on;
	server {
		listen %s reuseport;
		location / { default_type application/json; return 200 "%s"; }
		location /large { root %s; }
	}
}
`

func (b *bench) startNginx(ctx context.Context) error {
	address, secured, err := ports()
	if err != nil {
		return err
	}
	var known, few strings.Builder
	for i, k := range b.keys {
		fmt.Fprintf(&known, "\t\t%s 1;\n", k)
		if !isFree(i) {
			fmt.Fprintf(&few, "\t\t%s %s;\n", k, k)
		}
	}
	path, err := b.write("nginx.conf", fmt.Sprintf(nginxConf, b.dir, known.String(), few.String(), b.upstream, b.sink, address, secured, b.dir, b.dir))
	if err != nil {
		return err
	}
	cmd, err := b.start(ctx, address, "nginx", "-c", path, "-e", "stderr")
	b.sides = append(b.sides, &side{name: "nginx", job: "key in a map, limit_req", address: address, secured: secured, cmd: cmd})
	return err
}

const nginxConf = `daemon off; worker_processes 2; pid %s/nginx.pid; user root;
events { worker_connections 8192; }
http {
	access_log off; error_log stderr crit; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0;
	map_hash_max_size 8192; map_hash_bucket_size 128;
	map $http_x_api_key $known {
		default 0;
%s	}
	map $http_x_api_key $few {
		default "";
%s	}
	limit_req_zone $http_x_api_key zone=all:16m rate=1000000r/s;
	limit_req_zone $few zone=few:16m rate=1r/m;
	limit_req_status 429;
	upstream echo { server %s; keepalive 2048; keepalive_requests 100000000; }
	upstream sink { server %s; keepalive 64; keepalive_requests 100000000; }
	server {
		listen %s reuseport;
		listen %s reuseport ssl http2;
		ssl_certificate %s/tls.crt; ssl_certificate_key %s/tls.key; ssl_session_cache shared:tls:8m;
		proxy_http_version 1.1; proxy_set_header Connection "";
		if ($known = 0) { return 403; }
		location / { limit_req zone=all burst=100000 nodelay; proxy_pass http://echo/; }
		location /upload { limit_req zone=all burst=100000 nodelay; proxy_request_buffering off; proxy_pass http://sink/; }
		location /few { limit_req zone=few; limit_req zone=all burst=100000 nodelay; proxy_pass http://echo/; }
	}
}
`

func (b *bench) startHAProxy(ctx context.Context) error {
	address, secured, err := ports()
	if err != nil {
		return err
	}
	var known strings.Builder
	for i, k := range b.keys {
		kind := "few"
		if isFree(i) {
			kind = "free"
		}
		fmt.Fprintf(&known, "%s %s\n", k, kind)
	}
	keys, err := b.write("haproxy.map", known.String())
	if err != nil {
		return err
	}
	path, err := b.write("haproxy.cfg", fmt.Sprintf(haproxyConf, address, secured, b.dir, keys, b.upstream, b.sink))
	if err != nil {
		return err
	}
	cmd, err := b.start(ctx, address, "haproxy", "-f", path)
	b.sides = append(b.sides, &side{name: "haproxy", job: "key in a map, stick table", address: address, secured: secured, cmd: cmd})
	return err
}

const haproxyConf = `global
	nbthread 2
	maxconn 8192
defaults
	mode http
	timeout client 600s
	timeout server 600s
	timeout connect 5s
	timeout http-keep-alive 600s
	option http-keep-alive
backend rates
	stick-table type string len 64 size 100k expire 10m store http_req_rate(60s)
frontend in
	bind %s
	bind %s ssl crt %s/tls.pem alpn h2,http/1.1
	http-request deny deny_status 403 unless { req.hdr(x-api-key) -m found }
	http-request set-var(txn.kind) req.hdr(x-api-key),map_str(%s,none)
	http-request deny deny_status 403 if { var(txn.kind) -m str none }
	http-request track-sc0 req.hdr(x-api-key) table rates
	http-request deny deny_status 429 if { path_beg /few } { var(txn.kind) -m str few } { sc_http_req_rate(0) gt 1 }
	http-request deny deny_status 429 if { sc_http_req_rate(0) gt 60000000 }
	use_backend sink if { path_beg /upload }
	default_backend out
backend out
	http-reuse always
	server upstream %s
backend sink
	http-reuse always
	server sink %s
`

func (b *bench) startCaddy(ctx context.Context) error {
	address, secured, err := ports()
	if err != nil {
		return err
	}
	path, err := b.write("Caddyfile", fmt.Sprintf(caddyConf, b.sink, b.upstream, address, port(secured), b.dir, b.dir))
	if err != nil {
		return err
	}
	cmd, err := b.start(ctx, address, "caddy", "run", "--config", path, "--adapter", "caddyfile")
	b.sides = append(b.sides, &side{name: "caddy", job: "the header is there", address: address, secured: secured, cmd: cmd})
	return err
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

const caddyConf = `{
	admin off
	auto_https off
}
(keyed) {
	@uploads {
		header x-api-key *
		path /upload
	}
	handle @uploads {
		reverse_proxy %s {
			transport http {
				keepalive_idle_conns_per_host 64
			}
		}
	}
	@keyed header x-api-key *
	handle @keyed {
		reverse_proxy %s {
			transport http {
				keepalive_idle_conns_per_host 2048
			}
		}
	}
	respond 403
}
http://%s {
	import keyed
}
https://:%s {
	bind 127.0.0.1
	tls %s/tls.crt %s/tls.key
	import keyed
}
`

// ask sends one request and returns its status: whatever is compared must do its job.
func ask(ctx context.Context, url, key string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a certificate made for this run
	defer t.CloseIdleConnections()
	res, err := t.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}
