// Package authority has the certificates of an endpoint that is not only on the
// loopback interface. They are issued by a CA of the machine's own, or come from
// files that the user names, and are renewed while the endpoint runs.
package authority

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
)

const (
	// caLife is long: a new CA has to be brought to every client.
	caLife = 5 * 365 * 24 * time.Hour
	// caRest is what a CA has left at least when an endpoint starts.
	caRest = 30 * 24 * time.Hour
	// leafLife is how long a certificate is valid. Another one is issued after half
	// of that.
	leafLife = 24 * time.Hour
	// skew is how far the clock of a client may be behind.
	skew = time.Hour
)

// Hosts are the names and addresses that an endpoint is known by.
type Hosts struct {
	names     []string
	addresses []net.IP
}

// HostsFor are those of an endpoint that listens at an address, which may be all of
// the machine's, and has more names.
func HostsFor(listen string, more []string) (Hosts, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return Hosts{}, fmt.Errorf("the address to listen on is %s: it must be HOST:PORT", listen)
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		more = append([]string{host}, more...)
	} else if len(more) == 0 {
		return Hosts{}, fmt.Errorf("the address to listen on is %s: add --host, once for each name or address that clients use", listen)
	}
	h, wrong, ok := HostsOf(more...)
	if !ok {
		return Hosts{}, fmt.Errorf("%q is neither a host name nor an address, for the certificate", wrong)
	}
	return h, nil
}

// HostsOf reads names and addresses. ok is false for what is neither.
func HostsOf(all ...string) (h Hosts, wrong string, ok bool) {
	for _, host := range all {
		ip := net.ParseIP(strings.Trim(host, "[]"))
		switch {
		case ip != nil && ip.IsUnspecified() || ip == nil && !isName(host):
			return h, host, false
		case ip != nil:
			h.addresses = append(h.addresses, ip)
		default:
			h.names = append(h.names, strings.ToLower(host))
		}
	}
	slices.Sort(h.names)
	slices.SortFunc(h.addresses, func(a, b net.IP) int { return bytes.Compare(a, b) })
	h.names = slices.Compact(h.names)
	h.addresses = slices.CompactFunc(h.addresses, net.IP.Equal)
	return h, "", true
}

// isName is for names as certificates have them, which are no wildcards and no
// numbers.
func isName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool {
				return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
			}) {
			return false
		}
	}
	return len(host) <= 253 && strings.ContainsFunc(host, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
}

// Has reports whether a host is one of these.
func (h *Hosts) Has(host string) bool {
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil {
		return slices.ContainsFunc(h.addresses, ip.Equal)
	}
	return slices.Contains(h.names, strings.ToLower(host))
}

// File is the name of the file for the CA of these hosts: each set of hosts has a
// CA of its own.
func (h *Hosts) File() string {
	words := slices.Concat([]string{"ca"}, h.names)
	for _, ip := range h.addresses {
		words = append(words, ip.String())
	}
	return "ca-" + sealed.Name(sealed.Identity(words...))
}

// A CA issues the certificates of an endpoint.
type CA struct {
	hosts Hosts
	cert  *x509.Certificate
	key   crypto.Signer

	mu    sync.Mutex
	leaf  *tls.Certificate // in use; nil: none yet
	until time.Time        // when another one is due
}

// NewCA makes a CA: its certificate and its key, as PEM. It is valid for
// these hosts, and names below them, as name constraints go, and only for servers, so
// a client that trusts it trusts it for nothing else.
//
// https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10
func (h *Hosts) NewCA() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := template("local CA for "+h.first(), caLife)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign
	t.PermittedDNSDomainsCritical = true
	// Without a name of a kind, all names of that kind would be permitted.
	if t.PermittedDNSDomains = h.names; len(h.names) == 0 {
		t.PermittedDNSDomains = []string{"invalid"} // RFC 2606: it is no one's
	}
	for _, ip := range h.addresses {
		t.PermittedIPRanges = append(t.PermittedIPRanges, only(ip))
	}
	if len(h.addresses) == 0 {
		t.PermittedIPRanges = []*net.IPNet{only(net.IPv4zero)}
	}
	cert, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pemOf(cert), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...), nil
}

func pemOf(cert []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
}

// only is the network of one address.
func only(ip net.IP) *net.IPNet {
	if four := ip.To4(); four != nil {
		ip = four
	}
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))}
}

func (h *Hosts) first() string {
	if len(h.names) > 0 {
		return h.names[0][:min(len(h.names[0]), 40)] // a common name has 64 characters at most
	}
	if len(h.addresses) > 0 {
		return h.addresses[0].String()
	}
	return "no host"
}

// template has what every certificate has. The serial number is random.
func template(name string, life time.Duration) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial)
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-skew), NotAfter: now.Add(life),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// Open reads what NewCA has made.
func Open(text []byte, h Hosts) (*CA, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("no CA")
	}
	return &CA{hosts: h, cert: pair.Leaf, key: key}, nil
}

// Lasts reports whether text is a CA that is valid for some time.
func Lasts(text []byte) bool {
	ca, err := Open(text, Hosts{})
	return err == nil && time.Until(ca.cert.NotAfter) > caRest && time.Until(ca.cert.NotBefore) < 0
}

// PEM is the CA's certificate, for clients.
func (ca *CA) PEM() []byte { return pemOf(ca.cert.Raw) }

// Publish writes the certificate of the CA where clients are to get it from. another
// reports whether that of another one was there, which the clients have.
func (ca *CA) Publish(dir safedir.Dir) (file string, another bool, err error) {
	name := ca.hosts.File() + ".pem"
	before, err := dir.Read(name)
	if err == nil && bytes.Equal(before, ca.PEM()) {
		return dir.Path(name), false, nil
	}
	return dir.Path(name), err == nil, dir.Write(name, ca.PEM())
}

// Has reports whether the certificate names a host.
func (ca *CA) Has(host string) bool { return ca.hosts.Has(host) }

// GetCertificate is for [tls.Config]. Clients that name no server, or another one,
// get the same certificate.
func (ca *CA) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.leaf != nil && time.Now().Before(ca.until) && time.Now().After(ca.leaf.Leaf.NotBefore) {
		return ca.leaf, nil
	}
	leaf, err := ca.issue()
	if err != nil {
		return nil, err
	}
	ca.leaf, ca.until = leaf, time.Now().Add(leafLife/2)
	return leaf, nil
}

func (ca *CA) issue() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := template("local endpoint", leafLife)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.DNSNames, t.IPAddresses = ca.hosts.names, ca.hosts.addresses
	cert, err := x509.CreateCertificate(rand.Reader, t, ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(cert)
	return &tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: key, Leaf: leaf}, err
}
