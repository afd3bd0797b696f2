package endpoint

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
)

// A Client is one that may ask an endpoint.
type Client struct {
	Name  string // for the log and the trail; "" where there is only one
	Allow agent.Rule
	Until time.Time // zero: no end
	// TokenFile is where the client's token is; "": in no file.
	TokenFile string

	hash    [sha256.Size]byte
	limited bool // the file says what it may get
}

// Clients returns those that may ask, as it is now.
type Clients func() ([]*Client, error)

// OneClient is the holder of a token, who may get what the rule allows. file is
// where the token is, or "".
func OneClient(token, file string, allow agent.Rule) Clients {
	one := []*Client{{Allow: allow, TokenFile: file, hash: sha256.Sum256([]byte(token))}}
	return func() ([]*Client, error) { return one, nil }
}

// clientWith returns the client that a token belongs to, or nil. Tokens are
// compared by their hashes, which are equally long, and all of them.
func clientWith(clients []*Client, token string) (found *Client) {
	shown := sha256.Sum256([]byte(token))
	for _, c := range clients {
		if subtle.ConstantTimeCompare(shown[:], c.hash[:]) == 1 {
			found = c
		}
	}
	return found
}

func (c *Client) over() bool { return !c.Until.IsZero() && !time.Now().Before(c.Until) }

// id tells clients apart, and what they may get.
func (c *Client) id() string { return c.Name + "\x00" + c.Allow.String() + "\x00" }

// ClientsIn reads a file of clients, and again when someone asks a second later: a
// client is gone once it is removed there. Tokens are in files of their own, that
// are made if missing. While the file cannot be read there are no clients.
//
//	[laptop]
//	token_file = laptop.token
//	allow = dev-* role:111111111111/ReadOnly
//	until = 2026-12-24T18:00:00Z
func ClientsIn(file, home string) Clients {
	var mu sync.Mutex
	var known []*Client
	var failure error
	var until time.Time
	return func() ([]*Client, error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.After(until) || until.Sub(now) > memory {
			known, failure = readClients(file, home)
			until = time.Now().Add(memory)
		}
		return known, failure
	}
}

func readClients(file, home string) ([]*Client, error) {
	if err := safedir.Check(file); err != nil { // a user who can write there decides which clients get credentials
		return nil, err
	}
	text, err := safedir.ReadFile(file)
	if err != nil {
		return nil, err
	}
	clients, err := parseClients(file, text)
	if err != nil {
		return nil, err
	}
	for i, c := range clients {
		at, _ := awsconfig.Expand(c.TokenFile, home)
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(file), at)
		}
		token, err := ReadToken(at)
		if err != nil {
			return nil, err
		}
		if err := CheckToken(at, token); err != nil {
			return nil, err
		}
		if c.TokenFile, c.hash = at, sha256.Sum256([]byte(token)); clientWith(clients[:i], token) != nil {
			return nil, &RefusedError{"client " + c.Name + " in " + file + " has the token of another one"}
		}
	}
	return clients, nil
}

// parseClients reads the text of such a file.
func parseClients(file string, text []byte) (clients []*Client, err error) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		problem := ""
		words := strings.TrimSpace(string(line))
		switch name, isHeader := strings.CutPrefix(words, "["); {
		case words == "" || strings.HasPrefix(words, "#"):
		case isHeader:
			name, closed := strings.CutSuffix(name, "]")
			c := &Client{Name: strings.TrimSpace(name)}
			if problem = c.named(clients); !closed {
				problem = "a header ends in ]"
			}
			clients = append(clients, c)
		case len(clients) == 0:
			problem = "this is in no section: each client has one, such as [laptop]"
		default:
			problem = clients[len(clients)-1].set(words)
		}
		if problem != "" {
			return nil, &RefusedError{fmt.Sprintf("%s:%d: %s", file, number, problem)}
		}
	}
	for _, c := range clients {
		if c.TokenFile == "" || !c.limited {
			return nil, &RefusedError{fmt.Sprintf("%s: client %s has no %s", file, c.Name, cmp.Or(map[bool]string{true: "token_file"}[c.TokenFile == ""], "allow"))}
		}
	}
	return clients, nil
}

// named says what is wrong with the name of a client, after those before it.
func (c *Client) named(before []*Client) string {
	switch {
	case c.Name == "" || len(c.Name) > 64 || strings.ContainsFunc(c.Name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`[]"\`, r) }):
		return "a client's name has 1 to 64 characters, and no spaces in it"
	case slices.ContainsFunc(before, func(other *Client) bool { return other.Name == c.Name }):
		return "there are two clients of this name"
	}
	return ""
}

// set reads "key = value", and says what is wrong with it.
func (c *Client) set(line string) string {
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	switch {
	case !ok || value == "":
		return "this is not KEY = VALUE"
	case key == "token_file" && c.TokenFile == "":
		c.TokenFile = value
	case key == "allow" && !c.limited:
		var err error
		if c.Allow, err = agent.ParseAllow(agent.Words(value)); err != nil {
			return err.Error()
		}
		c.limited = true
	case key == "until" && c.Until.IsZero():
		var err error
		if c.Until, err = time.Parse(time.RFC3339, value); err != nil || c.Until.IsZero() { // zero: no end
			return value + " is not a time such as 2026-12-24T18:00:00Z"
		}
	default:
		return "a client has token_file, allow and until, each once"
	}
	return ""
}

// RoleOf reads a path: /profile/NAME or /role/ACCOUNT/ROLE. allows says whether a rule
// allows what has that kind and name. The error is a [*Fault] for the client.
func (c *Client) RoleOf(path string, allows func(rule agent.Rule, kind, name string) bool) (kind, name string, err error) {
	kind, name = split(path)
	switch {
	case name == "" || kind != "profile" && kind != "role":
		return "", "", &Fault{http.StatusNotFound, "NotFound", "there is nothing here: ask for /profile/NAME or /role/ACCOUNT/ROLE"}
	case !c.Allow.All && !allows(c.Allow, kind, name):
		return "", "", &Fault{http.StatusForbidden, "NotAllowed", kind + " " + name + " is not among those that this endpoint serves"}
	}
	return kind, name, nil
}

func split(path string) (kind, name string) {
	kind, name, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return kind, name
}

// Example is the path of something that the client may get: the first that is no
// pattern, or else the first of the profiles that there are which allows says it may
// get. With none of them it is one that clients have to replace.
func (c *Client) Example(profiles []string, allows func(rule agent.Rule, profile string) bool) string {
	for _, pattern := range c.Allow.Patterns {
		if kind, name, _ := strings.Cut(pattern, ":"); !strings.ContainsAny(name, `*?[\`) {
			return "/" + kind + "/" + name
		}
	}
	for _, name := range profiles {
		if c.Allow.All || allows(c.Allow, name) {
			return "/profile/" + name
		}
	}
	return "/profile/NAME"
}
