package main

import (
	"errors"
	"net/http"

	"github.com/credproc/credproc/oidc"
)

// status is what a failed request says to the user's client: whether another
// token would help.
func status(err error) int {
	for _, again := range []error{oidc.ErrAssertion, oidc.ErrAssertionExpired, oidc.ErrUntrusted, oidc.ErrSignInRequired} {
		if errors.Is(err, again) {
			return http.StatusUnauthorized
		}
	}
	return http.StatusForbidden
}
