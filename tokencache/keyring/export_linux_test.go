//go:build !likemacos

package keyring

// For tests that stand outside of the package, as the check of its contract does.
var (
	Every           = everyKeyring
	RealService     = realService
	UnavailableSoon = unavailableSoon
)
