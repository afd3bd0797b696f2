package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// serving is an endpoint for many roles, and the Identity Center behind it.
type serving struct {
	*testing.T
	idc *idctest.Server
	e   *endpoint.Endpoint

	mu  sync.Mutex
	log bytes.Buffer
}

// Write implements [io.Writer], for the log.
func (s *serving) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

const testToken = "a token of thirty characters.."

// onEndpoint runs a test with an endpoint whose person is signed in, in a time
// of its own.
func onEndpoint(t *testing.T, test func(s *serving)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &serving{T: t, idc: idctest.New()}
		s.idc.AutoApprove = true
		config, err := filepath.Abs("testdata/config")
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		app := &App{
			Stdin: strings.NewReader(""), Stdout: s, Stderr: s, Keyring: new(keyring.Memory), HTTPClient: s.idc.Client(),
			Getenv: func(name string) string {
				return map[string]string{"AWS_CONFIG_FILE": config, "CREDPROC_DIR": dir, "HOME": dir}[name]
			},
		}
		c, err := newConfig(app, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := newRun(app, c, false)
		command := &serveCommand{}
		session, err := command.session(r)
		if err != nil {
			t.Fatal(err)
		}
		err = session.session.SignIn(t.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
			return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		s.e = &endpoint.Endpoint{Explain: faultOf(app), Clients: endpoint.OneClient(testToken, "", agent.Rule{All: true}), Log: slog.New(slog.NewJSONHandler(s, nil)),
			Find: func(c *endpoint.Client, path string) (*endpoint.Source, error) {
				return command.find(r, session, c, path)
			}}
		test(s)
		s.idc.Set(func(i *idctest.Server) { i.Latency = 0 })
		time.Sleep(time.Minute) // what nobody waits for any more ends by itself
		said := s.log.String()
		for _, secret := range append(s.idc.Secrets(), testToken) {
			if strings.Contains(said, secret) {
				t.Errorf("the log holds a secret: %s", said)
			}
		}
		if wrong := s.idc.Violations(); len(wrong) > 0 {
			t.Errorf("violations: %q", wrong)
		}
	})
}

// reply is an answer of an endpoint, whichever kind it is.
type reply struct {
	status  int
	header  http.Header
	members map[string]string
}

func (s *serving) ask(path string, change ...func(*http.Request)) reply {
	s.Helper()
	r := httptest.NewRequestWithContext(s.Context(), http.MethodGet, "http://127.0.0.1:1"+path, nil)
	r.Header.Set("Authorization", testToken)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.e.ServeHTTP(w, r)
	answer := reply{status: w.Code, header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &answer.members); err != nil {
		s.Errorf("%s: %v: %q", path, err, w.Body)
	}
	return answer
}

// left asks for a role, and returns how long the credentials last.
func (s *serving) left(path string) time.Duration {
	s.Helper()
	answer := s.ask(path)
	end, err := time.Parse("2006-01-02T15:04:05Z", answer.members["Expiration"])
	if answer.status != http.StatusOK || err != nil {
		s.Errorf("%s: %d, %v, %s", path, answer.status, err, answer.members["Message"])
	}
	return time.Until(end)
}

func TestAnAnswerIsWhatTheSDKsRead(t *testing.T) {
	onEndpoint(t, func(s *serving) {
		for path, account := range map[string]string{
			"/profile/line": "111111111111", "/profile/legacy": "222222222222", "/role/111111111111/ReadOnly": "111111111111", "/profile/chain": "333333333333",
		} {
			answer := s.ask(path)
			m := answer.members
			if answer.status != http.StatusOK || len(m) != 5 || m["AccessKeyId"] == "" || m["SecretAccessKey"] == "" || m["Token"] == "" ||
				m["AccountId"] != account || !strings.HasSuffix(m["Expiration"], "Z") {
				t.Errorf("%s: %d, members with %d of five, account %s", path, answer.status, len(m), m["AccountId"])
			}
			if answer.header.Get("Content-Type") != "application/json" || answer.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", path, answer.header)
			}
		}
	})
}

// Credentials that live a minute, and others that live shorter than a role is
// left alone after a fetch.
func TestNoAnswerIsAboutToEnd(t *testing.T) {
	for _, life := range []time.Duration{time.Minute, 20 * time.Second} {
		t.Run(life.String(), func(t *testing.T) {
			onEndpoint(t, func(s *serving) {
				s.idc.Set(func(i *idctest.Server) { i.RoleLife, i.Latency = life, 300*time.Millisecond })
				var clients sync.WaitGroup
				for n := range 3 {
					clients.Go(func() {
						for began := time.Now(); time.Since(began) < 3*time.Minute; time.Sleep(time.Duration(170+n*50) * time.Millisecond) {
							if left := s.left("/profile/line"); left < time.Second/2 {
								t.Errorf("it is given for %v", left)
							}
						}
					})
				}
				clients.Wait()
				if n, most := s.idc.Count("GetRoleCredentials"), int(3*time.Minute/min(life, settledAfter))+2; n > most {
					t.Errorf("the service was asked %d times, more than %d", n, most)
				}
			})
		})
	}
}

