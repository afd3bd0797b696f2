package tokencache

import (
	"context"
	"errors"
	"time"

	"github.com/credproc/credproc/internal/flight"
)

// Gathered is [Session.Cached] for what may take minutes, such as a list of
// hundreds of accounts: c.Fetch runs as long as ctx, and ends with it, and so
// does the wait for another process that is at it. A failure is not shared with
// the next callers. c.Variant is not looked at, and Stale counts as Useless.
func (s *Session) Gathered(ctx context.Context, c Cached) ([]byte, error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	since := time.Now()
	stored, err := st.readRecord(ctx, c.Words)
	if err != nil || c.judge(stored, since) == Fresh {
		return stored, err
	}
	ctx, release, err := flight.Lock(ctx, st.locks(), st.lockOf(c), c.Op)
	if _, noLock := errors.AsType[*flight.LockError](err); noLock {
		s.debug("gather without a lock", "error", err)
		return c.Fetch(s.logged(ctx))
	}
	if err != nil {
		return nil, explain(c.Op, err)
	}
	defer release()
	if stored, err = st.readRecord(ctx, c.Words); err != nil || c.judge(stored, since) == Fresh {
		return stored, err
	}
	login, err := st.currentLogin(ctx)
	if err != nil {
		return nil, err
	}
	data, err := c.Fetch(s.logged(ctx))
	if err != nil {
		return nil, err
	}
	if err := s.keepRecord(ctx, login, c, data); err != nil {
		s.debug("not stored", "op", c.Op, "error", err)
	}
	return data, nil
}

// Stored returns what [Session.Cached] or [Session.Gathered] has stored under
// words, whatever its age, or nil. It asks no service.
func (s *Session) Stored(ctx context.Context, words []string) ([]byte, error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	return st.readRecord(ctx, words)
}
