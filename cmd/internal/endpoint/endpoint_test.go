package endpoint

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
)

const testToken = "a token of thirty characters.."

func TestAnEndpointIsOnTheLoopbackInterfaceOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:80", "127.0.0.1", "", "127.0.0.1.evil.example:0"} {
		if l, err := Listen(addr, false); err == nil {
			l.Close()
			t.Errorf("it listens on %s", addr)
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		l, err := Listen(addr, false)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(l.Addr().String(), "127.0.0.1:") {
			t.Errorf("%s: it listens on %s", addr, l.Addr())
		}
		l.Close()
	}
}

func TestAnEndpointAnswersItsOwnerThroughoutConnectionsOfOthers(t *testing.T) {
	listener, err := Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	person := func(int) (agent.Asker, error) { return agent.Asker{}, nil }
	e := &Endpoint{Clients: OneClient(testToken, "", agent.Rule{All: true}), Who: person, Find: func(*Client, string) (*Source, error) {
		return nil, &Fault{http.StatusTeapot, "Here", "somebody is here"}
	}}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- e.Serve(ctx, listener) }()
	ask := func(token string) (status int, closed bool) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", token)
		transport := &http.Transport{DisableKeepAlives: token == testToken}
		defer transport.CloseIdleConnections()
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode, answer.Close
	}
	answered := 0
	for i := range 2000 {
		idle, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		if i%100 != 0 {
			continue
		}
		if status, _ := ask(testToken); status == http.StatusTeapot {
			answered++
		}
		if status, closed := ask("another"); status != http.StatusForbidden || !closed {
			t.Errorf("HTTP %d, the connection is closed: %t", status, closed)
		}
	}
	if answered != 20 {
		t.Errorf("the owner was answered %d times of 20", answered)
	}
	if stop(); <-served != nil {
		t.Error("it did not stop well")
	}
}

// Who has an old SDK reads in the refusal what to set.
func TestARequestWithoutATokenIsToldWhichVariableOldSDKsKnow(t *testing.T) {
	e := &Endpoint{Clients: OneClient(testToken, "", agent.Rule{All: true})}
	for token, want := range map[string]bool{"": true, "wrong": false} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/profile/dev", nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if told := strings.Contains(w.Body.String(), "set AWS_CONTAINER_AUTHORIZATION_TOKEN for them"); w.Code != http.StatusForbidden || told != want {
			t.Errorf("%q: %d: %s", token, w.Code, w.Body)
		}
	}
}

func TestATokenFileIsMadeOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	var all sync.WaitGroup
	tokens := make([]string, 8)
	for i := range tokens {
		all.Go(func() {
			var err error
			if tokens[i], err = ReadToken(file); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, token := range tokens {
		if token != tokens[0] || len(token) < ShortestToken {
			t.Errorf("%q and %q", token, tokens[0])
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestEachAnswerAndRefusalIsInTheTrailWithItsClient: the endpoint gives what it has
// in memory again, and what one client asked for to all that wait.
func TestEachAnswerAndRefusalIsInTheTrailWithItsClient(t *testing.T) {
	dir := audit.Dir(t.TempDir())
	trail := &audit.Trail{Dir: dir, Kind: func(error) (reason, rule string) { return "no access", "" }}
	began, release := make(chan struct{}), make(chan struct{})
	source := &Source{Name: "role", Retrieve: func(ctx context.Context) (aws.Credentials, error) {
		close(began)
		<-release
		c := aws.Credentials{AccessKeyID: "ASIA1", SecretAccessKey: "s", SessionToken: "t", CanExpire: true, Expires: time.Now().Add(time.Hour)}
		return c, trail.Leave(ctx, audit.Line{Event: audit.Answer, Outcome: "fetched", AccessKeyID: c.AccessKeyID}, nil)
	}}
	e := &Endpoint{
		Find: func(c *Client, path string) (*Source, error) {
			if _, _, err := c.RoleOf(path, byName); err != nil {
				return nil, err
			}
			return source, nil
		},
		Explain: func(err error) *Fault { return &Fault{http.StatusForbidden, "NoAccess", err.Error()} },
		Refused: func(ctx context.Context, line audit.Line, err error) { trail.Leave(ctx, line, err) },
	}
	one := &Client{Name: "one", Allow: allow("dev", "\n{\"event\"*")}
	get := func(path string) error {
		_, _, err := e.give(audit.For(t.Context(), audit.Client{Name: one.Name, PID: 4711, Program: "aws"}), one, path)
		return err
	}
	var asking sync.WaitGroup
	asking.Go(func() { // the first one
		if err := get("/profile/dev"); err != nil {
			t.Error(err)
		}
	})
	<-began
	for range 9 { // those that wait for it, or come after it
		asking.Go(func() {
			if err := get("/profile/dev"); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	asking.Wait()
	for _, path := range []string{"/profile/prod", "/role/111111111111/Admin", "/elsewhere"} {
		if get(path) == nil {
			t.Errorf("%s is given", path)
		}
	}
	text, err := os.ReadFile(dir.Path())
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for text := range strings.Lines(string(text)) {
		var line audit.Line
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Client != "one" || line.ClientPID != 4711 || line.ClientProgram != "aws" {
			t.Errorf("%s: %v", text, err)
		}
		counts[strings.Join([]string{line.Event, line.Outcome, line.AccessKeyID, line.Reason, line.Profile, line.RoleName}, " ")]++
	}
	want := map[string]int{
		"answer fetched ASIA1   ": 1, "answer cached ASIA1   ": 9,
		"refusal refused  no access prod ": 1, "refusal refused  no access  Admin": 1, "refusal refused  misconfigured  ": 1,
	}
	if !maps.Equal(counts, want) {
		t.Errorf("the lines are %v, want %v", counts, want)
	}
}

func TestAClientGetsNothingWithoutATrailThatIsRequired(t *testing.T) {
	refused := errors.New("the policy requires a trail")
	trail := &audit.Trail{Dir: audit.Dir(filepath.Join(t.TempDir(), "\x00")), Refuse: func(error) error { return refused }}
	e := &Endpoint{Find: Only(&Source{Retrieve: func(ctx context.Context) (aws.Credentials, error) {
		c := aws.Credentials{AccessKeyID: "ASIA1", SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(time.Hour)}
		return c, trail.Leave(ctx, audit.Line{Event: audit.Answer}, nil)
	}})}
	for range 2 { // what is in memory, too
		if _, _, err := e.give(t.Context(), new(Client), "/"); !errors.Is(err, refused) {
			t.Errorf("error %v, want %v", err, refused)
		}
	}
}

// What is printed is what clients use, and the certificate is for what was told.
func TestTheURLHasAHostThatTheCertificateIsFor(t *testing.T) {
	l, err := Listen("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, tt := range []struct {
		secure bool
		listen string
		names  []string
		want   string
	}{
		{false, "127.0.0.1:0", nil, "http://127.0.0.1:"},
		{false, "localhost:0", nil, "http://127.0.0.1:"},
		{true, "127.0.0.1:0", nil, "https://127.0.0.1:"},
		{true, "localhost:0", nil, "https://localhost:"},
		{true, "localhost:0", []string{"fd00::1", "aws.example"}, "https://[fd00::1]:"},
		{true, ":0", []string{"aws.example"}, "https://aws.example:"},
	} {
		e := new(Endpoint)
		if tt.secure {
			e.TLS = new(tls.Config)
		}
		if got := e.URL(l, tt.listen, tt.names); got != tt.want+port {
			t.Errorf("%s %q: %s, want %s", tt.listen, tt.names, got, tt.want)
		}
	}
}

func TestAPortThatIsTakenIsNoServiceThatCannotBeReached(t *testing.T) {
	l, err := Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(l.Addr().String(), false)
	if e, ok := errors.AsType[*RefusedError](err); !ok || !strings.HasPrefix(e.Problem, "cannot listen on "+l.Addr().String()+": ") {
		t.Errorf("%v", err)
	}
}

// A client that asks for one thing after another that it may not have would otherwise
// keep all others waiting.
func TestARoleThatTakesLongToFindDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var found atomic.Int32
		e := &Endpoint{Clients: OneClient(testToken, "", agent.Rule{All: true}), Find: func(_ *Client, path string) (*Source, error) {
			if path == "/profile/slow" {
				<-hang
			}
			found.Add(1)
			return &Source{Name: path, Retrieve: func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: path}, nil
			}}, nil
		}}
		var slow sync.WaitGroup
		for range 3 {
			slow.Go(func() {
				if status, said := asks(t, e, "/profile/slow", testToken); status != http.StatusOK || !strings.Contains(said, "/profile/slow") {
					t.Errorf("%d %s", status, said)
				}
			})
		}
		synctest.Wait()
		for range 2 {
			if status, said := asks(t, e, "/profile/fast", testToken); status != http.StatusOK || !strings.Contains(said, "/profile/fast") {
				t.Errorf("%d %s", status, said)
			}
		}
		if n := found.Load(); n != 1 {
			t.Errorf("it was looked for %d times", n)
		}
		close(hang)
		slow.Wait()
		if len(e.issuers) != 2 {
			t.Errorf("%d issuers", len(e.issuers))
		}
	})
}
