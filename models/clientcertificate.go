package models

// ClientCertificate is what a stage shows upstreams that ask who calls.
type ClientCertificate struct {
	ID ClientCertificateID
}
