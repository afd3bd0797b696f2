package awsapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestVersionIsOursWhereverWeAre(t *testing.T) {
	tests := []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"installed", debug.BuildInfo{Main: debug.Module{Path: module, Version: "v1.2.3"}}, "v1.2.3"},
		{"built in a checkout", debug.BuildInfo{Main: debug.Module{Path: module, Version: "(devel)"}}, "devel"},
		{"tested", debug.BuildInfo{Main: debug.Module{Path: module}}, "devel"},
		{"a dependency", debug.BuildInfo{
			Main: debug.Module{Path: "example.com/acme", Version: "v9.9.9"},
			Deps: []*debug.Module{{Path: "example.com/other", Version: "v8.8.8"}, {Path: module, Version: "v1.2.3"}},
		}, "v1.2.3"},
		{"a dependency in a workspace", debug.BuildInfo{
			Main: debug.Module{Path: "example.com/acme", Version: "v9.9.9"},
			Deps: []*debug.Module{{Path: module, Version: "(devel)"}},
		}, "devel"},
		{"unknown", debug.BuildInfo{}, "devel"},
	}
	for _, tt := range tests {
		if got := versionIn(&tt.info); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := Version(); got != "devel" {
		t.Errorf("in a test: %q", got)
	}
}

func TestHTTPClientLeavesTheCallersAlone(t *testing.T) {
	transport := &http.Transport{}
	theirs := &http.Client{Transport: transport, Timeout: time.Minute}
	ours := HTTPClient(theirs)
	if ours.Transport != transport || ours.Timeout != time.Minute {
		t.Error("not the same settings")
	}
	if theirs.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
}

func TestHTTPClientSharesConnectionsByDefault(t *testing.T) {
	if HTTPClient(nil).Transport != nil {
		t.Error("a transport of its own")
	}
}

func TestHTTPClientFollowsNoRedirect(t *testing.T) {
	far := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	defer far.Close()
	for _, c := range []*http.Client{nil, {}, {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}} {
		resp, err := HTTPClient(c).Get(far.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTemporaryRedirect || resp.Request.URL.Path != "" {
			t.Errorf("HTTP %d from %s", resp.StatusCode, resp.Request.URL)
		}
	}
}

func TestRetryerKnowsWhatMayPass(t *testing.T) {
	r := NewRetryer()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{answered(500, nil, ""), true},
		{answered(502, nil, ""), true},
		{answered(503, nil, ""), true},
		{answered(504, nil, ""), true},
		{answered(429, nil, ""), true},
		{&smithy.GenericAPIError{Code: "TooManyRequestsException"}, true},
		{&smithy.GenericAPIError{Code: "SlowDownException"}, true},
		{&smithyhttp.RequestSendError{Err: errors.New("connection reset")}, true},
		{answered(400, nil, ""), false},
		{answered(401, nil, ""), false},
		{answered(403, nil, ""), false},
		{answered(404, nil, ""), false},
		{&smithy.GenericAPIError{Code: "AuthorizationPendingException"}, false},
		{&aws.RequestCanceledError{Err: context.Canceled}, false},
	} {
		if got := r.IsErrorRetryable(tt.err); got != tt.want {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
	if n := r.MaxAttempts(); n != 2 {
		t.Errorf("%d attempts", n)
	}
}

func TestRetryerWaitsTwoSecondsAtMost(t *testing.T) {
	r := NewRetryer()
	for range 100 {
		if d, err := r.RetryDelay(10, errors.New("x")); err != nil || d > 2*time.Second {
			t.Fatalf("%v, %v", d, err)
		}
	}
}

func TestRetryerNeverRunsDry(t *testing.T) {
	r := NewRetryer()
	for i := range 1000 {
		if _, err := r.GetRetryToken(t.Context(), answered(503, nil, "")); err != nil {
			t.Fatalf("after %d retries: %v", i, err)
		}
	}
}

// answered is the error of an SDK call that got an answer which is no success.
func answered(status int, header http.Header, body string) error {
	resp := &http.Response{StatusCode: status, Header: header, Body: keep([]byte(body))}
	if header == nil {
		resp.Header = http.Header{}
	}
	return &smithy.OperationError{Err: &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: errors.New("whatever")},
		RequestID:     "req-1",
	}}
}
