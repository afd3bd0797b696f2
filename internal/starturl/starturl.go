// Package starturl knows when two start URLs are the same.
//
// It reads URLs by itself: [net/url] has the tables of [net/netip] made when a
// program starts, late and after much else, and a warm answer does not wait for
// them. Its test holds it to what those two say.
package starturl

import (
	"strconv"
	"strings"
)

// Normalize returns the one spelling of a start URL that is sent to the
// service and compared: lower-case scheme and host, no default port, no dot at
// the end of the host, no query, no fragment, no trailing slash. Otherwise it
// says what is wrong, and shows the URL unless there may be a password in it.
func Normalize(start string) (normal, shown, problem string) {
	if start == "" {
		return "", "", "must not be empty"
	}
	text := strings.TrimSpace(start)
	u, ok := parse(text)
	if ok && !strings.Contains(text, "@") {
		shown = text
	}
	if strings.Contains(text, `\`) {
		return "", shown, backslash
	}
	if problem := u.problem(ok); problem != "" {
		return "", shown, problem
	}
	name, problem := u.hostName()
	if problem != "" {
		return "", shown, problem
	}
	port, problem := u.hostPort()
	if problem != "" {
		return "", shown, problem
	}
	return u.scheme + "://" + name + port + strings.TrimRight(u.path, "/"), "", ""
}

// Same reports whether two start URLs are one: people paste "…/start/#/" as well as
// "…/start", and the service takes both. What is no start URL is the same as its own
// text alone.
func Same(a, b string) bool {
	u, _, problem := Normalize(a)
	v, _, problem2 := Normalize(b)
	if problem != "" || problem2 != "" {
		return a == b
	}
	return u == v
}

// Problem says why no secret may be sent to a URL: it is to be https, or http
// to this machine. "" means that it may.
func Problem(text string) string {
	if strings.Contains(text, `\`) {
		return backslash
	}
	u, ok := parse(text)
	return u.problem(ok)
}

const backslash = "must have no backslash, which browsers read as a slash"

// parts are those of a URL.
type parts struct {
	scheme  string // in lower case
	hasUser bool
	host    string // a name or an address, without brackets
	port    string // digits, or ""
	path    string // escaped
}

// parse reports whether text is a URL at all.
func parse(text string) (u parts, ok bool) {
	text, fragment, _ := strings.Cut(text, "#")
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return parts{}, false
	}
	text, _, _ = strings.Cut(text, "?")
	scheme, rest, _ := strings.Cut(text, ":")
	u.scheme = strings.ToLower(scheme)
	rest, hasHost := strings.CutPrefix(rest, "//")
	if !hasHost {
		return u, true
	}
	at := strings.IndexByte(rest+"/", '/')
	host, path := rest[:at], rest[at:]
	if end := strings.LastIndexByte(host, '@'); end >= 0 {
		u.hasUser, host = true, host[end+1:]
	}
	hostOK, pathOK := u.setHost(host), u.setPath(path)
	_, fragmentOK := unescape(fragment)
	return u, hostOK && pathOK && fragmentOK
}

func (u *parts) problem(ok bool) string {
	switch {
	case !ok:
		return "not a URL"
	case u.scheme != "https" && (u.scheme != "http" || !IsLoopback(u.host)):
		return "must start with https://"
	case u.host == "":
		return "has no host"
	case u.hasUser:
		return "must have no user"
	}
	return ""
}

func (u *parts) setHost(host string) bool {
	if address, ok := strings.CutPrefix(host, "["); ok {
		u.host, host, ok = strings.Cut(address, "]")
		if _, isAddress := parseIPv6(u.host); !ok || !isAddress {
			return false
		}
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		u.host, host = host[:i], host[i:]
	} else {
		u.host, host = host, ""
	}
	port, ok := strings.CutPrefix(host, ":")
	u.port = port
	return (ok || host == "") && strings.Trim(port, digits) == "" && !strings.ContainsAny(u.host, " \"<>\\^`{|}%")
}

func (u *parts) setPath(path string) bool {
	plain, ok := unescape(path)
	u.path = path
	if strings.Trim(path, inPath+escapedToo) != "" {
		u.path = escape(plain)
	}
	return ok
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyz"
	// What a path has as it is, and what else is left alone if it is written so.
	inPath     = digits + letters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.~$&+,/:;=@"
	escapedToo = "!'()*[]%"
)

func unescape(text string) (plain string, ok bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "%")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 2 {
			return "", false
		}
		c, err := strconv.ParseUint(after[:2], 16, 8)
		if err != nil || after[0] == '+' {
			return "", false
		}
		b.WriteByte(byte(c))
		text = after[2:]
	}
}

