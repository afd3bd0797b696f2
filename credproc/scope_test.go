package credproc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/awsconfig"
)

const readOnlyPolicy = "arn:aws:iam::aws:policy/ReadOnlyAccess"

// twins has a role, and the same one for reading.
const twins = chains + `
[profile deploy-agent]
credential_process = credproc process --profile deploy-reads

[profile deploy-reads]
role_arn = ` + deploy + `
source_profile = native
credproc_policy_arns = ` + readOnlyPolicy + `
`

// may reports whether credentials are allowed to read or to write a parameter.
func (m *machine) may(c aws.Credentials, op string) bool {
	m.Helper()
	const body = `{"Name":"a","Value":"1"}`
	r, err := http.NewRequestWithContext(m.Context(), "POST", "https://ssm.us-east-1.amazonaws.com/", strings.NewReader(body))
	if err != nil {
		m.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AmazonSSM."+op)
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(m.Context(), c, r, hex.EncodeToString(hash[:]), "ssm", "us-east-1", time.Now()); err != nil {
		m.Fatal(err)
	}
	answer, err := m.server.Client().Do(r)
	if err != nil {
		m.Fatal(err)
	}
	defer answer.Body.Close()
	var said struct {
		Type string `json:"__type"`
	}
	if json.NewDecoder(answer.Body).Decode(&said) != nil || answer.StatusCode != http.StatusOK && said.Type != "AccessDeniedException" {
		m.Fatalf("HTTP %d, %s", answer.StatusCode, said.Type)
	}
	return said.Type == ""
}

func TestAReadOnlyTwinReadsAndCannotWrite(t *testing.T) {
	onMachine(t, func(m *machine) {
		person, agent := m.provider(m.config(twins), "deploy"), m.provider(m.config(twins), "deploy-agent")
		for range 2 { // new, and then stored
			p, a := m.get(person), m.get(agent)
			if p == a || m.identity(p) != m.identity(a) {
				t.Errorf("%s and %s share credentials, or are other roles", m.identity(p), m.identity(a))
			}
			for _, tt := range []struct {
				who  string
				c    aws.Credentials
				op   string
				want bool
			}{
				{"person", p, "PutParameter", true}, {"person", p, "GetParameter", true},
				{"agent", a, "PutParameter", false}, {"agent", a, "GetParameter", true},
			} {
				if got := m.may(tt.c, tt.op); got != tt.want {
					t.Errorf("%s: %s is allowed: %v", tt.who, tt.op, got)
				}
			}
		}
		status, err := m.session().Status()
		if err != nil {
			t.Fatal(err)
		}
		scopes := map[string]bool{}
		for _, role := range status.Roles {
			if role.RoleARN == deploy {
				scopes[role.Scope] = true
			}
		}
		if len(scopes) != 2 || !scopes[""] || !scopes["policy ReadOnlyAccess"] {
			t.Errorf("status has %v", scopes)
		}
	})
}

func TestTwinsAreKeptApartInAStorm(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.get(m.admin())
		m.server.Set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
		var kept [2][40]aws.Credentials
		m.asks("AssumeRole 2", func() {
			m.together(80, func(i int) (err error) {
				c := m.config(twins)
				p, err := c.Provider([]string{"deploy", "deploy-agent"}[i%2])
				if err == nil {
					kept[i%2][i/2], err = p.Retrieve(context.WithoutCancel(m.Context()))
				}
				return err
			})
		})
		for i := range kept[0] {
			if kept[0][i] != kept[0][0] || kept[1][i] != kept[1][0] {
				t.Fatal("somebody has other credentials than the rest")
			}
		}
		if !m.may(kept[0][0], "PutParameter") || m.may(kept[1][0], "PutParameter") {
			t.Error("the twins are mixed up")
		}
	})
}

func TestARefusalOfATwinIsNotTheOtherOnes(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Fault("AssumeRole", idctest.Fault{Times: 1, Code: "AccessDenied", Role: deploy})
		m.refused(m.provider(m.config(twins), "deploy-agent"))
		m.get(m.provider(m.config(twins), "deploy"))
	})
}

