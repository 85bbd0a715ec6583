package authorizer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"net/url"
	"strings"

	"gatehouse/models"
)

// maxIdentity bounds everything by which a caller is known.
const maxIdentity = 16 << 10

// identity is what of a request an authorizer looks at.
type identity struct {
	headers []string // values, in the order of the settings
	query   []string
}

// first is the value that a pattern and a token's authorizer look at.
func (id *identity) first() string {
	if len(id.headers) > 0 {
		return id.headers[0]
	}
	return id.query[0]
}

// identify reads what the request is known by. Where anything is missing, twice there or too long, nobody is asked.
func (a *Authorizer) identify(q *Question) (id identity, fault *Verdict) {
	size := 0
	for _, name := range a.Identity.Headers {
		values := q.Header.Values(name)
		switch {
		case len(values) == 0 || values[0] == "":
			return id, &Verdict{Outcome: Missing, Reason: "The request has no header " + name + "."}
		case len(values) > 1:
			return id, &Verdict{Outcome: Invalid, Reason: "The request has the header " + name + " more than once."}
		}
		id.headers, size = append(id.headers, values[0]), size+len(values[0])
	}
	for _, name := range a.Identity.Query {
		value, n := parameter(q.Query, name)
		switch {
		case n == 0 || n == 1 && value == "":
			return id, &Verdict{Outcome: Missing, Reason: "The request has no query parameter " + name + "."}
		case n > 1:
			return id, &Verdict{Outcome: Invalid, Reason: "The request has the query parameter " + name + " more than once, or it cannot be read."}
		}
		id.query, size = append(id.query, value), size+len(value)
	}
	if size > maxIdentity {
		return id, &Verdict{Outcome: Invalid, Reason: fmt.Sprintf("What the caller is known by has more than %d bytes.", maxIdentity)}
	}
	if a.pattern != nil && !a.pattern.MatchString(id.first()) {
		return id, &Verdict{Outcome: Invalid, Reason: "What the caller is known by does not have the form that the API asks for."}
	}
	return id, nil
}

// parameter reads a parameter of a query and says how often it is there. What servers read in different ways counts as more than once.
func parameter(query, name string) (value string, n int) {
	for pair := range strings.SplitSeq(query, "&") {
		key, v, _ := strings.Cut(pair, "=")
		key, keyErr := url.QueryUnescape(key)
		if keyErr != nil || strings.Contains(pair, ";") && strings.Contains(pair, name) {
			return "", 2
		}
		if key != name {
			continue
		}
		v, err := url.QueryUnescape(v)
		if err != nil {
			return "", 2
		}
		value, n = v, n+1
	}
	return value, n
}

// digest is under what an answer is kept.
type digest [sha256.Size]byte

// digester writes parts that cannot be taken for others: each has its length before it.
type digester struct{ hash.Hash }

func (d digester) text(s string) {
	d.number(int64(len(s)))
	d.Write([]byte(s))
}

func (d digester) number(n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	d.Write(b[:])
}

// digestOf covers everything that an answer may depend on: another authorizer, epoch, stage or identity is another question; another method or path, too,
// unless the owner says otherwise.
func (a *Authorizer) digestOf(q *Question, id *identity) (out digest) {
	d := digester{sha256.New()}
	d.number(int64(a.ID))
	d.number(a.Epoch)
	if d.number(q.Epoch); q.Epoch != 0 {
		d.number(int64(q.Stage)) // epochs are each stage's own
	}
	d.number(int64(len(id.headers)))
	for _, v := range id.headers {
		d.text(v)
	}
	for _, v := range id.query {
		d.text(v)
	}
	if a.Kind == models.AuthorizerHTTP {
		d.number(int64(q.Stage))
		switch a.HTTP.Reuse {
		case models.ReuseIdentity:
		case models.ReusePath:
			d.text(q.Verb)
			d.text(q.Path)
		default:
			d.text(q.Verb) // a method may answer any
			d.number(int64(q.Method))
		}
	}
	d.Sum(out[:0])
	return out
}
