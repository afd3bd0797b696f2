// Package macos reaches the keychain of macOS: its tool, and whether it is locked,
// which takes no process and shows no dialog.
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
