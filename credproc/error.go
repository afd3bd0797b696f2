package credproc

import (
	"context"
	"errors"
	"fmt"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Kind is the kind of an error, which tells a program what it can do about it.
type Kind string

// The kinds of errors, and the exit statuses that the commands have for them. Any
// other error, and nil, has the kind "".
const (
	Misconfigured  Kind = "misconfigured"    // 2: a setting, a profile or an argument has to be changed
	Unavailable    Kind = "unavailable"      // 3: it will pass; try again
	SignInRequired Kind = "sign-in required" // 4: only a sign-in helps
	NoAccess       Kind = "no access"        // 5: the person does not have that role, or a rule does not allow it
	KeyringFailed  Kind = "keyring"          // 6: the keyring is locked or unavailable; the login is as it was
	Canceled       Kind = "canceled"         // 130: the caller's context was canceled
)

// KindOf returns the kind of an error of this package, or of packages tokencache,
// keyring and oidc.
func KindOf(err error) Kind {
	switch {
	case isA[*NoAccessError](err), errors.Is(err, ErrPolicy):
		return NoAccess
	case isA[*tokencache.ApplicationError](err), errors.Is(err, oidc.ErrSignInRequired), errors.Is(err, oidc.ErrDenied), errors.Is(err, oidc.ErrExpired):
		return SignInRequired
	case isA[*ConfigError](err), isA[*UnsupportedProfileError](err), isA[*oidc.ConfigError](err), isOfConfig(err):
		return Misconfigured
	case isA[*keyring.Error](err), errors.Is(err, keyring.ErrLocked), errors.Is(err, keyring.ErrUnavailable):
		return KeyringFailed
	case errors.Is(err, context.Canceled):
		return Canceled
	case isA[*tokencache.ServiceError](err), isA[*flight.BusyError](err), errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	}
	if e, ok := errors.AsType[*oidc.Error](err); ok && (e.StatusCode == 0 || e.Temporary()) {
		return Unavailable
	}
	return ""
}

// ErrPolicy is the error, for [errors.Is], of anything that the policy of this
// machine, or a rule about agents, does not allow. The error's text names the rule,
// with file and line.
var ErrPolicy = policy.ErrRefused

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// ConfigError is a setting, a profile or a config file that cannot be used.
type ConfigError struct {
	Path string // of the file that it is in; "" if in none, as in a variable
	Line int    // in the file, from 1; 0: the whole file
	// Setting is the key, or the variable: "sso_region", "AWS_CA_BUNDLE". "" if
	// the error is not about a single one.
	Setting string
	Err     error // what is wrong
}

// Error says what went wrong.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *ConfigError) Unwrap() error { return e.Err }

// isOfConfig reports errors of the packages that read settings.
func isOfConfig(err error) bool {
	_, _, ok := awsconfig.About(err)
	return ok || isA[*awsapi.SettingError](err) || isA[*policy.FileError](err)
}

// own makes an error about a setting a [*ConfigError], which programs can match.
func own(err error) error {
	if err == nil || isA[*ConfigError](err) || !isOfConfig(err) {
		return err
	}
	at, key, _ := awsconfig.About(err)
	if of, ok := errors.AsType[*awsapi.SettingError](err); ok {
		key = of.Setting
	}
	if of, ok := errors.AsType[*policy.FileError](err); ok {
		at = awsconfig.Location{File: of.Path, Line: of.Line}
	}
	return &ConfigError{Path: at.File, Line: at.Line, Setting: key, Err: err}
}

func owned[T any](v T, err error) (T, error) { return v, own(err) }

// NoAccessError says that the person does not have a role: it is not assigned
// to them, or there is no such account or role.
type NoAccessError struct {
	Session             string   // its label
	AccountID, RoleName string   // "" for an IAM role
	RoleARN             string   // of an IAM role that could not be assumed
	Held                []string // roles the person has in that account, if known
	Request             string   // how to get access, if the policy of this machine says so
	Err                 error    // the service's answer
}

// Error says what went wrong.
func (e *NoAccessError) Error() string {
	if e.RoleARN != "" {
		return fmt.Sprintf("no access to role %s through session %s: %v", e.RoleARN, e.Session, e.Err)
	}
	return fmt.Sprintf("no access to role %s in account %s through session %s", e.RoleName, e.AccountID, e.Session)
}

// Unwrap returns the service's answer.
func (e *NoAccessError) Unwrap() error { return e.Err }
