package profiles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
)

// Twin is a profile for agents beside one of a person.
type Twin struct {
	Profile string // the person's
	RoleARN string // to be assumed; "": the one of the profile
	Command string // how lines start
	ID      string // of the program, after which its settings are named
}

// Name is what the twin is called.
func (t *Twin) Name() string { return t.Profile + "-agent" }

func (t *Twin) role() string { return t.Name() + "-role" }

// Write returns the file with two profiles more, one that can only read and one with the
// line that leads there, and with the rule that gives it to agents.
func (t *Twin) Write(f *File, old []byte) ([]byte, error) {
	files, err := f.Files.With(old)
	if err != nil {
		return nil, err
	}
	p, err := files.Profile(t.Profile, f.Own)
	if err != nil {
		return nil, err
	}
	if err := t.check(f, files, p); err != nil {
		return nil, err
	}
	text := t.insert(string(old), p)
	after, err := f.Files.With(text)
	if err == nil {
		_, err = after.Profile(t.Name(), strings.Fields(t.Command))
	}
	return text, err
}

// insert adds the rule and the profiles, with the ends of lines that the file has.
func (t *Twin) insert(old string, p *awsconfig.Profile) []byte {
	end := "\n"
	if strings.Contains(old, "\r\n") {
		end = "\r\n"
	}
	lines := slices.Collect(strings.Lines(old))
	if last := len(lines) - 1; !strings.HasSuffix(lines[last], "\n") {
		lines[last] += end
	}
	rule := layout.Key(t.ID, "agent_profile") + " = " + t.Name()
	lines = slices.Insert(lines, p.Section.Line, rule+end)
	for _, line := range t.lines(p) {
		lines = append(lines, line+end)
	}
	return []byte(strings.Join(lines, ""))
}

// check says why there can be no twin.
func (t *Twin) check(f *File, files *awsconfig.Config, p *awsconfig.Profile) error {
	rule, _ := p.Section.Get(layout.Key(t.ID, "agent_profile"))
	switch {
	case !isPlainWord(t.role()) || !awsconfig.IsSectionName(t.role()):
		return &Error{Problem: fmt.Sprintf("the profile %q has a name that a credential_process line cannot contain", t.Profile)}
	case p.Section.File != f.Files.Path:
		return &Error{Problem: fmt.Sprintf("the profile %q is in %s, which configure does not change", t.Profile, p.Section.File)}
	case rule != "":
		return &Error{Problem: fmt.Sprintf("agents get the profile %q in place of %q already", rule, t.Profile)}
	case files.Profiles[t.Name()] != nil || files.Profiles[t.role()] != nil:
		return &Error{Problem: fmt.Sprintf("there is a profile %q or %q already", t.Name(), t.role())}
	case p.Kind != awsconfig.Chain && p.Role == nil:
		return &Error{Problem: fmt.Sprintf("the profile %q has no role of IAM Identity Center", t.Profile)}
	case p.Kind != awsconfig.Chain && t.RoleARN == "":
		return &Error{Problem: fmt.Sprintf("the profile %q has a permission set, which cannot be limited by itself", t.Profile),
			More: "Name a role of its account that the permission set may assume: --role-arn ARN"}
	}
	return t.checkRole(p)
}

// checkRole fails unless the role is one of the profile's account.
func (t *Twin) checkRole(p *awsconfig.Profile) error {
	account := ""
	if p.Role != nil {
		account = p.Role.AccountID
	} else if role, ok := awsconfig.ParseRoleARN(p.Chain.RoleARN); ok {
		account = role.AccountID
	}
	if role, ok := awsconfig.ParseRoleARN(t.RoleARN); t.RoleARN != "" && (!ok || role.AccountID != account) {
		return &Error{Problem: fmt.Sprintf("--role-arn %s: it must be the ARN of a role in account %s", t.RoleARN, account)}
	}
	return nil
}

// lines are those of the two profiles.
func (t *Twin) lines(p *awsconfig.Profile) []string {
	lines := []string{"", "[profile " + t.Name() + "]", "credential_process = " + t.Command + " process --profile " + t.role()}
	var region []string
	if p.Region != "" {
		region = []string{"region = " + p.Region}
	}
	lines = append(append(lines, region...), "", "[profile "+t.role()+"]")
	arn := t.RoleARN
	if arn == "" { // of a chain, as check has seen
		arn = p.Chain.RoleARN
		for _, key := range []string{"role_arn", "source_profile", "external_id", "duration_seconds", "role_session_name"} {
			if value, ok := p.Section.Get(key); ok {
				lines = append(lines, key+" = "+value)
			}
		}
	} else {
		lines = append(lines, "role_arn = "+arn, "source_profile = "+t.Profile)
	}
	role, _ := awsconfig.ParseRoleARN(arn)
	return append(append(lines, region...), layout.Key(t.ID, "policy_arns")+" = arn:"+role.Partition+":iam::aws:policy/ReadOnlyAccess")
}
