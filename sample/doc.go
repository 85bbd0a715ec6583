// Package sample is the demo's upstream: an httpbin that answers with what it was sent, and an OpenAPI document that
// describes those of its operations which are good for trying an API out. A test calls each of them and compares.
package sample
