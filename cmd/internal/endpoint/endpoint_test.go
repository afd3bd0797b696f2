package endpoint

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
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
	e := &Endpoint{Clients: OneClient(testToken, "", nil), Find: func(*Client, string) (*Source, error) {
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
	e := &Endpoint{Clients: OneClient(testToken, "", nil)}
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