func escape(plain string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(plain) {
		if strings.IndexByte(inPath, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// hostName is a host as it is compared, and in a URL; or what is wrong with it.
func (u *parts) hostName() (name, problem string) {
	if strings.Contains(u.host, ":") {
		return "[" + strings.ToLower(u.host) + "]", ""
	}
	name = strings.TrimSuffix(strings.ToLower(u.host), ".")
	for _, r := range u.host {
		if r > 0x7f {
			return "", "has a host that is not in ASCII: write it as xn--…, if that is what you mean"
		}
	}
	if name == "" {
		return "", "has no host"
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, letters+digits+"-_") != "" {
			return "", "has an impossible host"
		}
	}
	return name, ""
}

// hostPort is ":8443", or nothing for the scheme's own port.
func (u *parts) hostPort() (port, problem string) {
	if u.port == "" {
		return "", ""
	}
	n, err := strconv.ParseUint(u.port, 10, 16)
	if err != nil || n == 0 {
		return "", "has an impossible port"
	}
	if n == 443 && u.scheme == "https" || n == 80 && u.scheme == "http" {
		return "", ""
	}
	return ":" + strconv.FormatUint(n, 10), ""
}

// IsLoopback reports whether host, a name or an address without port, is this
// machine by its spelling alone. No name is looked up.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	if v4, ok := parseIPv4(host); ok {
		return v4[0] == 127
	}
	v6, ok := parseIPv6(host)
	if v6[6]>>8 == 127 && [6]uint16(v6[:6]) == [6]uint16{5: 0xffff} { // 127.0.0.1 as IPv6
		return ok
	}
	return ok && v6 == [8]uint16{7: 1}
}

func parseIPv4(text string) (address [4]byte, ok bool) {
	numbers := strings.Split(text, ".")
	if len(numbers) != len(address) {
		return address, false
	}
	for i, number := range numbers {
		n, err := strconv.ParseUint(number, 10, 8)
		if err != nil || len(number) > 1 && number[0] == '0' {
			return address, false
		}
		address[i] = byte(n)
	}
	return address, true
}

// parseIPv6 reads an address without a zone.
func parseIPv6(text string) (address [8]uint16, ok bool) {
	before, after, shortened := strings.Cut(text, "::")
	head, headOK := parseGroups(before, !shortened)
	tail, tailOK := parseGroups(after, true)
	n := len(head) + len(tail)
	if !headOK || !tailOK || n > 8 || shortened == (n == 8) {
		return address, false
	}
	copy(address[:], head)
	copy(address[8-len(tail):], tail)
	return address, true
}

// parseGroups reads what is between colons, the end of an address maybe with
// an IPv4 address as its last.
func parseGroups(text string, isEnd bool) (groups []uint16, ok bool) {
	if text == "" {
		return nil, true
	}
	all := strings.Split(text, ":")
	for i, group := range all {
		if v4, ok := parseIPv4(group); ok && isEnd && i == len(all)-1 {
			return append(groups, uint16(v4[0])<<8|uint16(v4[1]), uint16(v4[2])<<8|uint16(v4[3])), true
		}
		n, err := strconv.ParseUint(group, 16, 16)
		if err != nil || len(group) > 4 {
			return nil, false
		}
		groups = append(groups, uint16(n))
	}
	return groups, true
}
