package idctest

import (
	"net/http"
	"strconv"
	"time"
)

// A Fault is a way for a call to go wrong. The zero Fault lets a call pass.
type Fault struct {
	// Times is how many calls it meets; zero is all, until [Server.ClearFaults].
	Times int
	// Role limits it to calls for one role, written as in [Event].
	Role string

	// Status, Code, Description and Reason make an error in the form of the
	// service; of Status and Code each follows from the other if left out.
	Status                    int
	Code, Description, Reason string
	// RetryAfter is told in whole seconds, rounded up.
	RetryAfter time.Duration
	// Body and ContentType replace the error's, as a proxy's page would, which
	// has no request ID. The status is 200 if Status and Code say nothing, the
	// type text/html.
	Body, ContentType string
	// DropErrorType leaves the X-Amzn-ErrorType header out, as some proxies do.
	DropErrorType bool

	// Reset breaks the connection instead of answering. On a connection that
	// was used before, Go's transport sends a GET again by itself, and the
	// second call counts too.
	Reset bool
	// Truncate ends the answer half way, whichever it is.
	Truncate bool
	// Delay passes before the fault, in addition to the latency.
	Delay time.Duration
	// When says whether the operation takes effect before the fault hides it.
	// A call whose answer the fault leaves alone takes effect in any case: with
	// Before when the delay is over, if the client is still there.
	When When
}

// When is a point in the course of a call.
type When int

const (
	// Before the operation: nothing was done.
	Before When = iota
	// After the operation: it took effect and only its answer is lost.
	After
)

// MarshalText implements [encoding.TextMarshaler].
func (w When) MarshalText() ([]byte, error) {
	if w == After {
		return []byte("after"), nil
	}
	return []byte("before"), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (w *When) UnmarshalText(text []byte) error {
	switch string(text) {
	case "before":
		*w = Before
	case "after":
		*w = After
	default:
		return strconv.ErrSyntax
	}
	return nil
}

// armed is a fault that waits for its calls.
type armed struct {
	op    string
	fault Fault
	left  int
}

// Fault makes coming calls of an operation go wrong. The operation is one of
// the names of [Server.Count]; "*" is any. Faults for the same calls follow
// one another in the order they were set.
func (s *Server) Fault(op string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &armed{op, f, f.Times})
}

// ClearFaults lets all calls pass again.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault returns the first fault for a call and uses it up once.
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
	refused := &apiError{f.Status, f.Code, f.Description, f.Reason}
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
