package sample

import (
	_ "embed"
	"net/http"
	"slices"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

//go:embed openapi.yaml
var document []byte

// Document returns the OpenAPI 3.1 document of the sample API, in YAML.
func Document() []byte { return slices.Clone(document) }

// Handler returns the sample API. Bodies are at most 1 MiB, delays at most 10 seconds.
func Handler() http.Handler {
	return httpbin.New(httpbin.WithMaxBodySize(1<<20), httpbin.WithMaxDuration(10*time.Second), httpbin.WithHostname("echo.sample")).Handler()
}
