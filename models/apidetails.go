package models

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// APIDetails are what the management API says of an API beside what pages know. All of it is kept for clients that read it; none of it changes what the gateway
// does. The zero value is an API that was made in a page.
type APIDetails struct {
	Description    string   `json:",omitzero"` // in full; see API.FullDescription
	Version        string   `json:",omitzero"`
	BinaryTypes    []string `json:",omitzero"` // media types; the gateway passes on every body as it is
	MinCompression *int     `json:",omitzero"` // 0..MaxCompressionSize bytes; nil: not set
	Endpoint       string   `json:",omitzero"` // EDGE, REGIONAL, PRIVATE; empty: EDGE
	IPAddress      string   `json:",omitzero"` // ipv4, dualstack; empty: as AWS has it for the endpoint
	SecurityPolicy string   `json:",omitzero"`
	AccessMode     string   `json:",omitzero"`
}

// MaxCompressionSize is AWS's bound of minimumCompressionSize, in bytes.
const MaxCompressionSize = 10 << 20

// maxAPIDescription is how many characters of a description are kept.
const maxAPIDescription = 125_000

// EndpointTypes are those that an API may say it has.
var EndpointTypes = []string{"REGIONAL", "EDGE", "PRIVATE"}

// Check judges details, with AWS's words where it has some; fields "description", "version", "binaryMediaTypes", "minimumCompressionSize",
// "endpointConfiguration", "securityPolicy".
func (d APIDetails) Check() error {
	switch {
	case utf8.RuneCountInString(d.Description) > maxAPIDescription || hasControlBut(d.Description, "\n\r\t"):
		return Invalid("description", fmt.Sprintf("Invalid API description specified: at most %d characters, without control characters.", maxAPIDescription))
	case utf8.RuneCountInString(d.Version) > 1024 || hasControl(d.Version):
		return Invalid("version", "Invalid API version specified: at most 1024 characters, without control characters.")
	case d.MinCompression != nil && (*d.MinCompression < 0 || *d.MinCompression > MaxCompressionSize):
		return Invalid("minimumCompressionSize", "Invalid minimum compression size, must be between 0 and 10485760")
	case d.Endpoint != "" && !slices.Contains(EndpointTypes, d.Endpoint):
		return Invalid("endpointConfiguration", "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
	case d.IPAddress != "" && d.IPAddress != "ipv4" && d.IPAddress != "dualstack":
		return Invalid("endpointConfiguration", "ipAddressType must be either ipv4 or dualstack.")
	case len(d.SecurityPolicy) > 128 || len(d.AccessMode) > 128:
		return Invalid("securityPolicy", "Use at most 128 characters.")
	}
	for _, kind := range d.BinaryTypes {
		if kind != "*/*" && !mediaType.MatchString(kind) {
			return Invalid("binaryMediaTypes", fmt.Sprintf("Invalid binary media type specified: %s", CutLine(kind, 100)))
		}
	}
	if len(d.BinaryTypes) > 100 {
		return Invalid("binaryMediaTypes", "An API has at most 100 binary media types.")
	}
	return nil
}

// Equal reports whether two say the same.
func (d APIDetails) Equal(o APIDetails) bool {
	return d.Description == o.Description && d.Version == o.Version && slices.Equal(d.BinaryTypes, o.BinaryTypes) && d.Endpoint == o.Endpoint &&
		d.IPAddress == o.IPAddress && d.SecurityPolicy == o.SecurityPolicy && d.AccessMode == o.AccessMode &&
		(d.MinCompression == nil) == (o.MinCompression == nil) && (d.MinCompression == nil || *d.MinCompression == *o.MinCompression)
}

// summaryOf is the line that the catalog has of a description.
func summaryOf(description string) string { return cutLine(description, 200) }

// Describe gives an API a description, whose first line the catalog shows.
func (a *API) Describe(description string) {
	a.Details.Description, a.Summary = description, summaryOf(description)
}

// FullDescription is what describes an API: in full, unless somebody wrote another summary in a page since.
func (a API) FullDescription() string {
	if summaryOf(a.Details.Description) == a.Summary {
		return a.Details.Description
	}
	return a.Summary
}
