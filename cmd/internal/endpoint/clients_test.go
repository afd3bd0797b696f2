package endpoint

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/awsconfig"
)

// byName judges by the names alone that are asked for.
func byName(rule agent.Rule, kind, name string) bool {
	account, role, _ := strings.Cut(name, "/")
	return kind == "profile" && rule.Profile(name) || kind == "role" && rule.Role(account, role)
}

// allow is what words of a user allow.
func allow(words ...string) agent.Rule {
	rule, _ := agent.ParseAllow(words)
	return rule
}

func TestOnlyWhatIsAllowedIsServed(t *testing.T) {
	for _, tt := range []struct {
		allow agent.Rule
		path  string
		want  bool
	}{
		{agent.Rule{}, "profile/dev", false},
		{agent.Rule{All: true}, "profile/dev", true},
		{allow("none"), "profile/dev", false},
		{allow("all"), "role/111111111111/Admin", true},
		{allow("dev"), "profile/dev", true},
		{allow("dev"), "profile/dev2", false},
		{allow("prod", "dev*"), "profile/dev2", true},
		{allow("*"), "profile/111111111111/Admin", true},
		{allow("*"), "role/111111111111/Admin", false},
		{allow("profile:111111111111/*"), "role/111111111111/Admin", false},
		{allow("role:111111111111/*"), "role/111111111111/Admin", true},
		{allow("role:111111111111/*"), "profile/111111111111/Admin", false},
		{allow("role:*/ReadOnly"), "role/111111111111/ReadOnly", true},
		{allow("role:*/ReadOnly"), "role/111111111111/Admin", false},
	} {
		kind, name, err := (&Client{Allow: tt.allow}).RoleOf("/"+tt.path, byName)
		if f, _ := err.(*Fault); (err == nil) != tt.want || err == nil && kind+"/"+name != tt.path || err != nil && f.Code != "NotAllowed" {
			t.Errorf("%v and %s: %s %s %v", tt.allow, tt.path, kind, name, err)
		}
	}
}

// write makes a file of a client's, or of clients.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// asks sends a request with a token, and returns the status and what is said.
func asks(t *testing.T, e *Endpoint, path, token string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1"+path, nil)
	r.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// forClients is an endpoint that has something for each who may get it.
func forClients(clients Clients) *Endpoint {
	return &Endpoint{Clients: clients, Find: func(c *Client, path string) (*Source, error) {
		if _, _, err := c.RoleOf(path, byName); err != nil {
			return nil, err
		}
		return nil, &Fault{http.StatusTeapot, "Here", "for " + c.Name}
	}}
}

func TestEachClientGetsItsOwnUntilItIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		laptop := "[laptop]\ntoken_file = laptop.token\nallow = dev-*, role:111111111111/ReadOnly\n"
		phone := "# for an hour\n[phone]\n  token_file=" + filepath.Join(dir, "phone.token") + "\n  allow=prod\n  until=" + soon + "\n"
		file := write(t, dir, "clients", laptop+"\n"+phone)
		e := forClients(ClientsIn(file, dir))
		if _, err := e.Clients(); err != nil {
			t.Fatal(err)
		}
		token := func(name string) string {
			text, err := os.ReadFile(filepath.Join(dir, name+".token"))
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		refused := func(what, path, token string, want int) {
			t.Helper()
			_, wrong := asks(t, e, "/profile/none", strings.Repeat("w", 26))
			if status, said := asks(t, e, path, token); status != want || want == http.StatusForbidden && strings.Contains(said, "AccessDenied") && said != wrong {
				t.Errorf("%s: %d %s", what, status, said)
			}
		}
		first, second := token("laptop"), token("phone")
		refused("its own", "/profile/dev-a", first, http.StatusTeapot)
		refused("its own role", "/role/111111111111/ReadOnly", first, http.StatusTeapot)
		refused("another's", "/profile/prod", first, http.StatusForbidden)
		refused("by the other's token", "/profile/prod", second, http.StatusTeapot)
		refused("a part of a token", "/profile/prod", second[:20], http.StatusForbidden)
		refused("nothing", "/", first, http.StatusNotFound)

		time.Sleep(time.Hour)
		refused("after its end", "/profile/prod", second, http.StatusForbidden)
		refused("which is not the other's", "/profile/dev-a", first, http.StatusTeapot)

		write(t, dir, "clients", strings.ReplaceAll(laptop, "dev-*", "test"))
		time.Sleep(memory + 1)
		refused("what it could get before", "/profile/dev-a", first, http.StatusForbidden)
		refused("what it can get now", "/profile/test", first, http.StatusTeapot)

		write(t, dir, "clients", "[other]\ntoken_file = other.token\nallow = *\n")
		time.Sleep(memory + 1)
		refused("after it was removed", "/profile/test", first, http.StatusForbidden)

		write(t, dir, "clients", "[laptop\n")
		time.Sleep(memory + 1)
		refused("while the file cannot be read", "/profile/test", token("other"), http.StatusForbidden)
	})
}

