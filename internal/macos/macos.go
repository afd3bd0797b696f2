// Package macos reaches the keychain of macOS: it runs the keychain's tool, and finds
// out without a process or a dialog whether the keychain is locked.
package macos

// Status is what is known of the default keychain.
type Status int

// The values of [Status].
const (
	Unknown Status = iota // this build cannot tell
	Open
	Locked
	None // there is no default keychain
)
