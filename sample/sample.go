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

// Bounds on what one request may ask of the sample API. The document names them too.
const (
	maxBody = 1 << 20 // bytes
	maxTime = 10 * time.Second
)

// Document returns the OpenAPI 3.1 document of the sample API, in YAML.
func Document() []byte { return slices.Clone(document) }

// Handler returns the sample API. It knows more operations than the document describes, and none that reads or changes
// anything of the machine that it runs on.
func Handler() http.Handler {
	return httpbin.New(
		httpbin.WithMaxBodySize(maxBody), httpbin.WithMaxDuration(maxTime), httpbin.WithHostname("echo.sample"),
	).Handler()
}
