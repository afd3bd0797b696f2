package credproc

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// A damaged machine goes back, after each damage, to all that it stored at one
// moment, tokens too. The service gives the same refresh token again and again,
// so that it has the same to say each time.
type damaged struct {
	*machine
	files map[string]string // by path below dir
	use   func() error      // what a process does with what is stored
	known map[string]string // roles by the access keys that the service has named
}

// A moment is what a machine is in the middle of, and what processes then do.
type moment struct {
	begin func(d *damaged)
	use   func(d *damaged) error
	// files are what must be there, by how their names end, so that a moment
	// without them is no proof.
	files []string
}

var moments = map[string]moment{
	"at rest": {
		begin: func(d *damaged) {},
		use:   (*damaged).reads,
		files: []string{".json", ".client", "session-", "key-"},
	},
	"in a renewal that was cut short": {
		begin: func(d *damaged) {
			time.Sleep(2 * time.Hour)
			d.keyring = cutShort{d.keyring}
			d.session().Token(d.Context())
			d.keyring = d.keyring.(cutShort).Keyring
		},
		use:   (*damaged).reads,
		files: []string{".journal", ".json", ".client", "session-"},
	},
	"in an outage": {
		begin: func(d *damaged) {
			time.Sleep(2 * time.Hour)
			d.server.Fault("CreateToken", idctest.Fault{Status: 500})
			d.admin().Retrieve(d.Context())
			d.server.ClearFaults()
		},
		use:   (*damaged).reads,
		files: []string{".failure"},
	},
	"with tokens that are refused at birth": {
		begin: func(d *damaged) {
			d.server.Fault("GetRoleCredentials", idctest.Fault{Code: "UnauthorizedException", Description: "Session token not found or invalid"})
			d.role("222222222222", "Admin").Retrieve(d.Context())
			d.server.ClearFaults()
		},
		use:   (*damaged).reads,
		files: []string{".verdict"},
	},
	"after the session has ended": {
		begin: func(d *damaged) {
			time.Sleep(2 * time.Hour)
			d.server.EndSessions()
			d.admin().Retrieve(d.Context())
		},
		use: func(d *damaged) error {
			c, err := d.admin().Retrieve(d.Context())
			if err == nil {
				d.Errorf("an ended session gives %s", d.identity(c))
			}
			return err
		},
		files: []string{".ended"},
	},
	"with a code that nobody has confirmed": {
		begin: func(d *damaged) {
			if _, err := d.session().SignOut(d.Context()); err != nil {
				d.Fatal(err)
			}
			d.server.Set(func(s *idctest.Server) { s.AutoApprove = false })
			ctx, cancel := context.WithTimeout(d.Context(), 10*time.Second)
			defer cancel()
			d.session().SignInByItself(ctx, func(oidc.DeviceCode, bool) error { return nil })
			d.server.Set(func(s *idctest.Server) { s.AutoApprove = true })
		},
		use: func(d *damaged) error {
			err := d.session().SignInByItself(d.Context(), func(oidc.DeviceCode, bool) error { return nil })
			if err != nil {
				return err
			}
			return d.reads()
		},
		files: []string{".pending"},
	},
}

// cutShort is the keyring of a process that ends before it can store a login.
type cutShort struct{ keyring.Keyring }

func (cutShort) Set(context.Context, string, string) error {
	return &keyring.Error{Keyring: "plaintext", Op: "store", Kind: keyring.ErrUnavailable}
}

// onDamagedMachine runs a test at a moment.
func onDamagedMachine(t *testing.T, at moment, test func(d *damaged)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &machine{T: t, server: idctest.New(), dir: storage(t)}
		m.server.AutoApprove, m.server.SessionLife, m.server.Rotation = true, 100000*time.Hour, idctest.None
		m.keyring = ring("plaintext", keyring.Options{Dir: m.dir + "/state/keyring"})
		d := &damaged{machine: m, known: map[string]string{}}
		m.signIn(m.session())
		m.get(m.admin())
		m.get(m.role("111111111111", "ReadOnly"))
		if _, err := accounts(m.Context(), m.session(), true); err != nil {
			t.Fatal(err)
		}
		at.begin(d)
		d.use = func() error { return at.use(d) }
		d.files = d.read()
		test(d)
		time.Sleep(time.Minute)
	})
}

