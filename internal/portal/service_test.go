package portal_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/portal"
)

// service is the far end of the wire, as an http.RoundTripper: it gives the
// replies in turn, the last one for ever, and keeps what it was asked.
type service struct {
	mu      sync.Mutex
	replies []reply
	asked   []*http.Request
}

type reply struct {
	status int
	header map[string]string
	body   string
	stall  bool  // nothing ever comes
	cut    bool  // the connection breaks after body
	err    error // the connection breaks before anything comes
}

const credentials = `{"roleCredentials":{"accessKeyId":"ASIAEXAMPLE","secretAccessKey":"secret-SECRET","sessionToken":"session-SECRET","expiration":1893553445678}}`

func ok(body string) reply {
	return reply{status: 200, header: map[string]string{"X-Amzn-RequestId": "req-1"}, body: body}
}

func refused(status int, exception, message string) reply {
	return reply{
		status: status,
		header: map[string]string{"X-Amzn-ErrorType": exception + ":http://internal.amazon.com/", "X-Amzn-RequestId": "req-1"},
		body:   fmt.Sprintf(`{"message":%q}`, message),
	}
}

func page(status int) reply {
	return reply{status: status, header: map[string]string{"Content-Type": "text/html"}, body: "<html>blocked by your company</html>"}
}

func serving(replies ...reply) (*service, *portal.Client) {
	s := &service{replies: replies}
	return s, &portal.Client{Region: "us-east-1", HTTPClient: &http.Client{Transport: s}}
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := s.next(r)
	switch {
	case answer.stall:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case answer.err != nil:
		return nil, answer.err
	}
	resp := &http.Response{
		StatusCode: answer.status,
		Header:     http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:       io.NopCloser(strings.NewReader(answer.body)),
		Request:    r,
	}
	if answer.cut {
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(answer.body), broken{}))
	}
	for name, value := range answer.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (s *service) next(r *http.Request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	if len(s.replies) > 1 {
		answer := s.replies[0]
		s.replies = s.replies[1:]
		return answer
	}
	return s.replies[0]
}

// isRequest checks what was sent but for the query.
func isRequest(t *testing.T, r *http.Request, method, url string) {
	t.Helper()
	if got := fmt.Sprintf("%s://%s%s", r.URL.Scheme, r.URL.Host, r.URL.Path); r.Method != method || got != url {
		t.Errorf("%s %s, want %s %s", r.Method, got, method, url)
	}
	if got := r.Header["X-Amz-Sso_bearer_token"]; len(got) != 1 || got[0] != "access-SECRET" {
		t.Errorf("%s: bearer token %q", url, got)
	}
	if got, sent := r.Header["Authorization"]; sent {
		t.Errorf("%s: Authorization %q", url, got)
	}
	if got := r.Header.Get("User-Agent"); !strings.Contains(got, " lib/credproc#devel") {
		t.Errorf("%s: User-Agent %q", url, got)
	}
}
