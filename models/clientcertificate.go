package models

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// ClientCertificate is what a gateway shows upstreams that ask who calls (mTLS). Its private key is in no field: only the gateway has it.
type ClientCertificate struct {
	ID        ClientCertificateID
	OwnerID   AccountID
	Name      string
	Made      bool   // by Gatehouse; false: its owner brought it
	Chain     string // PEM, its own certificate first
	NotBefore time.Time
	NotAfter  time.Time
	CreatedAt time.Time
}

// Limits of client certificates.
const (
	MaxClientCertificates = 50 // of an owner
	clientCertificateLife = 365 * 24 * time.Hour
	// CertificateSoon is how long before its end a certificate is pointed at.
	CertificateSoon = 30 * 24 * time.Hour
)

// Fingerprint is the SHA-256 of the certificate, in hex with colons, as openssl writes it; "" where there is none.
func (c ClientCertificate) Fingerprint() string {
	block, _ := pem.Decode([]byte(c.Chain))
	if block == nil {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(parts, ":")
}

// ToldDays is how many days before its end an owner is told of it, of those that have come: 30, 7, or 0 when it has ended.
func (c ClientCertificate) ToldDays(now time.Time) int64 {
	switch left := c.NotAfter.Sub(now); {
	case left <= 0:
		return 0
	case left <= 7*24*time.Hour:
		return 7
	default:
		return int64(CertificateSoon / (24 * time.Hour))
	}
}

// ClientKeyPair is a certificate with its private key, both in PEM.
type ClientKeyPair struct {
	Chain []byte
	Key   []byte // PKCS #8
}

// NewClientKeyPair makes an ECDSA key on P-256 and a certificate of it that signs itself, for a year. Field "name".
func NewClientKeyPair(name string, now time.Time) (ClientKeyPair, error) {
	name, err := CleanName("name", name)
	if err != nil {
		return ClientKeyPair{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return ClientKeyPair{}, fmt.Errorf("make key of client certificate: %w", err)
	}
	serial := make([]byte, 16)
	rand.Read(serial) // never fails (crypto/rand)
	serial[0] &= 0x7f // RFC 5280, 4.1.2.2: positive
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: cutLine(name, 64)}, // RFC 5280, ub-common-name
		NotBefore:    now.Add(-5 * time.Minute).UTC(),          // clocks differ
		NotAfter:     now.Add(clientCertificateLife).UTC(),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return ClientKeyPair{}, fmt.Errorf("make client certificate: %w", err)
	}
	return packKeyPair([][]byte{der}, key)
}

func packKeyPair(chain [][]byte, key crypto.PrivateKey) (ClientKeyPair, error) {
	var pair ClientKeyPair
	for _, der := range chain {
		pair.Chain = append(pair.Chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return ClientKeyPair{}, fmt.Errorf("write key of client certificate: %w", err)
	}
	pair.Key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return pair, nil
}

// ReadClientKeyPair reads a chain of certificates and the private key of the first one, as their owner pastes them. Fields "chain", "key". Errors say
// nothing of what stands in the key.
func ReadClientKeyPair(chain, key string, now time.Time) (ClientKeyPair, error) {
	if len(chain) > maxPEM {
		return ClientKeyPair{}, Invalid("chain", fmt.Sprintf("Use at most %d KiB.", maxPEM>>10))
	}
	if len(key) > maxPEM {
		return ClientKeyPair{}, Invalid("key", fmt.Sprintf("Use at most %d KiB.", maxPEM>>10))
	}
	var p Problems
	if block, _ := pem.Decode([]byte(key)); block == nil {
		p.Add("key", "Paste the private key, from BEGIN to END PRIVATE KEY.")
	} else if strings.Contains(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		p.Add("key", "The key is locked by a passphrase. Paste it unlocked: it is kept sealed here.")
	}
	if err := CheckCertificates(chain); err != nil {
		p.Add("chain", Sentence(err))
	}
	if err := p.Err(); err != nil {
		return ClientKeyPair{}, err
	}
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		return ClientKeyPair{}, Invalid("key", "This is not the private key of the first certificate, or it cannot be read.")
	}
	if err := checkClientCertificate(pair.Leaf, now); err != nil {
		return ClientKeyPair{}, err
	}
	return packKeyPair(pair.Certificate, pair.PrivateKey)
}

func checkClientCertificate(leaf *x509.Certificate, now time.Time) error {
	switch public := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < 2048 {
			return Invalid("chain", "The key of this certificate has fewer than 2,048 bits. Use a longer one.")
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return Invalid("chain", "Use a key for RSA, ECDSA or Ed25519.")
	}
	switch {
	case !now.Before(leaf.NotAfter):
		return Invalid("chain", "This certificate ended on "+leaf.NotAfter.UTC().Format("2 Jan 2006")+".")
	case len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		return Invalid("chain", "This certificate is for servers only: its extended key usage lacks client authentication.")
	}
	return nil
}

// Leaf reads the certificate of a pair.
func (p ClientKeyPair) Leaf() (*x509.Certificate, error) {
	block, _ := pem.Decode(p.Chain)
	if block == nil {
		return nil, errors.New("a client certificate is no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// TLS makes of a pair what connections show.
func (p ClientKeyPair) TLS() (*tls.Certificate, error) {
	c, err := tls.X509KeyPair(bytes.TrimSpace(p.Chain), p.Key)
	if err != nil {
		return nil, fmt.Errorf("read client certificate: %w", err)
	}
	return &c, nil
}

// ClientCertificateRow is a client certificate with the stages that show it.
type ClientCertificateRow struct {
	ClientCertificate
	Stages []StageChoice // without their methods
}
