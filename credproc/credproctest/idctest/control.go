package idctest

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const controlPath = "/_idctest/"

// serveControl lets other processes do what the methods do.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var err error
	switch r.Method + " " + strings.TrimPrefix(r.URL.Path, controlPath) {
	case "POST approve":
		err = s.settleForm(r.Form, s.Approve)
	case "POST deny":
		err = s.settleForm(r.Form, s.Deny)
	case "POST revoke", "POST expire":
		s.RevokeAccessTokens()
	case "POST end":
		s.EndSessions()
	case "POST issue":
		var life time.Duration
		if life, err = time.ParseDuration(cmp.Or(r.Form.Get("life"), "1h")); err == nil {
			fmt.Fprintln(w, s.IssueToken(cmp.Or(r.Form.Get("subject"), "ci"), r.Form.Get("audience"), life))
		}
	case "POST application":
		app := Application{Assigned: r.Form["assigned"], Audience: r.Form.Get("audience"), Scopes: r.Form["scopes"],
			NoRefresh: r.Form.Get("no_refresh") == "true", Once: r.Form.Get("once") == "true"}
		s.Set(func(s *Server) { s.addApplication(r.Form.Get("arn"), app) })
	case "POST revoke-role":
		s.RevokeRole(r.Form.Get("account"), r.Form.Get("role"))
	case "POST fault":
		err = s.faultForm(r.Form)
	case "POST clear":
		s.ClearFaults()
	case "POST set":
		s.Set(func(s *Server) { err = apply(s.flags(), r.Form) })
	case "GET counts":
		counts := s.Counts()
		counts["total"] = s.Total()
		err = json.NewEncoder(w).Encode(counts)
	case "GET log":
		err = json.NewEncoder(w).Encode(s.Log())
	case "GET pending":
		writeLines(w, s.Pending())
	case "GET violations":
		writeLines(w, s.Violations())
	case "GET secrets":
		writeLines(w, s.Secrets())
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func writeLines(w io.Writer, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
}

// settleForm settles the code that the form names, else all that wait.
func (s *Server) settleForm(form url.Values, settle func(string) error) error {
	if form.Has("user_code") {
		return settle(form.Get("user_code"))
	}
	codes := s.Pending()
	if len(codes) == 0 {
		return errors.New("no sign-in is waiting")
	}
	var errs []error
	for _, code := range codes {
		errs = append(errs, settle(code))
	}
	return errors.Join(errs...)
}

func (s *Server) faultForm(form url.Values) error {
	var op string
	var f Fault
	flags := flag.NewFlagSet("fault", flag.ContinueOnError)
	flags.StringVar(&op, "op", "", "")
	flags.IntVar(&f.Times, "times", 0, "")
	flags.StringVar(&f.Role, "role", "", "")
	flags.IntVar(&f.Status, "status", 0, "")
	flags.StringVar(&f.Code, "code", "", "")
	flags.StringVar(&f.Description, "description", "", "")
	flags.StringVar(&f.Reason, "reason", "", "")
	flags.DurationVar(&f.RetryAfter, "retry_after", 0, "")
	flags.StringVar(&f.Body, "body", "", "")
	flags.StringVar(&f.ContentType, "content_type", "", "")
	flags.BoolVar(&f.DropErrorType, "drop_error_type", false, "")
	flags.BoolVar(&f.Reset, "reset", false, "")
	flags.BoolVar(&f.Truncate, "truncate", false, "")
	flags.DurationVar(&f.Delay, "delay", 0, "")
	flags.BoolVar(&f.After, "after", false, "")
	if err := apply(flags, form); err != nil {
		return err
	}
	if err := checkOp(op, "*"); err != nil {
		return err
	}
	s.Fault(op, f)
	return nil
}

// flags are the settings that fit into a parameter.
func (s *Server) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("set", flag.ContinueOnError)
	flags.StringVar(&s.StartURL, "start_url", s.StartURL, "")
	flags.StringVar(&s.Region, "region", s.Region, "")
	flags.TextVar(&s.Rotation, "rotation", s.Rotation, "")
	flags.DurationVar(&s.AccessTokenLife, "access_token_life", s.AccessTokenLife, "")
	flags.DurationVar(&s.SessionLife, "session_life", s.SessionLife, "")
	flags.DurationVar(&s.RoleLife, "role_life", s.RoleLife, "")
	flags.IntVar(&s.TokenSize, "token_size", s.TokenSize, "")
	flags.IntVar(&s.SessionTokenSize, "session_token_size", s.SessionTokenSize, "")
	flags.DurationVar(&s.DeviceCodeLife, "device_code_life", s.DeviceCodeLife, "")
	flags.DurationVar(&s.RegistrationLife, "registration_life", s.RegistrationLife, "")
	flags.DurationVar(&s.Interval, "interval", s.Interval, "")
	flags.BoolVar(&s.AutoApprove, "auto_approve", s.AutoApprove, "")
	flags.DurationVar(&s.Latency, "latency", s.Latency, "")
	flags.IntVar(&s.PageSize, "page_size", s.PageSize, "")
	flags.IntVar(&s.MaxPageSize, "max_page_size", s.MaxPageSize, "")
	flags.BoolVar(&s.CountRefused, "count_refused", s.CountRefused, "")
	flags.IntVar(&s.RateLimit, "rate_limit", s.RateLimit, "")
	flags.DurationVar(&s.ClockOffset, "clock_offset", s.ClockOffset, "")
	return flags
}

// apply sets the flags that a form names. A flag set knows how to read each
// kind of value and refuses names it does not know.
func apply(flags *flag.FlagSet, form url.Values) error {
	for name, values := range form {
		if err := flags.Set(name, values[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

const devicePage = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Sign in</title>
<h1>Sign in</h1>
{{with .Message}}<p>{{.}}</p>{{end}}
{{with .Client}}<p>{{.}} asks for access to your AWS accounts. Allow it only if it shows this code.</p>{{end}}
{{if not .Done}}
<form method="post" action="/device">
<p><label>Code <input name="user_code" value="{{.UserCode}}" required></label></p>
<p><button name="action" value="allow">Allow</button> <button name="action" value="deny">Deny</button></p>
</form>
{{end}}
</html>
`

// servePage is what the person sees at the verification URI.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	view := struct {
		UserCode, Client, Message string
		Done                      bool
	}{UserCode: r.FormValue("user_code")}
	status := http.StatusOK
	switch {
	case r.Method == http.MethodPost:
		view.Message, view.Done = s.settlePage(view.UserCode, r.FormValue("action"))
		if !view.Done {
			status = http.StatusBadRequest
		}
	case view.UserCode != "":
		if view.Client = s.clientName(view.UserCode); view.Client == "" {
			view.Message = "No sign-in is waiting for this code."
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	template.Must(template.New("device").Parse(devicePage)).Execute(w, view)
}

func (s *Server) settlePage(userCode, action string) (message string, done bool) {
	var err error
	switch action {
	case "allow":
		message, err = "Allowed. You can close this page.", s.Approve(userCode)
	case "deny":
		message, err = "Denied. You can close this page.", s.Deny(userCode)
	default:
		return "Choose one of the two.", false
	}
	if err != nil {
		return "No sign-in is waiting for this code.", false
	}
	return message, true
}

func (s *Server) clientName(userCode string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.waiting(userCode); d != nil {
		return d.client.name
	}
	return ""
}
