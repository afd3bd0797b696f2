package credproc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/clicache"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/oidc"
)

// cliFile is the AWS CLI's file of a session or a start URL.
func cliFile(c *Config, key string) string {
	return filepath.Join(clicache.Dir(filesOf(c).Home()), clicache.Name(key))
}

// loginOfCLI signs in as the AWS CLI does, and returns its file.
func (m *machine) loginOfCLI(c *Config, key string, change map[string]any) string {
	m.Helper()
	token, err := m.session().Config.SignInWithCode(m.Context(), func(oidc.DeviceCode) error { return nil })
	if err != nil {
		m.Fatal(err)
	}
	login := map[string]any{
		"startUrl": m.server.StartURL, "region": m.server.Region, "accessToken": token.AccessToken, "expiresAt": token.Expiry.UTC().Format(time.RFC3339),
		"clientId": token.Client.ID, "clientSecret": token.Client.Secret, "registrationExpiresAt": token.Client.Expiry.UTC().Format(time.RFC3339),
		"refreshToken": token.RefreshToken,
	}
	maps.Copy(login, change)
	text, err := json.Marshal(login)
	if err != nil {
		m.Fatal(err)
	}
	write(m.T, cliFile(c, key), string(text))
	return string(text)
}

func TestALoginOfTheAWSCLIBecomesOurs(t *testing.T) {
	for _, key := range []string{"corp", "https://idc.example/start"} {
		onMachine(t, func(m *machine) {
			c := m.config(profiles)
			before := m.loginOfCLI(c, key, nil)
			s, err := c.Session("corp")
			if err != nil {
				m.Fatal(err)
			}
			token, err := clicache.Import(clicache.Dir(filesOf(c).Home()), s)
			if err != nil {
				m.Fatal(err)
			}
			m.hidesSecrets("what prints", fmt.Sprintf("%v %+v %#v", token, token, token))
			if err := s.SignIn(m.Context(), func(context.Context, *oidc.Config) (*oidc.Token, error) { return token, nil }); err != nil {
				m.Fatal(err)
			}
			time.Sleep(3 * time.Hour) // the bubble's: its access token has ended
			m.asks("CreateToken 1, GetRoleCredentials 1", func() { m.get(m.admin()) })
			if text, err := os.ReadFile(cliFile(c, key)); string(text) != before || err != nil {
				m.Errorf("the AWS CLI's file is changed: %v", err)
			}
		})
	}
}

func TestALoginOfTheAWSCLIThatCannotBeOursIsSaid(t *testing.T) {
	for reason, change := range map[string]map[string]any{
		"it is for another start URL":                         {"startUrl": "https://other.example/start"},
		"it is for region eu-west-1, and not us-east-1":       {"region": "eu-west-1"},
		"it cannot be renewed, since it has no refresh token": {"refreshToken": ""},
		"its client registration has expired":                 {"registrationExpiresAt": "1999-12-31T00:00:00Z"},
		"not a login of the AWS CLI":                          {"expiresAt": "never"},
		"":                                                    {"startUrl": "https://IDC.example/start/#/"}, // the same one
	} {
		onMachine(t, func(m *machine) {
			c := m.config(profiles)
			m.loginOfCLI(c, "corp", change)
			s, err := c.Session("corp")
			if err != nil {
				m.Fatal(err)
			}
			token, err := clicache.Import(clicache.Dir(filesOf(c).Home()), s)
			if reason == "" {
				if err != nil || token == nil {
					m.Error(err)
				}
				return
			}
			if e, ok := errors.AsType[*clicache.LoginError](err); !ok || e.Session != "corp" || !strings.Contains(err.Error(), reason) || token != nil {
				m.Errorf("%v, want %s", err, reason)
			}
			m.errorHidesSecrets(err)
		})
	}
}

func TestNoLoginOfTheAWSCLIIsSaid(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(profiles)
		s, err := c.Session("corp")
		if err != nil {
			m.Fatal(err)
		}
		if _, err := clicache.Import(clicache.Dir(filesOf(c).Home()), s); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "there is none in ") {
			m.Error(err)
		}
	})
}

