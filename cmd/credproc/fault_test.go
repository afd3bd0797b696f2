package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

var stormHammer = flag.Duration("storm.hammer", 3*time.Second, "how long processes go on asking while the service fails")

// hammer has ten callers ask again and again, and returns what they got.
func (m *machine) hammer() (all []outcome) {
	each := make(chan []outcome)
	until := time.Now().Add(*stormHammer)
	for range 10 {
		go func() {
			var mine []outcome
			for time.Now().Before(until) {
				mine = append(mine, m.run(process(admin)...))
				<-time.After(250 * time.Millisecond)
			}
			each <- mine
		}()
	}
	for range 10 {
		all = append(all, <-each...)
	}
	return all
}

// mostCalls is what reaches the service of all that: the back-off of 1, 2, 4 and
// 8 seconds lets an operation start at 0, 1, 3 and 7 seconds at the earliest,
// each of two attempts, but for a role's quota: five in four seconds.
func mostCalls() int {
	operations := 0
	for at := time.Duration(0); at <= *stormHammer; at = 2*at + time.Second {
		operations++
	}
	return 2*operations + 2
}

func TestAFaultIsSharedAndTheLoginKept(t *testing.T) {
	for _, fault := range []struct {
		name, op, says string
		idctest.Fault
	}{
		{"refresh: 500", "CreateToken", "HTTP 500", idctest.Fault{Status: 500}},
		{"refresh: 503 of a proxy", "CreateToken", "HTTP 503", idctest.Fault{Status: 503, Body: "<html>Service Unavailable</html>"}},
		{"refresh: 429", "CreateToken", "HTTP 429", idctest.Fault{Status: 429}},
		{"refresh: 429 with Retry-After", "CreateToken", "HTTP 429", idctest.Fault{Status: 429, RetryAfter: 5 * time.Second}},
		{"refresh: connection reset", "CreateToken", "connection reset", idctest.Fault{Reset: true}},
		{"refresh: connection reset after it took effect", "CreateToken", "connection reset", idctest.Fault{Reset: true, After: true}},
		{"refresh: answer cut short", "CreateToken", "cut short", idctest.Fault{Body: `{"tokenType":"Bearer","acce`, ContentType: "application/json"}},
		{"refresh: stall", "CreateToken", "no answer", idctest.Fault{Delay: 30 * time.Second}},
		{"fetch: 500", "GetRoleCredentials", "HTTP 500", idctest.Fault{Status: 500}},
		{"fetch: 429", "GetRoleCredentials", "HTTP 429", idctest.Fault{Status: 429}},
		{"fetch: connection reset", "GetRoleCredentials", "connection reset", idctest.Fault{Reset: true}},
		{"fetch: 401 to every token", "GetRoleCredentials", "UnauthorizedException", idctest.Fault{Code: "UnauthorizedException"}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			m := newMachine(t, "plaintext")
			m.idc.Rotation = idctest.Grace
			m.faultIsShared(fault.op, fault.says, fault.Fault)
		})
		if fault.op == "CreateToken" {
			t.Run("unattended/"+fault.name, func(t *testing.T) {
				t.Parallel()
				newUnattended(t, "plaintext").faultIsShared("CreateTokenWithIAM", fault.says, fault.Fault)
			})
		}
	}
}

func (m *machine) faultIsShared(op, says string, fault idctest.Fault) {
	m.env = []string{unqueued}
	m.expired()
	m.idc.Fault(op, fault)
	var outcomes []outcome
	calls := m.calls(func() { outcomes = m.hammer() })
	m.failed(outcomes, 3, "")
	if !strings.Contains(outcomes[0].stderr, says) {
		m.Errorf("no %q in %s", says, outcomes[0].stderr)
	}
	if calls["total"]-calls["AssumeRoleWithWebIdentity"] > mostCalls() || calls["AssumeRoleWithWebIdentity"] > mostCalls() {
		m.Errorf("%d calls for %d processes: %v", calls["total"], len(outcomes), calls)
	}
	blames := "renew the session"
	switch {
	case fault.Code != "": // or of the renewal that the token is new
		blames, says = "^(get credentials of role|renew the session) ", ""
	case op == "GetRoleCredentials":
		blames = "get credentials of role Admin"
	}
	m.tells("while it lasts", truth{state: "signed_in", blames: blames, says: says})
	m.idc.ClearFaults()
	m.untilAnswered(process(admin), 30*time.Second)
	m.tells("afterwards", truth{state: "signed_in", roles: 1})
}

// The role that signs comes from another service.
func TestAFaultOfTheBootstrapRoleIsSharedAndTheLoginKept(t *testing.T) {
	for name, fault := range map[string]idctest.Fault{"HTTP 503": {Status: 503}, "connection reset": {Reset: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newUnattended(t, "plaintext").faultIsShared("AssumeRoleWithWebIdentity", name, fault)
		})
	}
}

func TestValidCredentialsAreServedWhateverTheServiceDoes(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	m.answered(m.together(process(admin)))
	m.idc.Fault("*", idctest.Fault{Delay: 30 * time.Second})
	calls := m.calls(func() { m.answered(m.together(times(20, process(admin))...)) })
	m.want(calls, "total", 0)
	m.tells("while the service stalls", truth{state: "signed_in", roles: 1})
}

// proxied puts a proxy and TLS between the machine and the service.
func proxied(t *testing.T) (m *machine, proxy, bundle string) {
	m = newMachine(t, "plaintext")
	service := httptest.NewTLSServer(m.idc)
	t.Cleanup(service.Close)
	m.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})))
	m.url = "https://example.com" // the name in the certificate; nobody but the proxy is asked for it
	tunnel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		far, err := net.Dial("tcp", service.Listener.Addr().String())
		if err != nil || r.Method != http.MethodConnect || r.Host != "example.com:443" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(far, near); far.Close() }()
		io.Copy(near, far)
		near.Close()
	}))
	t.Cleanup(tunnel.Close)
	return m, "HTTPS_PROXY=" + tunnel.URL, "AWS_CA_BUNDLE=" + filepath.Join(m.home, "ca.pem")
}

func TestACallerWithABrokenProxyFailsAlone(t *testing.T) {
	m, proxy, bundle := proxied(t)
	m.env = []string{proxy, bundle}
	m.expired()
	for name, broken := range map[string][]string{
		"proxy":     {"HTTPS_PROXY=http://127.0.0.1:1", bundle},
		"CA bundle": {proxy, "AWS_CA_BUNDLE=" + otherCA(m)},
	} {
		m.env = broken
		m.failed(m.together(times(5, process(admin))...), 3, "")
		if o := m.run(process(admin)...); o.status != 3 {
			t.Errorf("%s: %d: %s", name, o.status, o.stderr)
		}
		m.tells(name, truth{state: "signed_in", blames: "renew the session"})
	}
	m.env = []string{proxy, bundle}
	calls := m.calls(func() { m.answered(m.together(process(admin))) }) // at once: no back-off of others
	m.want(calls, "CreateToken", 1)
	m.tells("by those that can", truth{state: "signed_in", roles: 1})
}

// otherCA is a bundle without the service's certificate.
func otherCA(m *machine) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		m.Fatal(err)
	}
	m.write("other.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return filepath.Join(m.home, "other.pem")
}
