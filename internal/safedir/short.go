package safedir

import (
	"errors"
	"slices"
)

// IsShort reports whether an error says that this process, or the system, has no
// more open files or memory to give. That says nothing about what was asked for.
func IsShort(err error) bool {
	return slices.ContainsFunc(shortages(), func(short error) bool { return errors.Is(err, short) })
}

// Shortage returns err if it is one that [IsShort] tells, and nil for any other: one
// that says that the system does not tell what was asked for.
func Shortage(err error) error {
	if IsShort(err) {
		return err
	}
	return nil
}