// exported is the AWS CLI's file as it is, or nil.
func (m *machine) exported(c *Config, key string) map[string]any {
	m.Helper()
	text, err := os.ReadFile(cliFile(c, key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var file map[string]any
	if err := errors.Join(err, json.Unmarshal(text, &file)); err != nil {
		m.Fatal(err)
	}
	return file
}

func TestAnExportedLoginStaysFreshAndCannotBeRenewedByOthers(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(profiles + "\n[sso-session corp]\ncredproc_cli_cache = export\n")
		s, err := c.Session("corp")
		if err != nil {
			m.Fatal(err)
		}
		m.signIn(s)
		first := m.exported(c, "corp")
		if first["accessToken"] == "" || first["startUrl"] != "https://idc.example/start" || first["region"] != "us-east-1" || len(first) != 4 {
			m.Fatalf("%d fields", len(first))
		}
		time.Sleep(3 * time.Hour)
		if _, err := s.Token(m.Context()); err != nil {
			m.Fatal(err)
		}
		second := m.exported(c, "corp")
		if at, err := time.Parse("2006-01-02T15:04:05Z", fmt.Sprint(second["expiresAt"])); err != nil || time.Until(at) < 50*time.Minute ||
			second["accessToken"] == first["accessToken"] || len(second) != 4 {
			m.Errorf("not fresh: %v, %v", second["expiresAt"], err)
		}
		if _, err := s.SignOut(m.Context()); err != nil {
			m.Fatal(err)
		}
		if left := m.exported(c, "corp"); left != nil {
			m.Errorf("%d fields are left after the sign-out", len(left))
		}
	})
}

func TestALoginIsExportedOnlyWhenAskedFor(t *testing.T) {
	for _, tt := range []struct {
		env, key, problem string
		exported          bool
	}{
		{"", "", "", false},
		{"CREDPROC_CLI_CACHE=export", "", "", true},
		{"CREDPROC_CLI_CACHE=off", "export", "", false},
		{"", "off", "", false},
		{"", "yes", `[sso-session corp]: credproc_cli_cache "yes": must be export or off`, false},
		{"CREDPROC_CLI_CACHE=EVERYTHING", "", `CREDPROC_CLI_CACHE "EVERYTHING": must be export or off`, false},
	} {
		onMachine(t, func(m *machine) {
			text := profiles
			if tt.key != "" {
				text += "\n[sso-session corp]\ncredproc_cli_cache = " + tt.key + "\n"
			}
			c := m.config(text, tt.env)
			s, err := c.Session("corp")
			if tt.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.problem) {
					m.Errorf("%v, want %s", err, tt.problem)
				}
				return
			}
			if err != nil {
				m.Fatal(err)
			}
			m.signIn(s)
			if got := m.exported(c, "corp") != nil; got != tt.exported {
				m.Errorf("%q, %q: exported %v", tt.env, tt.key, got)
			}
		})
	}
}

// People who test with LocalStack have such a variable set.
func TestATokenIsSentToNoOtherEndpointThanItsLogins(t *testing.T) {
	for _, variable := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC"} {
		onMachine(t, func(m *machine) {
			c := m.config(profiles, variable+"=http://127.0.0.1:4566", "CREDPROC_CLI_CACHE=export")
			before := m.loginOfCLI(c, "corp", map[string]any{"refreshToken": "", "clientId": ""}) // as one that is exported
			s, err := c.Session("corp")
			if err != nil {
				m.Fatal(err)
			}
			token, err := clicache.Import(clicache.Dir(filesOf(c).Home()), s)
			if e, ok := errors.AsType[*clicache.LoginError](err); !ok || token != nil || !strings.Contains(e.Reason, "http://127.0.0.1:4566") {
				m.Errorf("%s: imported, %v", variable, err)
			}
			m.signIn(s)
			if _, err := s.SignOut(m.Context()); err != nil {
				m.Fatal(err)
			}
			if text, err := os.ReadFile(cliFile(c, "corp")); string(text) != before || err != nil {
				m.Errorf("%s: the login in the AWS CLI's directory is changed: %v", variable, err)
			}
		})
	}
}

