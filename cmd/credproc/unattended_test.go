package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

const applicationARN = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef"

// newUnattended returns a machine without a person: an application signs its
// session in, with a token in a file. Of all rotations it has the worst.
func newUnattended(t testing.TB, keyring string) *machine {
	m := newMachine(t, keyring)
	m.renewal = "CreateTokenWithIAM"
	m.idc.AutoApprove, m.idc.Rotation = false, idctest.Strict
	m.application(idctest.Application{})
	m.issue(24 * time.Hour)
	m.write(".aws/config", "[sso-session corp]\nsso_start_url = "+m.idc.StartURL+"\nsso_region = us-east-1\n"+
		"credproc_application_arn = "+applicationARN+"\n"+
		"credproc_web_identity_token_file = "+filepath.Join(m.home, "token")+"\n"+
		"credproc_bootstrap_role_arn = arn:aws:iam::123456789012:role/ci\n"+
		"[profile source]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = ReadOnly\n"+
		"[profile chain]\nrole_arn = arn:aws:iam::333333333333:role/Deploy\nsource_profile = source\n")
	return m
}

func (m *machine) unattended() bool { return m.renewal == "CreateTokenWithIAM" }

func (m *machine) application(app idctest.Application) {
	m.set(func(s *idctest.Server) { s.Applications = map[string]idctest.Application{applicationARN: app} })
}

// issue rotates the issuer's token.
func (m *machine) issue(life time.Duration) { m.write("token", m.idc.IssueToken("ci", "", life)) }

// onEachAndUnattended runs a storm as onEach does, and then where no person can sign
// in: with a login to renew, and with none.
func onEachAndUnattended(t *testing.T, rotations []idctest.Rotation, storm func(m *machine)) {
	onEach(t, rotations, storm)
	if os.Getenv("CREDPROC_TEST_KEYRING") == "" { // a keychain does not know who signs in, and takes minutes
		onUnattended(t, storm)
	}
}

func onUnattended(t *testing.T, storm func(m *machine)) {
	for _, keyring := range keyrings() {
		for name, cold := range map[string]bool{"renewing": false, "signing in": true} {
			t.Run(keyring+"/unattended/"+name, func(t *testing.T) {
				m := newUnattended(t, keyring)
				m.cold = cold
				storm(m)
			})
		}
	}
}

func TestUnattendedProcessesSignInOnceAndAgainWhenTheyMust(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newUnattended(t, keyring)
		m.set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
		storm := func(when string, want map[string]int) {
			t.Helper()
			var answers map[string]int
			calls := m.calls(func() { answers = m.answered(m.together(times(20, process(admin))...)) })
			for _, op := range []string{"CreateTokenWithIAM:jwt-bearer", "CreateTokenWithIAM:refresh_token", "GetRoleCredentials", "RegisterClient", "StartDeviceAuthorization"} {
				if calls[op] != want[op] {
					t.Errorf("%s: %d %s, want %d", when, calls[op], op, want[op])
				}
			}
			if len(answers) != 1 {
				t.Errorf("%s: %d different answers", when, len(answers))
			}
		}
		forget := func() {
			m.idc.RevokeAccessTokens()
			m.forgetRoles()
		}
		storm("cold", map[string]int{"CreateTokenWithIAM:jwt-bearer": 1, "GetRoleCredentials": 1})
		storm("warm", nil)

		forget()
		m.issue(24 * time.Hour)
		storm("the file has rotated", map[string]int{"CreateTokenWithIAM:refresh_token": 1, "GetRoleCredentials": 2})

		forget()
		m.application(idctest.Application{NoRefresh: true})
		storm("without the refresh grant", map[string]int{"CreateTokenWithIAM:refresh_token": 1, "CreateTokenWithIAM:jwt-bearer": 1, "GetRoleCredentials": 2})

		forget()
		storm("again", map[string]int{"CreateTokenWithIAM:jwt-bearer": 1, "GetRoleCredentials": 2})

		forget()
		m.issue(time.Nanosecond)
		calls := m.calls(func() {
			for _, o := range m.together(times(20, process(admin))...) {
				if o.status != 4 || !strings.Contains(o.stderr, "session corp cannot sign in by its application") || !strings.Contains(o.stderr, "expired") || strings.Contains(o.stderr, "hint:") || o.stdout != "" {
					t.Errorf("exit status %d\n%s%s", o.status, o.stderr, o.stdout)
				}
			}
		})
		if n := calls["AssumeRoleWithWebIdentity"] + calls["CreateTokenWithIAM"]; n != 1 {
			t.Errorf("%d calls with a token that has expired", n)
		}
		m.issue(24 * time.Hour)
		storm("well again", map[string]int{"CreateTokenWithIAM:jwt-bearer": 1, "GetRoleCredentials": 2})
	}
}

func TestASessionThatEndedIsReplacedOnceWithoutAPerson(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newUnattended(t, keyring)
		m.expired()
		m.idc.EndSessions()
		calls := m.calls(func() { m.answered(m.together(times(100, process(admin))...)) })
		m.want(calls, "CreateTokenWithIAM:refresh_token", 1)
		m.want(calls, "CreateTokenWithIAM:jwt-bearer", 1)
		m.want(calls, "GetRoleCredentials", 1)
		m.tells("replaced", truth{state: "signed_in", roles: 1})

		// What a role is assumed with comes from the new login, too.
		m.expired()
		m.idc.EndSessions()
		chain := []string{"process", "--profile", "chain"}
		calls = m.calls(func() { m.answered(m.together(times(20, chain)...)) })
		m.want(calls, "AssumeRole", 1)
		m.want(calls, "GetRoleCredentials", 1)
		m.want(m.calls(func() { m.answered(m.together(chain)) }), "total", 0)
	}
}
