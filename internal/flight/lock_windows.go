package flight

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const openFlags = os.O_CREATE | os.O_RDONLY

func noLocks(err error) bool { return errors.Is(err, windows.ERROR_NOT_SUPPORTED) }

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }
