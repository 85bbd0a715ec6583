package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Pair names the files of a certificate, its chain included, and of its private key; both are PEM.
type Pair struct{ Cert, Key string }

// maxPairs bounds what a folder may hold.
const maxPairs = 1000

// pairsIn finds the pairs of a folder and of the folders in it, so that what certbot and Kubernetes write is found as it lies: NAME.key with NAME.crt or
// NAME.pem, tls.key with tls.crt, privkey.pem with fullchain.pem.
func pairsIn(dir string) ([]Pair, error) {
	folders := []string{dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the folder of certificates: %w", err)
	}
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); !strings.HasPrefix(e.Name(), ".") && isFolder(path) {
			folders = append(folders, path)
		}
	}
	var pairs []Pair
	var problems []error
	for _, folder := range folders {
		found, err := pairsOf(folder)
		pairs = append(pairs, found...)
		problems = append(problems, err)
	}
	switch err := errors.Join(problems...); {
	case err != nil:
		return nil, err
	case len(pairs) == 0:
		return nil, fmt.Errorf("%s has no certificate: put NAME.crt and NAME.key there, or fullchain.pem and privkey.pem in a folder of their own", dir)
	case len(pairs) > maxPairs:
		return nil, fmt.Errorf("%s has more than %d certificates", dir, maxPairs)
	}
	return pairs, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path) // follows links: certbot's folders have them
	return err == nil && info.IsDir()
}

// pairsOf finds the pairs of one folder. A key without its certificate is a mistake, which is said; a certificate without a key is a chain.
func pairsOf(folder string) (pairs []Pair, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read the folder of certificates: %w", err)
	}
	is := func(name string) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name })
	}
	for _, e := range entries {
		stem, isKey := strings.CutSuffix(e.Name(), ".key")
		candidates := []string{stem + ".crt", stem + ".pem"}
		if e.Name() == "privkey.pem" {
			isKey, candidates = true, []string{"fullchain.pem"}
		}
		if !isKey || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		at := slices.IndexFunc(candidates, is)
		if at < 0 {
			return nil, fmt.Errorf("%s has no certificate beside it: %s is missing", filepath.Join(folder, e.Name()), strings.Join(candidates, " or "))
		}
		pairs = append(pairs, Pair{Cert: filepath.Join(folder, candidates[at]), Key: filepath.Join(folder, e.Name())})
	}
	return pairs, nil
}

// load reads a pair. No error repeats what is in a file.
func (p Pair) load() (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", p.Cert, p.Key, err)
	}
	if len(cert.Leaf.DNSNames) == 0 && len(cert.Leaf.IPAddresses) == 0 {
		return nil, fmt.Errorf("certificate %s is for no host: it has no subject alternative name", p.Cert)
	}
	return &cert, nil
}

// mark tells two states of a file apart.
type mark struct {
	modified time.Time
	size     int64
	exists   bool
}

func markOf(path string) mark {
	info, err := os.Stat(path)
	if err != nil {
		return mark{}
	}
	return mark{info.ModTime(), info.Size(), true}
}

// OpenKeys returns the keys that other users of this machine can read.
func OpenKeys(pairs []Pair) (paths []string) {
	for _, p := range pairs {
		if info, err := os.Stat(p.Key); err == nil && info.Mode().Perm()&0o004 != 0 {
			paths = append(paths, p.Key)
		}
	}
	return paths
}
