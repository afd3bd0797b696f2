// Package pause waits between two tries.
package pause

import (
	"context"
	"time"
)

// For waits for d. It fails with the error of ctx, if ctx ends before.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
