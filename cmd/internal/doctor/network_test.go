package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
)

func TestTheDoctorSaysWhyAServiceCannotBeReached(t *testing.T) {
	at := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://oidc.us-east-1.amazonaws.com", Err: err}
	}
	for _, tt := range []struct {
		err       error
		seen, fix string
	}{
		{at(&net.OpError{Op: "proxyconnect", Err: errors.New("refused")}), "the proxy does not answer: refused", "HTTPS_PROXY"},
		{at(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "oidc"}}), "no such host, by the DNS", "sso_region"},
		{at(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), "its certificate is not trusted", "AWS_CA_BUNDLE"},
		{at(errors.New("Proxy Authentication Required")), "the proxy wants a name and a password", "USER:PASSWORD@"},
		{at(context.DeadlineExceeded), "deadline", "firewall"},
	} {
		d := new(Checks)
		d.unreachable("network", contact{base: "https://oidc.us-east-1.amazonaws.com", err: tt.err})
		if f := d.Found[0]; f.Verdict != Fault || !strings.Contains(f.Seen, tt.seen) || !strings.Contains(f.Fix, tt.fix) || !strings.HasPrefix(f.Seen, "oidc.us-east-1.amazonaws.com: ") {
			t.Errorf("%v: %+v", tt.err, f)
		}
	}
}
