package enforcement

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/models"
	"gatehouse/models/secret"
)

// presented reads the key where an API wants it, and returns the query without it. A second value is refused, equal or not: the
// upstream, or whatever stands before us, might take the other one (DECISIONS 39).
func presented(source models.KeySource, h http.Header, query string) (value, rest string, p problem) {
	switch source.Place {
	case models.KeyInHeader:
		value, p = single(valuesOf(h, source.Name))
		return value, query, p
	case models.KeyInBearer:
		value, p = bearer(h["Authorization"])
		return value, query, p
	case models.KeyInQuery:
		return fromQuery(source, query)
	case models.KeyInAuthorizer:
		return "", query, problemKeyMissing // who asks the authorizer knows it
	default:
		return "", query, problemKeyMissing // a stage with such a source is broken
	}
}

// valuesOf is h.Values without a copy of the name that nearly all APIs have.
func valuesOf(h http.Header, name string) []string {
	if name == "x-api-key" {
		return h["X-Api-Key"]
	}
	return h.Values(name)
}

func single(values []string) (string, problem) {
	switch {
	case len(values) > 1:
		return "", problemKeyAmbiguous
	case len(values) == 0 || values[0] == "":
		return "", problemKeyMissing
	default:
		return values[0], problemNone
	}
}

func bearer(values []string) (string, problem) {
	value, p := single(values)
	scheme, token, _ := strings.Cut(value, " ")
	token = strings.TrimLeft(token, " ")
	if p == problemNone && (token == "" || !strings.EqualFold(scheme, "Bearer")) {
		return "", problemKeyMissing
	}
	return token, p
}

// fromQuery leaves the other parameters as they were written. What some server could read as another parameter is refused.
func fromQuery(source models.KeySource, query string) (value, rest string, p problem) {
	if query == "" {
		return "", "", problemKeyMissing
	}
	var kept []string
	var values []string
	for pair := range strings.SplitSeq(query, "&") {
		name, v, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		v, valueErr := url.QueryUnescape(v)
		if nameErr != nil || valueErr != nil || strings.Contains(pair, ";") {
			return "", "", problemQueryInvalid
		}
		if name != source.Name {
			kept = append(kept, pair)
			continue
		}
		values = append(values, v)
		if source.Forward {
			kept = append(kept, pair)
		}
	}
	value, p = single(values)
	return value, strings.Join(kept, "&"), p
}

// malformed reports whether a value cannot be a key, which is said before it is looked up.
func (g *Gateway) malformed(value string) bool {
	return secret.Check(value, g.config.KeyPrefix) != secret.Plausible
}

// keyHeader is the header that the key came in, or "".
func keyHeader(source models.KeySource) string {
	switch source.Place {
	case models.KeyInHeader:
		return source.Name
	case models.KeyInBearer:
		return "Authorization"
	default:
		return ""
	}
}
