package awsapi

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"syscall"
	"testing"
)

func TestATroubleIsToldApartAndRead(t *testing.T) {
	at := func(err error) error { return &url.Error{Op: "Post", URL: "https://oidc.example/token", Err: err} }
	for _, tt := range []struct {
		err        error
		kind, text string
	}{
		{at(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host"}}), NoName, ""},
		{at(&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}), NoProxy, ""},
		{at(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), NoConnection, syscall.ECONNREFUSED.Error()},
		{at(errors.New("Proxy Authentication Required")), ProxyLogin, ""},
		{at(x509.CertificateInvalidError{Reason: x509.Expired}), Untimely, ""},
		{at(x509.UnknownAuthorityError{}), Untrusted, ""},
		{at(errors.New("odd")), NoConnection, ""},
		{at(context.DeadlineExceeded), NoAnswer, ""},
	} {
		got := TroubleOf(tt.err)
		if want := (Trouble{tt.kind, "oidc.example", tt.text}); got == nil || *got != want {
			t.Errorf("%v: %+v, want %+v", tt.err, got, want)
			continue
		}
		if read := ParseTrouble(got.String()); read == nil || *read != *got {
			t.Errorf("%q is read as %+v", got, read)
		}
	}
	if got := TroubleOf(errNoAnswer); got == nil || got.Kind != NoAnswer || got.Host != "" {
		t.Errorf("no answer: %+v", got)
	}
	for _, err := range []error{nil, errors.New("odd"), &Error{StatusCode: 500}} {
		if got := TroubleOf(err); got != nil {
			t.Errorf("%v: %+v", err, got)
		}
	}
	for _, text := range []string{"", "dns", "dns host", "plague host text"} {
		if got := ParseTrouble(text); got != nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
