package management

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// Documents reads OpenAPI documents, which are not trusted. Its error is an *openapi.ReadError when the document is to blame.
type Documents interface {
	Read(ctx context.Context, document []byte) (openapi.Reading, error)
}

type documentRecords interface {
	API(ctx context.Context, owner models.AccountID, id models.APIID) (models.API, error)
	ImportAPI(ctx context.Context, actor models.Actor, in models.APIImport, now time.Time) (models.API, error)
	PutAPI(ctx context.Context, actor models.Actor, id models.APIID, in models.APIImport, overwrite bool, now time.Time) (models.API, models.ImportChanges, error)
	StageNamed(ctx context.Context, owner models.AccountID, api models.APIID, name string) (models.Stage, error)
	Deployment(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeploymentID) (models.Deployment, error)
	ResourceTags(ctx context.Context, kind models.ResourceKind, id int64) (models.ResourceTags, error)
	DeployedReading(ctx context.Context, owner models.AccountID, api models.APIID, id models.DeploymentID) ([]byte, error)
	Authorizers(ctx context.Context, owner models.AccountID, api models.APIID) ([]models.Authorizer, error)
}

// documentOperations are about APIs as OpenAPI documents.
var documentOperations = []operation{
	{name: "ImportRestApi", verb: http.MethodPost, path: "/restapis", mode: "import", status: http.StatusCreated, do: (*call).importAPI},
	{name: "PutRestApi", verb: http.MethodPut, path: "/restapis/{api}", status: http.StatusOK, do: (*call).putAPI},
	{name: "GetExport", verb: http.MethodGet, path: "/restapis/{api}/stages/{stage}/exports/{kind}", status: http.StatusOK, do: (*call).getExport},
}

const noDocument = "Invalid OpenAPI input."

// withWarnings is an API with what was not read of its document.
type withWarnings struct {
	wireAPI
	Warnings []string `json:"warnings,omitempty"`
}

func (c *call) importAPI() (any, error) {
	in, warnings, err := c.readDocument()
	if err != nil {
		return nil, err
	}
	a, err := c.Records.ImportAPI(c.ctx, c.actor, in, c.now)
	if err != nil {
		return nil, err
	}
	return c.imported(a, warnings)
}

func (c *call) putAPI() (any, error) {
	mode := c.query.Get("mode")
	if mode == "" {
		mode = "merge"
	}
	var broken constraints
	broken.oneOf(mode, "putRestApiInput.mode", "merge", "overwrite")
	if err := broken.err(); err != nil {
		return nil, err
	}
	before, err := c.restAPI()
	if err != nil {
		return nil, err
	}
	in, warnings, err := c.readDocument()
	if err != nil {
		return nil, err
	}
	a, _, err := c.Records.PutAPI(c.ctx, c.actor, before.ID, in, mode == "overwrite", c.now)
	if err != nil {
		return nil, err
	}
	return c.imported(a, warnings)
}

func (c *call) imported(a models.API, warnings []string) (any, error) {
	tags, err := c.Records.ResourceTags(c.ctx, models.ResourceAPI, int64(a.ID))
	return withWarnings{wireAPIOf(a, tags), warnings}, err
}

// readDocument reads the body, which is a document, and what the query says of it.
func (c *call) readDocument() (in models.APIImport, warnings []string, err error) {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return in, nil, badRequest(noDocument)
	}
	if ignore := c.query.Get("ignore"); ignore != "" && ignore != "documentation" {
		return in, nil, badRequest("Invalid parameter ignore: %s. Valid value is documentation", models.CutLine(ignore, 80))
	}
	reading, err := c.Documents.Read(c.ctx, c.body)
	var refused *openapi.ReadError
	if errors.As(err, &refused) {
		return in, nil, badRequest("%s %s", noDocument, refused.Error())
	} else if err != nil {
		return in, nil, err
	}
	d, err := readImport(reading, c.query["ignore"]...)
	if err != nil {
		return in, nil, err
	}
	if err := c.parameters(d); err != nil {
		return in, nil, err
	}
	in = models.APIImport{
		Name: cutText(reading.Title, mostName), Description: reading.Text, Version: reading.Version, Document: c.body, Reading: reading.Pack, Methods: d.methods, Parts: d.parts,
		Authorizers: d.authorizers, ByAuthorizer: d.byAuthorizer, BinaryTypes: d.binaryTypes, MinCompression: d.compression, Endpoint: d.endpoint,
	}
	if in.Name == "" {
		d.mistake("API name must be non-empty: the document has no info.title")
	}
	if err := firstFault(d.err(), c.strictly(d)); err != nil {
		return in, nil, err
	}
	if prefix := c.prefix(d); prefix != "" {
		in, err = c.moved(in, d, reading, prefix)
	}
	return in, d.warnings, err
}

