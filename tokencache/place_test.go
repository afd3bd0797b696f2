package tokencache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/dirid"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// in is the same machine with its directories elsewhere.
func (m *world) in(dir string) *world {
	return &world{T: m.T, server: m.server, keyring: m.keyring, dir: dir, client: m.client}
}

// elsewhere returns a path for the machine's directories that nothing has.
func (m *world) elsewhere() string { return filepath.Join(m.TempDir(), "elsewhere") }

func (m *world) must(errs ...error) {
	m.Helper()
	if err := errors.Join(errs...); err != nil {
		m.Fatal(err)
	}
}

// copied is the machine with copies of its directories.
func (m *world) copied() *world {
	m.Helper()
	dir := m.elsewhere()
	m.must(os.CopyFS(dir, os.DirFS(m.dir)))
	m.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	}))
	return m.in(dir)
}

// asksToSignIn fails unless a process is told to sign in, and status says no
// other.
func (m *world) asksToSignIn() {
	m.Helper()
	if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) {
		m.Errorf("got %v", err)
	}
	if status, err := m.session().Status(); status != nil || err != nil {
		m.Errorf("status says %+v, %v", status, err)
	}
	if logins, err := Logins(m.session().StateDir, ""); len(logins) > 0 || err != nil {
		m.Errorf("there are %d logins, %v", len(logins), err)
	}
}

func (m *world) identity() string {
	m.Helper()
	found, err := dirid.Look(m.state())
	m.must(err)
	return found.ID
}

func TestADirectoryUnderTwoNamesHasOneLogin(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		link := m.elsewhere()
		m.must(os.Symlink(m.dir, link))
		other := m.in(link)
		m.renews(0, func() { other.token(other.session()) })
		for _, here := range []*world{other, m, other} {
			time.Sleep(due)
			m.renews(1, func() { here.token(here.session()); m.token(m.session()); other.token(other.session()) })
		}
		if logins, err := Logins(other.session().StateDir, ""); len(logins) != 1 || err != nil {
			t.Errorf("by the other name there are %d logins, %v", len(logins), err)
		}
		other.signIn(other.session())
		m.works()
		if was, err := m.session().SignOut(m.Context()); !was || err != nil {
			t.Errorf("signed out: %v, %v", was, err)
		}
		other.asksToSignIn()
	})
}

func TestALoginMovesWithItsDirectory(t *testing.T) {
	onWorld(t, func(m *world) {
		id, away := m.identity(), m.in(m.elsewhere())
		for _, move := range [][2]*world{{m, away}, {away, m}, {m, away}} {
			from, to := move[0], move[1]
			m.must(os.Rename(from.dir, to.dir))
			m.renews(0, func() { to.token(to.session()) })
			if found, err := dirid.Look(to.state()); found.State != dirid.Known || found.ID != id || err != nil {
				t.Errorf("the identity is in state %d, %v", found.State, err)
			}
			to.works()
		}
		away.signIn(away.session())
		away.works()
	})
}

func TestACopyOfADirectoryAsksForASignInOfItsOwn(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		twin := m.copied()
		m.sameItem(func() {
			m.asksNothing(twin.asksToSignIn)
			if twin.identity() == m.identity() || twin.identity() == "" {
				t.Errorf("the copy has the identity %q", twin.identity())
			}
			if was, err := twin.session().SignOut(m.Context()); was || err != nil {
				t.Errorf("the copy is signed out: %v, %v", was, err)
			}
			twin.signIn(twin.session())
		})
		for range 2 {
			m.works()
			twin.works()
		}
		m.must(os.RemoveAll(m.dir)) // the copy goes on without it
		twin.works()
	})
}

func TestACopyIsToldByWhateverLooksFirst(t *testing.T) {
	for name, look := range map[string]func(*world) error{
		"status":  func(m *world) error { _, err := m.session().Status(); return err },
		"logins":  func(m *world) error { _, err := Logins(m.session().StateDir, ""); return err },
		"keyring": func(m *world) error { _, err := within(m.session()).KeyringStates(m.Context()); return err },
		"sign-in": func(m *world) error { return m.session().SignIn(m.Context(), byCode) },
		"auto-login": func(m *world) error {
			return m.session().SignInByItself(m.Context(), func(oidc.DeviceCode, bool) error { return nil })
		},
		"twenty both": func(m *world) error { together(20, func(int) { m.session().Token(m.Context()) }); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				twin := m.copied()
				m.sameItem(func() { m.must(look(twin)) })
				if twin.identity() == m.identity() || twin.identity() == "" {
					t.Errorf("the copy has the identity %q", twin.identity())
				}
				m.works()
			})
		})
	}
}

// Nothing says any more what the items are called: there is a sign-in to make,
// and no more.
func TestAnIdentityThatIsLostOrDamagedCostsASignIn(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"lost":    os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"cut off": func(path string) error { return os.Truncate(path, 20) },
		"garbage": func(path string) error { return os.WriteFile(path, []byte("garbage"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				old := m.identity()
				m.must(damage(m.state().Path(dirid.File)))
				m.asksToSignIn()
				s := m.session()
				together(20, func(int) { m.signIn(m.session()) })
				if id := m.identity(); id == old || id == "" {
					t.Errorf("the identity is %q", id)
				}
				m.token(s) // opened before there was one
				m.works()
			})
		})
	}
}