// settledAfter is how long nobody fetches a role again, and longer than the
// shortest life here.
const settledAfter = 19 * time.Second

func TestThoseWhoAskAtOnceShareOneFetch(t *testing.T) {
	onEndpoint(t, func(s *serving) {
		s.idc.Set(func(i *idctest.Server) { i.Latency = 2 * time.Second })
		gone, leave := context.WithCancel(s.Context())
		var clients sync.WaitGroup
		clients.Go(func() {
			s.ask("/profile/line", func(r *http.Request) { *r = *r.WithContext(gone) })
		})
		time.Sleep(time.Second)
		for range 50 {
			clients.Go(func() { s.left("/profile/line") })
		}
		leave() // the first client does not take the others along
		clients.Wait()
		if n := s.idc.Count("GetRoleCredentials"); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

// JavaScript's SDK waits for a second.
func TestNobodyWaitsForTheServiceWhereSomethingStoredWillDo(t *testing.T) {
	onEndpoint(t, func(s *serving) {
		s.left("/profile/line")
		time.Sleep(50 * time.Minute)
		s.idc.Set(func(i *idctest.Server) { i.Latency = 5 * time.Second })
		began := time.Now()
		if left := s.left("/profile/line"); left < 9*time.Minute || time.Since(began) >= time.Second {
			t.Errorf("it got what ends in %v after %v", left, time.Since(began))
		}
		time.Sleep(6 * time.Second)
		if left := s.left("/profile/line"); left < 59*time.Minute {
			t.Errorf("what was fetched meanwhile is not used: it ends in %v", left)
		}
	})
}

func TestWhoMayNotAskGetsNothing(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }
	onEndpoint(t, func(s *serving) {
		for _, tt := range []struct {
			name   string
			change func(*http.Request)
			status int
			code   string
		}{
			{"no token", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "AccessDenied"},
			{"an empty token", header("Authorization", ""), 403, "AccessDenied"},
			{"a wrong token", header("Authorization", "wrong"), 403, "AccessDenied"},
			{"a part of it", header("Authorization", testToken[:10]), 403, "AccessDenied"},
			{"more than it", header("Authorization", testToken+"x"), 403, "AccessDenied"},
			{"a bearer", header("Authorization", "Bearer "+testToken), 403, "AccessDenied"},
			{"a token in the address", func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "Authorization=" + testToken }, 403, "AccessDenied"},
			{"a rebound name", host("evil.example"), 403, "WrongHost"},
			{"a rebound name with a port", host("evil.example:80"), 403, "WrongHost"},
			{"a name that begins like ours", host("127.0.0.1.evil.example"), 403, "WrongHost"},
			{"a name that ends like ours", host("evil.localhost.example"), 403, "WrongHost"},
			{"no host", host(""), 403, "WrongHost"},
			{"another machine", host("192.0.2.1"), 403, "WrongHost"},
			{"a page", header("Origin", "https://evil.example"), 403, "FromBrowser"},
			{"a page on this machine", header("Origin", "http://127.0.0.1:1"), 403, "FromBrowser"},
			{"a page without an origin", header("Origin", "null"), 403, "FromBrowser"},
			{"an image of a page", header("Sec-Fetch-Site", "cross-site"), 403, "FromBrowser"},
			{"a preflight", func(r *http.Request) { r.Method = "OPTIONS"; r.Header.Set("Origin", "https://evil.example") }, 403, "FromBrowser"},
			{"a form", func(r *http.Request) { r.Method = "POST" }, 405, "MethodNotAllowed"},
			{"HEAD", func(r *http.Request) { r.Method = "HEAD" }, 405, "MethodNotAllowed"},
		} {
			answer := s.ask("/profile/line", tt.change)
			m := answer.members
			if answer.status != tt.status || m["Code"] != tt.code || m["code"] != tt.code || m["Message"] == "" || m["message"] != m["Message"] || len(m) != 4 {
				t.Errorf("%s: %d %v, want %d %s", tt.name, answer.status, m, tt.status, tt.code)
			}
			for name := range answer.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s: %s is sent", tt.name, name)
				}
			}
		}
		// What there is must not show to those who have no token.
		wrong := header("Authorization", "wrong")
		if a, b := s.ask("/profile/line", wrong), s.ask("/no/such/thing", wrong); a.status != b.status || fmt.Sprint(a.members, a.header) != fmt.Sprint(b.members, b.header) {
			t.Errorf("%v and %v", a, b)
		}
		if n := s.idc.Count("GetRoleCredentials"); n > 0 {
			t.Errorf("the service was asked %d times", n)
		}
		for _, name := range []string{"127.0.0.1:1", "localhost:1", "[::1]:1", "LOCALHOST"} {
			if answer := s.ask("/profile/line", host(name)); answer.status != http.StatusOK {
				t.Errorf("as %s: %d", name, answer.status)
			}
		}
	})
}

