package oidc

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// The methods below have value receivers, so that a pointer has them too. Format
// stands for every verb of package fmt; String and GoString are for callers by name.

// String returns the type and the expiry, and no secret.
func (t Token) String() string { return redacted("oidc.Token", t.Expiry) }

// GoString is the same as String.
func (t Token) GoString() string { return t.String() }

// Format prints what String returns, for every verb and flag.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, t.String()) }

// LogValue is a group with the expiry, and no secret.
func (t Token) LogValue() slog.Value { return logged(t.Expiry) }

// MarshalJSON always fails: what it wrote would hold secrets, or lack them. To
// store a token, write its fields one by one.
func (t Token) MarshalJSON() ([]byte, error) { return nil, errSecret("oidc.Token") }

// String returns the type and the expiry, and no secret.
func (c Client) String() string { return redacted("oidc.Client", c.Expiry) }

// GoString is the same as String.
func (c Client) GoString() string { return c.String() }

// Format prints what String returns, for every verb and flag.
func (c Client) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue is a group with the expiry, and no secret.
func (c Client) LogValue() slog.Value { return logged(c.Expiry) }

// MarshalJSON always fails, like that of [Token].
func (c Client) MarshalJSON() ([]byte, error) { return nil, errSecret("oidc.Client") }

// String returns the type and the expiry, and neither of the codes.
func (d DeviceCode) String() string { return redacted("oidc.DeviceCode", d.Expiry) }

// GoString is the same as String.
func (d DeviceCode) GoString() string { return d.String() }

// Format prints what String returns, for every verb and flag.
func (d DeviceCode) Format(f fmt.State, _ rune) { io.WriteString(f, d.String()) }

// LogValue is a group with the expiry, and neither of the codes.
func (d DeviceCode) LogValue() slog.Value { return logged(d.Expiry) }

// MarshalJSON always fails, like that of [Token].
func (d DeviceCode) MarshalJSON() ([]byte, error) { return nil, errSecret("oidc.DeviceCode") }

func redacted(name string, expiry time.Time) string {
	return fmt.Sprintf("%s(expires %s)", name, expiry.Format(time.RFC3339))
}

func logged(expiry time.Time) slog.Value {
	return slog.GroupValue(slog.Time("expiry", expiry))
}

func errSecret(name string) error {
	return errors.New(name + " holds secrets, and is not written as JSON as a whole: write its fields one by one")
}