func TestAFileOfClientsSaysWhatIsWrongWithIt(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "short", "short")
	write(t, dir, "same", strings.Repeat("x", 30))
	write(t, dir, "same2", strings.Repeat("x", 30))
	for text, want := range map[string]string{
		"allow = a":                         ":1: this is in no section",
		"[a]\nnonsense":                     ":2: this is not KEY = VALUE",
		"[a]\nallow =":                      ":2: this is not KEY = VALUE",
		"[a]\nallow = a\nallow = b":         ":3: a client has token_file, allow and until, each once",
		"[a]\nalow = a":                     ":2: a client has",
		"[a]\nallow = [":                    ":2: \"[\" must be none, all, or a pattern such as NAME",
		"[a]\nallow = none, a":              ":2: none must be alone",
		"[a]\nallow = a 1/b":                ":2: 1/b can be a role or a profile: write role:1/b or profile:1/b",
		"[a]\nuntil = tomorrow":             ":2: tomorrow is not a time such as",
		"[a]\nuntil = 0001-01-01T00:00:00Z": ":2: 0001-01-01T00:00:00Z is not a time such as",
		"[a]\nallow = a":                    "client a has no token_file",
		"[a]\ntoken_file = a":               "client a has no allow",
		"[a]\n[a]":                          ":2: there are two clients of this name",
		"[]":                                ":1: a client's name has",
		"[a b]":                             ":1: a client's name has",
		"[a":                                ":1: a header ends in ]",
		"[a]\ntoken_file=short\nallow = a":  "holds a token of 5 characters",
		"[a]\ntoken_file=same\nallow=a\n[b]\ntoken_file=same2\nallow=b": "client b in ",
	} {
		clients, err := ClientsIn(write(t, dir, "clients", text), dir)()
		if _, ok := errors.AsType[*RefusedError](err); !ok || !strings.Contains(err.Error(), want) || clients != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ClientsIn(filepath.Join(dir, "none"), dir)(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestAClientLearnsNothingOfWhatItMayNotHave(t *testing.T) {
	const secret = "in /home/me/config. Its profiles: prod"
	for _, tt := range []struct {
		allow  agent.Rule
		path   string
		err    error
		status int
		want   string
	}{
		{allow("*"), "/profile/dev", &awsconfig.UnknownProfileError{Name: "dev"}, http.StatusNotFound, `"there is no profile dev"`},
		{allow("*"), "/profile/dev", &awsconfig.UnknownProfileError{Name: "prod"}, http.StatusBadRequest, `"no credentials for profile dev: `},
		{allow("role:*/*"), "/role/1/A", errors.New(""), http.StatusBadRequest, `"no credentials for role 1/A: `},
		{agent.Rule{All: true}, "/profile/dev", &awsconfig.UnknownProfileError{Name: "dev"}, http.StatusBadRequest, secret}, // it may have all
	} {
		var log strings.Builder
		e := &Endpoint{Log: slog.New(slog.NewTextHandler(&log, nil)), Clients: OneClient(testToken, "", tt.allow),
			Find:    func(*Client, string) (*Source, error) { return nil, tt.err },
			Explain: func(error) *Fault { return &Fault{http.StatusBadRequest, "WrongConfiguration", secret} }}
		status, said := asks(t, e, tt.path, testToken)
		if status != tt.status || !strings.Contains(said, tt.want) || !tt.allow.All && (strings.Contains(said, "prod") || strings.Contains(said, "config.")) {
			t.Errorf("%s: %d %s", tt.path, status, said)
		}
		if strings.Contains(log.String(), secret) != (!tt.allow.All) {
			t.Errorf("%s: the log is %s", tt.path, log.String())
		}
	}
}

func TestAnExampleIsOfSomethingThatTheClientMayGet(t *testing.T) {
	for want, rule := range map[string]agent.Rule{
		"/profile/mine": {All: true}, "/profile/dev": allow("role:*/ReadOnly", "dev"), "/role/111111111111/Admin": allow("role:111111111111/Admin", "dev"),
		"/profile/dev-two": allow("role:*/ReadOnly", "dev-*"), "/profile/NAME": allow("role:*/ReadOnly"),
	} {
		if got := (&Client{Allow: rule}).Example([]string{"mine", "dev-two"}, agent.Rule.Profile); got != want {
			t.Errorf("%q: %s, want %s", rule, got, want)
		}
	}
}
