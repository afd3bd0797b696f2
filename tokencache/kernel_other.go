//go:build !linux

package tokencache

// Only Linux has a kernel keyring.
func kernelGet(string) (string, bool) { return "", false }
func kernelSet(string, string)        {}
func kernelDelete(string)             {}