// mostName is how many characters the name of an API has at most.
const mostName = 78

func firstFault(faults ...error) error {
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}

// strictly makes warnings mistakes where the client wants it so.
func (c *call) strictly(d *imported) error {
	if !isTrue(c.query.Get("failonwarnings")) || len(d.warnings) == 0 {
		return nil
	}
	return badRequest("Warnings found during import:\n\t%s", strings.Join(d.warnings, "\n\t"))
}

// parameters judges what the query says beside the mode.
func (c *call) parameters(d *imported) error {
	switch base := c.query.Get("basepath"); base {
	case "", "ignore", "prepend", "split":
	default:
		return badRequest("Invalid parameter basepath: %s. Valid values are ignore, prepend, split", models.CutLine(base, 80))
	}
	if kind := c.query.Get("endpointConfigurationTypes"); kind != "" {
		if d.endpoint = kind; strings.Contains(kind, ",") {
			return badRequest("Cannot create an api with multiple Endpoint Types.")
		}
	}
	if d.endpoint != "" && !slices.Contains(models.EndpointTypes, d.endpoint) {
		return badRequest("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
	}
	return nil
}

// prefix is what comes before the paths of a document: its base path, or all of it but the first part.
func (c *call) prefix(d *imported) string {
	switch c.query.Get("basepath") {
	case "prepend":
		return d.basePath
	case "split":
		if _, rest, ok := strings.Cut(strings.TrimPrefix(d.basePath, "/"), "/"); ok {
			return "/" + rest
		}
	}
	return ""
}

// moved puts a prefix before the paths of an import. The document that is kept has it, too: by verb and path its words are found.
func (c *call) moved(in models.APIImport, d *imported, reading openapi.Reading, prefix string) (models.APIImport, error) {
	ref, err := openapi.OpenReference(reading.Pack)
	if err != nil {
		return in, err
	}
	x := &exported{
		own: true, old: ref.Speaks(true), title: reading.Title, version: reading.Version, methods: d.methods, parts: d.parts, said: d, has: true,
		keySource: models.DefaultKeySource(), authorizers: slices.Clone(d.authorizers), with: exportWith{all: true},
	}
	for i := range x.authorizers {
		x.authorizers[i].ID = models.AuthorizerID(i + 1)
	}
	if len(reading.Servers) > 0 && strings.HasPrefix(reading.Servers[0], "http") {
		x.server = strings.TrimSuffix(strings.TrimSuffix(reading.Servers[0], "/"), d.basePath)
	}
	e := x.document()
	in.Methods = slices.Clone(in.Methods)
	for i := range e.Operations {
		e.Operations[i].At = strings.TrimSuffix(prefix+e.Operations[i].Path, "/")
		in.Methods[i].Path = e.Operations[i].At
		if err := models.CheckMethod(in.Methods[i].Verb, in.Methods[i].Path); err != nil {
			return in, badRequest("Invalid base path %s: %s", models.CutLine(prefix, 80), models.Sentence(err))
		}
	}
	if in.Document, err = ref.Export(e); err != nil {
		return in, err
	}
	again, err := c.Documents.Read(c.ctx, in.Document)
	in.Reading = again.Pack
	return in, err
}
