package starturl

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// reference is Normalize by net/url and net/netip.
func reference(start string) (normal string, ok bool) {
	u, err := url.Parse(strings.TrimSpace(start))
	if err != nil || strings.Contains(start, `\`) || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !referenceLoopback(u.Hostname())) {
		return "", false
	}
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && addr.Is6() {
		name = "[" + strings.ToLower(u.Hostname()) + "]"
	} else {
		for label := range strings.SplitSeq(name, ".") {
			if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				return "", false
			}
		}
	}
	port := ""
	if u.Port() != "" {
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || n == 0 {
			return "", false
		}
		if !(n == 443 && u.Scheme == "https") && !(n == 80 && u.Scheme == "http") {
			port = ":" + strconv.FormatUint(n, 10)
		}
	}
	for _, r := range u.Hostname() {
		if r > 0x7f {
			return "", false
		}
	}
	return u.Scheme + "://" + name + port + strings.TrimRight(u.EscapedPath(), "/"), true
}

func referenceLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

var spellings = []string{
	"https://d-1234567890.awsapps.com/start/#/", "HTTPS://Corp.Example.:443//a%2Fb/?x#y", " https://x:08443/\n", "https://x:/", "https://x:0",
	"http://127.0.0.1:80/start", "http://[::1]:80/", "http://[::FFFF:127.0.0.1]", "http://[0:0:0:0:0:0:0:1]:81/x", "http://127.0.0.01", "http://LocalHost",
	"https://[2001:DB8::1]/a b", "https://[1:2:3:4:5:6:7:8]", "https://[1:2:3:4:5:6:7::]", "https://[1::2::3]", "https://[::1.2.3.4]", "https://[1.2.3.4::]",
	"https://[1:2:3:4:5:6:1.2.3.4]", "https://[:1]", "https://[12345::]", "https://[::1", "https://::1", "https://[127.0.0.1]", "https://[]", "https://[::1]x",
	"https://x/ü?ü#ü", "https://x/%zz", "https://x/%", "https://x/#%zz", "https://x/a!'()*[]", "https://x/a!b\"c", "https://x/<>^`{|}\\", "https://x/%+1", "https://x/%7e~",
	"https://u:p@x/", "https://u@", "https:///x", "https:x", "https:/x", "://x", "x", "", "http:", "ftp://x", "javascript:alert(1)", "https://a:b:1", "https://x y/",
	`https://x\start`, `https://x/start\`, `https://x/start/#\`, "https://x\x00", "https://x\x7f/", "https://%63orp/", "https://b\u00fccher.example/", "https://\u212a.example", "https://x/\xff", "https://*.x/", "https://a_b-c/",
	"https://x:65536", "https://x:12x", "https://x?y/z", "https://x#y/z", "https://x/*", "https://x/;a=b,c+d$e&f", "https://x@y@z/", "http://0127.0.0.1", "https://.", "https://[::%31]",
}

func TestAURLIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	for _, start := range spellings {
		same(t, start)
	}
}

func FuzzAURLIsReadAsTheStandardLibraryReadsIt(f *testing.F) {
	for _, start := range spellings {
		f.Add(start)
	}
	f.Fuzz(same)
}

func same(t *testing.T, start string) {
	if u, err := url.Parse(strings.TrimSpace(start)); err == nil && strings.Contains(u.Host, "%") {
		return // zones, which no service has
	}
	want, ok := reference(start)
	got, shown, problem := Normalize(start)
	if got != want || ok != (problem == "") {
		t.Errorf("%q: %q, %q; want %q", start, got, problem, want)
	}
	if strings.Contains(shown, "@") || problem == "" && shown != "" {
		t.Errorf("%q is shown as %q", start, shown)
	}
	if IsLoopback(start) != referenceLoopback(start) && !strings.Contains(start, "%") {
		t.Errorf("%q: this machine %v", start, IsLoopback(start))
	}
}

func TestSame(t *testing.T) {
	const start = "https://x.awsapps.com/start"
	for _, other := range []string{start, start + "/", start + "//", start + "#/", start + "/#/", start + "?a=b", "HTTPS://X.awsapps.com:443/start"} {
		if !Same(start, other) || !Same(other, start) {
			t.Errorf("%s is another", other)
		}
	}
	for _, other := range []string{"", "http://x.awsapps.com/start", "http://x.awsapps.com:443/start", start + "s", "https://x.awsapps.com", "https://x.awsapps.com/START", "https://x.awsapps.com:80/start", "https://y.awsapps.com/start", "https://x.awsapps.com:x/start"} {
		if Same(start, other) || Same(other, start) {
			t.Errorf("%s is the same", other)
		}
	}
	if !Same("http://127.0.0.1:80/", "http://127.0.0.1") {
		t.Error("port 80 is not http's own")
	}
	if !Same("https://x:x", "https://x:x") {
		t.Error("what is no URL is not itself")
	}
}
