package enforcement

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/enforcement/cache"
	"gatehouse/enforcement/transport"
	"gatehouse/models"
)

// keeping is how a stage keeps answers.
type keeping struct {
	space      *cache.Space // set when the snapshot is installed; nil: the gateway keeps none
	generation [sha256.Size]byte
	rules      cache.Rules
	of         *models.StageCache
	vary       []string // canonical
	personal   []string // canonical: headers by which a request says who asks, beside the key
	bypass     bool
}

func compileCache(in *models.GatewayStage) *keeping {
	s := in.Settings.Cache
	k := &keeping{
		generation: generationOf(*in), of: s, bypass: s.Bypass,
		rules: cache.Rules{TTL: s.TTL, MaxBody: s.MaxBody},
	}
	if s.MaxBody <= 0 {
		k.rules.MaxBody = models.DefaultCacheBody
	}
	for _, name := range s.Vary {
		k.vary = append(k.vary, http.CanonicalHeaderKey(name))
	}
	for _, name := range []string{"Authorization", "Cookie"} {
		ofKey := keyHeader(in.KeySource) == name && !in.KeySource.Forward // the upstream does not see it
		if !ofKey && !slices.Contains(k.vary, name) {
			k.personal = append(k.personal, name)
		}
	}
	return k
}

// generationOf is a digest of everything that makes the stage's answers what they are: what was kept under another deployment, upstream or rule is not used.
func generationOf(in models.GatewayStage) [sha256.Size]byte {
	s := &in.Settings
	in.Certificate, in.Document, in.Canary, s.Canary = nil, 0, nil, nil
	in.Throttle, s.Timeouts, s.Limits, s.Response, s.CORS, s.Maintenance, s.Validation = nil, models.StageTimeouts{}, models.StageLimits{}, nil, nil, nil, models.RequestValidation{}
	s.Methods, s.AuthorizerEpoch, in.Parts.Responses, s.Notes = nil, 0, nil, models.StageNotes{}
	text, err := json.Marshal(in)
	if err != nil {
		panic(err) // not reachable: numbers and strings
	}
	return sha256.Sum256(text)
}

// ofCanary tells the place of a stage's canary in the cache from the stage's own.
const ofCanary = 1 << 63

// openSpaces gives each stage of a snapshot its place in the cache, and forgets what none of them can use.
func (g *Gateway) openSpaces(s *snapshot) {
	if g.cache == nil {
		return
	}
	open := map[uint64]bool{}
	for id, st := range s.stages {
		for place := uint64(id); st != nil; st, place = st.canary, place|ofCanary {
			if st.policies != nil && st.policies.cache != nil {
				st.policies.cache.space = g.cache.Space(place, st.policies.cache.generation)
				open[place] = true
			}
		}
	}
	g.cache.Retain(open)
}

// CacheStats returns where the cache of a stage stands; ok is false if it keeps nothing.
func (g *Gateway) CacheStats(id models.StageID) (stats models.CacheStats, ok bool) {
	s := g.current.Load()
	if s == nil || s.stages[id] == nil || s.stages[id].keeping() == nil {
		return stats, false
	}
	for st := s.stages[id]; st != nil; st = st.canary {
		if k := st.keeping(); k != nil {
			some := k.space.Stats()
			stats.Entries, stats.Bytes, stats.Hits = stats.Entries+some.Entries, stats.Bytes+some.Bytes, stats.Hits+some.Hits
			stats.Misses, stats.Passed = stats.Misses+some.Misses, stats.Passed+some.Passed
		}
	}
	return stats, true
}

// keeping is how the stage keeps answers; nil: it does not.
func (st *stage) keeping() *keeping {
	if st.policies == nil || st.policies.cache == nil || st.policies.cache.space == nil {
		return nil
	}
	return st.policies.cache
}

// forward answers an admitted request, by what is kept, by the upstream, or by what its integration says.
func (q *request) forward() {
	if q.method.isMock() {
		q.answerMock()
		return
	}
	k := q.stage.keeping()
	if k == nil {
		q.g.proxy.Serve(q.w, q.r, q.toUpstream())
		return
	}
	switch ask, passage := q.mayKeep(k); {
	case q.stored != nil:
		q.answerKept(k, q.stored, false)
	case passage == "":
		q.throughCache(k, ask)
	case q.r.Method == http.MethodGet || q.r.Method == http.MethodHead:
		q.pass(k, passage)
	default:
		q.pass(k, passage)
		if status := q.exchange.End().Status; status >= 200 && status < 400 && q.r.Method != http.MethodOptions {
			q.g.cache.Forget(q.cacheKey(k)) // RFC 9111, 4.4
		}
	}
}

// mayKeep says how a request stands to the cache; with a passage it has nothing to do with it.
func (q *request) mayKeep(k *keeping) (ask cache.Ask, passage string) {
	h := q.r.Header
	switch {
	case q.r.Method != http.MethodGet && q.r.Method != http.MethodHead:
		return ask, "fwd=method"
	case q.method != q.methods.method(http.MethodGet) || !k.isFor(q.method):
		return ask, "fwd=bypass"
	case q.r.Body != nil && q.r.Body != http.NoBody, q.method.integration != nil && q.method.integration.unkept:
		return ask, "fwd=bypass"
	}
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-Unmodified-Since", "Upgrade"} {
		if len(h[name]) > 0 {
			return ask, "fwd=bypass"
		}
	}
	if ask = cache.AskOf(h, k.personal, k.bypass); !ask.Look && !ask.Store {
		return ask, "fwd=request"
	}
	return ask, ""
}

