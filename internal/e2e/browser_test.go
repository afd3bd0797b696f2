package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A window is one of a real browser, which nobody sees.
type window struct {
	t   *testing.T
	ctx context.Context
}

func (m *machine) openWindow() *window {
	m.t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		m.t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(m.dir("browser")),
		chromedp.NoSandbox, // root has none
		chromedp.WindowSize(900, 560),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"))
	limited, stop := context.WithTimeout(m.t.Context(), 40*time.Second)
	m.t.Cleanup(stop)
	started, stop := chromedp.NewExecAllocator(limited, options...)
	m.t.Cleanup(stop)
	ctx, stop := chromedp.NewContext(started)
	m.t.Cleanup(stop)
	return &window{m.t, ctx}
}

func (w *window) do(actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, actions...); err != nil {
		w.t.Fatal(err)
	}
}

// ends returns what the last page says, once it is there.
func (w *window) ends() string {
	w.t.Helper()
	w.do(chromedp.WaitVisible(chromedp.CSS("footer")))
	text, err := chromedp.Run(w.ctx, chromedp.Text("body"))
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// shoot takes a picture, for people (go test -artifacts).
func (w *window) shoot(name, scheme string) []byte {
	w.t.Helper()
	w.do(func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return none, err
	})
	picture, err := chromedp.Run(w.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(w.t.ArtifactDir(), name+"-"+scheme+".png"), picture, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return picture
}

// A signIn is a login that waits for a browser.
type signIn struct {
	page, back string // what it asks the browser to open, and where that ends
	state      string
	ended      chan result
}

var anAuthorizePage = regexp.MustCompile(`http://\S+/authorize\?\S+`)

// signInWithBrowser starts a login, and returns when it has named its page.
func (m *machine) signInWithBrowser(args ...string) *signIn {
	m.t.Helper()
	cmd := exec.Command(binary, append([]string{"login", "corp", "--flow", "pkce", "--no-browser"}, args...)...)
	cmd.Dir, cmd.Env = m.home, m.environ()
	var stdout, said bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { cmd.Process.Kill() })
	named, s := make(chan string, 1), &signIn{ended: make(chan result, 1)}
	go func() {
		lines := bufio.NewScanner(io.TeeReader(stderr, &said))
		for lines.Scan() {
			if page := anAuthorizePage.FindString(lines.Text()); page != "" {
				named <- page
			}
		}
		cmd.Wait()
		s.ended <- result{cmd.ProcessState.ExitCode(), stdout.String(), said.String()}
	}()
	select {
	case s.page = <-named:
	case <-time.After(30 * time.Second):
		m.t.Fatal("no page is named")
	}
	u, err := url.Parse(s.page)
	if err != nil {
		m.t.Fatal(err)
	}
	s.back, s.state = u.Query().Get("redirect_uri"), u.Query().Get("state")
	return s
}

func (s *signIn) wait(t *testing.T) result {
	t.Helper()
	select {
	case r := <-s.ended:
		return r
	case <-time.After(30 * time.Second):
		t.Fatal("the login does not end")
	}
	return result{}
}

