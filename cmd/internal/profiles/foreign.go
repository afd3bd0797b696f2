package profiles

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
)

// Other tools for IAM Identity Center write credential_process lines of their own.
// Some say the role in the line, some in keys of their own, and some name another
// profile that says it.

// A Place is an Identity Center instance as flags or another tool name it: by an
// sso-session, or by start URL and region.
type Place struct{ Session, StartURL, Region string }

// said is what a line of another tool says.
type said struct {
	tool     string
	profile  string // whose credentials it prints
	instance string // aws-sso-cli's name of the Identity Center instance
	config   string // aws-sso-cli's config file, if it is another one
	account  string // 12 digits
	role     string
}

// foreignLine reads the lines of the tools that credproc knows. ok is false for
// others, and for commands of theirs that do not print a credential_process document.
func foreignLine(value string) (line said, ok bool) {
	program, args := awsconfig.LineProgram(value)
	switch program {
	case "granted", "dgranted":
		f := readFlags(args, "--auto-login", "--no-cache", "--verbose")
		return said{tool: "granted", profile: f.value("--profile", "-profile")}, f.runs("credential-process")
	case "aws-sso-util":
		f := readFlags(args, "--debug")
		return said{tool: program, profile: f.value("--profile")}, f.runs("credential-process")
	case "aws":
		f := readFlags(args, "--debug", "--no-verify-ssl", "--no-sign-request", "--no-cli-pager")
		line = said{tool: "the AWS CLI", profile: f.value("--profile")}
		return line, f.runs("configure", "export-credentials") && cmp.Or(f.value("--format"), "process") == "process"
	case "aws-vault":
		return awsVaultLine(args)
	case "aws-sso":
		return awsSSOLine(args)
	}
	return said{}, false
}

// awsVaultLine reads "export --format=json PROFILE" and "exec --json PROFILE".
func awsVaultLine(args []string) (said, bool) {
	f := readFlags(args, "--debug", "--biometrics", "--no-session", "-n", "--stdout", "--json", "-j", "--lazy", "--ecs-server", "--ec2-server", "--server", "-s", "--profile-env")
	line := said{tool: "aws-vault"}
	if len(f.words) == 2 {
		line.profile = f.words[1]
	}
	return line, f.runs("export") && f.value("--format") == "json" || f.runs("exec") && (f.has("--json") || f.has("-j"))
}

// awsSSOLine reads "-S INSTANCE process --arn ARN".
func awsSSOLine(args []string) (said, bool) {
	f := readFlags(args, "--lines", "--sts-refresh", "--no-config-check")
	line := said{tool: "aws-sso", instance: f.value("--sso", "-S"), config: f.value("--config"),
		account: f.value("--account", "-A"), role: f.value("--role", "-R")}
	if arn := f.value("--arn", "-a"); arn != "" {
		line.account, line.role = arnParts(arn)
	}
	if n := len(line.account); n > 0 && n < 12 { // it is a number to aws-sso
		line.account = strings.Repeat("0", 12-n) + line.account
	}
	return line, f.runs("process")
}

// arnParts reads the ARN of a role, or ACCOUNT:ROLE.
func arnParts(arn string) (account, role string) {
	if parsed, ok := awsconfig.ParseRoleARN(arn); ok {
		return parsed.AccountID, arn[strings.LastIndexByte(arn, '/')+1:]
	}
	account, role, _ = strings.Cut(arn, ":")
	return account, role
}

// flags are those of a command line, and the words that are none.
type flags struct {
	values map[string]string
	words  []string
}

// readFlags reads a command line. Those called switches have no value; all others
// have: "--name value", "--name=value", "-n value" or "-nvalue".
func readFlags(args []string, switches ...string) flags {
	f := flags{values: map[string]string{}}
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		switch {
		case !strings.HasPrefix(name, "-") || name == "-":
			f.words = append(f.words, args[i])
			continue
		case slices.Contains(switches, name):
			has = true
		case !has && len(name) > 2 && name[1] != '-' && name != "-profile":
			name, value, has = name[:2], name[2:], true
		}
		if !has && i+1 < len(args) {
			i++
			value = args[i]
		}
		f.values[name] = value
	}
	return f
}

func (f flags) has(name string) bool { _, ok := f.values[name]; return ok }

func (f flags) value(names ...string) string {
	for _, name := range names {
		if f.values[name] != "" {
			return f.values[name]
		}
	}
	return ""
}

// runs reports whether these are the first words.
func (f flags) runs(words ...string) bool {
	return len(f.words) >= len(words) && slices.Equal(f.words[:len(words)], words)
}

// roleFinder finds out which role a profile is for, whichever tool it was
// written by.
type roleFinder struct {
	files   *awsconfig.Config
	command []string // how credproc's lines start
	place   Place    // for lines that name none; may be empty
	tools   ForeignPlaces
}

// ForeignPlaces looks up the Identity Center instance that aws-sso-cli calls by a
// name, in its config file at a path or, if that is "", in the usual one. ok is false
// if there is none.
type ForeignPlaces func(path, name string) (Place, bool)

