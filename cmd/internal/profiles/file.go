package profiles

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
)

// File is how the text of a config file is changed: each method takes the old
// text and returns the new one.
type File struct {
	Files   awsconfig.Config // where the files are, and nothing that is in them
	Mark    awsconfig.Mark   // of the block that credproc writes
	Program string           // as people run it
	Own     []string         // how credproc's lines start
	// Foreign looks up an Identity Center instance in the config file of another
	// tool.
	Foreign ForeignPlaces
}

// Write returns the file with the profiles in it, and what changes.
func (f *File) Write(plan *Plan, roles []Role, old []byte) ([]byte, *Block, error) {
	text := awsconfig.NewText(f.Files.Path, old)
	parts, outside, err := f.parts(text)
	if err != nil {
		return nil, nil, err
	}
	whole, err := f.Files.With(old)
	if err != nil {
		return nil, nil, err
	}
	this := *plan
	if this.flags, err = nameInLine(whole, plan.Session); err != nil {
		return nil, nil, &Error{Problem: fmt.Sprintf("the session %v", err)}
	}
	this.isNew = outside.Sessions[plan.Session.Name] == nil &&
		!slices.ContainsFunc(parts, func(p awsconfig.Part) bool { return p.Kind == "sso-session" && p.Name == plan.Session.Name })
	this.region = cmp.Or(regionSet(outside.Profiles["default"]), plan.Session.Region)
	block, err := this.apply(parts, roles, outside.Profiles)
	if err != nil {
		return nil, nil, err
	}
	note := fmt.Sprintf("written by \"%s configure\", which keeps what you add to a profile in here", f.Program)
	err = text.SetBlock(f.Mark, note, block.lines())
	if err == nil { // never write a file that cannot be read
		_, err = f.Files.With(text.Bytes())
	}
	return text.Bytes(), block, err
}

// parts are those of the block, and what the file is without it.
func (f *File) parts(text *awsconfig.Text) (parts []awsconfig.Part, outside *awsconfig.Config, err error) {
	lines, _, err := text.Block(f.Mark)
	if err != nil {
		return nil, nil, err
	}
	rest, err := text.Outside(f.Mark)
	if err != nil {
		return nil, nil, err
	}
	outside, err = f.Files.With(rest.Bytes())
	return awsconfig.Parts(lines), outside, err
}

func regionSet(s *awsconfig.Section) string {
	region, _ := s.Get("region")
	return region
}

// Convert replaces the native keys of profiles, and the lines of other tools, by
// lines that start with command: of those named, or, if names is nil, of all that can
// be converted. left says why others stay as they are. at is the instance of lines
// that name none; it may be empty.
func (f *File) Convert(names []string, at Place, command string, old []byte) (done, left []string, converted []byte, err error) {
	before, err := f.Files.With(old)
	if err != nil {
		return nil, nil, nil, err
	}
	finder := &roleFinder{files: before, command: strings.Fields(command), place: at, tools: f.Foreign}
	problems := map[string]error{}
	for {
		text := awsconfig.NewText(f.Files.Path, old)
		roles := f.convertAll(text, finder, orAll(names, before), command, problems)
		found := len(problems)
		if err := f.verify(before, text.Bytes(), roles, command, problems); err != nil {
			return nil, nil, nil, err
		}
		for _, name := range names {
			if err := problems[name]; err != nil {
				return nil, nil, nil, err
			}
		}
		if len(problems) > found {
			continue // without those, as nothing of them may be changed
		}
		for _, name := range slices.Sorted(maps.Keys(problems)) {
			left = append(left, fmt.Sprintf("%s stays as it is: %v.", name, problems[name]))
		}
		return slices.Sorted(maps.Keys(roles)), left, text.Bytes(), nil
	}
}

// convertAll converts profiles, but none that is a problem, and returns their roles.
func (f *File) convertAll(text *awsconfig.Text, finder *roleFinder, names []string, command string, problems map[string]error) map[string]*awsconfig.Role {
	roles := map[string]*awsconfig.Role{}
	for _, name := range names {
		if problems[name] != nil || roles[name] != nil {
			continue
		}
		switch role, err := f.convertOne(text, finder, name, command); {
		case err != nil:
			problems[name] = err
		case role != nil:
			roles[name] = role
		}
	}
	return roles
}

func orAll(names []string, c *awsconfig.Config) []string {
	if names != nil {
		return names
	}
	return slices.Sorted(maps.Keys(c.Profiles))
}

// convertOne returns the role of the profile, or nil if there was nothing to
// convert.
func (f *File) convertOne(text *awsconfig.Text, finder *roleFinder, name, command string) (*awsconfig.Role, error) {
	role, err := finder.roleOf(name)
	if err != nil || role == nil {
		return nil, err
	}
	if p, err := finder.files.Profile(name, finder.command); err == nil && p.Kind == awsconfig.Ours && !hasNativeKeys(p.Section) {
		return nil, nil
	}
	process, err := processFor(finder.files, role, command)
	if err != nil {
		return nil, &awsconfig.EditError{Profile: name, Problem: err.Error()}
	}
	return role, text.Convert(name, f.Mark, process)
}

func hasNativeKeys(s *awsconfig.Section) bool {
	_, account := s.Get("sso_account_id")
	_, role := s.Get("sso_role_name")
	return account || role
}

// processFor returns the line for a role, if it can be written.
func processFor(files *awsconfig.Config, role *awsconfig.Role, command string) (string, error) {
	session, err := nameInLine(files, role.Session)
	if err == nil && !isPlainWord(role.RoleName) {
		err = fmt.Errorf("has a role name that cannot be part of a credential_process line: %s", role.RoleName)
	}
	return processLine(command, session, role.AccountID, role.RoleName), err
}

func processLine(command, session, accountID, roleName string) string {
	return fmt.Sprintf("%s process %s --account-id %s %s", command, session, accountID, flag("--role-name", roleName))
}

// flag is a flag with its value, which may be a name that looks like a flag.
func flag(name, value string) string {
	if strings.HasPrefix(value, "-") {
		return name + "=" + value
	}
	return name + " " + value
}

// IsPlainName reports whether a session's name can be part of a line.
func IsPlainName(name string) bool { return isPlainWord(name) && awsconfig.IsSectionName(name) }

// nameInLine returns the flags by which a line names a session: a name that it
// cannot have in it ("My Corp Ltd") is left to the start URL, by which
// [awsconfig.Config.Named] finds the session and its login.
func nameInLine(files *awsconfig.Config, s awsconfig.Session) (string, error) {
	if IsPlainName(s.Name) {
		return flag("--sso-session", s.Name), nil
	}
	startURL, err := oidc.NormalizeStartURL(s.StartURL)
	if err != nil {
		return "", err
	}
	if !isPlainWord(startURL) {
		return "", fmt.Errorf("has a start URL that cannot be part of a credential_process line: %s", startURL)
	}
	if byURL := files.Named(awsconfig.Session{StartURL: startURL, Region: s.Region}); s.Name != "" && byURL.Name != s.Name {
		return "", fmt.Errorf("%q needs another name: a credential_process line cannot contain this one, nor name the session by its start URL, which another session has too. Rename it to letters, digits and -_./:@+", s.Name)
	}
	return "--sso-start-url " + startURL + " --sso-region " + s.Region, nil
}

// verify makes sure that profiles mean now what they meant before. What is wrong
// with one becomes its problem.
func (f *File) verify(before *awsconfig.Config, text []byte, roles map[string]*awsconfig.Role, command string, problems map[string]error) error {
	after, err := f.Files.With(text)
	if err != nil {
		return err
	}
	for name, was := range roles {
		is, err := after.Profile(name, strings.Fields(command))
		switch {
		case hasNativeKeys(after.Profiles[name]):
			problems[name] = &awsconfig.EditError{Profile: name, Problem: "has sso_ keys in " + f.Files.CredentialsPath + " too: remove them there first"}
		case err != nil:
			problems[name] = err
		case is.Kind != awsconfig.Ours || !sameRole(before, was, after, is.Role):
			problems[name] = &awsconfig.EditError{Profile: name, Problem: "would have another role than before"}
		}
	}
	return nil
}

// Revert gives profiles their native keys back: those named, or, if names is nil,
// all that were converted.
func (f *File) Revert(names []string, old []byte) (done []string, reverted []byte, err error) {
	text := awsconfig.NewText(f.Files.Path, old)
	before, err := f.Files.With(old)
	if err != nil {
		return nil, nil, err
	}
	if done = names; names == nil {
		done = text.Converted(f.Mark)
	}
	for _, name := range done {
		native, err := nativeLines(before, name, f.Own)
		if err != nil && !slices.Contains(text.Converted(f.Mark), name) {
			return nil, nil, err
		}
		if err := text.Revert(name, f.Mark, native); err != nil {
			return nil, nil, err
		}
	}
	return done, text.Bytes(), nil
}

// nativeLines are the keys that stand for our line in a profile.
func nativeLines(files *awsconfig.Config, name string, command []string) ([]string, error) {
	p, err := files.Profile(name, command)
	if err != nil {
		return nil, err
	}
	if p.Kind != awsconfig.Ours || p.Role == nil {
		return nil, &awsconfig.EditError{Profile: name, Problem: "has no line of this program that can become sso_ keys"}
	}
	session := files.Named(p.Role.Session)
	lines := []string{"sso_session = " + session.Name}
	if session.Name == "" {
		lines = []string{"sso_start_url = " + session.StartURL, "sso_region = " + session.Region}
	}
	return append(lines, "sso_account_id = "+p.Role.AccountID, "sso_role_name = "+p.Role.RoleName), nil
}

func section(s awsconfig.Session) awsconfig.Part {
	return awsconfig.Part{Kind: "sso-session", Name: s.Name, Lines: []string{"[sso-session " + s.Name + "]", "sso_start_url = " + s.StartURL,
		"sso_region = " + s.Region, "sso_registration_scopes = sso:account:access", ""}}
}

// SuggestName makes a name of the first word of the portal's host, unless that
// is an ID.
func SuggestName(startURL string) string {
	u, err := url.Parse(startURL)
	if err != nil {
		return "sso"
	}
	word, _, _ := strings.Cut(u.Hostname(), ".")
	if id, _ := regexp.MatchString(`^(d-|ssoins-|start$|identitycenter$|view$|\d)`, word); id || !isPlainWord(word) {
		return "sso"
	}
	return word
}

// secretKey finds what a person may have written into the file, and would not
// want in the log of a dry run.
var secretKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?im)^(\s*aws_(?:secret_access_key|session_token)\s*=[ \t]*)\S.*?(\r?)$`)
})

// Difference shows a change, but no secret near it.
func Difference(path string, old, text []byte) terminal.Prose {
	hide := func(text []byte) []byte { return secretKey().ReplaceAll(text, []byte("${1}***${2}")) }
	return terminal.Lines(string(diff.Diff(path, hide(old), path, hide(text))))
}

// FitsInLine reports whether the role can be part of a credential_process line.
// A service should send no other.
func (w *Role) FitsInLine() bool {
	return awsconfig.CheckRole(w.AccountID, w.RoleName) == nil && isPlainWord(w.RoleName)
}