func TestEverythingOfAScopeIsPartOfWhatIsStored(t *testing.T) {
	const base = profiles + "[profile dev]\nrole_arn = " + deploy + "\nsource_profile = native\n"
	onMachine(t, func(m *machine) {
		file := filepath.Join(t.TempDir(), "policy.json")
		write(t, file, "{\n  \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}\n}\n")
		seen := map[string]string{}
		for _, extra := range []string{
			"",
			"credproc_policy_arns = " + readOnlyPolicy,
			"credproc_policy_arns = " + readOnlyPolicy + ", arn:aws:iam::aws:policy/SecurityAudit",
			"credproc_policy = " + file,
			`credproc_policy = {"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
			"credproc_session_tags = team=blue",
			"credproc_session_tags = team=red",
			"credproc_session_tags = team=red\ncredproc_transitive_tags = team",
			"credproc_source_identity = ann",
		} {
			p := m.provider(m.config(base+extra+"\n"), "dev")
			m.get(p.from.(*assumedRole).source)
			m.asks("AssumeRole 1", func() {
				c := m.get(p)
				if other, known := seen[c.AccessKeyID]; known {
					t.Errorf("%q is served what is for %q", extra, other)
				}
				seen[c.AccessKeyID] = extra
			})
			m.asks("", func() { m.get(m.provider(m.config(base+extra+"\n"), "dev")) })
		}
	})
}

func TestAScopeIsSentAsTheProfileSays(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(profiles + "[profile dev]\nrole_arn = " + deploy + "\nsource_profile = native\n" +
			"acme_policy_arns = " + readOnlyPolicy + "\nacme_policy = { \"Statement\" : { \"Effect\": \"Allow\", \"Action\": \"ssm:*\", \"Resource\": \"*\" } }\n" +
			"acme_session_tags = team = blue, who=ann\nacme_transitive_tags = who\nacme_source_identity = ann@example.com\n")
		c.Identity.ID = "acme"
		s, err := c.Session("corp")
		if err != nil {
			t.Fatal(err)
		}
		m.signIn(s)
		p := m.provider(c, "dev")
		m.get(p)
		in := p.from.(*assumedRole).input
		if len(in.PolicyArns) != 1 || *in.PolicyArns[0].Arn != readOnlyPolicy || aws.ToString(in.Policy) != `{"Statement":{"Effect":"Allow","Action":"ssm:*","Resource":"*"}}` ||
			len(in.Tags) != 2 || *in.Tags[0].Key != "team" || *in.Tags[0].Value != "blue" || !slices.Equal(in.TransitiveTagKeys, []string{"who"}) || aws.ToString(in.SourceIdentity) != "ann@example.com" {
			t.Errorf("sent: %+v", in)
		}
	})
}

func TestAScopeThatCannotBeUsedIsAnErrorAndNoWiderRole(t *testing.T) {
	const role = "[profile dev]\nrole_arn = " + deploy + "\nsource_profile = native\n"
	m := &machine{T: t, server: idctest.New()}
	big := filepath.Join(t.TempDir(), "big")
	write(t, big, strings.Repeat("x", 2<<20))
	for _, tt := range []struct{ text, says string }{
		{role + "credproc_policy_arns =\n", "credproc_policy_arns: must not be empty"},
		{role + "credproc_policy_arns = ,\n", "must not be empty"},
		{role + "credproc_policy_arns = ReadOnlyAccess\n", `[profile dev]: credproc_policy_arns "ReadOnlyAccess": must be ARNs of managed policies`},
		{role + "credproc_policy = policy.json\n", `credproc_policy "policy.json": must be a policy in JSON, or a file's path`},
		{role + "credproc_policy = " + big + ".none\n", `big.none`},
		{role + "credproc_policy = " + big + "\n", "must be a policy in JSON"},
		{role + "credproc_policy = {\"Statement\"\n", "credproc_policy: must be a policy in JSON"},
		{role + "credproc_session_tags = blue\n", "must be KEY=VALUE"},
		{role + "credproc_transitive_tags = team\n", "not among the session tags"},
		{role + "credproc_source_identity = a b\n", "2 to 64"},
		{"[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\ncredproc_policy_arns = x\n", "[profile dev]: credproc_policy_arns: has no effect here: it belongs in a profile with role_arn"},
		{"[profile dev]\ncredential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin\ncredproc_policy = x\n", "has no effect here"},
		{"[profile dev]\ncredential_process = credproc process --profile far\ncredproc_policy = x\n" + strings.Replace(role, "dev", "far", 1), "[profile dev]: credproc_policy: has no effect here"},
		{"[profile dev]\ncredential_process = credproc process --profile way\n[profile way]\ncredential_process = credproc process --profile native\ncredproc_source_identity = ann\n", "[profile way]: credproc_source_identity: has no effect here"},
		{"[profile dev]\nrole_arn = " + deploy + "\nsource_profile = src\n[profile src]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\ncredproc_policy = x\n", "[profile src]: credproc_policy: has no effect"},
	} {
		p, err := m.config(profiles + tt.text).Provider("dev")
		if p != nil || !isA[*ConfigError](err) || !isA[*awsconfig.ValueError](err) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s\nerror %v\nwant  %s", tt.text, err, tt.says)
		}
	}
}

func TestWhatSTSSaysOfSessionPoliciesIsExplained(t *testing.T) {
	onMachine(t, func(m *machine) {
		for code, says := range map[string]string{
			"PackedPolicyTooLarge":    "STS packs the session policies and the session tags into the session token",
			"MalformedPolicyDocument": "STS cannot read the inline policy",
		} {
			m.server.Fault("AssumeRole", idctest.Fault{Times: 1, Status: 400, Code: code, Description: "too much"})
			if err := m.refused(m.provider(m.config(twins), "deploy-agent")); !strings.Contains(err.Error(), code+": too much (HTTP 400") || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v", err)
			}
		}
	})
}
