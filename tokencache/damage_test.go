package tokencache

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// A storedFile is one of the files of a session, and what reads it.
type storedFile struct {
	// write stores one that says something.
	write func(c *cupboard) error
	// name is its path below the machine's directory.
	name func(c *cupboard) string
	// read returns what a process makes of it: nil where there is nothing that
	// can be read, and otherwise an error or something to compare.
	read func(c *cupboard) (any, error)
}

// A cupboard is a session's store on a disk that errs, with tokens in files.
type cupboard struct {
	*store
	dir string
	ctx context.Context
	it  *item
}

// words are what a record in the cupboard is about.
var words = []string{"role", "111111111111", "Admin"}

func (c *cupboard) recordPath() string {
	dir, name := filepath.Split(c.recordName())
	return filepath.Join("cache", dir, name)
}

func (c *cupboard) recordName() string {
	dir, name := layout.RecordFile(c.identity, c.recordIdentity(words))
	return filepath.Join(dir, name)
}

func (c *cupboard) writesRecord() error {
	label, err := json.Marshal(CachedRole{AccountID: "111111111111", RoleName: "Admin", Fetched: time.Now(), Expiry: time.Now().Add(time.Hour)})
	if err != nil {
		return err
	}
	return c.writeRecord(c.ctx, words, []byte("what was fetched"), label)
}

// orNothing makes an untyped nil of a nil pointer.
func orNothing[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

var storedFiles = map[string]storedFile{
	"the login": {
		write: func(c *cupboard) error { return c.writeItem(c.ctx, c.it) },
		name:  func(c *cupboard) string { return filepath.Join("keyring", c.nameOf(theTokens)) },
		read:  func(c *cupboard) (any, error) { it, err := c.readItem(c.ctx); return orNothing(it), err },
	},
	"the key": {
		write: func(c *cupboard) error { _, err := c.sealingKey(c.ctx, true); return err },
		name:  func(c *cupboard) string { return filepath.Join("keyring", c.nameOf(theKey)) },
		read: func(c *cupboard) (any, error) {
			key, err := c.askKey(c.ctx)
			if err != nil {
				return nil, err
			}
			return key.Text(), nil
		},
	},
	"the index": {
		write: func(c *cupboard) error {
			return c.writeIndex(&index{Version: 1, Session: "corp", StartURL: "https://idc.example/start", Region: "us-east-1", Keyring: "plaintext", Generation: 1, Login: login(c.it.ClientID)})
		},
		name: func(c *cupboard) string { return filepath.Join("state", c.id+".json") },
		read: func(c *cupboard) (any, error) { return orNothing(c.readIndex()), nil },
	},
	"the registration": {
		write: func(c *cupboard) error {
			return c.writeRegistration(c.ctx, oidc.Client{ID: c.it.ClientID, Secret: "a secret", Expiry: time.Now().Add(time.Hour)})
		},
		name: func(c *cupboard) string { return filepath.Join("state", c.registrationFile(c.it.ClientID)) },
		read: func(c *cupboard) (any, error) {
			client, err := c.readRegistration(c.ctx, c.it.ClientID)
			if err != nil {
				return nil, err
			}
			return client, nil
		},
	},
	"the journal": {
		write: func(c *cupboard) error {
			return errors.Join(c.prepareJournal(c.ctx, c.it), c.fillJournal(c.ctx, c.it))
		},
		name: func(c *cupboard) string { return filepath.Join("state", c.journalFile()) },
		read: func(c *cupboard) (any, error) { it, err := c.readJournal(c.ctx); return orNothing(it), err },
	},
	"the mark of an end": {
		write: func(c *cupboard) error { c.markEnded(c.it, false, "by order of the test"); return nil },
		name:  func(c *cupboard) string { return filepath.Join("state", c.id+".ended") },
		read:  func(c *cupboard) (any, error) { return orNothing(c.ended(c.it)), nil },
	},
	"the mark of a refusal": {
		write: func(c *cupboard) error {
			c.writeVerdict(c.it.AccessToken, false)
			return nil
		},
		name: func(c *cupboard) string { return filepath.Join("state", c.id+".verdict") },
		read: func(c *cupboard) (any, error) {
			if c.verdict(c.it.AccessToken) == nil {
				return nil, nil
			}
			return true, nil
		},
	},
	"the pending code": {
		write: func(c *cupboard) error {
			return c.writePending(c.ctx, &oidc.DeviceCode{UserCode: "ABCD-EFGH", Code: "a secret", VerificationURI: "https://idc.example", Expiry: time.Now().Add(time.Hour)})
		},
		name: func(c *cupboard) string { return filepath.Join("state", c.pendingFile()) },
		read: func(c *cupboard) (any, error) { return orNothing(c.readPending(c.ctx)), nil },
	},
	"the denial": {
		write: func(c *cupboard) error { c.markDenied(); return nil },
		name:  func(c *cupboard) string { return filepath.Join("state", c.id+".denied") },
		read: func(c *cupboard) (any, error) {
			if at := c.saidAt(".denied"); !at.IsZero() {
				return at.UnixNano(), nil
			}
			return nil, nil
		},
	},
	"a failure": {
		write: func(c *cupboard) error {
			text := `{"kind":"unavailable","reason":"by order of the test","at":"2000-01-01T00:00:00Z","until":"2000-01-01T00:00:10Z","count":3}`
			return c.locks().Write(c.id+".lock.failure", []byte(text))
		},
		name: func(c *cupboard) string { return filepath.Join("state", "locks", c.id+".lock.failure") },
		read: func(c *cupboard) (any, error) { return orNothing(flight.LastFailure(c.locks(), c.id+".lock")), nil },
	},
	"a record": {
		write: (*cupboard).writesRecord,
		name:  (*cupboard).recordPath,
		read: func(c *cupboard) (any, error) {
			data, err := c.readRecord(c.ctx, words)
			if data == nil {
				return nil, err
			}
			return string(data), err
		},
	},
	"the label of a record": {
		write: (*cupboard).writesRecord,
		name:  (*cupboard).recordPath,
		read: func(c *cupboard) (any, error) {
			roles := c.cachedRoles()
			if len(roles) == 0 {
				return nil, nil
			}
			return roles[0], nil
		},
	},
}

// isSealed are the files where any change makes them unreadable; of the others
// a change may be one of a letter.
var isSealed = map[string]bool{"the registration": true, "the journal": true, "the pending code": true, "a record": true}

func newCupboard(t *testing.T) *cupboard {
	t.Helper()
	// In memory where there is such a directory: thousands of files are written.
	dir, err := os.MkdirTemp("/dev/shm", "credproc-damage-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Session{
		Name: "corp", Config: oidc.Config{StartURL: "https://idc.example/start", Region: "us-east-1"},
		Keyring: ring("plaintext", keyring.Options{Dir: dir + "/keyring"}), StateDir: dir + "/state", CacheDir: dir + "/cache",
	}
	st, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	it := &item{Version: itemVersion, Generation: 1, ClientID: "client", AccessToken: "access", RefreshToken: "refresh", Renewed: time.Now().Unix(), Expiry: time.Now().Add(time.Hour).Unix()}
	c := &cupboard{store: st, dir: dir, ctx: t.Context(), it: it}
	if _, err := st.sealingKey(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return c
}

// with returns what a process makes of a file that has this text in it.
func (c *cupboard) with(t *testing.T, f storedFile, text []byte) (any, error) {
	t.Helper()
	dir, name := filepath.Split(filepath.Join(c.dir, f.name(c)))
	root, err := os.OpenRoot(dir)
	if err == nil {
		err = errors.Join(root.WriteFile(name, text, 0o600), root.Close()) // not synced: thousands follow
	}
	if err != nil {
		t.Fatal(err)
	}
	return f.read(c)
}

func TestEveryFileIsReadWholeOrNotAtAll(t *testing.T) {
	for name, f := range storedFiles {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCupboard(t)
				if err := f.write(c); err != nil {
					t.Fatal(err)
				}
				text, err := safedir.Dir(c.dir).Read(filepath.ToSlash(f.name(c)))
				if err != nil || len(text) < 16 {
					t.Fatalf("%d bytes, %v", len(text), err)
				}
				want, err := c.with(t, f, text)
				if err != nil || want == nil {
					t.Fatalf("it says %v, %v", want, err)
				}
				check := func(how string, i int, changed []byte) {
					t.Helper()
					got, err := c.with(t, f, changed)
					_, isRecord := errors.AsType[*RecordError](err)
					switch {
					case err != nil && (!isRecord || errors.Is(err, oidc.ErrSignInRequired)):
						t.Fatalf("%s %d: %v", how, i, err)
					case err != nil && strings.Contains(err.Error(), c.it.RefreshToken):
						t.Fatalf("%s %d: the error repeats what is stored: %v", how, i, err)
					case err == nil && isSealed[name] && got != nil && !reflect.DeepEqual(got, want):
						t.Fatalf("%s %d: it says %v, not %v", how, i, got, want)
					}
				}
				for i := range text {
					if i <= 13 || !isSealed[name] || i%16 == 0 {
						check("cut at", i, text[:i])
					}
					for bit := range 8 {
						if bit > 0 && i > 13 && isSealed[name] {
							break // the seal makes them alike
						}
						text[i] ^= 1 << bit
						check("flip at", i, text)
						text[i] ^= 1 << bit
					}
				}
				if got, err := c.with(t, f, text); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("as it was, it says %v, %v", got, err)
				}
			})
		})
	}
}

