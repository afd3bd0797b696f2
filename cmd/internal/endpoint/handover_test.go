package endpoint

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestASecretPageIsHandedOverOnce(t *testing.T) {
	const secret = "https://signin.aws.amazon.com/federation?Action=login&SigninToken=secret"
	server := httptest.NewUnstartedServer(nil)
	host := server.Listener.Addr().String()
	ticket := newTicket(host, secret)
	server.Config.Handler = ticket
	server.Start()
	defer server.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(method, path, host string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		resp, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Location")
	}
	for _, wrong := range [][3]string{{"GET", "/", host}, {"GET", ticket.path + "2", host}, {"HEAD", ticket.path, host}, {"POST", ticket.path, host}, {"GET", ticket.path, "evil.example"}} {
		if status, page := get(wrong[0], wrong[1], wrong[2]); status != http.StatusNotFound || page != "" {
			t.Errorf("%q: HTTP %d, %s", wrong, status, page)
		}
	}
	if status, page := get("GET", ticket.path, host); status != http.StatusFound || page != secret {
		t.Errorf("HTTP %d, %s", status, page)
	}
	<-ticket.used
	if status, page := get("GET", ticket.path, host); status != http.StatusNotFound || page != "" {
		t.Errorf("the second time: HTTP %d, %s", status, page)
	}
}

// come has a browser show the ticket that nothing is known of.
func (t *ticket) come() {
	t.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://"+t.host+t.path, nil))
}

func TestAnErrorTellsWhenAPageWentToNobodyOrToTheWrongOne(t *testing.T) {
	for name, tt := range map[string]struct {
		browsers func(t *ticket)
		says     string // "": nothing, and status 0
	}{
		"nobody comes":             {func(*ticket) {}, "no browser asked for the page within 1m"},
		"one comes late":           {func(t *ticket) { time.Sleep(handOverTime - time.Second); t.come() }, ""},
		"two come":                 {func(t *ticket) { t.come(); time.Sleep(doubt / 2); t.come() }, "two browsers asked for the page"},
		"three come":               {func(t *ticket) { t.come(); t.come(); t.come() }, "two browsers asked for the page"},
		"one loads the page again": {func(t *ticket) { t.come(); time.Sleep(2 * doubt); t.come() }, ""},
		"nobody but another user":  {func(t *ticket) { t.refused = "another user (uid 7)" }, "but another user (uid 7) did and was refused"},
		"another user, and one":    {func(t *ticket) { t.refused = "another user (uid 7)"; t.come() }, ""},
		"the person's own, surely": {func(t *ticket) { t.sure, t.shown = true, 1; close(t.used); t.come() }, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			ticket := newTicket("127.0.0.1:1", "https://signin.example")
			var come sync.WaitGroup
			defer come.Wait()
			come.Go(func() { tt.browsers(ticket) })
			synctest.Wait()
			_, err := ticket.wait(t.Context())
			if tt.says == "" && err == nil {
				return
			}
			if e, ok := errors.AsType[*HandOverError](err); !ok || tt.says == "" || !strings.Contains(e.Error(), tt.says) {
				t.Errorf("%s: %v, want %q", name, err, tt.says)
			}
		})
	}
}

func TestAHandOverCanBeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTicket("127.0.0.1:1", "").wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
