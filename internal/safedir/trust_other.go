//go:build unix && !linux

package safedir

func isUnmappedRoot(int) bool { return false }

// IsOverflow is for Linux, which has user namespaces.
func IsOverflow(int) bool { return false }

// hasACL is for Linux, where access lists change the group's bits.
func hasACL(string) bool { return false }
