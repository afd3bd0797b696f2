package idctest

import (
	"net/http"
	"strconv"
	"time"
)

// A Fault is a way for a call to go wrong. The zero Fault lets a call pass.
type Fault struct {
	// Times is the number of calls that fail; zero means all, until
	// [Server.ClearFaults].
	Times int
	// Role limits the fault to calls for one role, written as in [Event].
	Role string

	// Status, Code, Description and Reason make an error in the form of the
	// service. If only one of Status (HTTP) and Code (the service's) is set, the
	// other follows from it.
	Status                    int
	Code, Description, Reason string
	// RetryAfter is sent in whole seconds, rounded up. Zero sends no header.
	RetryAfter time.Duration
	// Body and ContentType replace the error's, as a proxy does; the answer then
	// has no request ID. The defaults are status 200 and text/html.
	Body, ContentType string
	// DropErrorType leaves the X-Amzn-ErrorType header out, as some proxies do.
	DropErrorType bool

	// Reset breaks the connection instead of answering. On a connection that
	// was used before, Go's transport sends a GET again by itself, and the
	// second call counts too.
	Reset bool
	// Truncate breaks the connection in the middle of the answer.
	Truncate bool
	// Delay passes before the fault, in addition to [Server.Latency].
	Delay time.Duration
	// After lets the operation take effect first, so that only its answer is
	// lost. Otherwise a call whose answer is replaced has no effect, and any
	// other takes effect after the delay, if the client is still there.
	After bool
}

// armed is a fault and the number of calls that it still has.
type armed struct {
	op    string
	fault Fault
	left  int
}

// Fault makes the next calls of an operation fail. The operation is one of
// the names of [Server.Count]; "*" is any. Fault panics on other names, since a
// test with a misspelled one would pass. Several faults of the same operation
// apply one after another, in the order they were set.
func (s *Server) Fault(op string, f Fault) {
	if err := checkOp(op, "*"); err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &armed{op, f, f.Times})
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault returns the fault of a call, and counts it.
func (s *Server) takeFault(e *Event) Fault {
	for _, a := range s.faults {
		meets := a.op == "*" || a.op == e.Op || a.op == e.Op+":"+e.Grant
		if !meets || a.fault.Role != "" && a.fault.Role != e.Role {
			continue
		}
		if a.fault.Times == 0 {
			return a.fault
		}
		if a.left > 0 {
			a.left--
			return a.fault
		}
	}
	return Fault{}
}

// replaces reports whether the client gets something else than the
// operation's answer.
func (f Fault) replaces() bool {
	return f.Reset || f.Status != 0 || f.Code != "" || f.Body != ""
}

// answer is what the client gets instead of the operation's.
func (f Fault) answer(op operation) answer {
	refused := &apiError{status: f.Status, code: f.Code, description: f.Description, reason: f.Reason}
	if refused.code == "" {
		refused.code = op.service.code(f.Status)
	}
	if refused.status == 0 {
		refused.status = statusOf(f.Code)
	}
	a := op.service.refuse(refused)
	if f.Body != "" {
		a.header.Del("X-Amzn-Errortype")
		a.header.Del("X-Amzn-Requestid")
		a.header.Set("Content-Type", "text/html")
		a.body = []byte(f.Body)
		if f.Status == 0 && f.Code == "" {
			a.status = http.StatusOK
		}
	}
	f.dress(a.header)
	return a
}

// name is what the log says about a call that met the fault.
func (f Fault) name() string {
	switch {
	case f.Reset:
		return "reset"
	case f.Code != "":
		return f.Code
	case f.Status != 0:
		return strconv.Itoa(f.Status)
	case f.Body != "":
		return "body"
	case f.Truncate:
		return "truncated"
	}
	return ""
}

// dress sets the headers that the fault asks for.
func (f Fault) dress(h http.Header) {
	if f.ContentType != "" {
		h.Set("Content-Type", f.ContentType)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(wholeSeconds(f.RetryAfter)))
	}
	if f.DropErrorType {
		h.Del("X-Amzn-Errortype")
	}
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
