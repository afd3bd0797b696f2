package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/tokencache/keyring"
)

// shared is a writer for several goroutines.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (w *shared) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *shared) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// served is a serve command under way, in this process.
type served struct {
	testing.TB
	idc        *idctest.Server
	url, token string
	dir        string
	rest       shared // of what it prints
	said       shared
	client     *http.Client
	stop       context.CancelFunc
	status     chan int
}

// twentyRoles are two in each of ten accounts.
func twentyRoles() (accounts []idctest.Account, paths []string) {
	for i := range 10 {
		id := fmt.Sprintf("%012d", i+1)
		accounts = append(accounts, idctest.Account{ID: id, Roles: []string{"Admin", "ReadOnly"}})
		paths = append(paths, "/role/"+id+"/Admin", "/role/"+id+"/ReadOnly")
	}
	return accounts, paths
}

func startServe(t testing.TB, args ...string) *served {
	t.Helper()
	s := &served{TB: t, idc: idctest.New(), status: make(chan int, 1)}
	s.idc.AutoApprove = true
	s.idc.Accounts, _ = twentyRoles()
	center := httptest.NewServer(s.idc)
	t.Cleanup(center.Close)
	config, err := filepath.Abs("testdata/config")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s.dir = dir
	stdout, url := io.Pipe()
	calls := &http.Transport{}
	t.Cleanup(calls.CloseIdleConnections)
	app := &App{Stdin: strings.NewReader(""), Stdout: url, Stderr: &s.said, Keyring: new(keyring.Memory), HTTPClient: &http.Client{Transport: calls},
		Getenv: func(name string) string {
			switch name {
			case "AWS_CONFIG_FILE":
				return config
			case "CREDPROC_DIR", "HOME":
				return dir
			case "AWS_ENDPOINT_URL":
				return center.URL
			}
			return ""
		}}
	in := *app
	in.Stdout, in.Browser = io.Discard, ConfirmAtOnce
	if status := in.Run(t.Context(), []string{"login", "corp", "--flow", "pkce"}); status != 0 {
		t.Fatalf("login: %d: %s", status, s.said.String())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	tokenFile := filepath.Join(dir, "token")
	go func() {
		s.status <- app.Run(ctx, append([]string{"serve", "--token-file", tokenFile}, args...))
		url.Close()
	}()
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, s.said.String())
	}
	go io.Copy(&s.rest, lines)
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.token = strings.TrimSpace(line), string(token)
	clients := &http.Transport{MaxIdleConnsPerHost: 200}
	s.client = &http.Client{Transport: clients}
	t.Cleanup(func() {
		cancel()
		clients.CloseIdleConnections()
	})
	return s
}

// ask gets credentials, or fails the test.
func (s *served) ask(path string) {
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.Error(err)
		return
	}
	r.Header.Set("Authorization", s.token)
	resp, err := s.client.Do(r)
	if err != nil {
		s.Error(err)
		return
	}
	defer resp.Body.Close()
	var c struct{ AccessKeyID, Message string }
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil || resp.StatusCode != http.StatusOK || c.AccessKeyID == "" {
		s.Errorf("%s: %s, %v, %s", path, resp.Status, err, c.Message)
	}
	io.Copy(io.Discard, resp.Body)
}