func TestALoginThatCannotBeExportedIsALoginStill(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(profiles, "CREDPROC_CLI_CACHE=export")
		write(m.T, filepath.Join(filesOf(c).Home(), ".aws", "sso"), "in the way")
		s, err := c.Session("corp")
		if err != nil {
			m.Fatal(err)
		}
		m.signIn(s)
		if !strings.Contains(m.logged(), "not exported") {
			m.Error("nothing is said about it")
		}
		m.signedIn()
	})
}

func TestAnImportedLoginIsExportedWithoutWhatRenewingTakes(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(profiles, "CREDPROC_CLI_CACHE=export")
		m.loginOfCLI(c, "corp", nil)
		s, err := c.Session("corp")
		if err != nil {
			m.Fatal(err)
		}
		token, err := clicache.Import(clicache.Dir(filesOf(c).Home()), s)
		if err != nil {
			m.Fatal(err)
		}
		if err := s.SignIn(m.Context(), func(context.Context, *oidc.Config) (*oidc.Token, error) { return token, nil }); err != nil {
			m.Fatal(err)
		}
		if file := m.exported(c, "corp"); file["refreshToken"] != nil || file["clientSecret"] != nil || file["accessToken"] != token.AccessToken {
			m.Errorf("%d fields", len(file))
		}
	})
}

func TestSettingsAreFoundByTheirNames(t *testing.T) {
	m := &machine{T: t}
	c := m.config(profiles+"\n[sso-session corp]\ncredproc_flow = device\nacme_flow = pkce\nacme_aws_flow = device\n", "CREDPROC_BROWSER=firefox {url}", "ACME_AWS_BROWSER=w3m")
	for _, tt := range []struct{ service, session, name, value, from string }{
		{"", "corp", "flow", "device", "[sso-session corp]: credproc_flow"},
		{"credproc", "corp", "browser", "firefox {url}", "CREDPROC_BROWSER"},
		{"", "", "browser", "firefox {url}", "CREDPROC_BROWSER"},
		{"", "none", "flow", "", "CREDPROC_FLOW"},
		{"acme", "corp", "flow", "pkce", "acme_flow"},
		{"acme", "corp", "browser", "", "ACME_BROWSER"},
		{"acme-aws", "corp", "browser", "w3m", "ACME_AWS_BROWSER"},
		{"acme-aws", "corp", "flow", "device", "[sso-session corp]: acme_aws_flow"},
	} {
		filesOf(c).ID = tt.service
		if value, from := filesOf(c).Setting(tt.session, tt.name); value != tt.value || !strings.HasSuffix(from, tt.from) {
			t.Errorf("%q %s of %q: %q from %s, want %q from %s", tt.service, tt.name, tt.session, value, from, tt.value, tt.from)
		}
	}
}

func TestNoLoginIsExportedForAnAgentOrWhereNoTokenMayGoOut(t *testing.T) {
	onMachine(t, func(m *machine) {
		for _, tt := range []struct {
			what, rules, policy string
			env                 []string
			exported            bool
		}{
			{"a person", ruled, "", nil, true},
			{"an agent without rules", profiles, "", []string{"CLAUDECODE=1"}, true},
			{"an agent", ruled, "", []string{"CLAUDECODE=1"}, false},
			{"a policy about what goes out", profiles, "env_output = off", nil, false},
			{"a policy about agents", profiles, "agents = role:*/ReadOnly", []string{"CLAUDECODE=1"}, false},
		} {
			c := m.config(tt.rules, append(tt.env, "CREDPROC_CLI_CACHE=export")...)
			if tt.policy != "" {
				inside.Put[settings.Config](c, m.place("[policy]\nversion = 1\n"+tt.policy+"\n"))
			}
			s, err := c.Session("corp")
			if err == nil {
				err = s.Renew(m.Context())
			}
			if err != nil {
				m.Fatal(tt.what, err)
			}
			if file := m.exported(c, "corp"); (file != nil) != tt.exported {
				m.Errorf("%s: a token is exported: %v", tt.what, file != nil)
			}
		}
	})
}
