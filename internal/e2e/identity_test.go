package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asked and other are the profiles of the test below: the role that is asked for,
// and the one of the shell around.
const (
	asked = "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_Admin_"
	roles = `
[profile asked]
credential_process = BINARY process --sso-session corp --account-id 222222222222 --role-name Admin
region = eu-west-1

[profile other]
credential_process = BINARY process --sso-session corp --account-id 111111111111 --role-name Admin
region = ap-south-1
`
)

// left is what other tools leave behind.
var left = [][]string{
	nil,
	// the AWS CLI, aws-vault, granted, a container
	{"AWS_PROFILE=other", "AWS_DEFAULT_PROFILE=other", "AWS_SECURITY_TOKEN=stale", "AWS_REGION=us-west-2"},
	{"AWS_VAULT=other", "AWS_ACCESS_KEY_ID=AKIASTALE", "AWS_SECRET_ACCESS_KEY=stale", "AWS_SESSION_TOKEN=stale", "AWS_CREDENTIAL_EXPIRATION=2000-01-01T00:00:00Z", "AWS_SESSION_EXPIRATION=2000-01-01T00:00:00Z", "AWS_DEFAULT_REGION=us-west-2"},
	{"AWS_PROFILE=other", "GRANTED_SSO=true", "GRANTED_SSO_ROLE_NAME=Admin", "GRANTED_SSO_ACCOUNT_ID=111111111111", "AWS_SESSION_EXPIRATION=2000-01-01T00:00:00Z"},
	{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/stale", "AWS_WEB_IDENTITY_TOKEN_FILE=/dev/null", "AWS_ROLE_ARN=arn:aws:iam::999999999999:role/Stale", "AWS_ACCOUNT_ID=999999999999"},
}

// ways are shell scripts that run the command $@ with the role asked for.
var ways = []string{
	`credproc exec asked -- "$@"`,
	`eval "$(credproc env asked)"; "$@"`,
	`credproc exec other -- credproc exec asked -- "$@"`,
	`credproc exec other -- sh -c 'eval "$(credproc env asked)"; "$@"' sh "$@"`,
	`eval "$(credproc env other)"; eval "$(credproc env asked)"; eval "$(credproc env asked)"; "$@"`,
	`eval "$(credproc env other)"; credproc exec --server asked -- "$@"`,
	`credproc exec --server other -- sh -c 'eval "$(credproc env asked)"; "$@"' sh "$@"`,
	`credproc exec --server other -- credproc exec --server asked -- "$@"`,
	`eval "$(credproc env other)"; eval "$(credproc env --unset)"; eval "$(credproc env asked)"; "$@"`,
	`exec bash -euc 'eval "$(credproc shell-init bash)"; credproc use asked; "$@"' bash "$@"`,
	`exec zsh -feuc 'eval "$(credproc shell-init zsh)"; credproc use asked; credproc use other; credproc use -; "$@"' zsh "$@"`,
	`exec fish --no-config -c 'credproc shell-init fish | source; credproc use other; credproc use asked; and command $argv' "$@"`,
	`credproc exec other -- bash -euc 'eval "$(credproc shell-init bash)"; credproc use asked; "$@"' bash "$@"`,
	`exec bash -euc 'eval "$(credproc env other)"; eval "$(credproc shell-init bash)"; credproc use asked; "$@"' bash "$@"`,
	`exec bash -euc 'eval "$(credproc shell-init bash)"; credproc use other; credproc exec asked -- "$@"' bash "$@"`,
	`exec bash -euc 'eval "$(credproc shell-init bash)"; credproc use asked; credproc exec -- "$@"' bash "$@"`,
}

// clients are commands that print who the credentials belong to that they find.
func (m *machine) clients() [][]string {
	m.t.Helper()
	program, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	all := [][]string{
		{"aws", "--endpoint-url", m.url, "sts", "get-caller-identity"},
		{"python3", "-c", givenToBoto3, m.url},
		{"env", "CALLER_AT=" + m.url, program},
	}
	if script := javaScript(m.t, "given.mjs", "the AWS SDK for JavaScript in shells of exec, env and use"); script != "" {
		all = append(all, []string{"node", script, m.url})
	}
	return all
}

// A client takes a second to start, so that each runs in every third way after
// each tool, and in every way after one of them.
func TestTheIdentityIsTheOneAskedFor(t *testing.T) {
	t.Parallel()
	for i, settings := range left {
		t.Run(strings.Join(append(settings, "nothing")[:1], ""), func(t *testing.T) {
			m := newMachine(t)
			m.login()
			m.writes(".aws/config", strings.ReplaceAll(roles, "BINARY", binary))
			link := filepath.Join(m.dir("bin"), "credproc")
			if err := os.Symlink(binary, link); err != nil {
				t.Fatal(err)
			}
			m = m.with(append(settings[:len(settings):len(settings)], "PATH="+filepath.Dir(link)+":"+m.env["PATH"])...)
			for j, client := range m.clients() {
				for k, way := range ways {
					if (i+j+k)%3 > 0 {
						continue
					}
					if got := m.must("sh", append([]string{"-euc", way, "sh"}, client...)...); !strings.Contains(got, asked) {
						t.Errorf("%s: %s says %s", way, client[0], got)
					}
				}
			}
			for _, way := range ways {
				got := m.must("sh", "-euc", way, "sh", "sh", "-c", `echo "$AWS_REGION $AWS_DEFAULT_REGION $CREDPROC_ACTIVE_PROFILE"`)
				if got != "eu-west-1 eu-west-1 asked\n" {
					t.Errorf("%s: %s", way, got)
				}
			}
		})
	}
}
