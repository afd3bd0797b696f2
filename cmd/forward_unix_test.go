//go:build unix

package cmd

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ca returns the file that a serve command in TLS names in its log.
func (s *served) ca() string {
	s.Helper()
	var line struct{ Msg, CA string }
	for range soonest(nil) {
		_, log, _ := strings.Cut(s.said.String(), `{"time"`)
		if json.NewDecoder(strings.NewReader(`{"time"`+log)).Decode(&line) == nil && line.CA != "" {
			return line.CA
		}
	}
	s.Fatalf("no CA: %s", s.said.String())
	return ""
}

func (s *served) file(name, text string) string {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// forward runs a command far from the login: nothing of it is there. When it has
// ended, status is what it left.
func (s *served) forward(stdin io.Reader, out io.Writer, args ...string) (status int, said string) {
	s.Helper()
	home, stderr := s.TempDir(), new(shared)
	env := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AWS_PROFILE=gone", "AWS_ACCESS_KEY_ID=stale"}
	app := &App{Stdin: stdin, Stdout: out, Stderr: stderr, Environ: func() []string { return env }, Getenv: func(name string) string {
		return map[string]string{"HOME": home, "CREDPROC_DIR": filepath.Join(home, "none")}[name]
	}}
	status = app.Run(s.Context(), append([]string{"forward"}, args...))
	return status, stderr.String()
}

func TestACommandFarFromTheLoginHasCredentialsAndItsStatusCounts(t *testing.T) {
	s := startServe(t, "--tls", "--host", "localhost", "--allow", "role:*/Admin")
	if !strings.HasPrefix(s.url, "https://localhost:") {
		t.Fatalf("it serves %s", s.url)
	}
	ca := s.ca()
	in, hold := io.Pipe()
	defer in.Close()
	out, shown := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		status, said := s.forward(in, shown, "--to", s.url+"/role/000000000001/Admin", "--ca", ca, "--token-file", filepath.Join(s.dir, "token"), "--region", "eu-west-3",
			"--", "sh", "-c", `echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN $AWS_REGION $AWS_DEFAULT_REGION $AWS_EC2_METADATA_DISABLED $CREDPROC_ACTIVE_PROFILE $AWS_PROFILE$AWS_ACCESS_KEY_ID"; cat; exit 7`)
		if said != "" {
			t.Errorf("it says %s", said)
		}
		shown.Close()
		ended <- status
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) != 6 || !strings.HasPrefix(words[0], "http://127.0.0.1:") || words[1] == s.token || strings.Join(words[2:], " ") != "eu-west-3 eu-west-3 true 000000000001/Admin" {
		t.Fatalf("%v: the command has %q", err, line)
	}
	near := &served{TB: t, url: words[0], token: words[1], client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	near.ask("") // as an SDK does
	for token, path := range map[string]string{s.token: "", words[1]: "profile/line"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, words[0]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", token)
		answer, err := near.client.Do(r)
		if err != nil || answer.StatusCode == http.StatusOK {
			t.Errorf("%q is answered: %v", path, err)
			continue
		}
		answer.Body.Close()
	}
	hold.Close()
	if status := <-ended; status != 7 {
		t.Errorf("exit status %d", status)
	}
	if _, err := near.client.Get(words[0]); err == nil {
		t.Error("the endpoint outlives the command")
	}
	if n := s.idc.Count("GetRoleCredentials"); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestForwardSaysWhyItCannotAndNoMore(t *testing.T) {
	s := startServe(t, "--tls", "--allow", "line")
	token, other := filepath.Join(s.dir, "token"), s.file("other", strings.Repeat("x", 26))
	to := []string{"--ca", s.ca(), "--token-file", token, "--to"}
	for _, tt := range []struct {
		args []string
		says string
	}{
		{append(to, s.url+"/profile/legacy"), "the other endpoint refused: profile legacy is not among those that this endpoint serves"},
		{append(to, s.url+"/"), "there is nothing here"},
		{[]string{"--ca", s.ca(), "--token-file", other, "--to", s.url + "/profile/line"}, "the other endpoint refused: the authorization token is wrong"},
		{[]string{"--token-file", token, "--to", s.url + "/profile/line"}, "is not trusted\nUse --ca to name the certificate"},
		{append(to, strings.Replace(s.url, "127.0.0.1", "localhost", 1)+"/profile/line"), "is for other names"},
		{[]string{"--ca", token, "--token-file", token, "--to", s.url + "/profile/line"}, "has no certificate in it"},
		{[]string{"--ca", s.ca(), "--token-file", filepath.Join(s.dir, "none"), "--to", s.url + "/profile/line"}, "no such file"},
		{append(to, strings.Replace(s.url, "https", "http", 1)+"/profile/line"), "must be https://"},
		{append(to, "https://127.0.0.1:1/profile/line"), "cannot reach 127.0.0.1:1: connection refused\nCheck the address"},
		{[]string{"--to", s.url}, "forward needs --to URL and --token-file FILE"},
	} {
		status, said := s.forward(strings.NewReader(""), io.Discard, append(tt.args, "--", "sh", "-c", "exit 3")...)
		if status != ownFailure || !strings.Contains(said, tt.says) || strings.Contains(said, s.token) || strings.Count(said, "\n") > 3 {
			t.Errorf("%q: status %d: %s", tt.args, status, said)
		}
	}
}

func TestAnEndpointInTLSKeepsItsCAAndSpeaksNothingOlder(t *testing.T) {
	s := startServe(t, "--tls", "--listen", "127.0.0.1:0")
	text, err := os.ReadFile(s.ca())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	tries := func(config *tls.Config) error {
		c, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), config)
		if err == nil {
			c.Close()
		}
		return err
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if err := tries(&tls.Config{RootCAs: roots, MaxVersion: version}); err != nil {
			t.Errorf("%x: %v", version, err)
		}
	}
	if err := tries(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("it speaks TLS 1.1")
	}
	if err := tries(&tls.Config{RootCAs: roots, ServerName: "sts.amazonaws.com"}); err == nil {
		t.Error("it is taken for AWS")
	}
	s.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	s.ask("/role/000000000001/Admin")
	for host, want := range map[string]int{"sts.amazonaws.com": 403, "127.0.0.1": 200, "localhost": 200, "10.0.0.1": 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/role/000000000001/Admin", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Authorization", s.token)
		answer, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != want {
			t.Errorf("for host %s: %s", host, answer.Status)
		}
	}
	sealed, err := filepath.Glob(filepath.Join(s.dir, "state", "ca-*"))
	if err != nil || len(sealed) != 1 {
		t.Fatalf("%v: %q", err, sealed)
	}
	if text, err := os.ReadFile(sealed[0]); err != nil || strings.Contains(string(text), "PRIVATE") {
		t.Errorf("%v: the key of the CA is not sealed", err)
	}
}
