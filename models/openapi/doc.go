// Package openapi reads an API owner's OpenAPI document into a Description, our own plain model.
package openapi
