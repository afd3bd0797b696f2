//go:build unix

package cmd

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

func TestANoticeIsNotWrittenIntoAProgramsScreen(t *testing.T) {
	keys, screen, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	defer screen.Close()
	n := newNotice(&App{Stderr: screen})
	before, err := term.MakeRaw(int(screen.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	n.Tell(errors.New("not to be seen"))
	if err := term.Restore(int(screen.Fd()), before); err != nil {
		t.Fatal(err)
	}
	n.Tell(errors.New("to be seen"))
	seen := make([]byte, 100)
	k, err := keys.Read(seen)
	if err != nil || string(seen[:k]) != "credproc: to be seen\r\n" {
		t.Errorf("%q, %v", seen[:k], err)
	}
}

func TestACommandWhoseLoginHasEndedIsNotLeftInTheDark(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.idc.Set(func(i *idctest.Server) { i.RoleLife = 3 * time.Second })
	m.signedIn()
	p := m.apart("credproc", "exec", "--server", "line", "--", "sh", "-c",
		`echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN" >"$HOME/endpoint"; while [ ! -e "$HOME/stop" ]; do sleep 0.05; done`)
	url, token, _ := strings.Cut(m.writes("endpoint"), " ")
	ask := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", token)
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if status := ask(); status != http.StatusOK {
		t.Errorf("signed in: HTTP %d", status)
	}
	m.idc.EndSessions()
	m.until("refused", func() bool { return ask() == http.StatusUnauthorized })
	for range 5 {
		ask()
	}
	m.program("stop", "", "600")
	p.Wait()
	said := p.stderr.String()
	if said != "credproc: the session corp has ended; run \"credproc login line\"\n" {
		t.Errorf("it says %q", said)
	}
	for _, secret := range append(m.idc.Secrets(), token) {
		if strings.Contains(said, secret) {
			t.Error("it says a secret")
		}
	}
}
