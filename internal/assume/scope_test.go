package assume

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const readOnly = "arn:aws:iam::aws:policy/ReadOnlyAccess"

func TestWhatAssumeRoleWouldRefuseOfAScopeIsSaidBefore(t *testing.T) {
	arns := func(text string) error { _, err := ParsePolicyARNs(text, "aws", "333333333333"); return err }
	policy := func(text string) error { _, err := ParsePolicy(text); return err }
	tags := func(text string) error { _, err := ParseTags(text); return err }
	transitive := func(text string) error { _, err := ParseTransitive(text, []Tag{{"a", ""}}); return err }
	var ten, fifty []string
	for i := range 50 {
		fifty = append(fifty, fmt.Sprintf("k%d=v", i))
	}
	for i := range 10 {
		ten = append(ten, fmt.Sprintf("arn:aws:iam::333333333333:policy/path/P%d", i))
	}
	longest := `{"Statement":[],"Id":"` + strings.Repeat("é", 2048-24) + `"}`
	for _, tt := range []struct {
		parse      func(string) error
		text, says string
	}{
		{arns, readOnly + ", " + strings.Join(ten[1:], " ,"), ""},
		{arns, readOnly + "," + strings.Join(ten, ","), "has 11 ARNs: AssumeRole takes 10"},
		{arns, "ReadOnlyAccess", "must be ARNs of managed policies, with commas between them, such as " + readOnly},
		{arns, "arn:aws:iam::aws:role/x", "must be ARNs"},
		{arns, "arn:aws:iam::aws:policy/", "must be ARNs"},
		{arns, readOnly + " " + readOnly, "must be ARNs"},
		{arns, "arn:aws:iam::aws:policy/" + strings.Repeat("x", 2048), "must be ARNs"},
		{arns, "arn:aws-cn:iam::aws:policy/ReadOnlyAccess", "has a policy in the partition aws-cn, and the role is in aws"},
		{arns, "arn:aws:iam::444444444444:policy/x", "has a policy of the account 444444444444: it must be AWS's own, or one of the role's account, 333333333333"},
		{arns, readOnly + "," + readOnly, "twice"},
		{policy, " { \"Statement\" : [ ] }\n", ""},
		{policy, longest, ""},
		{policy, strings.Replace(longest, "é", "éé", 1), "has 2049 characters without spaces: AssumeRole takes 2048"},
		{policy, `{"Statement":[],"Id":"日本"}`, `write those after U+00FF as \u escapes`},
		{policy, `{"Statement":[]`, "must be a policy in JSON"},
		{policy, `{"Statement":[]} {}`, "must be a policy in JSON"},
		{policy, `[]`, "an object with a Statement"},
		{policy, `{}`, "an object with a Statement"},
		{tags, "team=Blau Weiß, a=, path/x@y.z:1 = b=c", ""},
		{tags, strings.Join(fifty, ","), ""},
		{tags, strings.Join(fifty, ",") + ",a=b", "has 51 tags: AssumeRole takes 50"},
		{tags, "team", "must be KEY=VALUE"},
		{tags, "=blue", "must be KEY=VALUE"},
		{tags, strings.Repeat("ü", 128) + "=" + strings.Repeat("ü", 256), ""},
		{tags, strings.Repeat("ü", 129) + "=b", "a key has at most 128 characters, a value 256"},
		{tags, "a=" + strings.Repeat("ü", 257), "too long"},
		{tags, "a=b;c", "character"},
		{tags, "a=b\x00", "character"},
		{tags, "a=b\xff", "character"},
		{tags, "AWS:x=b", "starts with aws:"},
		{tags, "a=1,A=2", "has the key A twice"},
		{transitive, "a", ""},
		{transitive, "a,b", "has the key b, which is not among the session tags"},
		{transitive, "a,a", "has the key a twice"},
		{CheckSourceIdentity, "ann@example.com", ""},
		{CheckSourceIdentity, "a", "2 to 64"},
		{CheckSourceIdentity, strings.Repeat("a", 65), "2 to 64"},
		{CheckSourceIdentity, "a b", "2 to 64"},
		{CheckSourceIdentity, "aws:ann", "2 to 64"}, // it has no colon in any case
	} {
		err := tt.parse(tt.text)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%.80q: %v, want %q", tt.text, err, tt.says)
		}
	}
}

func TestScopesThatDifferHaveOtherIdentities(t *testing.T) {
	seen := map[string]int{}
	for i, s := range []Scope{
		{},
		{PolicyARNs: []string{"a", "b"}},
		{PolicyARNs: []string{"a b"}},
		{PolicyARNs: []string{`a" "b`}},
		{Policy: "a"},
		{Tags: []Tag{{"a", "b"}}},
		{Tags: []Tag{{"a b", ""}}},
		{Tags: []Tag{{"a", "b"}}, TransitiveTags: []string{"a"}},
		{SourceIdentity: "a"},
	} {
		if other, known := seen[s.Identity()]; known {
			t.Errorf("%d and %d have one identity: %s", i, other, s.Identity())
		}
		seen[s.Identity()] = i
	}
}

func TestAScopeIsAppliedWhole(t *testing.T) {
	s := Scope{PolicyARNs: []string{readOnly, "arn:aws:iam::333333333333:policy/p/Own"}, Policy: `{"Statement":[]}`, Tags: []Tag{{"a", "b"}}, TransitiveTags: []string{"a"}, SourceIdentity: "ann"}
	in := input()
	s.Apply(in)
	if len(in.PolicyArns) != 2 || *in.PolicyArns[0].Arn != readOnly || aws.ToString(in.Policy) != s.Policy || len(in.Tags) != 1 || *in.Tags[0].Key != "a" || *in.Tags[0].Value != "b" ||
		len(in.TransitiveTagKeys) != 1 || aws.ToString(in.SourceIdentity) != "ann" {
		t.Errorf("%+v", in)
	}
	if got := s.String(); got != "policy ReadOnlyAccess, policy p/Own, an inline policy, tag a=b, source identity ann" {
		t.Errorf("for people: %s", got)
	}
	if got := (&Scope{}).String(); got != "" {
		t.Errorf("of none: %s", got)
	}
}