// isFor reports whether answers of a method are kept.
func (k *keeping) isFor(m *method) bool {
	_, kept := k.of.Life(m.name, m.id)
	return kept
}

// rulesOf are the rules by which answers of a method are kept.
func (k *keeping) rulesOf(m *method) cache.Rules {
	rules := k.rules
	rules.TTL, _ = k.of.Life(m.name, m.id)
	return rules
}

func (q *request) pass(k *keeping, passage string) {
	q.g.cache.Count(k.space, cache.Bypassed)
	q.passage = "gatehouse; " + passage
	q.g.proxy.Serve(q.w, q.r, q.toUpstream())
}

func (q *request) cacheKey(k *keeping) cache.Key {
	host, secure := q.r.Host, q.r.TLS != nil
	if f := q.forwarded; f != nil { // this is what upstreams are told
		host, secure = cmp.Or(f.Host, host), f.Proto == "https" || f.Proto == "" && secure
	}
	about := cache.About{
		Canary: q.stage.deployment != "", APIKey: uint64(q.decision.call.Key), App: uint64(q.decision.app), TLS: secure, Host: host, Prefix: q.prefix, Path: q.path, Query: q.query,
		Vary: k.vary, Header: q.r.Header, Identity: q.callerIdentity(),
	}
	if m := q.methods.method(http.MethodGet); m != nil {
		about.Method = uint64(m.id)
		if m.integration != nil && len(m.integration.varies) > 0 {
			about.Vary = slices.Concat(k.vary, m.integration.varies)
		}
	}
	return k.space.Key(&about)
}

// missed are the reasons of a miss as RFC 9211 has them.
var missed = map[cache.Miss]string{cache.URIMiss: "fwd=uri-miss", cache.VaryMiss: "fwd=vary-miss", cache.Stale: "fwd=stale", cache.Pass: "fwd=uri-miss"}

// isKept looks for an answer that can be given though no upstream is in service. Who asks is known by then.
func (q *request) isKept() bool {
	k := q.stage.keeping()
	ask, passage := q.mayKeep(k)
	if passage != "" || !ask.Look {
		return false
	}
	a, miss := q.g.cache.Find(q.cacheKey(k), q.r.Header, ask, q.g.clock())
	if miss == cache.NoMiss {
		q.stored = a
	}
	return miss == cache.NoMiss
}

// throughCache looks for an answer, waits a while for another request that asks the same, and else asks the upstream.
func (q *request) throughCache(k *keeping, ask cache.Ask) {
	c, key := q.g.cache, q.cacheKey(k)
	var flight *cache.Flight
	q.passage = "gatehouse; fwd=request"
	for waited := false; ask.Look; waited = true {
		a, miss := c.Find(key, q.r.Header, ask, q.g.clock())
		if miss == cache.NoMiss {
			q.answerKept(k, a, waited)
			return
		}
		q.passage = "gatehouse; " + missed[miss]
		if waited || miss == cache.Pass || !ask.Store || ask.Personal || q.r.Method != http.MethodGet {
			break
		}
		other, leads := c.Lead(key)
		if !leads {
			other.Wait(q.r.Context())
			continue
		}
		flight = other
		if a, miss := c.Find(key, q.r.Header, ask, q.g.clock()); miss == cache.NoMiss { // who led before came to his end since the look above
			flight.Land()
			q.answerKept(k, a, true)
			return
		}
		break
	}
	c.Count(k.space, cache.Missed)
	if q.r.Method != http.MethodGet {
		q.g.proxy.Serve(q.w, q.r, q.toUpstream())
		return
	}
	q.fill = c.Fill(q.w, cache.Filling{
		Space: k.space, Key: key, Rules: k.rulesOf(q.method), Ask: ask, Header: q.r.Header, Leads: flight != nil, Now: q.g.clock(), Wall: time.Unix(0, q.at.wall),
	})
	whole := false
	defer func() {
		q.fill.End(whole)
		if flight != nil {
			flight.Land()
		}
	}()
	q.g.proxy.Serve(q.fill, q.r, q.toUpstream())
	whole = q.exchange.End().Failure == transport.None && problem(q.cut.Load()) == problemNone
}

// answerKept answers by what is kept, as if the upstream had just said it.
func (q *request) answerKept(k *keeping, a *cache.Answer, waited bool) {
	begun, now := time.Now(), q.g.clock()
	q.decision.release()
	q.keepAdmission()
	q.proxied = true
	result := cache.Hit
	q.passage = fmt.Sprintf("gatehouse; hit; ttl=%d", int64(a.Left(now)/time.Second))
	if waited {
		result, q.passage = cache.Collapsed, "gatehouse; fwd=uri-miss; collapsed"
	}
	q.g.cache.Count(k.space, result)
	h := q.w.Header()
	maps.Copy(h, a.Header)
	h.Set("Age", strconv.FormatInt(int64(a.Age(now)/time.Second), 10))
	status, body := a.Status, a.Body
	switch {
	case a.NotModified(q.r.Header):
		status, body = http.StatusNotModified, nil
		h.Del("Content-Type")
		h.Del("Content-Encoding")
	case status != http.StatusNoContent:
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if _, told := h["Content-Type"]; !told {
		h["Content-Type"] = nil // else net/http guesses one
	}
	q.Decorate(h)
	q.w.WriteHeader(status)
	e := transport.End{Status: status, Begun: begun}
	q.kept = &e
	if q.r.Method != http.MethodHead && len(body) > 0 {
		n, err := q.w.Write(body)
		if e.BytesOut = int64(n); err != nil {
			e.Failure = transport.ClientGone
		}
	}
	e.Took = max(1, time.Since(begun))
	e.Latency = e.Took
}
