package awsapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestAnswerTo(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	mark := header("X-Amzn-RequestId", "req-1")
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   Answer
		from   bool
	}{
		{"of the service", header("X-Amzn-ErrorType", "InvalidGrantException:http://internal.amazon.com/", "Content-Type", "application/json"), `{"error":"x"}`, Answer{Marked: true, Type: "InvalidGrantException", Body: []byte(`{"error":"x"}`)}, true},
		{"type with a namespace", header("X-Amzn-ErrorType", "com.amazonaws#XException"), ``, Answer{Marked: true, Type: "XException"}, true},
		{"type in the body", mark, `{"__type":"ns#XException"}`, Answer{Marked: true, Type: "XException", Body: []byte(`{"__type":"ns#XException"}`)}, true},
		{"code in the body", mark, `{"code":"XException"}`, Answer{Marked: true, Type: "XException", Body: []byte(`{"code":"XException"}`)}, true},
		{"code that is a number", mark, `{"code":7}`, Answer{Marked: true, Body: []byte(`{"code":7}`)}, true},
		{"no content type", mark, `{}`, Answer{Marked: true, Body: []byte(`{}`)}, true},
		{"HTML with the service's mark", header("Content-Type", "text/html", "X-Amzn-RequestId", "1"), `<html>`, Answer{Marked: true}, false},
		{"no mark", nil, `{"__type":"XException"}`, Answer{Body: []byte(`{"__type":"XException"}`)}, false},
		{"an empty mark", header("X-Amzn-RequestId", ""), `{}`, Answer{Body: []byte(`{}`)}, false},
		{"another's mark", header("X-Amz-Request-Id", "1", "X-Amz-Cf-Id", "1"), `{}`, Answer{Body: []byte(`{}`)}, false},
		{"HTML", header("Content-Type", "text/html"), `<html>`, Answer{}, false},
		{"JSON that says it is HTML", header("Content-Type", "Text/HTML; charset=x"), `{}`, Answer{}, false},
		{"text", header("Content-Type", "text/plain"), `no`, Answer{}, false},
		{"nothing", nil, ``, Answer{}, false},
		{"null", nil, `null`, Answer{}, false},
		{"a list", nil, `[]`, Answer{}, false},
		{"cut short", nil, `{"error":"x`, Answer{}, false},
		{"patience", header("Retry-After", "5"), ``, Answer{RetryAfter: 5 * time.Second}, false},
	}
	for _, tt := range tests {
		got, ok := AnswerTo(answered(403, tt.header, tt.body))
		tt.want.StatusCode, tt.want.RequestID, tt.want.Empty = 403, "req-1", tt.body == ""
		if !ok || !reflect.DeepEqual(got, tt.want) || got.FromService() != tt.from {
			t.Errorf("%s: %+v, %v", tt.name, got, got.FromService())
		}
	}
}

func TestAnswerToNothing(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), answered(0, nil, "")} {
		if answer, ok := AnswerTo(err); ok {
			t.Errorf("%v: %+v", err, answer)
		}
	}
}

func TestAnswerNamesTheHost(t *testing.T) {
	err := answered(403, nil, "")
	failed, _ := errors.AsType[*awshttp.ResponseError](err)
	failed.Response.Request = &http.Request{URL: &url.URL{Host: "portal.example"}}
	answer, _ := AnswerTo(err)
	if got := answer.Garbled().Error(); got != "the answer from portal.example did not come from AWS" {
		t.Error(got)
	}
	if got := (Answer{StatusCode: 200}).Garbled().Error(); got != "the answer from the service is not JSON, or was cut short" {
		t.Error(got)
	}
}

