// Package layout says where an installation keeps what it stores, under which names,
// and how credentials are written and judged. The long way, which fetches them, and
// the short one, which only prints what is stored, both use it.
//
// Names of files and keychain items are hashes: they reveal nothing, and are allowed
// everywhere. What is hashed must not change, or logins are not found any more.
package layout

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/credproc/credproc/internal/ospath"
	"github.com/credproc/credproc/internal/sealed"
)

// Service returns the name in keychains and directories of a program that
// calls itself id: credproc if that is "".
func Service(id string) string { return cmp.Or(id, "credproc") }

// Variable returns the environment variable of a setting, such as "key_file", of
// a program that calls itself id: CREDPROC_KEY_FILE.
func Variable(id, setting string) string { return strings.ToUpper(Key(id, setting)) }

// Key returns the key of a setting in the config file: credproc_key_file.
func Key(id, setting string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, Service(id)+"_"+setting)
}

// DefaultDirs returns where a program named id (credproc if "") keeps its
// state and its cache. It fails if the home directory is unknown or relative, since
// each working directory would then have logins of its own. On Linux both paths have a
// component made from /etc/machine-id: a home directory shared by several hosts must
// not mix what their keychains hold.
func DefaultDirs(id string) (state, cache string, err error) {
	id = Service(id)
	cache, err = os.UserCacheDir()
	if err != nil {
		return "", "", err
	}
	switch runtime.GOOS {
	case "windows":
		if !ospath.IsAbs(cache) {
			return "", "", fmt.Errorf("LocalAppData is %q: it must be an absolute path", cache)
		}
		return ospath.Join(cache, id, "state"), ospath.Join(cache, id, "cache"), nil
	case "darwin":
		state, err = os.UserConfigDir()
	default:
		state, err = xdgState()
	}
	if err == nil && !(ospath.IsAbs(state) && ospath.IsAbs(cache)) {
		home, _ := os.UserHomeDir()
		err = fmt.Errorf("the home directory is %q: HOME must be an absolute path", home)
	}
	host := machine()
	return ospath.Join(state, id, host), ospath.Join(cache, id, host), err
}

func xdgState() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); ospath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return ospath.Join(home, ".local", "state"), err
}

func machine() string {
	if runtime.GOOS != "linux" {
		return ""
	}
	// Opened without blocking, and read at once, it costs six system calls less.
	f, err := os.OpenFile("/etc/machine-id", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	data := make([]byte, 64) // of 33
	n, err := f.Read(data)
	if err != nil {
		return ""
	}
	data = data[:n]
	// The ID itself is not to be spread (machine-id(5)).
	sum := sha256.Sum256(append([]byte("credproc machine "), data...))
	return hex.EncodeToString(sum[:6])
}

// DirsIn returns the directories below one that the user has named.
func DirsIn(dir string) (state, cache string) {
	return ospath.Join(dir, "state"), ospath.Join(dir, "cache")
}

// PlaintextDir returns where the plaintext keyring has its files.
func PlaintextDir(state string) string { return ospath.Join(state, "plaintext") }

// LocksDir returns where the lock files are.
func LocksDir(state string) string { return ospath.Join(state, "locks") }

// SessionIdentity returns what tells one session from all others. startURL is
// the normalized one. The files of the session have [sealed.Name] of it in
// their names.
func SessionIdentity(endpoint, portalEndpoint, startURL, region, name string) string {
	return sealed.Identity("session", endpoint, portalEndpoint, startURL, region, name)
}

// SessionItem returns the keyring item of a session's tokens. The identity of
// the state directory (see package dirid) is part of the name, so that a copy, a
// sandbox or a test with its own never touches this one's login.
func SessionItem(dirID, session string) string {
	return "session-" + sealed.Name(sealed.Identity(dirID, session))
}

// KeyItem returns the keyring item of the sealing key, which is one for all
// sessions of a state directory.
func KeyItem(dirID string) string { return "key-" + sealed.Name(sealed.Identity(dirID)) }

// IsItem reports whether a name is one that SessionItem or KeyItem returned.
func IsItem(name string) bool {
	return strings.HasPrefix(name, "session-") || strings.HasPrefix(name, "key-")
}

// CacheName returns the name of a keyring item in the cache of keys.
func CacheName(service, item string) string { return service + ":" + item }

// RecordIdentity returns what tells something fetched with a session's login
// from all else.
func RecordIdentity(session string, words []string) string {
	return sealed.Identity(append([]string{"record", session}, words...)...)
}

// RoleWords are the words of the record with the credentials of a role.
func RoleWords(accountID, roleName string) []string { return []string{"role", accountID, roleName} }

// RecordFile returns where in the cache directory a record lies.
func RecordFile(session, record string) (dir, name string) {
	return sealed.Name(session), sealed.Name(record)
}
