package handlers

import (
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/templates/format"
	"gatehouse/templates/receipt"
	"gatehouse/templates/snippet"
	"gatehouse/templates/ui"
)

// showEntry adds to a request's page what the log knows of it.
func showEntry(r *Request, v *receipt.View, d models.ReceiptDetail, e *models.LogEntry) {
	v.Timing, v.Took = timingOf(e), format.Latency(e.Total)
	v.Facts = append(v.Facts, entryFacts(e)...)
	v.Sent, v.Received = fieldsOf(e.RequestHeaders), fieldsOf(e.ResponseHeaders)
	request, notes := curlOf(r.Site.GatewayURL, d, e)
	v.Curl, v.CurlNotes = snippet.Curl(request).Body(), notes
}

// timingOf says where a request's time went. What the upstream was not asked for, the gateway took.
func timingOf(e *models.LogEntry) []receipt.Part {
	if e.Total <= 0 {
		return nil
	}
	part := func(name string, took time.Duration, color, text string) receipt.Part {
		return receipt.Part{Name: name, Took: format.Latency(took), Text: text, Share: min(1, took.Seconds()/e.Total.Seconds()), Color: color}
	}
	parts := []receipt.Part{part("Gateway", e.Gateway, "b429", "to judge it, and to pass it on")}
	if e.Latency > 0 {
		parts = append(parts, part("Upstream", e.Latency, "b2xx", "until its answer began"), part("Answer", e.Transfer(), "b3xx", "until it had passed"))
	}
	return parts
}

// entryFacts are what the log knows beside the receipt.
func entryFacts(e *models.LogEntry) []ui.Definition {
	path := e.Path
	if e.Query != "" {
		path += "?" + e.Query
	}
	facts := []ui.Definition{{Term: "Address", Text: e.Verb + " " + path, Mono: true}}
	if e.Address != "" {
		facts = append(facts, ui.Definition{Term: "Caller", Text: e.Address, Mono: true})
	} else {
		facts = append(facts, ui.Definition{Term: "Caller", Text: "this portal"})
	}
	if e.Agent != "" {
		facts = append(facts, ui.Definition{Term: "User agent", Text: e.Agent})
	}
	if e.Sent > 0 {
		facts = append(facts, ui.Definition{Term: "Body received", Text: format.Bytes(e.Sent) + ", of the gateway"})
	}
	return facts
}

func fieldsOf(headers []models.LogHeader) (out []receipt.Field) {
	for _, h := range headers {
		out = append(out, receipt.Field(h))
	}
	return out
}

// Headers that change what is answered; a program that repeats a call has no use for the others.
var repeated = map[string]bool{
	"Accept": true, "Accept-Language": true, "Content-Type": true, "Content-Language": true, "If-Match": true, "If-Modified-Since": true,
	"If-None-Match": true, "If-Unmodified-Since": true, "Prefer": true, "Range": true,
}

// curlOf is the call to make again, with what of it is kept; the key comes from an environment variable.
func curlOf(gateway string, d models.ReceiptDetail, e *models.LogEntry) (request snippet.Request, notes []string) {
	request = snippet.Request{Method: e.Verb, URL: gateway + e.Path}
	query := strings.ReplaceAll(e.Query, "…", "")
	for _, h := range e.RequestHeaders {
		if repeated[h.Name] && !h.Hidden {
			request.Headers = append(request.Headers, snippet.Header{Name: h.Name, Value: h.Value})
		}
	}
	variable := ""
	if d.KeyID != 0 && d.APISlug != "" {
		variable = keyVariable(d.APISlug)
	}
	finish(&request, query, d.KeySource, variable)
	if e.Query != "" {
		notes = append(notes, "Values of the query are not kept. Fill them in.")
	}
	if e.BytesIn > 0 {
		notes = append(notes, "The body of "+format.Bytes(e.BytesIn)+" is not kept. Add it with --data.")
	}
	return request, notes
}
