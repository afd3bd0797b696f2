// Package environ reads the environment of another process. It is not part of package
// lineage, which every answer loads, because the code that reads an environment on
// Windows is slow to start.
package environ

import (
	"strings"

	"github.com/credproc/credproc/internal/safedir"
)

// Lookup returns what looks up variables in an environment, as [Of] returns it. Of two
// of one name the first counts, as for programs in C.
func Lookup(env []string) func(name string) string {
	return func(name string) string {
		for _, v := range env {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// short returns an error that says that a file or memory is lacking to look, and nil
// for any other: the system does not tell.
func short(err error) error {
	if safedir.IsShort(err) {
		return err
	}
	return nil
}
