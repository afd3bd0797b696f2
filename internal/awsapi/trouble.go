package awsapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// What kept an answer from arriving.
const (
	NoName       = "dns"              // the host's name does not resolve
	NoProxy      = "proxy"            // the proxy does not answer
	ProxyLogin   = "proxy_login"      // the proxy wants a user name and a password
	Untrusted    = "certificate"      // the certificate is not trusted
	Untimely     = "certificate_time" // it has expired, or is not valid yet: often the local clock is wrong
	NoAnswer     = "timeout"
	NoConnection = "connection" // refused, reset, unreachable
)

// A Trouble says why a host did not answer.
type Trouble struct {
	Kind string
	Host string // which was asked; "" if unknown
	Text string // the system's words, without addresses; "" if there are none to the point
}

// TroubleOf returns what kept an answer from arriving, or nil for any other error.
func TroubleOf(err error) *Trouble {
	t := &Trouble{Kind: kindOfTrouble(err)}
	address, asked := errors.AsType[*url.Error](err)
	if t.Kind == "" && !asked {
		return nil
	}
	if asked {
		if u, err := url.Parse(address.URL); err == nil {
			t.Host = u.Host
		}
	}
	if t.Kind == "" {
		t.Kind = NoConnection
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && t.Kind == NoConnection {
		t.Text = errno.Error()
	}
	return t
}

func kindOfTrouble(err error) string {
	op, isOp := errors.AsType[*net.OpError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](err)
	inner := err
	if e, ok := errors.AsType[*url.Error](err); ok {
		inner = e.Err
	}
	switch {
	case err == nil:
		return ""
	case isOp && (op.Op == "proxyconnect" || op.Op == "socks connect"):
		return NoProxy
	case strings.HasSuffix(inner.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		return ProxyLogin
	case isDNS:
		return NoName
	case isInvalid && invalid.Reason == x509.Expired:
		return Untimely
	case isUnknown, isTLS, isInvalid:
		return Untrusted
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return NoAnswer
	case isOp:
		return NoConnection
	}
	return ""
}

// String returns the trouble in a form that [ParseTrouble] reads.
func (t *Trouble) String() string { return t.Kind + " " + t.Host + " " + t.Text }

// ParseTrouble is the inverse of String. It returns nil for any other text.
func ParseTrouble(text string) *Trouble {
	kind, rest, ok := strings.Cut(text, " ")
	host, text, ok2 := strings.Cut(rest, " ")
	switch kind {
	case NoName, NoProxy, ProxyLogin, Untrusted, Untimely, NoAnswer, NoConnection:
		if ok && ok2 {
			return &Trouble{Kind: kind, Host: host, Text: text}
		}
	}
	return nil
}
