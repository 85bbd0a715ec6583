// Package management is Gatehouse's management API: AWS API Gateway's, in AWS's own wire format, so that the AWS CLI, SDKs and Terraform manage an installation
// when they are pointed at it (--endpoint-url). It is the third face of the rules and records that the pages and the gateway stand on: an operation is parsed,
// becomes one call of the store, and is answered.
//
//	server.go      from a request to its operation and back
//	operations.go  the table of operations; each family's are in a file with its name
//	signature.go   Signature Version 4: who asks
//	codec.go       what JSON is forgiven, and how answers are written
//	fault.go       AWS's names of errors
//	patch.go       PATCH: a table of paths for each resource, all or nothing
//	page.go        limit, position
//
// An operation sees and changes what the owner of its credential may; everything else is unknown to it.
package management
