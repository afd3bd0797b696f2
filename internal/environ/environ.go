// Package environ reads the environment of another process. It is not part of package
// lineage, which every answer loads, because the code that reads an environment on
// Windows is slow to start.
package environ

import "strings"

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
