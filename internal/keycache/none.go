//go:build (!linux && !darwin) || ios

package keycache

// System returns a cache that keeps nothing: this system has none.
func System() Cache { return none{} }

// OnThread is [System].
func OnThread() Cache { return none{} }

type none struct{}

func (none) Usable() bool              { return false }
func (none) Get(string) (string, bool) { return "", false }
func (none) Set(string, string)        {}
func (none) Delete(string)             {}
