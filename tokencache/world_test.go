package tokencache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// The test binary is also the other processes of a test.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := roles[role](); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// A connection to a D-Bus lasts as long as the process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/godbus/dbus/v5.newConn.func1"),
		goleak.IgnoreAnyFunction("github.com/godbus/dbus/v5.(*Conn).inWorker"))
}

// A world is what the processes of one machine share, and the service that
// they call. A process is a Session of its own.
type world struct {
	*testing.T
	server  *idctest.Server
	keyring keyring.Keyring
	dir     string
	client  *http.Client

	mu  sync.Mutex
	log bytes.Buffer // of all processes, at debug level
}

func newWorld(t *testing.T) *world {
	t.Helper()
	m := &world{T: t, server: idctest.New(), keyring: new(keyring.Memory), dir: t.TempDir()}
	m.server.AutoApprove, m.server.SessionLife = true, 1000*time.Hour
	m.client = m.server.Client()
	return m
}

// inBubble runs a test in a bubble of time, on a machine where nobody has
// signed in.
func inBubble(t *testing.T, test func(m *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { newWorld(t).live(test) })
}

// onWorld is inBubble where somebody has signed in to the session corp.
func onWorld(t *testing.T, test func(m *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newWorld(t)
		m.signIn(m.session())
		m.live(test)
	})
}

// live runs a test to the end of its consequences. Afterwards neither the log
// nor a file may have a secret in it.
func (m *world) live(test func(m *world)) {
	m.Helper()
	test(m)
	time.Sleep(5 * time.Minute) // what nobody waits for any more ends by itself
	m.keepsSecrets()
}

// session is the session corp in another process.
func (m *world) session() *Session { return m.named("corp") }

