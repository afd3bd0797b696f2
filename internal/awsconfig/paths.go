package awsconfig

import (
	"fmt"
	"os"
	"strings"

	"github.com/credproc/credproc/internal/ospath"
)

// Home returns the home directory: HOME by getenv, or what the system says, or
// "".
func Home(getenv func(string) string) string {
	if home := getenv("HOME"); home != "" {
		return home
	}
	home, _ := os.UserHomeDir()
	return home
}

// Paths returns where the two files are: AWS_CONFIG_FILE and
// AWS_SHARED_CREDENTIALS_FILE by getenv, in which a leading "~/" is home, or
// else ".aws/config" and ".aws/credentials" there.
//
// With home "" it is an error if that leaves the config file without a place.
// credentials is then "" unless it has a place of its own.
func Paths(getenv func(string) string, home string) (config, credentials string, err error) {
	config, err = path(getenv, "AWS_CONFIG_FILE", home, "config")
	if err != nil {
		return "", "", err
	}
	credentials, err = path(getenv, "AWS_SHARED_CREDENTIALS_FILE", home, "credentials")
	if err != nil && getenv("AWS_SHARED_CREDENTIALS_FILE") != "" {
		return "", "", err
	}
	return config, credentials, nil
}

// Expand returns path with a leading "~/" replaced by home, as no shell does it
// in a setting. ok is false where there is no home to put there.
func Expand(path, home string) (expanded string, ok bool) {
	rest, inHome := strings.CutPrefix(path, "~/")
	switch {
	case path == "~":
		rest, inHome = "", true
	case !inHome:
		rest, inHome = strings.CutPrefix(path, "~"+string(os.PathSeparator))
	}
	if !inHome {
		return path, true
	}
	return ospath.Join(home, rest), home != ""
}

func path(getenv func(string) string, name, home, base string) (string, error) {
	file, ok := Expand(getenv(name), home)
	switch {
	case !ok:
		return "", fmt.Errorf("%s is %q, and there is no home directory", name, getenv(name))
	case file != "":
		return file, nil
	case home == "":
		return "", fmt.Errorf("there is no home directory, and %s is not set", name)
	}
	return ospath.Join(home, ".aws", base), nil
}
