//go:build !windows

package ospath

import (
	"os"
	"path"
)

// Join is like [path/filepath.Join].
func Join(elements ...string) string { return path.Join(elements...) }

// Dir is like [path/filepath.Dir].
func Dir(file string) string { return path.Dir(file) }

// Base is like [path/filepath.Base].
func Base(file string) string { return path.Base(file) }

// IsAbs is like [path/filepath.IsAbs].
func IsAbs(file string) bool { return path.IsAbs(file) }

// Abs is like [path/filepath.Abs].
func Abs(file string) (string, error) {
	if path.IsAbs(file) {
		return path.Clean(file), nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return path.Join(dir, file), nil
}
