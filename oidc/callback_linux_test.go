package oidc_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

// dialAsStranger makes a connection that belongs to another user.
func dialAsStranger(ctx context.Context, network, addr string) (net.Conn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SetfsuidRetUid(54321)
	if err != nil {
		return nil, err
	}
	defer unix.SetfsuidRetUid(before)
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// The state is in the browser's command line, which every user can read.
func TestAnotherUserNeitherCompletesNorDeniesASignIn(t *testing.T) {
	if os.Geteuid() != 0 { // who may not become another user
		return
	}
	idc := idctest.New()
	stranger := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialAsStranger}}
	config := &oidc.Config{StartURL: idc.StartURL, Region: idc.Region, HTTPClient: idc.Client(), SessionName: "corp"}
	token, err := signIn(t, config, func(page string) {
		for _, parameters := range []url.Values{{"code": {"theirs"}}, {"error": {"access_denied"}}, {"error": {"server_error"}}} {
			answer, err := stranger.Get(backFrom(page, parameters))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusForbidden {
				t.Errorf("%v: HTTP %d", parameters, answer.StatusCode)
			}
		}
		// One who does not wait for the answer cannot be told from root.
		back, _ := url.Parse(backFrom(page, url.Values{"code": {"theirs"}}))
		for range 20 {
			conn, err := dialAsStranger(t.Context(), "tcp", back.Host)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := conn.Write([]byte("GET " + back.RequestURI() + " HTTP/1.1\r\nHost: " + back.Host + "\r\n\r\n")); err != nil {
				t.Error(err)
			}
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
		person := idc.Client()
		person.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, err := person.PostForm(page, url.Values{"action": {"allow"}})
		if err != nil {
			t.Error(err)
			return
		}
		if last, text := ask(t, "GET", answer.Header.Get("Location"), ""); last.StatusCode != http.StatusOK || !strings.Contains(text, "Signed in") {
			t.Errorf("HTTP %d: %s", last.StatusCode, text)
		}
	})
	if err != nil || token.RefreshToken == "" || idc.Count("CreateToken") != 1 {
		t.Errorf("%v, %d tokens were asked for", err, idc.Count("CreateToken"))
	}
}
