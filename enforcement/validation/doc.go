// Package validation compares requests with the OpenAPI document (2.0, 3.0, 3.1, 3.2) that was deployed.
//
//	doc, err := validation.Open(pack)          // what models/openapi read from the document
//	op, err := doc.Operation("GET", "/pets/{id}") // compiled when it is first asked for; nil: the document does not know it
//	faults := op.Parameters(ctx, &req)            // path, query and header
//	faults, err := op.Body(ctx, &req, body)        // JSON and forms
//
// # A document is not trusted, nor a request
//
// The document was read and bounded by a child process; here only its JSON is compiled, with bounds of its own (see compile.go). Patterns are RE2's. What
// cannot be compiled is an error, never a schema that lets more through. Keywords that assert nothing are left out.
//
// Schemas are judged by santhosh-tekuri/jsonschema, which cannot be told to stop. So each schema is wrapped in one with a "format" of ours that counts what
// judging costs, and ends it when a request took too much. Numbers that are too long, objects with a name twice, and values that are nested too deeply are
// refused before.
//
// # What is said of a fault
//
// Where it is and what the document wants; of what the caller sent no more than names, and those cut short.
package validation
