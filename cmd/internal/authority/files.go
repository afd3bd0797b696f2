package authority

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

const (
	// lookAgain is how often files are read for a certificate that was renewed.
	lookAgain = time.Minute
	// longestKey is more than any key is long.
	longestKey = 64 << 10
)

// Files are a certificate, with those between it and its CA, and its key. They are
// read again each minute, since what renews them replaces them.
type Files struct {
	cert, key string

	mu   sync.Mutex
	pair *tls.Certificate
	next time.Time
}

// FilesAt reads a certificate and its key. Errors are of package os, of
// [safedir.ReadSecret] for the key, or say that the two do not belong together.
func FilesAt(cert, key string) (*Files, error) {
	f := &Files{cert: cert, key: key}
	var err error
	f.pair, err = f.read()
	f.next = time.Now().Add(lookAgain)
	return f, err
}

func (f *Files) read() (*tls.Certificate, error) {
	cert, err := safedir.ReadFile(f.cert)
	if err != nil {
		return nil, err
	}
	key, err := safedir.ReadSecret(f.key, longestKey)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	return &pair, err
}

// GetCertificate is for [tls.Config]. While the files cannot be read, or do not
// belong together, what was read before stays in use.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().After(f.next) {
		f.next = time.Now().Add(lookAgain)
		if pair, err := f.read(); err == nil {
			f.pair = pair
		}
	}
	return f.pair, nil
}

// Has reports whether the certificate names a host.
func (f *Files) Has(host string) bool {
	pair, err := f.GetCertificate(nil)
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		host = ip.String()
	}
	return err == nil && pair.Leaf.VerifyHostname(host) == nil
}
