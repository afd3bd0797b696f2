//go:build !linux && !darwin

package flight

// Stopped reports whether the process is stopped, as by Ctrl-Z: it keeps its
// locks until it is continued. It is false where that cannot be found out.
func (Holder) Stopped() bool { return false }