// seedKey opens the seeds of FuzzStored.
const seedKey = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"

// FuzzStored gives each reader whatever there may be in a file.
func FuzzStored(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		file, ok := storedFiles[name]
		if !ok {
			return
		}
		c := newSeedCupboard(t)
		if err := file.write(c); err != nil {
			t.Fatal(err)
		}
		got, err := c.with(t, file, text)
		if _, isRecord := errors.AsType[*RecordError](err); err != nil && !isRecord {
			t.Errorf("%s: %v", name, err)
		}
		if got != nil && err != nil {
			t.Errorf("%s: it says %v and %v", name, got, err)
		}
	})
}

// newSeedCupboard has the key of the seeds.
func newSeedCupboard(t *testing.T) *cupboard {
	t.Helper()
	c := newCupboard(t)
	key, err := sealed.ParseKey(seedKey)
	if err == nil {
		err = c.keyring.Set(t.Context(), c.nameOf(theKey), seedKey)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.keys.Store(key)
	return c
}

// seed returns the text of the seed of FuzzStored for a file.
func seed(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "fuzz", "FuzzStored", strings.ReplaceAll(name, " ", "-")))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	text, err := strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(lines[2], "[]byte("), ")"))
	if err != nil || lines[1] != "string("+strconv.Quote(name)+")" {
		t.Fatalf("%s is no seed: %v", lines[1], err)
	}
	return []byte(text)
}

// Seeds that no reader takes for what it looks for would lead nowhere.
func TestTheSeedsSaySomething(t *testing.T) {
	for name, file := range storedFiles {
		synctest.Test(t, func(t *testing.T) {
			c := newSeedCupboard(t)
			if err := file.write(c); err != nil {
				t.Fatal(err)
			}
			if got, err := c.with(t, file, seed(t, name)); got == nil || err != nil {
				t.Errorf("%s: it says %v, %v", name, got, err)
			}
		})
	}
}
