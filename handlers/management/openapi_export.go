package management

import (
	"bytes"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

func (c *call) getExport() (any, error) {
	kind := c.label["kind"]
	if kind != "oas30" && kind != "swagger" {
		return nil, badRequest("Invalid export type: %s. Valid values are oas30, swagger", models.CutLine(kind, 80))
	}
	with, err := readExtensions(c.query["extensions"])
	if err != nil {
		return nil, err
	}
	x, ref, err := c.exported(kind == "swagger")
	if err != nil {
		return nil, err
	}
	x.with = with
	text, err := ref.Export(x.document())
	if err != nil {
		return nil, err
	}
	if !wantsYAML(c.header.Get("Accept")) {
		return file{contentType: "application/json", disposition: exportName(kind, c.now, "json"), body: text}, nil
	}
	var yaml bytes.Buffer
	if err := openapi.ToYAML(&yaml, text); err != nil {
		return nil, err
	}
	return file{contentType: "application/yaml", disposition: exportName(kind, c.now, "yaml"), body: yaml.Bytes()}, nil
}

// wantsYAML reports whether a client asks for YAML; whoever asks for nothing gets JSON.
func wantsYAML(accept string) bool {
	first, _, _ := strings.Cut(strings.ToLower(accept), ",")
	return strings.Contains(first, "yaml")
}

// readExtensions reads which extensions are asked for.
func readExtensions(lists []string) (with exportWith, err error) {
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			switch strings.TrimSpace(name) {
			case "":
			case "integrations":
				with.integrations = true
			case "authorizers":
				with.authorizers = true
			case "apigateway":
				with = exportWith{true, true, true}
			case "postman":
				return with, unsupported("An export for Postman (it reads OpenAPI)")
			default:
				return with, badRequest("Invalid extension: %s. Valid values are integrations, authorizers, apigateway", models.CutLine(name, 80))
			}
		}
	}
	return with, nil
}

// exported reads what is deployed to the stage that a request's path names.
func (c *call) exported(old bool) (*exported, *openapi.Reference, error) {
	a, err := c.restAPI()
	if err != nil {
		return nil, nil, err
	}
	st, err := c.Records.StageNamed(c.ctx, c.owner(), a.ID, c.label["stage"])
	if err != nil {
		return nil, nil, ifUnknown(err, "Invalid Stage identifier specified")
	}
	d, err := c.Records.Deployment(c.ctx, c.owner(), a.ID, st.Deployment)
	if err != nil {
		return nil, nil, ifUnknown(err, "Invalid Deployment identifier specified")
	}
	pack, err := c.Records.DeployedReading(c.ctx, c.owner(), a.ID, d.ID)
	if err != nil {
		return nil, nil, err
	}
	ref, err := openapi.OpenReference(pack)
	if err != nil {
		return nil, nil, err
	}
	x := &exported{
		old: old, title: a.Name, version: a.Details.Version, text: a.FullDescription(), server: c.GatewayURL + "/" + a.Slug + "/" + st.Name,
		methods: d.Methods, parts: d.Parts, keySource: d.KeySource, has: ref.Speaks(old),
	}
	if x.version == "" {
		x.version = d.CreatedAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	if len(pack) > 0 {
		if x.said, err = readImport(openapi.Reading{Description: ref.Description, Pack: pack}); err != nil {
			return nil, nil, err
		}
	}
	if x.authorizers, err = c.Records.Authorizers(c.ctx, c.owner(), a.ID); err != nil {
		return nil, nil, err
	}
	x.describe()
	if len(a.Details.BinaryTypes) > 0 {
		x.details["binary-media-types"] = jsonOf(a.Details.BinaryTypes)
	}
	if a.Details.MinCompression != nil {
		x.details["minimum-compression-size"] = jsonOf(*a.Details.MinCompression)
	}
	return x, ref, nil
}
