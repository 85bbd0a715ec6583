package requestlog

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/limit"
)

// reader reads one record, of a buffer or of a block. What it finds wrong makes it bad; it then returns zeros.
type reader struct {
	b   []byte
	t   *tables // of a block; nil: strings and ids stand in the record
	bad bool
}

// tables are what the records of a block share.
type tables struct {
	base    int64
	strings []string
	ids     []int64
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u() int64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return int64(v)
}

func (r *reader) fixed() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) time() int64 {
	if r.t == nil {
		return int64(r.fixed())
	}
	return r.t.base + r.u()
}

func (r *reader) id() int64 {
	if r.t == nil {
		return int64(r.fixed())
	}
	i := r.u()
	if i < 0 || i >= int64(len(r.t.ids)) {
		r.bad = true
		return 0
	}
	return r.t.ids[i]
}

// text is a string of a record that is no block's.
func (r *reader) text() []byte {
	b := r.take(2)
	if b == nil {
		return nil
	}
	return r.take(int(binary.LittleEndian.Uint16(b)))
}

func (r *reader) str() string {
	if r.t == nil {
		return string(r.text())
	}
	i := r.u()
	if i < 0 || i >= int64(len(r.t.strings)) {
		r.bad = true
		return ""
	}
	return r.t.strings[i]
}

func (r *reader) micros() time.Duration { return time.Duration(r.u()) * time.Microsecond }

// first is what questions are asked of.
type first struct {
	at      int64
	outcome models.Outcome
	status  int

	total, gateway, latency             time.Duration
	key, app, plan, api, stage, methods int64

	verb, path string
}

func (r *reader) first() first {
	return first{
		at: r.time(), outcome: models.Outcome(r.byte()), status: int(r.u()), total: r.micros(), gateway: r.micros(), latency: r.micros(),
		key: r.id(), app: r.id(), plan: r.id(), api: r.id(), stage: r.id(), methods: r.id(), verb: r.str(), path: r.str(),
	}
}

// rest reads what is behind first.
func (r *reader) rest(f *first) models.LogEntry {
	e := models.LogEntry{Verb: f.verb, Path: f.path, Total: f.total, Gateway: f.gateway}
	e.Receipt = models.Receipt{
		At: time.Unix(0, f.at).UTC(), Outcome: f.outcome, Status: f.status, Latency: f.latency, KeyID: models.KeyID(f.key), AppID: models.AppID(f.app),
		PlanID: models.PlanID(f.plan), APIID: models.APIID(f.api), StageID: models.StageID(f.stage), MethodID: models.MethodID(f.methods),
	}
	e.ID = hex.EncodeToString(r.take(16))
	e.PlanVersion = int(r.u())
	e.Problem, e.Method = r.str(), r.str()
	if since := r.u(); since != 0 {
		e.Since = time.Unix(0, since).UTC()
	}
	e.Layer, e.RetryAfter = limit.Layer(r.byte()), time.Duration(r.u())
	applies, period := r.byte(), r.byte()
	for i := range e.Limits {
		if applies&(1<<i) != 0 {
			e.Limits[i] = models.ReceiptLimit{
				Limited: true, Rate: math.Float64frombits(r.fixed()), Limit: r.u(), Remaining: r.u(), Reset: time.Duration(r.u()),
			}
		}
	}
	e.Limits[len(e.Limits)-1].Period = limit.Period(period)
	e.BytesIn, e.BytesOut, e.Sent = r.u(), r.u(), r.u()
	e.Query, e.Address, e.Agent = r.str(), r.str(), r.str()
	e.RequestHeaders, e.ResponseHeaders = r.headers(), r.headers()
	return e
}

func (r *reader) headers() (out []models.LogHeader) {
	for range r.byte() {
		h := models.LogHeader{Name: r.str()}
		if h.Hidden = r.byte() == 0; !h.Hidden {
			h.Value = r.str()
		}
		out = append(out, h)
	}
	slices.SortStableFunc(out, func(a, b models.LogHeader) int { return strings.Compare(a.Name, b.Name) })
	return out
}
