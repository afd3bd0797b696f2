//go:build !linux

// Package kernelring keeps small secrets in the Linux kernel's keyring of the
// user. Other systems have none: nothing is kept.
package kernelring

// Usable reports that there is none.
func Usable() bool { return false }

// Persistent reports that there is none.
func Persistent() bool { return false }

// Get finds nothing.
func Get(string) (secret string, ok bool) { return "", false }

// GetOnThread finds nothing.
func GetOnThread(string) (secret string, ok bool) { return "", false }

// Set keeps nothing.
func Set(name, secret string) {}

// Delete has nothing to forget.
func Delete(string) {}
