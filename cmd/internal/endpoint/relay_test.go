package endpoint

import (
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/audit"
)

const tokenThere = "a-token-of-thirty-characters.."

// elsewhere is an endpoint of another machine, and a relay to it.
type elsewhere struct {
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int32
	token  string // the file
}

func (e *elsewhere) answers(status int, text string) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != tokenThere {
			status, text = http.StatusForbidden, `{"Code":"AccessDenied","Message":"wrong"}`
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	})
	e.answer.Store(&h)
}

func relayed(t *testing.T) (*elsewhere, *Relay) {
	t.Helper()
	e, dir := new(elsewhere), t.TempDir()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		(*e.answer.Load())(w, r)
	}))
	t.Cleanup(server.Close)
	ca := write(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	e.token = write(t, dir, "token", tokenThere)
	relay, err := RelayTo(server.URL+"/role/111111111111/Admin", ca, e.token)
	if err != nil {
		t.Fatal(err)
	}
	if relay.Name() != "111111111111/Admin" {
		t.Errorf("it relays %s", relay.Name())
	}
	escaped, err := RelayTo(server.URL+"/profile/my%20dev", ca, e.token)
	if err != nil {
		t.Fatal(err)
	}
	if escaped.Name() != "my dev" {
		t.Errorf("it relays %s", escaped.Name())
	}
	t.Cleanup(relay.transport.CloseIdleConnections)
	return e, relay
}

func document(left time.Duration) string {
	return `{"AccessKeyId":"ASIA","SecretAccessKey":"secret","Token":"session","AccountId":"111111111111","Expiration":"` +
		time.Now().Add(left).UTC().Format(time.RFC3339) + `"}`
}

func TestARelayGivesWhatTheEndpointGives(t *testing.T) {
	e, relay := relayed(t)
	e.answers(http.StatusOK, document(time.Hour))
	c, err := relay.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "ASIA" || c.SecretAccessKey != "secret" || c.SessionToken != "session" || c.AccountID != "111111111111" ||
		!c.CanExpire || time.Until(c.Expires) < 59*time.Minute {
		t.Errorf("%v: %s until %v", err, c.AccessKeyID, c.Expires)
	}
	e.answers(http.StatusUnauthorized, `{"Code":"SignInRequired","Message":"sign in"}`)
	_, err = relay.Retrieve(t.Context())
	if f, ok := errors.AsType[*Fault](err); !ok || f.Status != http.StatusUnauthorized || f.Code != "SignInRequired" || f.Message != "sign in" {
		t.Errorf("%v", err)
	}
}

func TestARelayUsesWhatItHasWhileTheEndpointIsAway(t *testing.T) {
	for left, served := range map[time.Duration]bool{time.Hour: true, 30 * time.Second: false} {
		e, relay := relayed(t)
		e.answers(http.StatusBadGateway, "a proxy")
		if _, err := relay.Retrieve(t.Context()); err == nil {
			t.Error("it has credentials from nowhere")
		}
		e.answers(http.StatusOK, document(left))
		if _, err := relay.Retrieve(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"", "no JSON", `{"AccessKeyId":"ASIA"}`, strings.Repeat("x", mostDocument+1)} {
			e.answers(http.StatusOK, text)
			c, err := relay.Retrieve(t.Context())
			if _, unreachable := errors.AsType[*UnreachableError](err); unreachable == served || (c.AccessKeyID == "ASIA") != served {
				t.Errorf("with %v left: %v", left, err)
			}
		}
		// What was refused is not kept.
		e.answers(http.StatusForbidden, `{"Code":"AccessDenied","Message":"revoked"}`)
		if c, err := relay.Retrieve(t.Context()); err == nil || c.HasKeys() {
			t.Error("it serves what it may not any more")
		}
		e.answers(http.StatusBadGateway, "a proxy")
		if c, err := relay.Retrieve(t.Context()); err == nil || c.HasKeys() {
			t.Error("it serves what was refused")
		}
	}
}

func TestARelayTakesTheTokenToNoOtherHost(t *testing.T) {
	e, relay := relayed(t)
	stolen := make(chan string, 1)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen <- r.Header.Get("Authorization") }))
	defer thief.Close()
	redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, http.StatusFound) })
	e.answer.Store(&redirect)
	t.Setenv("HTTPS_PROXY", thief.URL)
	if _, err := relay.Retrieve(t.Context()); err == nil || len(stolen) > 0 {
		t.Errorf("%v, %d went to another host", err, len(stolen))
	}
	asked := e.asked.Load()
	if err := os.WriteFile(e.token, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := relay.Retrieve(t.Context()); err == nil || e.asked.Load() != asked {
		t.Errorf("a token that is none was sent: %v", err)
	}
}

func TestARelayGoesOnlyToAnAddressThatCannotBeOverheard(t *testing.T) {
	token := write(t, t.TempDir(), "token", strings.Repeat("x", 30))
	for _, to := range []string{"", "http://127.0.0.1/profile/dev", "https://", "https://user@host/profile/dev", "https://host/profile/dev?token=x", "host:1/profile/dev", "https://host/#x"} {
		if _, err := RelayTo(to, "", token); err == nil {
			t.Errorf("it goes to %q", to)
		}
	}
	if _, err := RelayTo("https://host/profile/dev", "", token); err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatIsRefusedIsNotRepeated(t *testing.T) {
	for _, address := range []string{"https://me:SECRET@host/profile/dev", "https://SECRET@host/profile/dev", "http://me:SECRET@host/", "https://me:SECRET@host:x/", "https://host/profile/dev?token=SECRET"} {
		if _, err := RelayTo(address, "", "none"); err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "without a user") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestWhatIsRelayedIsInTheTrailOfThisMachineToo(t *testing.T) {
	e, relay := relayed(t)
	var lines []audit.Line
	refused := error(nil)
	source := relay.Source(func(_ context.Context, line audit.Line, err error) error {
		lines = append(lines, line)
		return cmp.Or(err, refused)
	})
	e.answers(http.StatusOK, document(time.Hour))
	if c, err := source.Retrieve(t.Context()); err != nil || c.AccessKeyID != "ASIA" {
		t.Error(err)
	}
	e.answers(http.StatusForbidden, `{"Code":"NoAccess","Message":"no"}`)
	if _, err := source.Retrieve(t.Context()); err == nil {
		t.Error("it gives what the endpoint refuses")
	}
	e.answers(http.StatusOK, document(time.Hour))
	refused = errors.New("a trail is required")
	if c, err := source.Retrieve(t.Context()); err == nil || c.HasKeys() {
		t.Error("it gives what leaves no trail")
	}
	if len(lines) != 3 || lines[0].Event != audit.Answer || lines[0].AccessKeyID != "ASIA" || lines[0].Expiration == nil || lines[0].RoleName != "Admin" || lines[1].Reason != "no access" {
		t.Errorf("the lines are %+v", lines)
	}
}
