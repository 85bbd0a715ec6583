// Package sample is the demo's upstream: an httpbin that answers with what it was sent, and the OpenAPI document that describes it.
package sample
