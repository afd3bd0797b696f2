// Command signin is a program with a sign-in page of its own:
//
//	go run ./examples/signin -start-url https://d-1234567890.awsapps.com/start -region eu-west-1 -account 111111111111 -role Admin
//
// Its login is shared with the program credproc and with every other process of
// the machine. The test beside it needs no AWS account: it runs the whole
// program against a local Identity Center, and counts the calls.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

func main() {
	var s tokencache.Session
	p := credproc.Provider{Session: &s}
	flag.StringVar(&s.Config.StartURL, "start-url", "", "where your organization signs in")
	flag.StringVar(&s.Config.Region, "region", "", "region of the Identity Center instance")
	flag.StringVar(&p.AccountID, "account", "", "account ID")
	flag.StringVar(&p.RoleName, "role", "", "role name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, &p); err != nil {
		// %q: what a server or a certificate says may be in it, and a terminal would
		// obey the control characters.
		fmt.Fprintf(os.Stderr, "signin: %q\n", err.Error())
		os.Exit(1)
	}
}

// serve serves until ctx ends, and then waits for a renewal that is under way:
// its answer has to reach the keychain, or the login is lost.
func serve(ctx context.Context, p *credproc.Provider) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Open http://%s\n", listener.Addr())
	server := &http.Server{Handler: site(p)}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return p.Session.Close(ctx)
}

// site has two pages: / uses the credentials, or says what to do, and /signin is
// the sign-in, which another site cannot start in the user's browser.
func site(p *credproc.Provider) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { showRole(w, r, p) })
	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) { showSignIn(w, r, p.Session) })
	protected := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		protected.ServeHTTP(w, r)
	})
}

func showRole(w http.ResponseWriter, r *http.Request, p *credproc.Provider) {
	credentials, err := p.Retrieve(r.Context())
	switch {
	case errors.Is(err, oidc.ErrSignInRequired):
		w.WriteHeader(http.StatusUnauthorized)
		show(w, `<form method="post" action="/signin"><button>Sign in</button></form>`, nil)
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
		show(w, `<p>{{.}}</p>`, err.Error())
	default:
		show(w, `<p>Role {{.RoleName}} in account {{.AccountID}}</p>`, p)
		show(w, `<p>until {{.}}</p>`, credentials.Expires)
	}
}

// showSignIn shows the code while it waits for the person to confirm it.
func showSignIn(w http.ResponseWriter, r *http.Request, s *tokencache.Session) {
	err := s.SignIn(r.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(code oidc.DeviceCode) error {
			show(w, `<p>Confirm the code {{.UserCode}} at <a href="{{or .VerificationURIComplete .VerificationURI}}">AWS</a>.</p>`, code)
			return http.NewResponseController(w).Flush()
		})
	})
	if err != nil {
		show(w, `<p>Not signed in: {{.}}</p>`, err.Error())
		return
	}
	show(w, `<p>You are signed in. <a href="/">Go on</a></p>`, nil)
}

// show writes a part of a page. A browser that has gone does not read it.
func show(w http.ResponseWriter, text string, data any) {
	template.Must(template.New("").Parse(text)).Execute(w, data)
}
