//go:build !windows

// Package credman reads the Windows Credential Manager. Other systems have none.
package credman

// Get finds nothing.
func Get(string) (secret string, ok bool) { return "", false }
