package credproc

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
)

const deploy = "arn:aws:iam::333333333333:role/team/Deploy"

// chains has a chain on each kind of profile.
const chains = local + `
[profile deploy]
role_arn = ` + deploy + `
source_profile = native

[profile on-ours]
role_arn = arn:aws:iam::333333333333:role/Ours
source_profile = ours

[profile on-legacy]
role_arn = arn:aws:iam::333333333333:role/Legacy
source_profile = legacy

[profile on-acme]
role_arn = arn:aws:iam::333333333333:role/Acme
source_profile = acme

[profile on-chain]
role_arn = arn:aws:iam::444444444444:role/Far
source_profile = deploy

[profile pointer-to-chain]
credential_process = credproc process --profile deploy

[profile admin]
role_arn = arn:aws:iam::111111111111:role/Admin
source_profile = native
`

func TestAChainOnEachKindOfProfileIsServed(t *testing.T) {
	onMachine(t, func(m *machine) {
		for _, tt := range []struct{ profile, account, role, calls string }{
			{"deploy", "333333333333", "Deploy", "AssumeRole 1, GetRoleCredentials 1"},
			{"on-ours", "333333333333", "Ours", "AssumeRole 1"},
			{"on-legacy", "333333333333", "Legacy", "AssumeRole 1, GetRoleCredentials 1"},
			{"on-acme", "333333333333", "Acme", "AssumeRole 1"},
			{"on-chain", "444444444444", "Far", "AssumeRole 1"},
			{"pointer-to-chain", "333333333333", "Deploy", ""},
			{"admin", "111111111111", "Admin", "AssumeRole 1"},
		} {
			c := m.config(chains)
			if tt.profile == "on-acme" {
				c.Identity.Command = "acme aws"
			}
			var first aws.Credentials
			m.asks(tt.calls, func() { first = m.get(m.provider(c, tt.profile)) })
			want := fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/credproc-Zo---O-Hara", tt.account, tt.role)
			if who := m.identity(first); who != want || first.AccountID != tt.account || !first.CanExpire {
				t.Errorf("%s: %s in %s, want %s", tt.profile, who, first.AccountID, want)
			}
			m.asks("", func() {
				c := m.config(chains)
				c.Identity.Command = "acme aws"
				if tt.profile != "on-acme" {
					c.Identity.Command = ""
				}
				if m.get(m.provider(c, tt.profile)) != first {
					t.Errorf("%s: another process has other credentials", tt.profile)
				}
			})
		}
	})
}

func TestAnIAMRoleIsNotThePermissionSetOfItsName(t *testing.T) {
	onMachine(t, func(m *machine) {
		set := m.get(m.provider(m.config(chains), "native"))
		iam := m.get(m.provider(m.config(chains), "admin"))
		if set == iam || !strings.Contains(m.identity(set), "/AWSReservedSSO_Admin_") || !strings.Contains(m.identity(iam), ":assumed-role/Admin/") {
			t.Errorf("%s and %s", m.identity(set), m.identity(iam))
		}
		m.asks("", func() {
			if m.get(m.provider(m.config(chains), "native")) != set || m.get(m.provider(m.config(chains), "admin")) != iam {
				t.Error("the two are mixed up")
			}
		})
	})
}

func TestEverythingThatMakesAnIdentityIsPartOfIt(t *testing.T) {
	const base = profiles + "[profile dev]\nrole_arn = " + deploy + "\nsource_profile = native\nregion = eu-west-1\n"
	onMachine(t, func(m *machine) {
		seen := map[string]string{}
		for _, tt := range []struct {
			name, text string
			env        []string
		}{
			{"base", base, nil},
			{"external ID", base + "external_id = x1\n", nil},
			{"session name", base + "role_session_name = x1\n", nil},
			{"duration", base + "duration_seconds = 900\n", nil},
			{"another duration", base + "duration_seconds = 901\n", nil},
			{"source", strings.Replace(base, "source_profile = native", "source_profile = legacy", 1), nil},
			{"region", base + "region = ap-southeast-2\n", nil},
			{"endpoint", base, []string{"AWS_ENDPOINT_URL_STS=https://sts.internal"}},
			{"role of another path", strings.Replace(base, "role/team/Deploy", "role/Deploy", 1), nil},
		} {
			p := m.provider(m.config(tt.text, tt.env...), "dev")
			// The source's fetch is not what this is about.
			m.get(p.from.(*assumedRole).source)
			m.asks("AssumeRole 1", func() {
				c := m.get(p)
				if other, known := seen[c.AccessKeyID]; known {
					t.Errorf("%s is served what is for %s", tt.name, other)
				}
				seen[c.AccessKeyID] = tt.name
			})
			m.asks("", func() { m.get(m.provider(m.config(tt.text, tt.env...), "dev")) })
		}
	})
}

