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
