package cmd

import (
	"context"
	"time"
)

// settleTime is longer than a request to the service and the keychain's answer
// take together.
const settleTime = 30 * time.Second

// settle waits for what must not be cut off by the end of the process, and lets
// none of it begin again.
func (r *run) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	for _, s := range r.config.Sessions() {
		s.Settle(ctx) // or the time is over
	}
}

// pause waits until the process holds no lock, and takes none until resume.
func (r *run) pause() (resume func()) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	var resumes []func()
	for _, s := range r.config.Sessions() {
		if resume, err := s.Pause(ctx); err == nil {
			resumes = append(resumes, resume)
		}
	}
	return func() {
		for _, resume := range resumes {
			resume()
		}
	}
}