func TestAnIdentityThatCannotBeReadIsNeverReplaced(t *testing.T) {
	onWorld(t, func(m *world) {
		path := m.state().Path(dirid.File)
		good, err := os.ReadFile(path)
		m.must(err)
		for kind, spoil := range map[error]func() error{
			sealed.ErrNewer:        func() error { return os.WriteFile(path, []byte("directory 2 x\n"), 0o600) },
			keyring.ErrUnavailable: func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		} {
			m.must(spoil())
			m.namesNothing(good, func() {
				for _, err := range []error{m.fails(m.session()), m.session().SignIn(m.Context(), byCode)} {
					if !errors.Is(err, kind) || errors.Is(err, oidc.ErrSignInRequired) || !strings.Contains(err.Error(), path) {
						m.Errorf("%v: %v", kind, err)
					}
				}
			})
			m.must(os.RemoveAll(path), os.WriteFile(path, good, 0o600))
			m.works()
		}
	})
}

// namesNothing is sameItem while nothing tells what the item is called: good is
// what the identity's file says otherwise.
func (m *world) namesNothing(good []byte, do func()) {
	m.Helper()
	w, changed := m.watch(), 0
	w.before = func(_ context.Context, op, _ string) error {
		if op != "get" {
			changed++
		}
		return nil
	}
	do()
	if m.keyring = w.Keyring; changed > 0 {
		m.Errorf("%d items changed, of the directory %s", changed, good)
	}
}

// A directory that cannot be written, and the item names of a copy in it.
func TestACopyThatCannotBeWrittenLeavesTheOriginalAlone(t *testing.T) {
	onWorld(t, func(m *world) {
		twin := m.copied()
		path := filepath.Join(twin.dir, "state")
		m.must(os.Chmod(path, 0o500))
		if os.Geteuid() == 0 { // to whom modes are nothing
			m.must(os.Chmod(path, 0o700), os.Chown(path, 12345, 12345))
		}
		m.sameItem(func() { m.asksNothing(twin.asksToSignIn) })
		if found, err := dirid.Look(twin.state()); found.State != dirid.Copied || err != nil {
			t.Errorf("it is in state %d, %v", found.State, err)
		}
		m.must(os.Chown(path, os.Geteuid(), -1), os.Chmod(path, 0o700))
		m.works()
	})
}

// A login that is no more leaves no secret behind in the files of a copy.
func TestACopyKeepsNoTokensOfTheOriginal(t *testing.T) {
	onWorld(t, func(m *world) {
		m.keyring = nil
		plain := func(m *world) *Session {
			s := m.session()
			s.NewLoginKeyring = "plaintext"
			return s
		}
		m.signIn(plain(m))
		twin := m.copied()
		if err := twin.fails(plain(twin)); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
		for _, dir := range []string{"plaintext", ""} {
			names, err := twin.state().Sub(dir).Names()
			if left := slices.DeleteFunc(names, func(n string) bool { return !layout.IsItem(n) && !strings.Contains(n, ".client") }); len(left) > 0 || err != nil {
				t.Errorf("%s: %v is left, %v", dir, left, err)
			}
		}
		twin.signIn(plain(twin))
		m.token(plain(m))
		m.must(os.RemoveAll(m.dir), os.RemoveAll(twin.dir)) // plaintext secrets, as they are
	})
}

func TestTwentyFirstUsesMakeOneIdentity(t *testing.T) {
	inBubble(t, func(m *world) {
		m.asksToSignIn()
		if m.identity() != "" {
			t.Error("a look makes one")
		}
		seen := make([]string, 20)
		together(len(seen), func(i int) {
			m.signIn(m.session())
			seen[i] = m.identity()
		})
		if slices.Sort(seen); seen[0] == "" || seen[0] != seen[len(seen)-1] {
			t.Errorf("identities: %q", seen)
		}
		m.works()
	})
}

// The keyring was brought back from a backup, or shows what another program
// stored: a sign-in is all that helps, and a plain one does.
func TestASignInReplacesALoginThatIsBehind(t *testing.T) {
	for name, signIn := range map[string]func(*world, *Session) error{
		"login": func(m *world, s *Session) error { return s.SignIn(m.Context(), byCode) },
		"auto-login": func(m *world, s *Session) error {
			return s.SignInByItself(m.Context(), func(oidc.DeviceCode, bool) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				old := m.raw()
				time.Sleep(due)
				m.token(m.session())
				m.must(m.keyring.Set(m.Context(), m.store().nameOf(theTokens), old))
				if err := m.session().Renew(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) || !errors.Is(err, errOlder) || errors.Is(err, keyring.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				m.must(signIn(m, m.session()))
				m.works()
			})
		})
	}
}

func TestForgettingTheKeyOfADirectoryWithoutOneIsNoError(t *testing.T) {
	if err := forgetCachedKey(safedir.Dir(t.TempDir()), ""); err != nil {
		t.Error(err)
	}
}

func TestASessionDoesNotUseDirectoriesThatOthersCouldReplace(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	above := filepath.Join(t.TempDir(), "above")
	if err := errors.Join(os.Mkdir(above, 0o700), os.Chmod(above, 0o777)); err != nil {
		t.Fatal(err)
	}
	mine := t.TempDir()
	for _, dirs := range [][2]string{{filepath.Join(above, "state"), mine}, {mine, filepath.Join(above, "cache")}} {
		for _, lax := range []bool{false, true} {
			s := &Session{Name: "corp", Keyring: new(keyring.Memory), StateDir: dirs[0], CacheDir: dirs[1], LaxModes: lax}
			s.Config.StartURL, s.Config.Region = "https://d-1234567890.awsapps.com/start", "us-east-1"
			_, err := s.Status()
			e, unsafe := errors.AsType[*safedir.UnsafeError](err)
			if unsafe == lax || unsafe && e.Path != above {
				t.Errorf("%q, lax %v: %v", dirs, lax, err)
			}
		}
	}
}
