package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// A proxy is that of a company which reads all that goes out: it has a CA of
// its own, and behind it all hosts are the service.
type proxy struct {
	url, bundle string // where it is, and its CA's certificate in PEM

	ca      *x509.Certificate
	key     *ecdsa.PrivateKey
	inside  chan net.Conn
	closed  chan struct{}
	once    sync.Once
	mu      sync.Mutex
	tunnels []string // the hosts that were asked for
}

func newProxy(t *testing.T, service http.Handler) *proxy {
	t.Helper()
	p := &proxy{inside: make(chan net.Conn), closed: make(chan struct{})}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	p.ca = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Corporate CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, p.ca, p.ca, &p.key.PublicKey, p.key)
	if err != nil {
		t.Fatal(err)
	}
	p.bundle = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	quiet := log.New(io.Discard, "", 0) // clients that do not know the CA
	behind := &http.Server{Handler: service, ErrorLog: quiet}
	go behind.Serve(p)
	t.Cleanup(func() { behind.Close() })
	front := httptest.NewUnstartedServer(http.HandlerFunc(p.connect))
	front.Config.ErrorLog = quiet
	front.Start()
	t.Cleanup(front.Close)
	p.url = front.URL
	return p
}

// connect answers a CONNECT, and looks into the tunnel.
func (p *proxy) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
		return
	}
	p.mu.Lock()
	p.tunnels = append(p.tunnels, r.Host)
	p.mu.Unlock()
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	select {
	case p.inside <- tls.Server(conn, &tls.Config{GetCertificate: p.certificate}):
	case <-p.closed:
		conn.Close()
	}
}

// certificate is for whatever host the client believes in.
func (p *proxy) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{hello.ServerName}, NotBefore: p.ca.NotBefore, NotAfter: p.ca.NotAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, p.ca, &p.key.PublicKey, p.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: p.key}, err
}

// Accept, Close and Addr make the insides of the tunnels a net.Listener.
func (p *proxy) Accept() (net.Conn, error) {
	select {
	case conn := <-p.inside:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *proxy) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *proxy) Addr() net.Addr { return &net.TCPAddr{} }

func (p *proxy) hosts() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tunnels, " ")
}

// atAWS returns the machine where the service is at AWS's own endpoints.
func (m *machine) atAWS() *machine {
	m.t.Helper()
	m.server.StartURL = "https://d-1234567890.awsapps.com/start"
	p := newProxy(m.t, m.server)
	m.write("ca.pem", p.bundle)
	config, err := os.ReadFile(filepath.Join(m.home, ".aws", "config"))
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(".aws/config", regexp.MustCompile("(?m)^sso_start_url = .*$").ReplaceAllString(string(config), "sso_start_url = "+m.server.StartURL))
	return m.with("HTTPS_PROXY="+p.url, "NO_PROXY=127.0.0.1", "AWS_CA_BUNDLE="+filepath.Join(m.home, "ca.pem"),
		"AWS_ENDPOINT_URL_SSO=", "AWS_ENDPOINT_URL_SSO_OIDC=", "AWS_ENDPOINT_URL_STS=")
}

func TestACorporateProxyWithItsOwnCAIsNoObstacle(t *testing.T) {
	for _, way := range []string{"environment", "config file"} {
		t.Run(way, func(t *testing.T) {
			m := newMachine(t)
			m.server.StartURL = "https://d-1234567890.awsapps.com/start"
			p := newProxy(t, m.server)
			m.write("ca.pem", p.bundle)
			bundle := filepath.Join(m.home, "ca.pem")
			key := ""
			if way == "config file" {
				key = "ca_bundle = " + bundle + "\n"
			}
			m.write(".aws/config", m.session("corp")+"\n[profile dev]\nsso_session = corp\nsso_account_id = "+account+"\nsso_role_name = Admin\n"+key)
			m = m.with("HTTPS_PROXY="+p.url, "NO_PROXY=", "AWS_ENDPOINT_URL_SSO=", "AWS_ENDPOINT_URL_SSO_OIDC=", "AWS_ENDPOINT_URL_STS=")
			// Who does not know the CA is told so, and loses nothing.
			stranger := m.with("AWS_CA_BUNDLE=/dev/null")
			if way == "config file" {
				stranger = m.with("AWS_CONFIG_FILE=" + filepath.Join(m.home, "other"))
				m.write("other", m.session("corp")+"\n[profile dev]\nsso_session = corp\n")
			} else {
				m = m.with("AWS_CA_BUNDLE=" + bundle)
			}
			if r := stranger.run(binary, "login", "--profile", "dev", "--flow", "device", "--no-browser"); r.status == 0 || r.stdout != "" {
				t.Errorf("without the CA: status %d\n%s", r.status, r.stderr)
			}
			m.must(binary, "login", "--profile", "dev", "--flow", "device", "--no-browser")
			m.serves(m.run(binary, "process", "--profile", "dev"))
			for _, host := range []string{"oidc.us-east-1.amazonaws.com:443", "portal.sso.us-east-1.amazonaws.com:443"} {
				if !strings.Contains(p.hosts(), host) {
					t.Errorf("nobody went to %s: %s", host, p.hosts())
				}
			}
			m.must(binary, "logout", "--profile", "dev")
			m.counted(map[string]int{"CreateToken": 1, "GetRoleCredentials": 1, "Logout": 1})
			for host := range strings.FieldsSeq(p.hosts()) {
				if host != "oidc.us-east-1.amazonaws.com:443" && host != "portal.sso.us-east-1.amazonaws.com:443" {
					t.Errorf("somebody went to %s", host)
				}
			}
		})
	}
}
