//go:build linux && !likemacos

package keycache

import "github.com/credproc/credproc/internal/kernelring"

// System returns the cache of this system.
func System() Cache { return kernel{kernelring.Do} }

// OnThread is [System] for a goroutine that does not leave its thread, as that of
// the init functions (see [runtime.LockOSThread]). Starting a thread takes a tenth
// of a warm answer.
func OnThread() Cache { return kernel{kernelring.OnThread} }
