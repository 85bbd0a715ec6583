package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"gatehouse/enforcement/trace"
)

// traces is what the operator chose for traces.
type traces struct {
	endpoint string // of the collector; "": nothing is traced
	headers  list
	sample   float64
}

// closeTracerTime is for the last spans of an ordered stop.
const closeTracerTime = 2 * time.Second

func (c *traces) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.endpoint, "otlp-endpoint", "", "`URL` of the collector that gets spans by OTLP over HTTP, such as http://127.0.0.1:4318; empty: nothing is traced")
	fs.Var(&c.headers, "otlp-headers", "`name=value` of a header of requests to it; repeatable; better given by GATEHOUSE_OTLP_HEADERS_FILE: other users of the machine can read flags")
	fs.Float64Var(&c.sample, "trace-sample", 0.01, "`ratio` of the traces that begin here which are sampled, 0 to 1")
}

func (c *traces) problems() (problems []error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.endpoint != "" {
		if u, err := url.Parse(c.endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			add("--otlp-endpoint: it is not an address such as http://127.0.0.1:4318; what is secret of it belongs into --otlp-headers")
		}
	}
	if _, ok := c.header(); !ok {
		add("--otlp-headers: it is not name=value") // it may be a secret: it is not repeated
	}
	if c.sample < 0 || c.sample > 1 || c.sample != c.sample {
		add("--trace-sample: name a ratio from 0 to 1")
	}
	return problems
}

// header is what each request to the collector has; ok is false where that cannot be sent.
func (c *traces) header() (h http.Header, ok bool) {
	h = http.Header{}
	for _, pair := range c.headers {
		name, value, found := strings.Cut(pair, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, false
		}
		h.Set(name, value)
	}
	return h, true
}

// openTracer begins to trace, if anybody is to be told. A collector that is away keeps nothing from being served.
func (in *instance) openTracer() {
	c := &in.config.traces
	if c.endpoint == "" {
		return
	}
	header, _ := c.header() // validate looked
	in.tracer = trace.New(trace.Config{Endpoint: c.endpoint, Header: header, Ratio: c.sample, Version: release, Log: in.log})
}

func (in *instance) closeTracer() {
	if in.tracer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTracerTime)
	defer cancel()
	in.tracer.Close(ctx)
}
