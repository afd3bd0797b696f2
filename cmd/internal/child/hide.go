package child

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
)

// Hidden is what keeps the profile "default" from winning over an endpoint, which
// every SDK asks last.
type Hidden struct {
	Config      string // a copy without what gives that profile credentials; "": none is needed
	Credentials bool   // the file is not to be seen: a copy would have keys in it
	// The files that the environment names.
	ConfigPath, CredentialsPath string
}

// HideDefault looks what must be hidden from a command with this environment. A copy
// of its config file is kept in dir.
func HideDefault(e Environment, dir safedir.Dir) (hidden Hidden, err error) {
	if hidden.ConfigPath, hidden.CredentialsPath, err = awsconfig.Paths(e.Get, awsconfig.Home(e.Get)); err != nil {
		return hidden, err
	}
	text, found, err := withoutDefault(hidden.ConfigPath, false)
	if err == nil && found {
		hidden.Config, err = keep(dir, hidden.ConfigPath, text)
	}
	if err == nil {
		_, hidden.Credentials, err = withoutDefault(hidden.CredentialsPath, true)
	}
	return hidden, err
}

// Settings are the variables that hide it.
func (h *Hidden) Settings() (all []Setting) {
	if h.Config != "" {
		all = append(all, Setting{Name: "AWS_CONFIG_FILE", Value: h.Config})
	}
	if h.Credentials {
		all = append(all, Setting{Name: "AWS_SHARED_CREDENTIALS_FILE", Value: os.DevNull})
	}
	return all
}

func withoutDefault(path string, credentials bool) (text []byte, found bool, err error) {
	text, err = safedir.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	text, found = awsconfig.WithoutDefault(text, credentials)
	return text, found, nil
}

// keep keeps the copy of a config file: one for each, so that none has to be
// removed.
func keep(dir safedir.Dir, path string, text []byte) (copied string, err error) {
	hash := sha256.Sum256([]byte(path))
	name := hex.EncodeToString(hash[:8])
	return dir.Path(name), dir.WriteUnsynced(name, text)
}
