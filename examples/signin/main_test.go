package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/credproc/credproctest"
)

// open returns the status and the text of a page.
func open(p *credproc.Provider, method, path string) (status int, text string) {
	answer := httptest.NewRecorder()
	site(p).ServeHTTP(answer, httptest.NewRequest(method, path, nil))
	return answer.Code, answer.Body.String()
}

func TestOneSignInAndOneCallServeAllPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := credproctest.New(t)
		machine.Center.AutoApprove = true // the person who confirms
		p := &credproc.Provider{Session: machine.Session(), AccountID: "111111111111", RoleName: "Admin"}

		if status, text := open(p, "GET", "/"); status != 401 || !strings.Contains(text, "/signin") {
			t.Errorf("before the sign-in: %d %s", status, text)
		}
		if _, text := open(p, "POST", "/signin"); !strings.Contains(text, "Confirm the code") || !strings.Contains(text, "You are signed in") {
			t.Errorf("the sign-in page: %s", text)
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if status, text := open(p, "GET", "/"); status != 200 || !strings.Contains(text, "Role Admin in account 111111111111") {
					t.Errorf("%d %s", status, text)
				}
			})
		}
		all.Wait()
		for op, want := range map[string]int{"RegisterClient": 1, "CreateToken": 1, "GetRoleCredentials": 1} {
			if n := machine.Center.Count(op); n != want {
				t.Errorf("%s: %d calls, want %d", op, n, want)
			}
		}
	})
}

func TestAnInterruptEndsIt(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	if err := serve(ctx, &credproc.Provider{Session: credproctest.New(t).Session()}); err != nil {
		t.Error(err)
	}
}

func TestAnErrorIsShownAsText(t *testing.T) {
	machine := credproctest.New(t)
	p := &credproc.Provider{Session: machine.SignedIn(), AccountID: "111111111111", RoleName: "Owner"}
	status, text := open(p, "GET", "/")
	if status != 500 || !strings.Contains(text, "Owner") {
		t.Errorf("%d %s", status, text)
	}
}

func TestASignInThatIsRefusedSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := credproctest.New(t)
		p := &credproc.Provider{Session: machine.Session(), AccountID: "111111111111", RoleName: "Admin"}
		go func() {
			synctest.Wait() // until it waits for the person
			for _, code := range machine.Center.Pending() {
				machine.Center.Deny(code)
			}
		}()
		if _, text := open(p, "POST", "/signin"); !strings.Contains(text, "Not signed in") {
			t.Errorf("%s", text)
		}
	})
}

func TestAnotherSiteCannotStartASignIn(t *testing.T) {
	machine := credproctest.New(t)
	r := httptest.NewRequest("POST", "/signin", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer := httptest.NewRecorder()
	site(&credproc.Provider{Session: machine.Session()}).ServeHTTP(answer, r)
	if answer.Code != 403 || machine.Center.Total() != 0 {
		t.Errorf("status %d, %d calls", answer.Code, machine.Center.Total())
	}
}
