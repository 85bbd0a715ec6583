// Package public holds the pages that anybody may read: the first page, the catalog, an API with its plans, its reference, and the
// gateway's errors explained. Text of API owners comes escaped, or as SafeHTML.
package public