// storage is a directory in memory, where there is one: thousands of files are
// written.
func storage(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "credproc-damage-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// read returns what is stored, but for lock files and those who hold them.
func (d *damaged) read() map[string]string {
	d.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".lock") || strings.HasSuffix(path, ".holder") {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return files
}

// store makes files what is stored.
func (d *damaged) store(files map[string]string) {
	d.Helper()
	now := d.read()
	for path := range now {
		if _, stays := files[path]; !stays {
			os.Remove(path)
		}
	}
	for path, text := range files {
		if old, there := now[path]; there && old == text {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			d.Fatal(err)
		}
	}
}

// reads asks for two roles. What comes has to be those.
func (d *damaged) reads() error {
	d.Helper()
	for _, role := range []string{"Admin", "ReadOnly"} {
		c, err := d.role("111111111111", role).Retrieve(d.Context())
		if err != nil {
			if c.HasKeys() {
				d.Errorf("credentials and the error %v", err)
			}
			return err
		}
		d.isRole(c, role)
	}
	return nil
}

func (d *damaged) isRole(c aws.Credentials, role string) {
	d.Helper()
	if d.known[c.AccessKeyID] == role {
		return
	}
	d.known[c.AccessKeyID] = role
	if got := d.identity(c); !strings.Contains(got, "::111111111111:assumed-role/AWSReservedSSO_"+role+"_") {
		d.Fatalf("role %s is %s", role, got)
	}
}

// survives fails unless a file with other content leads to a miss or a clear
// error, and, once it is as it was, to a login without anybody's help.
func (d *damaged) survives(path, text, how string) {
	d.Helper()
	files := maps.Clone(d.files)
	files[path] = text
	d.store(files)
	calls := d.server.Total()
	err := d.use()
	if err != nil && !clear(err) {
		d.Fatalf("%s of %s: the error says nothing: %T %v", how, d.short(path), err, err)
	}
	now := d.read()
	if maps.Equal(now, files) && d.server.Total() == calls {
		return // nothing has happened
	}
	if now[path] == text {
		now[path] = d.files[path]
		d.store(now)
	}
	time.Sleep(2 * time.Minute) // until no failure is shared any more
	signIns := d.server.Count("CreateToken:device_code")
	if again := d.use(); (again != nil) != (d.ended()) {
		d.Fatalf("%s of %s led to %v, and afterwards to %v", how, d.short(path), err, again)
	}
	if n := d.server.Count("CreateToken:device_code"); n != signIns && !d.pending() {
		d.Fatalf("%s of %s cost a sign-in", how, d.short(path))
	}
}

func (d *damaged) has(how string) bool {
	for path := range d.files {
		if called(path, how) {
			return true
		}
	}
	return false
}

// called reports whether a file's name starts or ends so.
func called(path, how string) bool {
	return strings.HasSuffix(path, how) || strings.HasPrefix(filepath.Base(path), how)
}

func (d *damaged) ended() bool   { return d.has(".ended") }
func (d *damaged) pending() bool { return d.has(".pending") }

func (d *damaged) short(path string) string {
	name, _ := filepath.Rel(d.dir, path)
	return name
}

// clear reports whether an error is one that callers can tell apart.
func clear(err error) bool {
	return isA[*tokencache.RecordError](err) || isA[*keyring.Error](err) || isA[*tokencache.ServiceError](err) ||
		isA[*tokencache.SignInError](err) || isA[*NoAccessError](err) || isA[*awsapi.Error](err)
}

func TestAFileThatIsDamagedAnywhereCostsNoLogin(t *testing.T) {
	for name, at := range moments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onDamagedMachine(t, at, func(d *damaged) {
				for _, suffix := range at.files {
					if !d.has(suffix) {
						t.Errorf("nothing is stored that is called %s: %q", suffix, slices.Sorted(maps.Keys(d.files)))
					}
				}
				for path, text := range d.files {
					if name != "at rest" && !slices.ContainsFunc(at.files, func(how string) bool { return called(path, how) }) {
						continue // as at rest
					}
					for i := range len(text) {
						if telling(text, i) {
							changed := []byte(text)
							changed[i] ^= 1
							d.survives(path, string(changed), "a flip")
						}
						if i%37 == 0 {
							d.survives(path, text[:i], "a truncation")
						}
					}
				}
			})
		})
	}
}

// telling reports whether text is damaged at i, with all that follows: every so
// often. What readers make of it at each byte, tokencache tests.
func telling(text string, i int) bool {
	if strings.HasPrefix(text, "SEAL") {
		return i == 4 || i == 5 || i == len(text)/2 || i == len(text)-1
	}
	return i%7 == len(text)%7
}
