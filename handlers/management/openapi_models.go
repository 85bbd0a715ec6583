package management

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/models"
	"gatehouse/models/openapi"
)

// modelNames are the names that the schemas of a document have as models: letters and digits.
type modelNames struct {
	byName map[string]string // of the document -> of the model
}

// mostSchema is how many bytes the schema of a model may have, as on AWS.
const mostSchema = 400_000

var (
	notInNames = regexp.MustCompile(`[^A-Za-z0-9]`)
	// schemaRef finds references in JSON that was written without spaces: inside of a text its quotes would be escaped.
	schemaRef = regexp.MustCompile(`"\$ref":"(#/(?:components/schemas|definitions)/[^"/]*)"`)
)

// readModels makes models of a document's schemas.
func (d *imported) readModels(schemas []openapi.GatewayModel) *modelNames {
	names := &modelNames{map[string]string{}}
	taken := map[string]string{}
	for _, s := range schemas {
		name := notInNames.ReplaceAllString(s.Name, "")
		switch first, twice := taken[name]; {
		case name == "" || len(name) > 128:
			d.warn(wholeDocument, "The schema %q is no model of API Gateway: it takes letters and digits in names. The document keeps it.", models.CutLine(s.Name, 80))
			continue
		case twice:
			d.warn(wholeDocument, "The schema %q is no model of API Gateway: %q has the same letters and digits. The document keeps it.", models.CutLine(s.Name, 80), first)
			continue
		}
		taken[name], names.byName[s.Name] = s.Name, name
	}
	for _, s := range schemas {
		if name, ok := names.byName[s.Name]; ok {
			d.addModel(name, s.Schema, names)
		}
	}
	return names
}

func (d *imported) addModel(name string, schema json.RawMessage, names *modelNames) {
	var said struct {
		Description string `json:"description"`
	}
	_ = json.Unmarshal(schema, &said) // what is no object, or has no such text, has no description
	text := schemaRef.ReplaceAllStringFunc(string(schema), func(ref string) string {
		to, _ := openapi.SchemaModel(schemaRef.FindStringSubmatch(ref)[1])
		model, ok := names.byName[to]
		if !ok {
			return ref
		}
		return `"$ref":"` + models.ModelsOfImport + model + `"`
	})
	if len(text) > mostSchema {
		d.warn(wholeDocument, "The schema %s is no model of API Gateway: it has more than %d bytes. The document keeps it.", name, mostSchema)
		return
	}
	d.parts.Models[name] = models.SchemaModel{Name: name, Description: cutText(said.Description, 1000), ContentType: "application/json", Schema: text}
}

// cutText is a text of at most so many characters.
func cutText(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// of names the models of a body by media type, without its parameters. A schema without a name gets one that follows from what it says, so that the next import gives it the same.
func (n *modelNames) of(d *imported, m *models.Method, contents []openapi.GatewayContent) map[string]string {
	var byType map[string]string
	for _, c := range contents {
		name := n.byName[c.Model]
		if c.Model == "" && len(c.Schema) > 0 {
			sum := sha256.Sum256(c.Schema)
			name = inlineModel + hex.EncodeToString(sum[:3])
			if _, known := d.parts.Models[name]; !known {
				d.addModel(name, c.Schema, n)
			}
		}
		kind, _, _ := strings.Cut(c.MediaType, ";")
		if kind = strings.TrimSpace(kind); d.parts.Models[name].Name == "" || !mediaTypePattern.MatchString(kind) {
			d.warn(m.Name(), "The body of %s has no model: it is kept in the document alone.", models.CutLine(c.MediaType, 80))
			continue
		}
		if byType == nil {
			byType = map[string]string{}
		}
		byType[kind] = name
	}
	return byType
}

// inlineModel begins the names of schemas that have none in the document.
const inlineModel = "MODEL"

var mediaTypePattern = regexp.MustCompile(`^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+*-]+$`)

// dropModels leaves out those that no method leads to, where there are too many.
func (d *imported) dropModels(names *modelNames) {
	if len(d.parts.Models) <= models.MaxModels {
		return
	}
	used := map[string]bool{}
	var see func(name string)
	see = func(name string) {
		if used[name] {
			return
		}
		used[name] = true
		for _, to := range modelRefs(d.parts.Models[name].Schema) {
			see(to)
		}
	}
	for _, m := range d.methods {
		for _, name := range m.Request.Models {
			see(name)
		}
		for _, r := range m.Responses {
			for _, name := range r.Models {
				see(name)
			}
		}
	}
	all := len(d.parts.Models)
	maps.DeleteFunc(d.parts.Models, func(name string, _ models.SchemaModel) bool { return !used[name] })
	d.warn(wholeDocument, "%d schemas are no models of API Gateway: no method leads to them. The document keeps them.", all-len(d.parts.Models))
	if n := len(d.parts.Models); n > models.MaxModels {
		d.mistake("The methods name %d models; an API has at most %d.", n, models.MaxModels)
	}
}

var modelRef = regexp.MustCompile(`"\$ref"\s*:\s*"[^"]*/models/([A-Za-z0-9]+)"`)

// modelRefs are the models that a model's schema names.
func modelRefs(schema string) (names []string) {
	for _, found := range modelRef.FindAllStringSubmatch(schema, -1) {
		if !slices.Contains(names, found[1]) {
			names = append(names, found[1])
		}
	}
	return names
}
