package profiles

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
)

// mostForeign is more than any config file of aws-sso-cli has.
const mostForeign = 1 << 20

// AWSSSOPlaces returns how to look up the instances in aws-sso-cli's config file,
// of which its lines in ~/.aws/config have the name only.
//
// https://github.com/synfinatic/aws-sso-cli/blob/main/docs/config.md#ssoconfig
func AWSSSOPlaces(getenv func(string) string) ForeignPlaces {
	home := awsconfig.Home(getenv)
	return func(path, name string) (Place, bool) {
		paths := []string{cmp.Or(path, getenv("AWS_SSO_CONFIG"))}
		if paths[0] == "" {
			xdg := cmp.Or(getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config"))
			paths = []string{filepath.Join(xdg, "aws-sso", "config.yaml"), filepath.Join(home, ".aws-sso", "config.yaml")}
		}
		for _, path := range paths {
			path, ok := awsconfig.Expand(path, home)
			info, err := os.Stat(path)
			if !ok || err != nil || !info.Mode().IsRegular() || info.Size() > mostForeign {
				continue
			}
			if text, err := awsconfig.ReadFile(path); err == nil {
				return awsSSOPlace(string(text), name)
			}
		}
		return Place{}, false
	}
}

// awsSSOPlace reads an instance from YAML as aws-sso-cli writes it, a key on a line:
//
//	SSOConfig:
//	    Default:
//	        SSORegion: us-east-1
//	        StartUrl: https://example.awsapps.com/start
//	DefaultSSO: Default
//
// Whatever else YAML can do is not understood, and then there is no such instance.
func awsSSOPlace(text, name string) (at Place, ok bool) {
	instances, usual := map[string]Place{}, "Default"
	var path yamlPath
	for line := range strings.Lines(text) {
		value, isKey := path.follow(line)
		switch {
		case !isKey:
		case len(path) == 1 && path[0].key == "DefaultSSO":
			usual = cmp.Or(value, usual)
		case len(path) == 3 && path[0].key == "SSOConfig":
			at := instances[path[1].key]
			at.set(path[2].key, value)
			instances[path[1].key] = at
		}
	}
	at = instances[cmp.Or(name, usual)]
	_, err := oidc.NormalizeStartURL(at.StartURL)
	return at, err == nil && awsconfig.CheckRegion(at.Region) == nil
}

// yamlPath leads to a line of YAML, by the keys above it.
type yamlPath []yamlKey

type yamlKey struct {
	indent int
	key    string
}

// follow goes to the next line, and returns the value of its key, if it has one.
func (path *yamlPath) follow(line string) (value string, isKey bool) {
	key, value, isKey := strings.Cut(strings.TrimRight(line, " \t\r\n"), ":")
	bare := strings.TrimLeft(key, " ")
	if !isKey || bare == "" || strings.HasPrefix(bare, "#") || strings.HasPrefix(bare, "- ") {
		return "", false
	}
	above, indent := *path, len(key)-len(bare)
	for len(above) > 0 && above[len(above)-1].indent >= indent {
		above = above[:len(above)-1]
	}
	*path = append(above, yamlKey{indent, plainYAML(bare)})
	return plainYAML(value), true
}

func (at *Place) set(key, value string) {
	switch key {
	case "StartUrl":
		at.StartURL = value
	case "SSORegion":
		at.Region = value
	}
}

// plainYAML is a scalar without its quotes and the comment after it.
func plainYAML(value string) string {
	value = strings.TrimSpace(value)
	if value == "" {
		return ""
	}
	if quote := value[0]; quote == '"' || quote == '\'' {
		if inner, _, closed := strings.Cut(value[1:], string(quote)); closed {
			return inner
		}
	}
	value, _, _ = strings.Cut(value, " #")
	return strings.TrimSpace(value)
}