func TestRetryAfter(t *testing.T) {
	const date = "Sat, 01 Jan 2000 00:00:00 GMT"
	tests := []struct {
		value, date string
		want        time.Duration
	}{
		{"", date, 0},
		{"0", date, 0},
		{"3", date, 3 * time.Second},
		{"-3", date, 0},
		{"60", date, time.Minute},
		{"61", date, time.Minute},
		{"99999999999999999999", date, 0},
		{"3.5", date, 0},
		{"soon", date, 0},
		{"Sat, 01 Jan 2000 00:00:07 GMT", date, 7 * time.Second},
		{"Sat, 01 Jan 2000 00:00:07 GMT", "", 7 * time.Second},
		{"Sat, 01 Jan 2000 02:00:00 GMT", date, time.Minute},
		{"Fri, 31 Dec 1999 23:00:00 GMT", date, 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) { // starts on 2000-01-01
			if got := retryAfter(http.Header{"Retry-After": {tt.value}, "Date": {tt.date}}); got != tt.want {
				t.Errorf("%q at %q: %v, want %v", tt.value, tt.date, got, tt.want)
			}
		})
	}
	for value, want := range map[string]time.Duration{"1500": 1500 * time.Millisecond, "0": 0, "90000": time.Minute, "-1": 3 * time.Second, "soon": 3 * time.Second} {
		if got := retryAfter(http.Header{"X-Amz-Retry-After": {value}, "Retry-After": {"3"}}); got != want {
			t.Errorf("%q milliseconds: %v, want %v", value, got, want)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for status, most := range map[int]int64{200: maxBody, 400: maxErrorBody, 503: maxErrorBody} {
		far := &endless{}
		resp := deserialize(t, status, far)
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != most {
			t.Errorf("HTTP %d: %d bytes, %v", status, n, err)
		}
		resp.Body.Close()
		if !far.closed || far.read > 2*most {
			t.Errorf("HTTP %d: closed %v, %d bytes taken from the connection", status, far.closed, far.read)
		}
	}
}

func deserialize(t *testing.T, status int, body io.ReadCloser) *smithyhttp.Response {
	t.Helper()
	resp := response(status, body)
	if _, _, err := (boundAnswer{}).HandleDeserialize(t.Context(), middleware.DeserializeInput{}, answering(resp)); err != nil {
		t.Fatal(err)
	}
	return resp
}

func response(status int, body io.ReadCloser) *smithyhttp.Response {
	return &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}, Body: body}}
}

func answering(resp *smithyhttp.Response) middleware.DeserializeHandler {
	return middleware.DeserializeHandlerFunc(func(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
		return middleware.DeserializeOutput{RawResponse: resp}, middleware.Metadata{}, nil
	})
}

type endless struct {
	read   int64
	closed bool
}

func (e *endless) Read(p []byte) (int, error) { e.read += int64(len(p)); return len(p), nil }
func (e *endless) Close() error               { e.closed = true; return nil }

func TestCauseIsWhatPeopleCanUse(t *testing.T) {
	sent := &url.Error{Op: "Get", URL: "https://x/", Err: errors.New("no route")}
	if got := Cause(t.Context(), &smithyhttp.RequestSendError{Err: sent}); got != sent {
		t.Errorf("got %v", got)
	}
	other := errors.New("no endpoint")
	if got := Cause(t.Context(), other); got != other {
		t.Errorf("got %v", got)
	}
}

func TestCauseTellsOurLimitFromTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		theirs, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ctx, cancel := Bounded(theirs)
		defer cancel()
		<-ctx.Done()
		if got := Cause(ctx, errors.New("x")); got != context.DeadlineExceeded {
			t.Errorf("theirs: %v", got)
		}
		start := time.Now()
		ctx, cancel = Bounded(t.Context())
		defer cancel()
		<-ctx.Done()
		if got := Cause(ctx, errors.New("x")); !errors.Is(got, context.DeadlineExceeded) || !strings.HasPrefix(got.Error(), "no answer within 15s") {
			t.Errorf("ours: %v", got)
		}
		if took := time.Since(start); took != Limit {
			t.Errorf("ended after %v", took)
		}
		own, stop := context.WithCancelCause(t.Context())
		stop(errors.New("enough"))
		if got := Cause(own, errors.New("x")); got != context.Canceled {
			t.Errorf("canceled with a cause: %v", got)
		}
	})
}
