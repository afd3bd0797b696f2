package endpoint

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/lineage"
	"github.com/credproc/credproc/internal/loopback"
)

// lookTime is how long it may take to find the client's process. It takes
// milliseconds on a machine that is not overloaded.
const lookTime = 2 * time.Second

// mostJudges is how many processes may keep the endpoint waiting.
const mostJudges = 64

var errGone = errors.New("the process has ended")

// whoAsks says which process a request comes from, for the rules and the trail, where
// that matters and the system tells. It looks once for each connection. The error is a
// [*Fault]: what cannot be told in time may be an agent.
func (e *Endpoint) whoAsks(r *http.Request, name string) (audit.Client, error) {
	if e.Who == nil {
		return audit.Client{Name: name}, nil
	}
	who, known := loopback.Kept(r).(audit.Client)
	if !known {
		ctx, cancel := context.WithTimeout(r.Context(), lookTime)
		defer cancel()
		holders, err := loopback.HoldersOf(ctx, r)
		if err == nil {
			who, err = e.inTime(ctx, holders)
		}
		if err != nil {
			e.log().Warn("cannot tell which process asks", "error", err.Error())
			return audit.Client{}, &Fault{http.StatusFailedDependency, "Unavailable", "cannot tell which process asks: ask again"}
		}
		loopback.Keep(r, who)
	}
	who.Name = name
	return who, nil
}

// inTime judges the client in a goroutine of its own: a process can make those wait who
// read its environment.
func (e *Endpoint) inTime(ctx context.Context, h loopback.Holders) (audit.Client, error) {
	type judgment struct {
		audit.Client
		error
	}
	judged := make(chan judgment, 1)
	judging := e.judges()
	select {
	case judging <- struct{}{}:
	case <-ctx.Done():
		return audit.Client{}, ctx.Err()
	}
	go func() {
		defer func() { <-judging }()
		c, err := e.judge(h)
		judged <- judgment{c, err}
	}()
	select {
	case j := <-judged:
		return j.Client, j.error
	case <-ctx.Done():
		return audit.Client{}, ctx.Err()
	}
}

// judges has room for as many as may wait for processes.
func (e *Endpoint) judges() chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.judging == nil {
		e.judging = make(chan struct{}, mostJudges)
	}
	return e.judging
}

// judge returns the first of several processes that is an agent, or else the first. What
// a process was is unknown once it has ended.
func (e *Endpoint) judge(h loopback.Holders) (c audit.Client, err error) {
	for _, pid := range h.PIDs {
		who, untold := e.Who(pid)
		if untold != nil {
			return audit.Client{}, untold
		}
		name, _, untold := lineage.Process(pid)
		if untold != nil {
			return audit.Client{}, untold
		}
		if !h.Has(pid) {
			err = errGone
			continue
		}
		if c.PID == 0 || who.IsAgent() {
			c = audit.Client{PID: pid, Program: name, Agent: who.Name, Seen: who.Why}
		}
		if who.IsAgent() {
			return c, nil
		}
	}
	for _, pid := range h.Closed {
		who, err := e.Who(pid)
		if err != nil {
			return audit.Client{}, err
		}
		if who.IsAgent() {
			return audit.Client{Agent: who.Name, Seen: who.Why + ", and what it started does not show its connections"}, nil
		}
	}
	if c.PID != 0 {
		return c, nil
	}
	return c, err
}
