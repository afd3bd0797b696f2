//go:build unix

package cmd

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// atStartURL signs in to what no config file and no page says the region of.
var atStartURL = []string{"login", "--no-browser", "--sso-start-url", "https://idc.example/start/#/"}

func TestARegionThatNothingSaysIsAskedForOnATerminal(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, "AWS_CONFIG_FILE="+m.dir+"/none")
	m.idc.Set(func(s *idctest.Server) { s.AutoApprove = true })
	for keys, want := range map[string]struct {
		status int
		says   string
	}{
		" us-east-1 \n": {0, "Signed in to idc."},
		"US EAST\n":     {2, `credproc: region "US EAST": must be lower-case`},
		"\n":            {2, "--sso-region"},
		"\x04":          {130, "credproc: cancelled"},
		"\x03":          {130, "credproc: interrupted"},
		"us-\x03":       {130, "credproc: interrupted"},
	} {
		t.Run(url.QueryEscape(keys), func(t *testing.T) {
			on := &machine{T: t, idc: m.idc, dir: m.dir, env: append(m.env, "CREDPROC_DIR="+t.TempDir())}
			p := on.onTerminal("credproc", atStartURL...)
			p.shows("In which region is the Identity Center of idc (such as eu-west-1)? ")
			p.types(keys)
			p.ends(want.status)
			p.shows(want.says)
		})
	}
}

// addressAfter presses the button of the page that a sign-in shows, in a browser
// that cannot reach the address that it leads to.
func (p *display) addressAfter(button string) string {
	p.Helper()
	page := regexp.MustCompile(`http://\S+/authorize\?\S+`).FindString(p.shows("Waiting for the browser, "))
	stays := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := stays.PostForm(page, url.Values{"action": {button}})
	if err != nil {
		p.Fatal(err)
	}
	answer.Body.Close()
	return answer.Header.Get("Location")
}

func TestTheAddressThatABrowserEndedAtIsPasted(t *testing.T) {
	m := newMachine(t)
	for button, want := range map[string]struct {
		status int
		says   string
	}{"allow": {0, "Signed in to corp."}, "deny": {4, "credproc: the sign-in to corp was denied in the browser"}} {
		p := m.onTerminal("credproc", "login", "corp", "--flow", "pkce", "--no-browser", "--force")
		p.shows("paste its address here.")
		address := p.addressAfter(button)
		p.types("\n  \nhello\n")
		p.shows("That cannot be used: it does not start with http://127.0.0.1:")
		p.types(regexp.MustCompile(`state=[^&]*`).ReplaceAllString(address, "state=another") + "\n")
		p.shows("That cannot be used: it is not the answer to this sign-in.")
		p.types("\x1b[200~" + address + "\x1b[201~\x15 " + address + " \n")
		p.ends(want.status)
		p.shows(want.says)
	}
}

func TestTheWaitingLineIsGoneAfterIt(t *testing.T) {
	m := newMachine(t)
	for _, way := range []string{"--flow=pkce", "--flow=device"} {
		p := m.onTerminal("credproc", "login", "corp", "--no-browser", way)
		p.shows(" left. Ctrl-C gives up.")
		p.types("\x03")
		p.ends(130)
		shown := p.shown.String()
		wiped := "\r" + strings.Repeat(" ", len("Waiting for the browser, 9:59 left. Ctrl-C gives up."))
		if i := strings.LastIndex(shown, "gives up."); !strings.Contains(shown[i:], wiped) || !strings.HasSuffix(shown, "\rcredproc: interrupted\r\n") {
			t.Errorf("%s: %q", way, shown)
		}
	}
}

// What is typed while a login waits in the background is for the program in the
// foreground: reading it would stop the login.
func TestALoginInTheBackgroundReadsNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.onTerminal("bash", "-c", "set -m; credproc login corp --flow pkce --no-browser & wait; read -r line; echo got $line")
	p.types("hello\n")
	address := p.addressAfter("allow")
	p.shows("Waiting for the browser, 9:5") // it has had a second to read
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	p.ends(0)
	p.shows("Signed in to corp.")
	p.shows("got hello")
}
