package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/sample"
)

// demoMark is the file that makes a folder a demo's: --fresh deletes no other.
const demoMark = "THIS-IS-A-DEMO"

// demo runs everything on this machine: portal, gateway and a sample upstream, with people, an API, plans, keys and gentle traffic.
func demo(ctx context.Context, p program, args []string) error {
	var c config
	fresh := false
	set := p.flagSet("demo")
	c.listenFlags(set)
	set.StringVar(&c.data, "data", "./gatehouse-demo", "`folder` of the demo's data")
	set.BoolVar(&fresh, "fresh", false, "start over: delete the demo's data first")
	for name, value := range map[string]string{"gateway-listen": "127.0.0.1:8081", "ops-listen": ""} { // a demo takes three ports and stays on this machine
		f := set.Lookup(name)
		f.DefValue = value
		if err := f.Value.Set(value); err != nil { // not set.Set, after which the environment would not be asked
			return err
		}
	}
	if err := p.parse(set, args); err != nil {
		return err
	}
	c.allowUpstream = append(c.allowUpstream, "127.0.0.1/32") // where the sample upstream listens
	c.finish()
	if err := c.validate(); err != nil {
		return err
	}
	if err := prepareDemo(c.data, fresh); err != nil {
		return err
	}
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the sample upstream: %w", err)
	}
	server := &http.Server{Handler: unhurried(sample.Handler()), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(upstream) }() // ends with Close below
	defer server.Close()

	in, err := open(ctx, c, slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), true)
	if err != nil {
		return err
	}
	d := &demoData{in: in, upstream: "http://" + upstream.Addr().String()}
	if err := d.prepare(ctx, time.Now()); err != nil {
		return errors.Join(err, in.close())
	}
	d.print(p)
	go d.traffic(ctx)
	return in.run(ctx)
}

// prepareDemo makes the folder and marks it; fresh empties a marked one first. A folder with other things in it is refused.
func prepareDemo(folder string, fresh bool) error {
	mark := filepath.Join(folder, demoMark)
	_, err := os.Stat(mark)
	marked := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for a demo: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for a demo: %w", err)
	}
	if len(entries) > 0 && !marked {
		return fmt.Errorf("%s is not a demo's folder and will not be touched: name another one with --data", folder)
	}
	if fresh && marked {
		release, err := lockData(folder)
		if err != nil {
			return err
		}
		release()
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("delete the old demo: %w", err)
		}
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	return os.WriteFile(mark, []byte("Sample data of `gatehouse demo`. `gatehouse demo --fresh` deletes this folder.\n"), 0o600)
}

func (d *demoData) print(p program) {
	c := d.in.config
	var b strings.Builder
	fmt.Fprintf(&b, "\nGatehouse demo. Everything is on this machine; stop it with Ctrl C.\n\n")
	fmt.Fprintf(&b, "%s\nSign in as\n", c.addresses())
	for _, person := range demoPeople {
		fmt.Fprintf(&b, "  %-9s  %s  %s\n", person.role, person.email, demoPassword)
	}
	fmt.Fprintf(&b, "\nCall the API as an app does:\n\ncurl -i -H 'x-api-key: %s' %s/echo/prod/get\n\n", demoKey, c.gatewayURL)
	fmt.Fprint(p.stdout, b.String())
}
