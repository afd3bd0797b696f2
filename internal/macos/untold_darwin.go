//go:build darwin && (!keychainstatus || ios)

package macos

// KeychainStatus cannot tell: only a build with the tag keychainstatus asks.
func KeychainStatus() Status { return Unknown }
