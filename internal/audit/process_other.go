//go:build !linux && !darwin && !windows

package audit

// process returns the name of a process, and who started it, where that can be
// known.
func process(int) (name string, parent int) { return "", 0 }
