package enforcement

import (
	"net/http"
	"strconv"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// limitHeaders are the headers that tell of limits, in the order of limitTexts.
var limitHeaders = [...]string{headerRatePolicy, headerRateLimit, headerRateLimitLimit, headerRateLimitLeft, headerRateLimitReset}

// toldLayers are the layers that callers are told of.
var toldLayers = [...]limit.Layer{limit.LayerMethod, limit.LayerPlan, limit.LayerStage, limit.LayerAccount, limit.LayerQuota}

// limitTexts are the values of limitHeaders in one text, each up to where the next one begins; an empty one is not told.
type limitTexts struct {
	all  []byte
	ends [len(limitHeaders)]int
}

// of returns the value of one of limitHeaders.
func (t *limitTexts) of(i int) []byte {
	if i == 0 {
		return t.all[:t.ends[0]]
	}
	return t.all[t.ends[i-1]:t.ends[i]]
}

// tellsLimits reports whether the answer says how limits stand: layers were asked on behalf of a key. What the upstream says of limits is left out then.
func (c *call) tellsLimits() bool { return c.decision.decided && c.decision.plan != nil }

// terms name the limits that hold for a request, without holding on to what they are of. The zero value is of none.
type terms struct {
	snapshot uint64
	plan     models.PlanID
	stage    models.StageID
	method   models.MethodID
}

// terms are those of the request; ok is false for a key that has terms of its own, and for one of no plan.
func (c *call) terms() (t terms, ok bool) {
	p := c.decision.plan
	if p == nil || p.base != nil {
		return t, false
	}
	return terms{p.snapshot, p.id, c.stage.id, c.method.id}, true
}

// policyText is what was said of limits themselves, and of which: it is the same for all who call by the same terms in one window.
type policyText struct {
	terms
	window int32
	quota  int64 // what is left of it may be more for one key than for another
	text   []byte
}

// appendTo appends what appendPolicy does.
func (t *policyText) appendTo(text []byte, c *call) []byte {
	of, ok := c.terms()
	d := &c.decision
	if !ok {
		return c.appendPolicy(text)
	}
	if t.terms != of || t.window != d.call.Window || t.quota != d.layers.Quota.Limit {
		*t = policyText{of, d.call.Window, d.layers.Quota.Limit, c.appendPolicy(t.text[:0])}
	}
	return append(text, t.text...)
}

// limitTexts describes every layer that was asked on behalf of a key, as it is after this request (DECISIONS 13, 59), in room. What last has need not be said
// anew; it may be nil.
func (c *call) limitTexts(room []byte, last *policyText) (t limitTexts) {
	d, text := &c.decision, room[:0]
	if last == nil {
		text = c.appendPolicy(text)
	} else {
		text = last.appendTo(text, c)
	}
	t.ends[0] = len(text)
	for _, layer := range toldLayers {
		if g := d.layers.Gauge(layer); g.Limited {
			text = appendItem(text, layer, 'r', g.Remaining, 't', limit.Seconds(g.Reset), t.ends[0])
		}
	}
	t.ends[1] = len(text)
	g := d.layers.Gauge(limit.LayerQuota)
	if !g.Limited {
		g = d.layers.Gauge(limit.LayerPlan)
	}
	for i, n := range [...]int64{g.Limit, g.Remaining, limit.Seconds(g.Reset)} {
		if g.Limited {
			text = strconv.AppendInt(text, n, 10)
		}
		t.ends[2+i] = len(text)
	}
	t.all = text
	return t
}

// appendPolicy says what the limits are.
func (c *call) appendPolicy(text []byte) []byte {
	for _, layer := range toldLayers {
		if g := c.decision.layers.Gauge(layer); g.Limited {
			text = appendItem(text, layer, 'q', g.Limit, 'w', limit.Seconds(c.windowOf(layer)), 0)
		}
	}
	return text
}

// tellLimits adds what limitTexts says to an answer. All values are cut from one string: every answer has them.
func (c *call) tellLimits(h http.Header) {
	if !c.tellsLimits() {
		return
	}
	for _, name := range limitHeaders {
		delete(h, name)
	}
	var room [512]byte
	t := c.limitTexts(room[:], nil)
	if len(t.all) == 0 {
		return
	}
	all, values, start := string(t.all), make([]string, len(limitHeaders)), 0
	for i, end := range t.ends {
		if values[i] = all[start:end]; start < end {
			h[limitHeaders[i]] = values[i : i+1 : i+1]
		}
		start = end
	}
}

// appendItem writes an item of a structured field: "quota";q=1000;w=86400. Begun is where the field begins.
func appendItem(b []byte, layer limit.Layer, k1 byte, v1 int64, k2 byte, v2 int64, begun int) []byte {
	if len(b) > begun {
		b = append(b, ", "...)
	}
	b = append(b, '"')
	b = append(b, layer.String()...)
	b = append(b, '"', ';', k1, '=')
	b = strconv.AppendInt(b, v1, 10)
	b = append(b, ';', k2, '=')
	return strconv.AppendInt(b, v2, 10)
}

// windowOf is the time over which a layer gives its limit: a quota's window, or the time in which an empty bucket fills.
func (c *call) windowOf(layer limit.Layer) time.Duration {
	d := &c.decision
	switch layer {
	case limit.LayerMethod:
		return d.rule.throttle.Fill()
	case limit.LayerPlan:
		return d.plan.throttle.Fill()
	case limit.LayerStage:
		return c.stageThrottle().Fill()
	case limit.LayerAccount:
		return c.api.account.throttle.Fill()
	case limit.LayerQuota:
		w := d.quota().at(d.call.Window)
		return time.Duration(w.end-w.first) * secondsPerDay * time.Second
	default:
		return 0
	}
}
