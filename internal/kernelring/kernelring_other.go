//go:build !linux

// Package kernelring keeps small secrets in the Linux kernel. Other systems have
// nothing of the kind.
package kernelring

// Persistent reports whether the kernel has persistent keyrings.
func Persistent() bool { return false }
