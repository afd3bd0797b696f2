//go:build unix

package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// STS gives session tokens of up to 4,096 bytes since September 2026. A line of
// cmd.exe has 8,191 characters at most.
func TestTheLongestSessionTokensArriveWhole(t *testing.T) {
	for _, size := range []int{4096, 6000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.idc.Set(func(i *idctest.Server) { i.SessionTokenSize = size })
			m.signedIn()
			whole := func(text string) bool {
				for _, secret := range m.idc.Secrets() {
					if len(secret) == size && strings.HasPrefix(secret, "IQoJ") && strings.Contains(text, secret) {
						return true
					}
				}
				return false
			}
			for _, profile := range []string{"line", "chain"} {
				commands := [][]string{{"process", "--profile", profile}, {"process", "--profile", profile}, {"exec", profile, "--", "sh", "-c", `echo "$AWS_SESSION_TOKEN"`}}
				for format := range strings.FieldsSeq("env env-no-export fish powershell windows-cmd dotenv process json") {
					commands = append(commands, []string{"env", profile, "--format", format})
				}
				for shell := range strings.FieldsSeq("sh fish powershell cmd") {
					commands = append(commands, []string{"env", profile, "--shell", shell})
				}
				for _, args := range commands {
					p := m.apart("credproc", args...)
					p.ends(0, "")
					said := p.stdout.String()
					if !whole(said) {
						t.Errorf("%q: %d characters of another token", args, len(said))
					}
					for line := range strings.Lines(said) {
						if len(line) > 8191 {
							t.Errorf("%q: a line of %d characters", args, len(line))
						}
					}
				}
			}
			if answer := m.served("line"); !whole(answer) || !json.Valid([]byte(answer)) {
				t.Error("the endpoint gives another token")
			}
		})
	}
}

// served returns what the endpoint of exec --server answers.
func (m *machine) served(profile string) string {
	m.Helper()
	m.apart("credproc", "exec", "--server", profile, "--", "sh", "-c",
		`echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN" >"$HOME/endpoint"; while [ ! -e "$HOME/stop" ]; do sleep 0.05; done`)
	url, token, _ := strings.Cut(strings.TrimSpace(m.writes("endpoint")), " ")
	r, err := http.NewRequestWithContext(m.Context(), http.MethodGet, url, nil)
	if err != nil {
		m.Fatal(err)
	}
	r.Header.Set("Authorization", token)
	answer, err := (&http.Client{Timeout: time.Minute}).Do(r)
	if err != nil {
		m.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		m.Fatalf("HTTP %d, %v", answer.StatusCode, err)
	}
	m.program("stop", "", "600")
	return string(body)
}
