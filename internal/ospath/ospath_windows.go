package ospath

import "path/filepath"

// Join is [filepath.Join].
func Join(elements ...string) string { return filepath.Join(elements...) }

// Dir is [filepath.Dir].
func Dir(file string) string { return filepath.Dir(file) }

// Base is [filepath.Base].
func Base(file string) string { return filepath.Base(file) }

// IsAbs is [filepath.IsAbs].
func IsAbs(file string) bool { return filepath.IsAbs(file) }

// Abs is [filepath.Abs].
func Abs(file string) (string, error) { return filepath.Abs(file) }
