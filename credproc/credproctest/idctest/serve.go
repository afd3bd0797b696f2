package idctest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A call is one request to one operation.
type call struct {
	*http.Request
	body  []byte
	event *Event
}

// An operation is one thing that a client can ask for. Do runs with the
// server locked; its error is an *apiError.
type operation struct {
	name    string
	service service
	do      func(*Server, *call) (any, error)
}

// An apiError is a refusal of the service.
type apiError struct {
	status      int
	code        string
	description string
	reason      string
	region      string // where the request should have gone, if that is what is wrong
}

func (e *apiError) endpoint() string {
	if e.region == "" {
		return ""
	}
	return "https://oidc." + e.region + ".amazonaws.com"
}

func (e *apiError) Error() string { return e.code + ": " + e.description }

// An answer is what goes back over the wire.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ServeHTTP answers the requests of clients:
//
//	POST /client/register           RegisterClient
//	POST /device_authorization      StartDeviceAuthorization
//	POST /token                     CreateToken
//	POST /token?aws_iam=t           CreateTokenWithIAM
//	GET  /federation/credentials    GetRoleCredentials
//	GET  /assignment/accounts       ListAccounts
//	GET  /assignment/roles          ListAccountRoles
//	POST /logout                    Logout
//	POST /                          AssumeRole, AssumeRoleWithWebIdentity, GetCallerIdentity (STS)
//	POST / with X-Amz-Target         GetParameter, PutParameter (SSM)
//	POST /federation                GetSigninToken, for the console
//	GET  /federation                ConsoleLogin, which the browser does
//
// of the person, at the verification URI:
//
//	GET  /device                    a page that asks to allow or deny
//	POST /device                    user_code, action=allow|deny
//
// or, where the person signs in with a browser on the same machine:
//
//	GET  /authorize                 a page that asks to allow or deny
//	POST /authorize                 the same query; action=allow|deny
//
// and of scripts, with parameters in the query or as a form:
//
//	POST /_idctest/approve          user_code; without one, all that are pending
//	POST /_idctest/deny             the same
//	POST /_idctest/revoke           RevokeAccessTokens
//	POST /_idctest/expire           the same
//	POST /_idctest/end              EndSessions
//	POST /_idctest/issue            IssueToken: subject, audience, life
//	POST /_idctest/application      arn, and the fields of an Application in snake_case
//	POST /_idctest/revoke-role      account, role
//	POST /_idctest/fault            op, and the fields of a Fault in snake_case
//	POST /_idctest/clear            ClearFaults
//	POST /_idctest/set              the scalar settings in snake_case
//	GET  /_idctest/counts           Counts, and "total", as JSON
//	GET  /_idctest/log              Log as JSON
//	GET  /_idctest/pending          Pending, one to a line
//	GET  /_idctest/violations       Violations, one to a line
//	GET  /_idctest/secrets          Secrets, one to a line
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.registrations == nil:
		http.Error(w, "idctest: this Server was not made with New", http.StatusInternalServerError)
		return
	case r.URL.Path == "/device":
		s.servePage(w, r)
		return
	case r.URL.Path == "/authorize":
		s.serveAuthorize(w, r)
		return
	case strings.HasPrefix(r.URL.Path, controlPath):
		s.serveControl(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	op, ok := route(r, body)
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.serve(w, &call{Request: r, body: body}, op)
}

func route(r *http.Request, body []byte) (op operation, ok bool) {
	key := r.Method + " " + r.URL.Path
	query := r.URL.Query()
	form, _ := url.ParseQuery(string(body))
	switch r.URL.Path {
	case "/token":
		if query.Get("aws_iam") == "t" {
			key += "?aws_iam=t"
		}
	case "/federation":
		key += " " + form.Get("Action") + query.Get("Action")
	case "/":
		key += " " + cmp.Or(r.Header.Get("X-Amz-Target"), form.Get("Action"))
	}
	op, ok = operations()[key]
	return op, ok
}

