//go:build !windows

package cmd

// onWindows are the commands that only Windows has.
type onWindows struct{}
