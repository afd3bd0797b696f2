package oidc

import "github.com/credproc/credproc/internal/starturl"

// NormalizeStartURL returns the one spelling of a start URL that is sent to the
// service and compared: lower-case scheme and host, no default port, no dot at the
// end of the host, no query, no fragment, no trailing slash. People paste
// "…/start/#/" as well as "…/start", and the service accepts both. Normalizing twice
// changes nothing.
//
// The URL must be https. http is accepted only for this machine, for tests: signing
// in with it also needs a custom Endpoint on this machine. A host must be in ASCII:
// letters that look like others are refused. The error is a [*ConfigError].
func NormalizeStartURL(start string) (string, error) {
	normal, shown, problem := starturl.Normalize(start)
	if problem != "" {
		return "", &ConfigError{"StartURL", shown, problem}
	}
	return normal, nil
}
