package console

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// signins is the sign-in service: it keeps the forms that it was sent.
type signins struct {
	answer func(form url.Values) (status int, body string)
	forms  []url.Values
}

// RoundTrip implements [http.RoundTripper].
func (s *signins) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	s.forms = append(s.forms, form)
	status, text := s.answer(form)
	return &http.Response{StatusCode: status, Header: http.Header{"X-Amzn-Requestid": {"r-1"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func federation(answer func(url.Values) (int, string)) (*Federation, *signins) {
	s := &signins{answer: answer}
	return &Federation{Base: "https://signin.example", Client: &http.Client{Transport: s}, Duration: 8 * time.Hour,
		Credentials: aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "SECRET", SessionToken: "TOKEN"}}, s
}

func TestADurationThatTheRoleDoesNotAllowIsLeftOut(t *testing.T) {
	f, s := federation(func(form url.Values) (int, string) {
		if form.Has("SessionDuration") {
			return 400, ""
		}
		return 200, `{"SigninToken":"T"}`
	})
	token, err := f.Token(t.Context())
	if token != "T" || err != nil || f.Duration != 0 || len(s.forms) != 2 || s.forms[0].Get("SessionDuration") != "28800" {
		t.Errorf("%q, error %v, duration %v, sent %v", token, err, f.Duration, s.forms)
	}
	if got, want := f.LoginURL("https://i", "https://d/?a=b c", token), "https://signin.example/federation?Action=login&Issuer=https%3A%2F%2Fi&Destination=https%3A%2F%2Fd%2F%3Fa%3Db%20c&SigninToken=T"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAnExchangeThatFailsTellsNoSecret(t *testing.T) {
	for status, temporary := range map[int]bool{200: false, 400: false, 403: false, 429: true, 500: true, 503: true} {
		f, _ := federation(func(form url.Values) (int, string) { return status, form.Get("Session") })
		_, err := f.Token(t.Context())
		e, ok := err.(*FederationError)
		if !ok || e.Temporary() != temporary || e.RequestID != "r-1" || strings.Contains(e.Error(), "SECRET") || strings.Contains(e.Error(), "TOKEN") {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
}
