//go:build (darwin && !ios) || (linux && likemacos)

package keycache

// System returns the cache of this system. On Linux it is this one only with the
// build tag likemacos, by which what macOS uses is tested and measured.
func System() Cache { return shared{} }

// OnThread is [System].
func OnThread() Cache { return shared{} }
