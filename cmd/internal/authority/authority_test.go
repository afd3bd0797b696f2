package authority

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

func hosts(t *testing.T, all ...string) Hosts {
	t.Helper()
	h, wrong, ok := HostsOf(all...)
	if !ok {
		t.Fatalf("%q is refused", wrong)
	}
	return h
}

func open(t *testing.T, h Hosts) (text []byte, ca *CA) {
	t.Helper()
	text, err := h.NewCA()
	if err == nil {
		ca, err = Open(text, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, ca
}

// trusts is the error of a client that trusts ca, for a host.
func trusts(t *testing.T, ca *CA, leaf *tls.Certificate, host string) error {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.PEM()) {
		t.Fatal("no CA")
	}
	_, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: time.Now()})
	return err
}

func TestACASpeaksForItsHostsAlone(t *testing.T) {
	for _, named := range [][]string{{"172.17.0.1"}, {"host.docker.internal"}, {"172.17.0.1", "Host.Docker.Internal", "fd00::1", "172.17.0.1"}} {
		h := hosts(t, named...)
		_, ca := open(t, h)
		leaf, err := ca.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range named {
			if err := trusts(t, ca, leaf, host); err != nil || !ca.Has(host) {
				t.Errorf("%s: %v", host, err)
			}
		}
		for _, other := range []string{"sts.amazonaws.com", "192.0.2.1", "fd00::2", "localhost", "invalid", "0.0.0.1", "docker.internal"} {
			stolen := &CA{hosts: hosts(t, other), cert: ca.cert, key: ca.key} // by one who has the key
			leaf, err := stolen.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := trusts(t, ca, leaf, other); err == nil && other != "invalid" || ca.Has(other) {
				t.Errorf("the CA of %q speaks for %s", named, other)
			}
		}
	}
}

// docs/exec.md says so: name constraints cannot be narrower.
func TestACAIsValidForNamesBelowItsHostsWhichTheEndpointDoesNotServe(t *testing.T) {
	const below = "below.host.docker.internal"
	_, ca := open(t, hosts(t, "host.docker.internal"))
	leaf, err := (&CA{hosts: hosts(t, below), cert: ca.cert, key: ca.key}).GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := trusts(t, ca, leaf, below); err != nil || ca.Has(below) {
		t.Errorf("%v, served: %t", err, ca.Has(below))
	}
}

func TestACertificateIsRenewedWhileItIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ca := open(t, hosts(t, "172.17.0.1"))
		seen := map[string]bool{}
		for range 14 {
			leaf, err := ca.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			if again, _ := ca.GetCertificate(&tls.ClientHelloInfo{ServerName: "another"}); again != leaf {
				t.Error("each client gets another certificate")
			}
			seen[leaf.Leaf.SerialNumber.String()] = true
			if left := time.Until(leaf.Leaf.NotAfter); left < leafLife/2 || left > leafLife || trusts(t, ca, leaf, "172.17.0.1") != nil {
				t.Errorf("%v are left", left)
			}
			time.Sleep(6 * time.Hour)
		}
		if len(seen) < 6 {
			t.Errorf("%d certificates in %d hours", len(seen), 14*6)
		}
	})
}

func TestACAIsReplacedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text, _ := open(t, hosts(t, "172.17.0.1"))
		if !Lasts(text) {
			t.Error("a new one is replaced")
		}
		time.Sleep(caLife - caRest - time.Hour)
		if !Lasts(text) {
			t.Error("it is replaced too early")
		}
		if time.Sleep(2 * time.Hour); Lasts(text) {
			t.Error("it is kept until it ends")
		}
	})
	for _, text := range []string{"", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if Lasts([]byte(text)) {
			t.Errorf("%q is a CA", text)
		}
	}
}

func TestEachSetOfHostsHasItsFile(t *testing.T) {
	a, b, c := hosts(t, "a", "172.17.0.1"), hosts(t, "172.17.0.1", "A", "a"), hosts(t, "a")
	if a.File() != b.File() || a.File() == c.File() || !strings.HasPrefix(a.File(), "ca-") || strings.ContainsAny(a.File(), "/.") {
		t.Errorf("%s, %s, %s", a.File(), b.File(), c.File())
	}
	for _, wrong := range []string{"", "*", "*.example.com", "a..b", "a b", "-a", "a-", "0.0.0.0", "::", "300.1.1.1", "a/b", "https://a", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "b"} {
		if _, got, ok := HostsOf("good", wrong); ok || got != wrong {
			t.Errorf("%q is a host", wrong)
		}
	}
}

// files writes a certificate for a host, and its key.
func files(t *testing.T, dir, host string, mode os.FileMode) (cert, key string) {
	t.Helper()
	_, ca := open(t, hosts(t, host))
	leaf, err := ca.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	err = errors.Join(os.WriteFile(cert, pemOf(leaf.Certificate[0]), 0o644),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), mode), os.Chmod(key, mode))
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestACertificateInFilesIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := files(t, dir, "first.example", 0o600)
	f, err := FilesAt(cert, key)
	if err != nil || !f.Has("first.example") || f.Has("second.example") || f.Has("127.0.0.1") {
		t.Fatalf("%v", err)
	}
	files(t, dir, "second.example", 0o600)
	if !f.Has("first.example") {
		t.Error("it is read for each client")
	}
	f.next = time.Now().Add(-time.Second)
	if f.Has("first.example") || !f.Has("second.example") {
		t.Error("it is not read again")
	}
	if err := os.WriteFile(key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.next = time.Now().Add(-time.Second)
	if !f.Has("second.example") {
		t.Error("what was read before is gone")
	}
	if _, err := FilesAt(cert, key); err == nil {
		t.Error("half a key is taken")
	}
	if _, err := FilesAt(filepath.Join(dir, "none"), key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestAnotherCAThanTheClientsHaveIsNoticed(t *testing.T) {
	dir := safedir.Dir(t.TempDir())
	publish := func(ca *CA, want bool) {
		t.Helper()
		file, another, err := ca.Publish(dir)
		if err != nil || another != want {
			t.Errorf("another: %t, %v", another, err)
		}
		if text, err := os.ReadFile(file); err != nil || !bytes.Equal(text, ca.PEM()) {
			t.Errorf("%v: %s", err, text)
		}
	}
	h := hosts(t, "172.17.0.1")
	_, first := open(t, h)
	_, second := open(t, h)
	_, other := open(t, hosts(t, "172.17.0.2"))
	publish(first, false)
	publish(first, false)
	publish(other, false)
	publish(second, true)
	publish(second, false)
}

func TestACAHasNoSecretInWhatClientsGet(t *testing.T) {
	text, ca := open(t, hosts(t, "172.17.0.1"))
	if bytes.Contains(ca.PEM(), []byte("PRIVATE")) || !bytes.HasPrefix(text, ca.PEM()) {
		t.Errorf("%s", ca.PEM())
	}
	if !net.ParseIP("172.17.0.1").Equal(ca.cert.PermittedIPRanges[0].IP) || !ca.cert.PermittedDNSDomainsCritical || !ca.cert.MaxPathLenZero {
		t.Errorf("%+v", ca.cert)
	}
}
