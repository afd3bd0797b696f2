package cmd

import (
	"fmt"
	"strings"
	"testing"
)

func TestACommandThatStopsItselfGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		m.env = append(m.env, "PS1=$ ", "TERM=dumb")
		p := m.onTerminal("bash", "--norc", "--noprofile", "-i")
		p.shows("$ ")
		for i, s := range []string{"STOP", "TSTP"} {
			p.types(fmt.Sprintf("credproc %s sh -c 'kill -%s $$; exit %d'; echo in the she\"\"ll %d\n", strings.Join(exec, " "), s, 7+i, i))
			p.shows(fmt.Sprintf("in the shell %d", i))
			p.types("fg; echo status $?\n")
			p.shows(fmt.Sprintf("status %d", 7+i))
		}
		p.types("exit\n")
		p.ends(0)
	})
}

// A terminal may have no shell in it that could continue what is stopped.
func TestAStopIsNoEndWhereNobodyCanContinueIt(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		m.onTerminal("credproc", append(exec, "sh", "-c", `kill -TSTP 0; echo went on; exit 3`)...).ends(3)
	})
}