func (m *world) named(name string) *Session {
	return &Session{
		Name:    name,
		Config:  oidc.Config{StartURL: m.server.StartURL, Region: m.server.Region, HTTPClient: m.client},
		Keyring: m.keyring, StateDir: filepath.Join(m.dir, "state"), CacheDir: filepath.Join(m.dir, "cache"),
		Logger: slog.New(slog.NewTextHandler(m, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// sessions are n processes.
func (m *world) sessions(n int) []*Session {
	var all []*Session
	for range n {
		all = append(all, m.session())
	}
	return all
}

// store is where corp's things are, as another process sees it.
func (m *world) store() *store {
	m.Helper()
	st, err := m.session().open()
	if err != nil {
		m.Fatal(err)
	}
	return st
}

// Write takes a line of the log.
func (m *world) Write(line []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.Write(line)
}

func byCode(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
	return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
}

func (m *world) signIn(s *Session) {
	m.Helper()
	if err := s.SignIn(m.Context(), byCode); err != nil {
		m.Fatal(err)
	}
}

// token returns the access token that a process gets.
func (m *world) token(s *Session) string { m.Helper(); return m.instead(s, "") }

// instead is token for a caller who has had one refused.
func (m *world) instead(s *Session, refused string) string {
	m.Helper()
	tok, err := s.TokenAfter(m.Context(), refused)
	if err != nil {
		m.Fatal(err)
	}
	if tok.AccessToken == "" || !time.Now().Before(tok.Expiry) {
		m.Errorf("got %v, which is over", tok)
	}
	return tok.AccessToken
}

// fails returns the error that a process gets for a token.
func (m *world) fails(s *Session) error {
	m.Helper()
	tok, err := s.Token(m.Context())
	if err == nil {
		m.Fatalf("got %v, want an error", tok)
	}
	return err
}

// renews fails unless there are as many renewals while do runs.
func (m *world) renews(want int, do func()) {
	m.Helper()
	const op = "CreateToken:refresh_token"
	before := m.server.Count(op)
	do()
	if got := m.server.Count(op) - before; got != want {
		m.Errorf("%d renewals, want %d", got, want)
	}
}

// asksNothing fails if the service is called at all while do runs.
func (m *world) asksNothing(do func()) {
	m.Helper()
	before := m.server.Total()
	do()
	if got := m.server.Total() - before; got != 0 {
		m.Errorf("%d calls, want none", got)
	}
}

// together runs do in n goroutines at once, and waits for them.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// raw is the content of corp's item in the keyring.
func (m *world) raw() string {
	m.Helper()
	text, err := m.keyring.Get(m.Context(), m.store().nameOf(theTokens))
	if err != nil {
		m.Fatal(err)
	}
	return text
}

func (m *world) item() *item {
	m.Helper()
	it := new(item)
	if err := json.Unmarshal([]byte(m.raw()), it); err != nil {
		m.Fatal(err)
	}
	return it
}

// change changes the item as a program would that knows nothing of our locks.
func (m *world) change(do func(*item)) {
	m.Helper()
	it := m.item()
	do(it)
	if err := m.store().writeItem(m.Context(), it); err != nil {
		m.Fatal(err)
	}
}

// sameItem fails unless do leaves the item as it is, to the byte.
func (m *world) sameItem(do func()) {
	m.Helper()
	before := m.raw()
	do()
	if m.raw() != before {
		m.Error("the item in the keyring has changed")
	}
}

// works fails unless the login gives a token now, and, when that has ended,
// another.
func (m *world) works() {
	m.Helper()
	m.token(m.session())
	time.Sleep(2 * time.Hour)
	m.token(m.session())
}

// files are the names of all files below a directory of the machine.
func (m *world) files(sub string) []string {
	m.Helper()
	var names []string
	err := filepath.WalkDir(filepath.Join(m.dir, sub), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	if err != nil {
		m.Fatal(err)
	}
	return names
}

// keepsSecrets looks for secrets in the log and in the files.
func (m *world) keepsSecrets() {
	m.Helper()
	m.mu.Lock()
	m.hasNoSecret("the log", m.log.String())
	m.mu.Unlock()
	for _, name := range append(m.files("state"), m.files("cache")...) {
		data, err := os.ReadFile(name)
		if err != nil {
			m.Fatal(err)
		}
		m.hasNoSecret(name, string(data))
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			m.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}

func (m *world) hasNoSecret(where, text string) {
	m.Helper()
	for _, secret := range append(m.server.Secrets(), m.server.Marker()) {
		if strings.Contains(text, secret) {
			m.Fatalf("%s has the secret %.12s… in it: %s", where, secret, text)
		}
	}
}

func (m *world) state() safedir.Dir { return safedir.Dir(filepath.Join(m.dir, "state")) }

func isUnavailable(err error) *ServiceError {
	unavailable, _ := errors.AsType[*ServiceError](err)
	return unavailable
}

// A watched keyring lets a test meddle with each call, before it and after it.
type watched struct {
	keyring.Keyring
	before, after func(ctx context.Context, op, item string) error
}

func (w *watched) call(ctx context.Context, op, item string, do func() error) error {
	if w.before != nil {
		if err := w.before(ctx, op, item); err != nil {
			return err
		}
	}
	err := do()
	if err == nil && w.after != nil {
		err = w.after(ctx, op, item)
	}
	return err
}

func (w *watched) Get(ctx context.Context, item string) (secret string, err error) {
	err = w.call(ctx, "get", item, func() error {
		secret, err = w.Keyring.Get(ctx, item)
		return err
	})
	return secret, err
}

func (w *watched) Set(ctx context.Context, item, secret string) error {
	return w.call(ctx, "set", item, func() error { return w.Keyring.Set(ctx, item, secret) })
}

func (w *watched) Delete(ctx context.Context, item string) error {
	return w.call(ctx, "delete", item, func() error { return w.Keyring.Delete(ctx, item) })
}

// watch puts a watched keyring before the machine's.
func (m *world) watch() *watched {
	w := &watched{Keyring: m.keyring}
	m.keyring = w
	return w
}

// broken is what a keyring says that does not work.
func broken(kind error) error {
	return &keyring.Error{Keyring: "memory", Op: "use", Kind: kind, Detail: "by order of the test"}
}

// always makes a hook that fails calls of op, or all if op is "".
func always(op string, kind error) func(context.Context, string, string) error {
	return func(_ context.Context, called, _ string) error {
		if op == "" || called == op {
			return broken(kind)
		}
		return nil
	}
}

// nameOf is what an item is called in a keyring.
func (st *store) nameOf(what theItem) string {
	name, _, _ := st.itemName(what)
	return name
}

// within is a session from the inside.
func within(s *Session) inside.Session {
	in, err := inside.Of[inside.Session](s)
	if err != nil {
		panic(err)
	}
	return in
}

// ring is a keyring of package keyring.
func ring(name string, o keyring.Options) keyring.Keyring {
	k, err := keyring.New(name, o)
	if err != nil {
		panic(err)
	}
	return k
}