func TestAChainSendsWhatTheProfileSays(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Set(func(s *idctest.Server) { s.ExternalIDs = map[string]string{deploy: "shib/boleth"} })
		c := m.config(chains+"[profile dev]\nrole_arn = "+deploy+"\nsource_profile = native\nexternal_id = shib/boleth\nrole_session_name = me@home\nduration_seconds = 900\n",
			"AWS_SDK_UA_APP_ID=their-app")
		got := m.get(m.provider(c, "dev"))
		if agent := m.last().Header.Get("User-Agent"); !strings.Contains(agent, "app/their-app") || !strings.Contains(agent, "lib/credproc#") {
			t.Errorf("User-Agent %q", agent)
		}
		if who := m.identity(got); who != "arn:aws:sts::333333333333:assumed-role/Deploy/me@home" {
			t.Errorf("they are %s", who)
		}
		if left := time.Until(got.Expires); left > 15*time.Minute || left < 14*time.Minute {
			t.Errorf("they live for %v", left)
		}
	})
}

func TestTheRegionOfAChainIsTheNearestOneThatIsNamed(t *testing.T) {
	const text = profiles + "[profile dev]\nrole_arn = " + deploy + "\nsource_profile = %s\n%s"
	for _, tt := range []struct {
		name, text string
		env        []string
		want       string
	}{
		{"environment", fmt.Sprintf(text, "native", "region = a-1\n"), []string{"AWS_REGION=e-1", "AWS_DEFAULT_REGION=e-2"}, "e-1"},
		{"environment's default", fmt.Sprintf(text, "native", "region = a-1\n"), []string{"AWS_DEFAULT_REGION=e-2"}, "e-2"},
		{"profile", fmt.Sprintf(text, "native", "region = a-1\n"), nil, "a-1"},
		{"source", fmt.Sprintf(text, "native", ""), nil, "eu-west-1"},
		{"session", fmt.Sprintf(text, "ours", ""), nil, "us-east-1"},
	} {
		m := &machine{T: t, server: idctest.New()}
		if got := m.provider(m.config(tt.text, tt.env...), "dev").from.(*assumedRole).sts.Region; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAChainGoesToItsOwnEndpoint(t *testing.T) {
	for _, tt := range []struct {
		name, extra string
		env         []string
		want        string
	}{
		{"none", "", nil, "sts.eu-west-1.amazonaws.com"},
		{"services section", "services = local\n", nil, "sts.internal"},
		{"environment", "services = local\n", []string{"AWS_ENDPOINT_URL_STS=https://sts.env"}, "sts.env"},
		{"dual-stack", "use_dualstack_endpoint = true\n", nil, "sts.eu-west-1.api.aws"},
		{"FIPS", "use_fips_endpoint = true\nregion = us-east-2\n", nil, "sts-fips.us-east-2.amazonaws.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.get(m.provider(m.config(chains+"[profile dev]\nrole_arn = "+deploy+"\nsource_profile = native\n"+tt.extra, tt.env...), "dev"))
				if got := m.last().URL.Host; got != tt.want {
					t.Errorf("asked %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestSettingsOfAChainThatCannotBeUsedAreErrors(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	for extra, is := range map[string]func(error) bool{
		"endpoint_url = http://sts.internal\n": isA[*awsconfig.ValueError],
		"services = nowhere\n":                 isA[*awsconfig.ValueError],
		"use_fips_endpoint = maybe\n":          isA[*awsconfig.ValueError],
		"use_dualstack_endpoint = maybe\n":     isA[*awsconfig.ValueError],
		"duration_seconds = soon\n":            isA[*awsconfig.ValueError],
		"duration_seconds = 3601\n":            isA[*awsconfig.ValueError],
		"duration_seconds = 4294968196\n":      isA[*awsconfig.ValueError], // in 32 bits it is 900
		"role_session_name = a b\n":            isA[*awsconfig.ValueError],
		"external_id = a b\n":                  isA[*awsconfig.ValueError],
		"region = cn-north-1\n":                isA[*awsconfig.ValueError],
		"role_arn = arn:aws:s3:::bucket\n":     isA[*awsconfig.ValueError],
		"role_arn = Deploy\n":                  isA[*awsconfig.ValueError],
	} {
		p, err := m.config(profiles + "[profile dev]\nrole_arn = " + deploy + "\nsource_profile = native\n" + extra).Provider("dev")
		if !is(err) || p != nil {
			t.Errorf("%s: error %v", extra, err)
		}
	}
	onMachine(t, func(m *machine) {
		m.asks("", func() {
			err := m.refused(m.provider(m.config(chains, "AWS_REGION=evil.example/"), "deploy"))
			if e, ok := errors.AsType[*awsapi.SettingError](err); !ok || e.Setting != "region" {
				t.Errorf("error %v", err)
			}
		})
	})
}

func TestARegionInAnotherPartitionThanTheRoleIsNamed(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	const text = profiles + "[profile dev]\nrole_arn = " + deploy + "\nsource_profile = %s\n%s"
	for _, tt := range []struct {
		source, extra, want string
		env                 []string
	}{
		{"native", "region = cn-north-1\n", `[profile dev]: region "cn-north-1": is in the partition aws-cn, and the role ` + deploy + " in aws", nil},
		{"native", "", `AWS_REGION "cn-north-1": is in the partition aws-cn`, []string{"AWS_REGION=cn-north-1"}},
		{"far", "[profile far]\nregion = us-gov-west-1\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n",
			`[profile far]: region "us-gov-west-1": is in the partition aws-us-gov`, nil},
	} {
		_, err := m.config(fmt.Sprintf(text, tt.source, tt.extra), tt.env...).Provider("dev")
		if !isA[*awsconfig.ValueError](err) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

func TestStaleCredentialsOfAChainAreFetchedAnewOnce(t *testing.T) {
	onMachine(t, func(m *machine) {
		first := m.get(m.provider(m.config(chains), "deploy"))
		time.Sleep(46 * time.Minute)
		m.server.Set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
		m.asks("AssumeRole 1, GetRoleCredentials 1", func() {
			var providers []aws.CredentialsProvider
			for range 20 {
				providers = append(providers, m.provider(m.config(chains), "deploy"))
			}
			m.together(200, func(i int) error {
				c, err := providers[i%20].Retrieve(m.Context())
				if c == first {
					t.Error("the old ones were served")
				}
				return err
			})
		})
	})
}

func TestStaleCredentialsOfAChainAreServedWhenSTSFails(t *testing.T) {
	onMachine(t, func(m *machine) {
		first := m.get(m.provider(m.config(chains), "deploy"))
		time.Sleep(46 * time.Minute)
		m.server.Fault("AssumeRole", idctest.Fault{Delay: time.Hour})
		start := time.Now()
		if m.get(m.provider(m.config(chains), "deploy")) != first {
			t.Error("other credentials")
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestMinValidityCountsForAChainAndItsSource(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.provider(m.config(chains), "deploy")
		p.MinValidity = 50 * time.Minute
		m.get(p)
		time.Sleep(11 * time.Minute)
		m.asks("", func() { m.get(m.provider(m.config(chains), "deploy")) })
		m.asks("AssumeRole 1, GetRoleCredentials 1", func() { m.get(p) })
	})
}

func TestAWrongLocalClockDoesNotBreakAChain(t *testing.T) {
	for _, offset := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(offset.String(), func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.server.Set(func(s *idctest.Server) { s.ClockOffset = offset })
				p := m.provider(m.config(chains), "deploy")
				first := m.get(p)
				if left := time.Until(first.Expires); left > time.Hour || left < 59*time.Minute {
					t.Errorf("the end is %v away", left)
				}
				time.Sleep(44 * time.Minute)
				m.asks("", func() { m.get(p) })
			})
		})
	}
}

func TestSTSRefusalsAreToldApart(t *testing.T) {
	plain := func(err error) bool {
		return isUnavailable(err) == nil && !isA[*NoAccessError](err) && errors.Unwrap(err) == nil
	}
	unavailable := func(err error) bool { return isUnavailable(err) != nil }
	noAccess := func(err error) bool {
		e, ok := errors.AsType[*NoAccessError](err)
		return ok && e.RoleARN == deploy && e.Session == "corp" && e.AccountID == "" && e.RoleName == "" && e.Held == nil && e.Err != nil
	}
	const op = "assume role " + deploy + " through session corp: AssumeRole: "
	for _, tt := range []struct {
		name   string
		fault  idctest.Fault
		is     func(error) bool
		text   string
		shared bool // with the next caller
	}{
		{"access denied", idctest.Fault{Code: "AccessDenied", Description: "not authorized"}, noAccess,
			`^no access to role ` + deploy + ` through session corp: AssumeRole: AccessDenied: not authorized \(HTTP 403, request ID [0-9a-f-]+\)`, true},
		{"not valid", idctest.Fault{Code: "ValidationError", Description: "no such role"}, plain,
			`^` + op + `ValidationError: no such role \(HTTP 400, request ID [0-9a-f-]+\)$`, false},
		{"a region that is not enabled", idctest.Fault{Status: 403, Code: "RegionDisabledException", Description: "enable it"}, plain,
			`^` + op + `RegionDisabledException: enable it \(HTTP 403`, false},
		{"an error of the service", idctest.Fault{Status: 500}, unavailable, `^` + op + `InternalFailure:.* \(HTTP 500`, true},
		{"a service that is down", idctest.Fault{Status: 503}, unavailable, `^` + op + `.*\(HTTP 503`, true},
		{"throttled", idctest.Fault{Status: 400, Code: "Throttling", Description: "Rate exceeded"}, unavailable, `^` + op + `Throttling: Rate exceeded`, true},
		{"too many requests", idctest.Fault{Status: 429, Code: "TooMany"}, unavailable, `^` + op + `TooMany:`, true},
		{"a broken connection", idctest.Fault{Reset: true}, unavailable, `^` + op + `Post "https://sts\.eu-west-1\.amazonaws\.com/": .*reset`, true},
		{"a service that hangs", idctest.Fault{Delay: time.Hour}, unavailable, `^` + op + `no answer within 15s`, true},
		{"half an answer", idctest.Fault{Truncate: true}, unavailable, `^` + op + `an answer that cannot be read \(HTTP 200`, true},
		{"a login page", idctest.Fault{Body: "<html>sign in</html>"}, unavailable, `^` + op + `an answer that cannot be read \(HTTP 200`, true},
		{"an answer without credentials", idctest.Fault{ContentType: "text/xml", Body: "<AssumeRoleResponse><AssumeRoleResult></AssumeRoleResult></AssumeRoleResponse>"}, unavailable,
			`^` + op + `an answer without credentials`, true},
		{"an answer without keys", idctest.Fault{ContentType: "text/xml", Body: "<AssumeRoleResponse><AssumeRoleResult><Credentials><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"}, unavailable,
			`an answer without credentials`, true},
		{"a proxy's 403", idctest.Fault{Status: 403, Body: "<html>blocked</html>"}, unavailable, `^` + op + `an answer that cannot be read \(HTTP 403`, true},
		{"somebody else's XML", idctest.Fault{Status: 403, ContentType: "text/xml", Body: "<ErrorResponse><Error><Code>AccessDenied</Code><Message>blocked</Message></Error></ErrorResponse>"}, unavailable,
			`^` + op + `the answer did not come from AWS \(HTTP 403\)`, true},
		{"a proxy's 403 that is no XML", idctest.Fault{Status: 403, Body: "<html><br>blocked & gone"}, unavailable, `^` + op + `an answer that cannot be read \(HTTP 403`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.get(m.admin())
				m.server.Fault("AssumeRole", tt.fault)
				check := func() {
					t.Helper()
					err := m.refused(m.provider(m.config(chains), "deploy"))
					if !tt.is(err) || !regexp.MustCompile(tt.text).MatchString(err.Error()) {
						t.Errorf("got  %v\n(%#v)\nwant %s", err, err, tt.text)
					}
				}
				check()
				if tt.shared {
					m.asks("", check)
				} else {
					m.asks("AssumeRole 1", check)
				}
				m.server.ClearFaults()
				time.Sleep(2 * time.Second)
				m.asks("AssumeRole 1", func() { m.get(m.provider(m.config(chains), "deploy")) })
				m.signedIn()
			})
		})
	}
}

func TestAFailureOfTheSourceIsToldAsWhatItIs(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.RevokeRole("111111111111", "Admin")
		for _, profile := range []string{"deploy", "on-chain"} {
			for _, calls := range []string{"GetRoleCredentials 1, ListAccountRoles 1", "", ""} {
				m.asks(calls, func() {
					err := m.refused(m.provider(m.config(chains), profile))
					e, ok := errors.AsType[*NoAccessError](err)
					if !ok || e.RoleARN != "" || e.RoleName != "Admin" || !slices.Equal(e.Held, []string{"ReadOnly"}) {
						t.Errorf("%s: error %#v", profile, err)
					}
				})
			}
			time.Sleep(11 * time.Second)
		}
	})
}

