package tokencache

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// bootID names this boot of the kernel, or is "" where that is not to be seen.
func bootID() string { return firstLine("/proc/sys/kernel/random/boot_id") }

// kernelExpiry is how long a persistent keyring lasts after its last use. 0: for
// ever, or it is not known.
func kernelExpiry() time.Duration {
	seconds, err := strconv.ParseUint(firstLine("/proc/sys/kernel/keys/persistent_keyring_expiry"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func firstLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return line
}