// roleOf returns the role that a profile's credentials are of. It is nil, without an
// error, for a profile that has nothing to do with Identity Center.
func (r *roleFinder) roleOf(name string, visited ...string) (*awsconfig.Role, error) {
	p, err := r.files.Profile(name, r.command)
	if err != nil {
		return nil, err
	}
	if slices.Contains(visited, name) {
		return nil, r.problem(p, "leads back to itself")
	}
	if len(visited) == awsconfig.MaxChain {
		return nil, r.problem(p, fmt.Sprintf("is one too many: at most %d profiles may name each other in a chain", awsconfig.MaxChain))
	}
	switch p.Kind {
	case awsconfig.Static, awsconfig.Chain, awsconfig.CredentialSource, awsconfig.WebIdentity:
		return nil, nil // which win over a line
	}
	value, _ := p.Section.Get("credential_process")
	own, err := r.ownRole(p)
	if err != nil || value == "" || p.Kind == awsconfig.Ours {
		return own, err
	}
	return r.roleBeside(p, own, value, append(visited, name))
}

// roleBeside is that of another tool's line in a profile, which may have keys for a
// role of its own.
func (r *roleFinder) roleBeside(p *awsconfig.Profile, own *awsconfig.Role, value string, visited []string) (*awsconfig.Role, error) {
	line, known := foreignLine(value)
	switch {
	case !known && own == nil:
		return nil, nil
	case !known:
		return nil, r.problem(p, fmt.Sprintf("has a credential_process of its own beside the keys: %q", value))
	case own != nil && (line.profile == p.Name || line.account == own.AccountID && line.role == own.RoleName):
		return own, nil
	}
	said, err := r.roleInLine(p, line, visited)
	if err == nil && own != nil && !sameRole(r.files, own, r.files, said) {
		err = r.problem(p, fmt.Sprintf("has keys for one role and a line of %s for another", line.tool))
	}
	return said, err
}

// ownRole returns the role that a profile's keys say, or nil.
func (r *roleFinder) ownRole(p *awsconfig.Profile) (*awsconfig.Role, error) {
	if p.Role != nil && p.Kind != awsconfig.SessionOnly {
		return p.Role, nil
	}
	get := func(key string) string { value, _ := p.Section.Get(key); return value }
	account, role := get("granted_sso_account_id"), get("granted_sso_role_name")
	if account == "" || role == "" {
		return nil, nil
	}
	at := Place{Session: get("sso_session"), StartURL: get("granted_sso_start_url"), Region: get("granted_sso_region")}
	if at.StartURL != "" && at.Region != "" {
		at.Session = ""
	}
	return r.role(p, at, account, role)
}

// roleInLine returns the role that a line of another tool says, or that the
// profile has which it names.
func (r *roleFinder) roleInLine(p *awsconfig.Profile, line said, visited []string) (*awsconfig.Role, error) {
	switch {
	case line.account != "" && line.role != "":
		return r.role(p, r.placeOf(line), line.account, line.role)
	case line.profile == "" || line.profile == p.Name:
		return nil, r.problem(p, "has a line of "+line.tool+" that does not say which role it is for")
	}
	role, err := r.roleOf(line.profile, visited...)
	if role == nil && err == nil {
		err = r.problem(p, "has a line of "+line.tool+" for profile "+line.profile+", which has no role of IAM Identity Center")
	}
	return role, err
}

// placeOf returns where the role of a line of aws-sso-cli is: the sso-session of
// the same name, what its own config file says, or the only sso-session.
func (r *roleFinder) placeOf(line said) Place {
	if r.place != (Place{}) {
		return r.place
	}
	if r.files.Sessions[line.instance] != nil {
		return Place{Session: line.instance}
	}
	if at, ok := r.tools(line.config, line.instance); ok {
		return at
	}
	if len(r.files.Sessions) == 1 {
		for name := range r.files.Sessions {
			return Place{Session: name}
		}
	}
	return Place{}
}

func (r *roleFinder) role(p *awsconfig.Profile, at Place, account, role string) (*awsconfig.Role, error) {
	if err := awsconfig.CheckRole(account, role); err != nil {
		return nil, err
	}
	var session awsconfig.Session
	var err error
	switch {
	case at.Session != "":
		session, err = r.files.Session(at.Session)
	case at.StartURL == "" || at.Region == "":
		err = r.problem(p, "does not say at which start URL and region its role is: add --sso-session NAME, or --sso-start-url URL --sso-region REGION")
	default:
		session = awsconfig.Session{StartURL: at.StartURL, Region: at.Region, Section: p.Section}
		if _, err = oidc.NormalizeStartURL(at.StartURL); err == nil {
			err = awsconfig.CheckRegion(at.Region)
		}
	}
	return &awsconfig.Role{Session: session, AccountID: account, RoleName: role}, err
}

// sameRole reports whether two roles are one, by the sessions that their lines would
// name.
func sameRole(aFiles *awsconfig.Config, a *awsconfig.Role, bFiles *awsconfig.Config, b *awsconfig.Role) bool {
	if a == nil || b == nil || a.AccountID != b.AccountID || a.RoleName != b.RoleName {
		return false
	}
	x, y := aFiles.Named(a.Session), bFiles.Named(b.Session)
	xURL, xErr := oidc.NormalizeStartURL(x.StartURL)
	yURL, yErr := oidc.NormalizeStartURL(y.StartURL)
	return x.Name == y.Name && x.Region == y.Region && xURL == yURL && xErr == nil && yErr == nil
}

func (r *roleFinder) problem(p *awsconfig.Profile, problem string) error {
	return &awsconfig.EditError{Profile: p.Name, Problem: problem}
}
