package shell

import (
	"fmt"
	"strings"

	"github.com/credproc/credproc/cmd/internal/child"
)

// A Left is a variable that is not set, since its value cannot be written for a shell.
type Left struct {
	Name string
	Err  error
}

func withNames(line string, k child.Kept) string {
	return strings.NewReplacer("NAME", k.Name, "KEPT", k.In).Replace(line)
}

// Steps is what the shell of that name has to do for a change. A value that cannot be
// written for it is an error if it belongs to the credentials; any other is left out.
func Steps(name string, change child.Change) (text string, left []Left, err error) {
	sh := Shells[name]
	var removed []string
	var kept, sets strings.Builder
	for _, k := range change.Keep {
		kept.WriteString(withNames(sh.keep, k))
	}
	for _, s := range change.Settings {
		quoted, err := sh.Quoted(s.Value)
		switch {
		case (s.Value != "" || s.Empty) && err == nil:
			fmt.Fprintf(&sets, sh.Line+"\n", s.Name, quoted)
			continue
		case err != nil && (child.IsSecret(s.Name) || s.Name == child.EndpointURL):
			return "", left, fmt.Errorf("%s cannot be printed for %s: %w", s.Name, name, err)
		case err != nil:
			left = append(left, Left{s.Name, err})
		}
		removed = append(removed, s.Name)
	}
	for _, k := range change.Restore {
		sets.WriteString(withNames(sh.restore, k))
	}
	return kept.String() + sh.Unset(removed) + sets.String(), left, nil
}
