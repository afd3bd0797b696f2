//go:build !linux

package tokencache

import "time"

func bootID() string { return "" }

func kernelExpiry() time.Duration { return 0 }
