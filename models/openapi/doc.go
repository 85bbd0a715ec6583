// Package openapi reads an API owner's OpenAPI document (2.0, 3.0, 3.1 or 3.2, as JSON or YAML) into a Description, our
// own plain model, which the rest of the program knows instead of any library's.
//
//	reader := openapi.NewReader()
//	description, err := reader.Read(ctx, document)
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
//	the library, and our reading of its model
//
// # What is wrong is not always fatal
//
// What cannot be read is refused with its line and column. What can be read but is not valid is left out or put right,
// with a Warning, since real documents are full of it: in particular an operation whose path no request can have is left
// out. Where a document is unclear about security, the operation requires a key.
//
// All text in a Description is free of control characters and bounded in length, but is still written by a stranger:
// pages must escape it. A Description has at most some 12 MB as JSON: a large document loses fields within fields first,
// evenly, never operations.
//
// The package imports libopenapi and nothing of this program.
package openapi