func TestARefusalInTheMiddleOfAChainIsToldAsWhatItIs(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Fault("AssumeRole", idctest.Fault{Code: "AccessDenied", Role: deploy})
		for range 3 {
			err := m.refused(m.provider(m.config(chains), "on-chain"))
			if e, ok := errors.AsType[*NoAccessError](err); !ok || e.RoleARN != deploy {
				t.Errorf("error %v", err)
			}
		}
		if n := m.server.Count("AssumeRole"); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestAChainPassesOnWhatItsSourceNeeds(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Fault("GetRoleCredentials", idctest.Fault{Status: 503})
		err := m.refused(m.provider(m.config(chains), "deploy"))
		if e := isUnavailable(err); e == nil || !strings.HasPrefix(e.Op, "get credentials of role Admin") {
			t.Errorf("error %v", err)
		}
		if answer, ok := errors.AsType[*awsapi.Error](err); !ok || answer.StatusCode != 503 {
			t.Errorf("error %v", err)
		}
		m.server.ClearFaults()
		m.server.EndSessions()
		time.Sleep(11 * time.Second)
		if err := m.refused(m.provider(m.config(chains), "deploy")); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("error %v", err)
		}
		if n := m.server.Count("AssumeRole"); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestTheNameOfARoleSessionIsValidForAnyUser(t *testing.T) {
	valid := regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	for _, tt := range []struct{ service, user, windows, want string }{
		{"", "zoe", "", "credproc-zoe"},
		{"acme", "zoe", "other", "acme-zoe"},
		{"", "", `CORP\zoe`, `credproc-CORP-zoe`},
		{"", "", "", "credproc-user"},
		{"", "Zoë O'Hara", "", "credproc-Zo---O-Hara"},
		{"", "a+b=c,d.e@f-g_h", "", "credproc-a+b=c,d.e@f-g_h"},
		{"", "\x00\xff\n日本", "", "credproc---" + strings.Repeat("-", 7)},
		{"", strings.Repeat("x", 200), "", "credproc-" + strings.Repeat("x", 55)},
		{strings.Repeat("é", 60), "zoe", "", strings.Repeat("-", 64)},
	} {
		c := &Config{Identity: Identity{ID: tt.service}, Getenv: environment("USER="+tt.user, "USERNAME="+tt.windows)}
		got := c.roleSessionName()
		if got != tt.want || !valid.MatchString(got) {
			t.Errorf("%q: %q, want %q", url.QueryEscape(tt.user), got, tt.want)
		}
		if c.roleSessionName() != got {
			t.Errorf("%q: it changes", tt.user)
		}
	}
}