// attack sends what others on the machine, and pages in its browsers, can send.
func (s *signIn) attack(t *testing.T) {
	t.Helper()
	right := "?code=stolen&state=" + s.state
	host := strings.TrimSuffix(s.back, "/oauth/callback")
	for _, a := range []struct {
		what, method, url, host string
		want                    int
	}{
		{"a wrong state", "GET", s.back + "?code=x&state=wrong", "", 400},
		{"a refusal with a wrong state", "GET", s.back + "?error=access_denied&state=wrong", "", 400},
		{"a refusal without a state", "GET", s.back + "?error=access_denied", "", 400},
		{"HTML in an error", "GET", s.back + "?error=<script>alert(1)</script>&state=wrong", "", 400},
		{"the icon", "GET", host + "/favicon.ico", "", 404},
		{"another path", "GET", host + "/callback" + right, "", 404},
		{"a POST", "POST", s.back + right, "", 405},
		{"another host", "GET", s.back + right, "rebound.example", 421},
		{"a megabyte", "GET", s.back + "?code=" + strings.Repeat("x", 1<<20) + "&state=" + s.state, "", 431},
	} {
		request, err := http.NewRequest(a.method, strings.ReplaceAll(strings.ReplaceAll(a.url, "<", "%3C"), ">", "%3E"), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = a.host
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Errorf("%s: %v", a.what, err)
			continue
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != a.want || bytes.Contains(text, []byte("<script")) || bytes.Contains(text, []byte("Signed in")) {
			t.Errorf("%s: HTTP %d, want %d\n%.300s", a.what, answer.StatusCode, a.want, text)
		}
	}
}

func TestARealBrowserSignsIn(t *testing.T) {
	m := newMachine(t)
	m.server.AutoApprove = false
	login, w := m.signInWithBrowser(), m.openWindow()
	w.do(chromedp.Navigate(login.page), chromedp.WaitVisible("#allow"))
	login.attack(t)
	w.do(chromedp.Click("#allow"))
	text := w.ends()
	for _, part := range []string{"Signed in to corp", "You can close this tab.", "credproc, on this computer"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page does not say %q:\n%s", part, text)
		}
	}
	if bytes.Equal(w.shoot("signed-in", "light"), w.shoot("signed-in", "dark")) {
		t.Error("light and dark look the same")
	}
	if r := login.wait(t); r.status != 0 || r.stdout != "" || !strings.Contains(r.stderr, "Signed in to corp.") {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	if _, err := http.Get(login.back + "?code=second&state=" + login.state); err == nil {
		t.Error("somebody answers still")
	}
	m.counted(map[string]int{"CreateToken:authorization_code": 1, "StartDeviceAuthorization": 0})
	m.serves(m.process("corp", "Admin"))
}

func TestARealBrowserIsToldNo(t *testing.T) {
	m := newMachine(t)
	m.server.AutoApprove = false
	login, w := m.signInWithBrowser(), m.openWindow()
	w.do(chromedp.Navigate(login.page), chromedp.WaitVisible("#deny"), chromedp.Click("#deny"))
	if text := w.ends(); !strings.Contains(text, "Not signed in to corp") || !strings.Contains(text, "The sign-in was denied.") {
		t.Errorf("the page says:\n%s", text)
	}
	if bytes.Equal(w.shoot("denied", "light"), w.shoot("denied", "dark")) {
		t.Error("light and dark look the same")
	}
	m.refuses(login.wait(t), 4, "credproc: the sign-in to corp was denied in the browser\n", `hint: run "credproc login corp"`)
}

func TestTheFirstAnswerCounts(t *testing.T) {
	for what, tt := range map[string]struct {
		answer string
		status int
		says   string
	}{
		"an error with HTML": {"error=server_error&error_description=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%1B%5B2J", 3,
			"credproc: sign in to corp: Authorize: server_error"},
		"a code that is none": {"code=stolen", 2, "credproc: the service refused the sign-in to corp\n"},
	} {
		m := newMachine(t)
		m.server.AutoApprove = false
		login := m.signInWithBrowser()
		answer, err := http.Get(login.back + "?state=" + login.state + "&" + tt.answer)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !bytes.Contains(page, []byte("Not signed in to corp")) || bytes.Contains(page, []byte("<img")) {
			t.Errorf("%s: %v\n%s", what, err, page)
		}
		r := login.wait(t)
		m.refuses(r, tt.status, tt.says)
		if err := oneSentence(r.stderr); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// oneSentence expects one line that is an error, and no escape sequence.
func oneSentence(stderr string) error {
	if n := strings.Count(stderr, "credproc: "); n != 1 || strings.Contains(stderr, "\x1b") {
		return fmt.Errorf("%d errors, or not for a terminal:\n%q", n, stderr)
	}
	return errors.Join()
}
