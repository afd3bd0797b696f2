package idctest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
)

// Client returns an HTTP client whose every request, whatever its host, is
// answered by the server: in this process, in the caller's goroutine, without
// a socket, so that it works inside a synctest bubble.
func (s *Server) Client() *http.Client { return &http.Client{Transport: inProcess{s}} }

type inProcess struct{ server *Server }

// RoundTrip implements [http.RoundTripper].
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	if aborted := serve(t.server, w, received(r)); !aborted || w.Flushed {
		return response(w, r), nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// received is the request as a server sees it.
func received(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:1234"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// serve reports whether the handler broke the connection off.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			aborted = true
		} else if p != nil {
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// response is what the client gets: an answer shorter than announced ends in
// io.ErrUnexpectedEOF, as it does on a socket.
func response(w *httptest.ResponseRecorder, r *http.Request) *http.Response {
	got := w.Result()
	got.Request = r
	if got.ContentLength < 0 { // as a server does with a short answer
		got.ContentLength = int64(w.Body.Len())
	}
	if got.ContentLength > int64(w.Body.Len()) {
		got.Body = io.NopCloser(io.MultiReader(got.Body, brokenOff{}))
	}
	return got
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
