package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
)

// hideDefault keeps the profile "default" from winning over an endpoint, which
// every SDK asks last. Of the config file the command sees a copy without what
// gives that profile credentials. Of the credentials file no copy is made, since
// it would have keys in it: the command does not see it at all.
func (r *run) hideDefault(e child.Environment) ([]child.Setting, error) {
	home := e.Get("HOME")
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	config, credentials, err := awsconfig.Paths(e.Get, home)
	if err != nil {
		return nil, err
	}
	var hidden []child.Setting
	if text, found, err := withoutDefault(config, false); err != nil {
		return nil, err
	} else if found {
		copied, err := r.keepConfig(config, text)
		if err != nil {
			return nil, err
		}
		hidden = append(hidden, child.Setting{Name: "AWS_CONFIG_FILE", Value: copied})
		r.Say("%s: profile default in %s has credentials, which SDKs take before those of an endpoint: the command sees a copy of the file without them.", r.name(), config)
	}
	if _, found, err := withoutDefault(credentials, true); err != nil {
		return nil, err
	} else if found {
		hidden = append(hidden, child.Setting{Name: "AWS_SHARED_CREDENTIALS_FILE", Value: os.DevNull})
		r.Say("%s: profile default in %s has credentials, which SDKs take before those of an endpoint: the command does not see that file.", r.name(), credentials)
	}
	return hidden, nil
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

// keepConfig keeps the copy of a config file: one for each, so that none has to
// be removed.
func (r *run) keepConfig(path string, text []byte) (copied string, err error) {
	_, cache, err := dirsOf(r.App, r.config)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(path))
	dir, name := safedir.Dir(cache).Sub("config"), hex.EncodeToString(hash[:8])
	return dir.Path(name), dir.WriteUnsynced(name, text)
}