// With a status of 5xx, and with 429, the SDKs try again for up to 15 seconds.
func TestFailuresAreShownAtOnceWithTheReason(t *testing.T) {
	onEndpoint(t, func(s *serving) {
		for _, tt := range []struct {
			name, path   string
			fault        idctest.Fault
			status       int
			code, saying string
		}{
			{"nothing there", "/", idctest.Fault{}, 404, "NotFound", "/profile/NAME"},
			{"nothing there either", "/profile/", idctest.Fault{}, 404, "NotFound", "/role/ACCOUNT/ROLE"},
			{"another kind of path", "/roles/111111111111/Admin", idctest.Fault{}, 404, "NotFound", "/profile/NAME"},
			{"no profile", "/profile/none", idctest.Fault{}, 400, "WrongConfiguration", "no profile"},
			{"a profile of another kind", "/profile/static", idctest.Fault{}, 400, "WrongConfiguration", "static keys"},
			{"no account", "/role/1/Admin", idctest.Fault{}, 400, "WrongConfiguration", "account"},
			{"no role", "/role/111111111111/", idctest.Fault{}, 400, "WrongConfiguration", ""},
			{"more than a role", "/role/111111111111/Admin/x", idctest.Fault{}, 400, "WrongConfiguration", ""},
			{"no access", "/role/111111111111/Gone", idctest.Fault{}, 403, "NoAccess", "Your roles there: Admin, ReadOnly"},
			{"too often", "/role/222222222222/Admin", idctest.Fault{Status: 429}, 424, "Unavailable", ""},
			{"down", "/profile/line", idctest.Fault{Status: 503}, 424, "Unavailable", ""},
			{"a proxy's page", "/role/111111111111/ReadOnly", idctest.Fault{Body: "<html>", Status: 502}, 424, "Unavailable", ""},
		} {
			s.idc.Fault("GetRoleCredentials", tt.fault)
			answer := s.ask(tt.path)
			s.idc.ClearFaults()
			if m := answer.members; answer.status != tt.status || m["Code"] != tt.code || !strings.Contains(m["Message"], tt.saying) || strings.Contains(m["Message"], "\n") {
				t.Errorf("%s: %d %v, want %d %s", tt.name, answer.status, m, tt.status, tt.code)
			}
			time.Sleep(time.Minute)
		}
		s.idc.EndSessions()
		answer := s.ask("/profile/line")
		if answer.status != 401 || answer.members["code"] != "SignInRequired" || !strings.HasSuffix(answer.members["message"], "Run: credproc login line") {
			t.Errorf("%d %v", answer.status, answer.members)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if lines := strings.Split(strings.TrimSpace(s.log.String()), "\n"); len(lines) != 13 || !json.Valid([]byte(lines[12])) || !strings.Contains(lines[12], `"code":"SignInRequired"`) {
			t.Errorf("a request is not a line: %s", &s.log)
		}
	})
}

func TestATokenThatClientsCannotShowIsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ token, says string }{
		{strings.Repeat("x", 22), ""},
		{strings.Repeat("x", 22) + "\n", "newline"},
		{strings.Repeat("x", 21), "21 characters"},
		{strings.Repeat("x ", 22), "a header cannot have"},
		{"", ""},
	} {
		file := filepath.Join(dir, "token")
		if err := os.WriteFile(file, []byte(tt.token), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			*serveCommand
			env string
		}{{&serveCommand{TokenFile: file}, ""}, {&serveCommand{}, tt.token}} {
			r := newRun(&App{Getenv: func(name string) string { return map[string]string{"CREDPROC_SERVE_TOKEN": c.env}[name] }}, nil, false)
			token, err := c.token(r)
			if tt.token == "" {
				tt.says = map[bool]string{true: "is empty", false: "no token"}[c.TokenFile != ""]
			}
			if tt.says == "" && (err != nil || token != tt.token) {
				t.Errorf("%q: %v", tt.token, err)
			}
			if tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || token != "") {
				t.Errorf("%q: %v", tt.token, err)
			}
		}
	}
}
