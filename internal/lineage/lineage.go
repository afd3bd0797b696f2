// Package lineage says what a process is called, and who started it.
package lineage

import "iter"

// most is how far up Above goes: a table of processes may change meanwhile.
const most = 32

// One is a process, and its name.
type One struct {
	PID  int
	Name string
}

// Above yields a process and those above it, as far as the system tells. An error,
// which is that of [Process], comes last.
func Above(pid int) iter.Seq2[One, error] {
	return func(yield func(One, error) bool) {
		for range most {
			name, parent, err := Process(pid)
			if err != nil {
				yield(One{}, err)
				return
			}
			if name == "" || !yield(One{pid, name}, nil) || parent <= 1 {
				return
			}
			pid = parent
		}
	}
}
