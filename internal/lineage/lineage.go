// Package lineage says what a process is called, and who started it.
package lineage

import "iter"

// most is how far up Above goes: a table of processes may change meanwhile.
const most = 32

// Above yields the names of a process and of those above it, as far as the system
// tells, each with its ID.
func Above(pid int) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for range most {
			name, parent := Process(pid)
			if name == "" || !yield(pid, name) || parent <= 1 {
				return
			}
			pid = parent
		}
	}
}
