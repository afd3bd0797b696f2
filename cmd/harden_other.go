//go:build !linux

package cmd

// harden has nothing to do: only Linux lets a process ask for it.
func harden() {}