// operations maps a method and path, and where needed an action or a target, to the
// operation.
func operations() map[string]operation {
	return map[string]operation{
		"POST /client/register":           {"RegisterClient", oidcAPI, (*Server).registerClient},
		"POST /device_authorization":      {"StartDeviceAuthorization", oidcAPI, (*Server).startDeviceAuthorization},
		"POST /token":                     {"CreateToken", oidcAPI, (*Server).createToken},
		"POST /token?aws_iam=t":           {createWithIAM, oidcAPI, (*Server).createTokenWithIAM},
		"GET /federation/credentials":     {"GetRoleCredentials", portalAPI, (*Server).getRoleCredentials},
		"GET /assignment/accounts":        {"ListAccounts", portalAPI, (*Server).listAccounts},
		"GET /assignment/roles":           {"ListAccountRoles", portalAPI, (*Server).listAccountRoles},
		"POST /logout":                    {"Logout", portalAPI, (*Server).logout},
		"POST / AssumeRole":               {"AssumeRole", stsAPI, (*Server).assumeRole},
		"POST / " + webIdentityOp:         {webIdentityOp, stsAPI, (*Server).assumeRoleWithWebIdentity},
		"POST / GetCallerIdentity":        {"GetCallerIdentity", stsAPI, (*Server).getCallerIdentity},
		"POST / AmazonSSM.GetParameter":   {"GetParameter", ssmAPI, (*Server).getParameter},
		"POST / AmazonSSM.PutParameter":   {"PutParameter", ssmAPI, (*Server).putParameter},
		"POST /federation getSigninToken": {"GetSigninToken", signinAPI, (*Server).getSigninToken},
		"GET /federation getSigninToken":  {"GetSigninToken", signinAPI, (*Server).getSigninToken},
		"GET /federation login":           {"ConsoleLogin", signinAPI, (*Server).consoleLogin},
	}
}

// serve takes one call through its faults, the operation, the latency and the
// answer. The server is never locked while time passes.
func (s *Server) serve(w http.ResponseWriter, c *call, op operation) {
	fault, latency := s.arrive(c, op)
	ctx := c.Context()
	if !fault.After && !sleep(ctx, fault.Delay) {
		panic(http.ErrAbortHandler)
	}
	var a answer
	if !fault.replaces() || fault.After {
		a = s.perform(c, op)
	}
	if fault.After {
		latency += fault.Delay
	}
	if !sleep(ctx, latency) {
		panic(http.ErrAbortHandler)
	}
	if fault.Reset {
		reset(w)
	}
	if fault.replaces() {
		a = fault.answer(op)
	}
	// The note comes first: a client that has its answer may read the log.
	s.delivered(c, !fault.replaces() && !fault.Truncate)
	if !s.write(w, a, fault.Truncate) {
		s.delivered(c, false)
	}
}

// perform runs the operation and notes what came of it.
func (s *Server) perform(c *call, op operation) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op.service != stsAPI && op.service != ssmAPI && op.name != createWithIAM && c.Header.Get("Authorization") != "" {
		s.violations = append(s.violations, op.name+" with an Authorization header")
	}
	result, err := op.do(s, c)
	if refused := new(apiError); errors.As(err, &refused) {
		c.event.Status, c.event.Code = refused.status, refused.code
		return op.service.refuse(refused)
	}
	c.event.Status = http.StatusOK
	return op.service.accept(op.name, result)
}

// write reports whether the answer went out.
func (s *Server) write(w http.ResponseWriter, a answer, truncate bool) bool {
	header := w.Header()
	maps.Copy(header, a.header)
	header.Set("Date", s.date())
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	body := a.body
	if truncate {
		body = body[:len(body)/2]
	}
	w.WriteHeader(a.status)
	_, err := w.Write(body)
	if flushErr := http.NewResponseController(w).Flush(); err == nil {
		err = flushErr
	}
	if len(body) < len(a.body) {
		panic(http.ErrAbortHandler)
	}
	return err == nil
}

func (s *Server) date() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told(time.Now()).UTC().Format(http.TimeFormat)
}

// reset breaks the connection, so that the client's next read fails with
// "connection reset by peer".
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2, or no socket at all
		panic(http.ErrAbortHandler)
	}
	under := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		under = wrapped.NetConn()
	}
	if tcp, ok := under.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	under.Close()
	panic(http.ErrAbortHandler)
}

// sleep reports whether the whole time passed with the client still there.
func sleep(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