// BenchmarkServe asks from a hundred clients at once, of twenty roles, in the same
// process: half of the time is the clients'.
func BenchmarkServe(b *testing.B) {
	const clients, times = 100, 50
	s := startServe(b)
	_, paths := twentyRoles()
	for _, path := range paths {
		s.ask(path)
	}
	for b.Loop() {
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				for n := range times {
					s.ask(paths[(i+n)%len(paths)])
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric(float64(clients*times*b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(0, "ns/op")
	if n := s.idc.Count("GetRoleCredentials"); n != len(paths) {
		b.Errorf("%d fetches", n)
	}
}

// heap is what is in use after all garbage is gone.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestAHundredClientsOfTwentyRolesTakeTwentyFetches(t *testing.T) {
	before := runtime.NumGoroutine()
	s := startServe(t)
	s.idc.Set(func(i *idctest.Server) { i.Latency = 50 * time.Millisecond })
	_, paths := twentyRoles()
	round := func(times int) {
		var clients sync.WaitGroup
		for i := range 100 {
			clients.Go(func() {
				for n := range times {
					s.ask(paths[(i+n)%len(paths)])
				}
			})
		}
		clients.Wait()
	}
	round(2)
	first := heap()
	s.said.mu.Lock()
	lines := strings.Count(s.said.text.String(), `"msg":"request"`)
	s.said.text.Reset() // it is this test's memory
	s.said.mu.Unlock()
	round(20)
	s.said.mu.Lock()
	s.said.text = bytes.Buffer{}
	s.said.mu.Unlock()
	if more := heap() - first; more > 1<<20 {
		t.Errorf("it uses %d kB more after 2000 requests", more>>10)
	}
	if n := s.idc.Count("GetRoleCredentials"); n != 20 {
		t.Errorf("%d fetches", n)
	}
	if lines != 200 {
		t.Errorf("%d lines for 200 requests", lines)
	}
	s.client.CloseIdleConnections()
	s.stop()
	if status := <-s.status; status != 0 {
		t.Errorf("exit status %d: %s", status, s.said.String())
	}
	for range soonest(nil) {
		// Those of the Identity Center and of this test's connections are there still.
		if runtime.NumGoroutine() <= before+20 {
			return
		}
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// What is under way when the endpoint is told to stop comes to its end.
func TestAnEndpointStopsGracefully(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	s.idc.Set(func(i *idctest.Server) { i.Latency = time.Second })
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ask("/role/000000000001/Admin")
	}()
	for range soonest(done) {
		if s.idc.Count("GetRoleCredentials") > 0 {
			break
		}
	}
	s.stop()
	<-done
	if status := <-s.status; status != 0 || !strings.Contains(s.said.String(), `"msg":"stopped"`) {
		t.Errorf("exit status %d: %s", status, s.said.String())
	}
	if _, err := s.client.Get(s.url); err == nil {
		t.Errorf("it still answers")
	}
}

func TestTheLogOfAnEndpointIsJSONWithoutSecrets(t *testing.T) {
	s := startServe(t, "--allow", "line", "--allow", "role:000000000001/*")
	s.ask("/role/000000000001/Admin")
	for _, path := range []string{"/role/000000000002/Admin", "/profile/modern", "/profile/line?" + s.token, "/" + s.token} {
		for _, token := range []string{s.token, s.token + "x"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", token)
			resp, err := s.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode < 400 || resp.StatusCode > 499 {
				t.Errorf("%s: %s", path, resp.Status)
			}
		}
	}
	s.stop()
	<-s.status
	requests := 0
	_, log, _ := strings.Cut(s.said.String(), `{"time"`)
	for line := range strings.Lines(`{"time"` + log) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if entry["msg"] == "request" {
			requests++
		}
	}
	if requests != 9 {
		t.Errorf("%d lines for 9 requests: %s", requests, log)
	}
	for _, secret := range append(s.idc.Secrets(), s.token) {
		if strings.Contains(s.said.String(), secret) {
			t.Errorf("it holds a secret: %s", log)
		}
	}
}

func TestAClientIsNotToldOfTheConfigFile(t *testing.T) {
	s := startServe(t, "--allow", "gone", "--allow", "static")
	for path, want := range map[string]string{"/profile/gone": `404 Not Found "there is no profile gone"`, "/profile/static": `400 Bad Request "no credentials for profile static: the log of the endpoint says why"`} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", s.token)
		resp, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var m struct{ Message string }
		err = json.NewDecoder(resp.Body).Decode(&m)
		resp.Body.Close()
		if got := fmt.Sprintf("%s %q", resp.Status, m.Message); err != nil || got != want {
			t.Errorf("%s: %v, %s", path, err, got)
		}
	}
	if said := s.said.String(); !strings.Contains(said, "Its profiles: ") || !strings.Contains(said, "static keys") {
		t.Errorf("the log does not say why: %s", said)
	}
}

func TestServeRefusesWhatCannotBeSafe(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	config, err := filepath.Abs("testdata/config")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	broken := write("clients", "[a\n")
	for _, tt := range []struct {
		args string
		says string
	}{
		{"--listen 0.0.0.0:0", "or any HOST:PORT with --tls"},
		{"--listen 10.0.0.1:0", "or any HOST:PORT with --tls"},
		{"--listen 127.0.0.1:99999", "cannot listen on 127.0.0.1:99999: "},
		{"--tls --listen 127.0.0.1", "the address to listen on is 127.0.0.1: it must be HOST:PORT"},
		{"--tls --listen 0.0.0.0:0", "add --host, once for each name"},
		{"--tls --listen :0", "add --host, once for each name"},
		{"--tls --host *.example.com", "is neither a host name nor an address"},
		{"--tls --cert a --key b", "--cert and --key need each other, and cannot be used with --tls"},
		{"--cert a", "--cert and --key need each other"},
		{"--host foo.test", "--host is for the certificate of --tls"},
		{"--print compose", "--print compose is for containers, which reach this machine only in TLS: add --tls"},
		{"--cert " + broken + " --key " + broken, "--cert " + broken + ": tls: failed to find any PEM data"},
		{"--clients " + broken, broken + ":1: a header ends in ]"},
		{"--clients " + filepath.Join(dir, "none"), "credproc: --clients " + filepath.Join(dir, "none") + ": no such file"},
		{"--allow [", "--allow: \"[\" must be none, all, or a pattern such as NAME, profile:GLOB or role:ACCOUNT/ROLE"},
		{"--allow=", "--allow: \"\" must be none, all, or a pattern"},
		{"--allow dev --allow profile:", "--allow: \"profile:\" must be none"},
		{"--allow rol:1/b", "--allow: \"rol:1/b\" must be none"},
		{"--allow role:111111111111", "--allow: \"role:111111111111\" must be none"},
		{"--allow 111111111111/ReadOnly", "--allow: 111111111111/ReadOnly can be a role or a profile: write role:111111111111/ReadOnly or profile:111111111111/ReadOnly"},
		{"--allow all --allow dev", "--allow: all must be alone"},
	} {
		said := new(shared)
		app := &App{Stdin: strings.NewReader(""), Stdout: said, Stderr: said, Keyring: new(keyring.Memory),
			Getenv: func(name string) string {
				return map[string]string{"AWS_CONFIG_FILE": config, "CREDPROC_DIR": dir, "HOME": dir}[name]
			}}
		args := append([]string{"serve", "corp"}, strings.Fields(tt.args)...)
		if !strings.Contains(tt.args, "--clients") {
			args = append(args, "--token-file", token)
		}
		if status := app.Run(t.Context(), args); status != advice.Misconfigured || !strings.Contains(said.String(), tt.says) {
			t.Errorf("%s: status %d: %s", tt.args, status, said.String())
		}
	}
	said := new(shared)
	app := &App{Stdin: strings.NewReader(""), Stdout: said, Stderr: said, Getenv: func(string) string { return dir }}
	if status := app.Run(t.Context(), []string{"serve", "corp", "--clients", broken, "--token-file", token}); status != advice.Misconfigured {
		t.Errorf("both: status %d: %s", status, said.String())
	}
}

func TestServePrintsWhatClientsNeed(t *testing.T) {
	for format, wants := range map[string][]string{
		"exports": {"export AWS_CONTAINER_CREDENTIALS_FULL_URI=https://127.0.0.1:", "/profile/line\n", "export AWS_REGION=eu-west-1\n", "# For any SDK: credproc forward --to https://",
			"export NODE_EXTRA_CA_CERTS=", "/token\n"},
		"compose":      {"command: [\"credproc\",\"forward\",\"--to\",\"https://", `"target":"/run/credproc/ca.pem","read_only":true}`, "host.docker.internal:host-gateway"},
		"devcontainer": {"type=bind,source=", `"--add-host=host.docker.internal:host-gateway"`, `"terminal.integrated.profiles.linux"`},
	} {
		s := startServe(t, "--tls", "--allow", "role:*/ReadOnly", "--allow", "line", "--print", format)
		for range soonest(nil) {
			if strings.HasSuffix(s.rest.String(), "}\n") || strings.Contains(s.rest.String(), wants[len(wants)-1]) {
				break
			}
		}
		for _, want := range wants {
			if !strings.Contains(s.rest.String(), want) {
				t.Errorf("%s: %q is missing in %s", format, want, s.rest.String())
			}
		}
		if strings.Contains(s.rest.String(), s.token) {
			t.Errorf("%s: the token is shown", format)
		}
	}
}
