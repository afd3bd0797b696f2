// Package starturl knows when two start URLs are one.
package starturl

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Normalize returns the one spelling of a start URL that is sent to the
// service and compared: lower-case scheme and host, no default port, no dot at
// the end of the host, no query, no fragment, no trailing slash. Otherwise it
// says what is wrong, and shows the URL without any password in it.
func Normalize(start string) (normal, shown, problem string) {
	u, err := url.Parse(strings.TrimSpace(start))
	switch {
	case start == "":
		return "", "", "must not be empty"
	case err != nil:
		return "", "", "not a URL"
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return "", u.Redacted(), "must begin with https://"
	case u.User != nil:
		return "", u.Redacted(), "must have no user"
	}
	name, problem := hostName(u.Hostname())
	port, portProblem := hostPort(u)
	if problem += portProblem; problem != "" {
		return "", u.Redacted(), problem
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	return u.Scheme + "://" + name + port + path, "", ""
}

// hostName is a host as it is compared, and in a URL; or what is wrong with it.
func hostName(host string) (name, problem string) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is6() {
			return "[" + strings.ToLower(host) + "]", ""
		}
		return host, ""
	}
	name = strings.TrimSuffix(strings.ToLower(host), ".")
	for _, r := range name {
		if r > 0x7f {
			return "", "has a host that is not in ASCII: write it as xn--…, if that is what you mean"
		}
	}
	if name == "" {
		return "", "has no host"
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", "has a host that cannot be"
		}
	}
	return name, ""
}

// hostPort is ":8443", or nothing for the scheme's own port.
func hostPort(u *url.URL) (port, problem string) {
	if u.Port() == "" {
		return "", ""
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || n == 0 {
		return "", "has a port that cannot be"
	}
	if n == 443 && u.Scheme == "https" || n == 80 && u.Scheme == "http" {
		return "", ""
	}
	return ":" + strconv.FormatUint(n, 10), ""
}

// IsLoopback reports whether host, a name or an address without port, is this
// machine by its spelling alone. No name is looked up.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
