// Package openapi reads an API owner's OpenAPI document (2.0, 3.0, 3.1 or 3.2, as JSON or YAML) into a Description, our
// own plain model, which the rest of the program knows instead of any library's.
//
//	reader := openapi.NewReader()
//	reading, err := reader.Read(ctx, document) // reading.Pack is what is kept
//	var refused *openapi.ReadError
//	switch {
//	case errors.As(err, &refused): // tell the owner: refused.Error() has the line
//	case err != nil: // our fault, or ctx ended
//	}
//
// # A document is not trusted
//
// Every parser can be made to hang, to eat memory or to die of a full stack, so none runs in this process. Reader starts
// the program again as a child (ChildArgument, which main must hand to ChildMain before it does anything else), with
// the document on its stdin, an empty environment, and no way to a file or a socket. A child may use 10 seconds of
// processor time, 1.5 GB of memory and 20 seconds in all; two run at a time. What kills it becomes a ReadError, and
// nothing else has happened.
//
// In the child the cheapest and simplest checks come first, each being a bound that the next one needs:
//
//	surface    bytes: at most 20 MB, UTF-8, no control characters, no archive
//	checkTree  depth 100, 20,000 keys in a mapping, no key twice, 5 million nodes with every alias expanded
//	tidy       references: none leads out of the document, to nothing, or round in a circle without end
//	our reading of the tree, which follows a reference no further than it must
//
// # What is wrong is not always fatal
//
// What cannot be read is refused with its line and column. What can be read but is not valid is left out or put right,
// with a Warning, since real documents are full of it: in particular an operation whose path no request can have is left
// out. Where a document is unclear about security, the operation requires a key.
//
// All text in a Description is free of control characters and bounded in length, but is still written by a stranger:
// pages must escape it. What a document says at all is bounded by its own size: references stay references, so that
// only aliases can repeat a part.
//
// # What is kept
//
// A child answers with a pack: an index, and one compressed part for each operation, model and component. OpenReference
// opens it, and reads a part when a page asks for it. Shape makes rows of a schema, Rewrite writes the document again as it
// holds behind a gateway.
//
// # API Gateway
//
// What a document says to AWS's API Gateway is kept apart (Gateway), as JSON that others know the meaning of: readers never see it. Export writes an API as API
// Gateway exports it, in the document's words where they still hold.
//
// The package imports a YAML parser and nothing of this program. Its tests ask libopenapi whether what Rewrite writes is valid.
package openapi
