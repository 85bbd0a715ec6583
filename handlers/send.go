package handlers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/models"
	"gatehouse/templates/answer"
	"gatehouse/templates/format"
	"gatehouse/templates/snippet"
	"gatehouse/templates/ui"
)

// Caller sends a request through the gateway in the name of a key, or of nobody (0). r.URL.Path is /{api}/{stage}/…; the call is limited and counted
// like any other.
type Caller interface {
	Call(ctx context.Context, key models.KeyID, r *http.Request) (*http.Response, error)
}

// Limits of requests that are sent from pages.
const (
	sendTimeout   = 10 * time.Second
	shownBytes    = 256 << 10 // of a body
	shownHeaders  = 100
	shownInHeader = 1 << 10 // bytes of one
)

// sendAgent tells an upstream, and whoever reads a log, that a person tried the API from the portal. Apps send their own.
const sendAgent = "Gatehouse-Console"

// gatewayBase is where requests of pages go: they reach the gateway in this process, and its upstreams learn its host.
func gatewayBase(r *Request) string { return "http://" + gatewayHost(r.Site.GatewayURL) }

// gatewayHost is the host of our own address.
func gatewayHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "gateway"
	}
	return u.Host
}

// sendRequest sends a request through the gateway and says what came back. No header of the page's own request goes along: the key is known by its id,
// and the browser's cookies are none of the API's business.
func sendRequest(r *Request, caller Caller, key models.KeyID, request snippet.Request, title string) (answer.View, error) {
	ctx, cancel := context.WithTimeout(r.Context(), sendTimeout)
	defer cancel()
	out := answer.View{Title: title}
	call, err := http.NewRequestWithContext(ctx, request.Method, request.URL, strings.NewReader(request.Body))
	if err != nil {
		return out, fmt.Errorf("make request of key %s: %w", key, err)
	}
	for _, h := range request.Headers {
		call.Header.Add(h.Name, h.Value)
	}
	call.Header.Set("User-Agent", sendAgent)
	call.RemoteAddr = r.RemoteAddr
	start := r.Site.Now()
	got, err := caller.Call(ctx, key, call)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil {
			out.Failed = "Nothing came within " + format.Duration(sendTimeout) + ". The call may still be counted."
			return out, nil
		}
		return out, fmt.Errorf("send request of key %s: %w", key, err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		return out, fmt.Errorf("read answer to key %s: %w", key, err)
	}
	out.Took, out.Size, out.Status = format.Latency(r.Site.Now().Sub(start)), format.Bytes(int64(len(body))), got.StatusCode
	out.Headers = shownHead(got.Header)
	out.Limits = leftLines(got.Header, r.Site.Now())
	text, note := shownBody(got.Header.Get("Content-Type"), body)
	if text != "" {
		out.Body = exampleCode(got.Header.Get("Content-Type"), text).Body()
	}
	if ctx.Err() != nil && r.Context().Err() == nil {
		note = strings.TrimSpace("The answer was still going on after " + format.Duration(sendTimeout) + ", and was ended. " + note)
	}
	out.BodyNote = note
	out.Hint, out.HintHref = problemHint(got, body, r.Site.PublicURL)
	return out, nil
}

// shownHead is the headers of an answer by name, each a line. A cookie may be a session at the API, which is no text for a page.
func shownHead(h http.Header) (out []ui.Definition) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name == "Set-Cookie" {
			continue
		}
		for _, value := range h[name] {
			if len(out) == shownHeaders {
				return out
			}
			if len(value) > shownInHeader {
				value = value[:shownInHeader] + "…"
			}
			out = append(out, ui.Definition{Term: name, Text: strings.ToValidUTF8(value, "\uFFFD"), Mono: true})
		}
	}
	return out
}

// leftLines say what is left of each limit that an answer names in its RateLimit headers.
func leftLines(h http.Header, now time.Time) (lines []string) {
	policies, items := limitItems(h.Get("RateLimit-Policy")), limitItems(h.Get("RateLimit"))
	if left, policy := items["quota"], policies["quota"]; left != nil && policy != nil {
		line := format.Count(left["r"]) + " of " + format.Requests(policy["q"]) + " of the quota left"
		if reset := time.Duration(left["t"]) * time.Second; reset > 0 {
			line += "; it resets on " + resetTime(now.Add(reset)) + ", in " + format.Duration(reset)
		}
		lines = append(lines, line+".")
	}
	var rates []string
	for _, layer := range []struct{ name, words string }{{"plan", "by the plan's rate"}, {"method", "by this operation's own"}, {"stage", "by the stage's"}} {
		if left, policy := items[layer.name], policies[layer.name]; left != nil && policy != nil {
			rates = append(rates, format.Count(left["r"])+" of "+format.Count(policy["q"])+" "+layer.words)
		}
	}
	if len(rates) > 0 {
		lines = append(lines, "At once now: "+strings.Join(rates, ", ")+".")
	}
	return lines
}

// limitItems reads a RateLimit header as the gateway writes it: "plan";r=9;t=1, "quota";r=998;t=43200.
func limitItems(header string) map[string]map[string]int64 {
	items := map[string]map[string]int64{}
	for item := range strings.SplitSeq(header, ",") {
		parts := strings.Split(strings.TrimSpace(item), ";")
		values := map[string]int64{}
		for _, part := range parts[1:] {
			name, value, _ := strings.Cut(part, "=")
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				values[name] = n
			}
		}
		items[strings.Trim(parts[0], `"`)] = values
	}
	return items
}

// isText reports whether a body of a media type can be shown and typed.
func isText(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return isJSON(contentType) || strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+xml") || strings.HasSuffix(kind, "+yaml") ||
		slices.Contains([]string{"application/xml", "application/yaml", "application/x-yaml", "application/javascript", "application/graphql", "application/x-www-form-urlencoded", "application/x-ndjson"}, kind)
}

func isJSON(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

// shownBody is as much of a body as a page shows as text; note says what is left out.
func shownBody(contentType string, body []byte) (text, note string) {
	switch {
	case len(body) == 0:
		return "", "The answer has no body."
	case !isText(contentType) && !(contentType == "" && utf8.Valid(body)):
		return "", "A body of " + format.Bytes(int64(len(body))) + " of " + cmp.Or(contentType, "no type") + " came; it is not text and is not shown."
	}
	var pretty bytes.Buffer
	if isJSON(contentType) && json.Indent(&pretty, body, "", "  ") == nil {
		body = pretty.Bytes()
	}
	if len(body) > shownBytes {
		note = "Shown are the first " + format.Bytes(shownBytes) + " of " + format.Bytes(int64(len(body))) + "."
		body = body[:shownBytes]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(body), "\uFFFD"), "\x00", "\uFFFD"), note
}

// problemHint says in words why the gateway refused, from the body of its answer, with the page about the request if there is one.
func problemHint(got *http.Response, body []byte, portal string) (text, href string) {
	if kind, _, _ := mime.ParseMediaType(got.Header.Get("Content-Type")); kind != "application/problem+json" || got.StatusCode < 400 {
		return "", ""
	}
	var p struct{ Title, Detail, Instance string }
	if json.Unmarshal(body, &p) != nil {
		return "", ""
	}
	if id, ours := strings.CutPrefix(p.Instance, portal+requestPath("")); ours { // an upstream may answer in this form, too
		href = requestPath(url.PathEscape(id))
	}
	return cmp.Or(p.Detail, p.Title), href
}
