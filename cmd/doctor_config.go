package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/oidc"
)

// syntax goes through both files line by line: by what the SDKs make of them,
// not by what we let through.
func (d *doctor) syntax() {
	const check = "config syntax"
	lines := 0
	for i, path := range []string{d.configPath, d.credentials} {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && path != os.DevNull {
			d.note(check, "", "%s is not a regular file: its lines are not looked at, and a pipe can be read only once", d.short(path))
			continue
		}
		data, err := safedir.ReadFile(path)
		_, linkErr := os.Readlink(path)
		switch {
		case path != "" && errors.Is(err, fs.ErrNotExist) && linkErr == nil:
			d.fault(check, "bring back what it leads to, or remove the link", "%s is a link to a file that is not there", d.short(path))
			continue
		case path == "" || errors.Is(err, fs.ErrNotExist):
			if i == 0 && path != "" && d.getenv("AWS_CONFIG_FILE") == "" {
				d.note(check, "write one with an [sso-session] section in it", "there is no %s", d.short(path))
			}
			continue
		case errors.Is(err, fs.ErrPermission):
			fix := "make it yours: sudo chown $(id -u) " + shell.Word(path)
			if info, err := os.Stat(path); err == nil && isOwn(info) {
				fix = "chmod u+r " + shell.Word(path)
			}
			d.fault(check, fix, "%s cannot be read", d.short(path))
			continue
		case err != nil:
			d.fault(check, "put a file there that can be read", "%s cannot be read: %v", d.short(path), errors.Unwrap(err))
			continue
		}
		lines += strings.Count(string(data), "\n")
		for _, o := range awsconfig.Lint(d.short(path), data, i == 1) {
			d.oddity(check, path, o)
		}
		d.fileMode(path, i == 1 && strings.Contains(string(data), "aws_secret_access_key"))
	}
	if !d.bad(check) && lines > 0 {
		d.ok(check, "every AWS SDK reads the %d lines alike", lines)
	}
}

// An oddity in words: who chokes on it, how bad that is, and how to fix it.
type oddityWords struct{ verdict, seen, fix string }

var oddities = map[awsconfig.OddityKind]oddityWords{
	awsconfig.ByteOrderMark:     {verdictFault, "the file begins with a byte order mark: the AWS CLI and boto3 refuse the whole file, and Go programs do not see its first section", "save it as UTF-8 without BOM: sed -i '1s/^\\xEF\\xBB\\xBF//' FILE"},
	awsconfig.OldLineEnds:       {verdictFault, "the lines end in CR alone: programs in Go, this one too, see one long line", "end them in LF: perl -pi -e 's/\\r/\\n/g' FILE"},
	awsconfig.OtherEncoding:     {verdictFault, "the file is NAME: no AWS SDK reads it", "save it as UTF-8 without a byte order mark (iconv -f NAME -t UTF-8 converts it)"},
	awsconfig.NotUTF8:           {verdictFault, "a byte that is not UTF-8: the AWS CLI and boto3 refuse the whole file", "save the file as UTF-8"},
	awsconfig.RepeatedSection:   {verdictFault, "the section NAME is there before: boto3 and the AWS CLI refuse the whole file", "make one section of the two"},
	awsconfig.RepeatedKey:       {verdictFault, "the key NAME is in this section before: boto3 and the AWS CLI refuse the whole file", "remove one of the two lines"},
	awsconfig.Homeless:          {verdictFault, "a line before the first section: most SDKs refuse the whole file", "move it below a section header, or remove it"},
	awsconfig.NoEquals:          {verdictFault, "a line with no key and equals sign: most SDKs refuse the whole file", "write it as \"key = value\", or put a # before it"},
	awsconfig.OpenHeader:        {verdictFault, "a section header that does not end with ]: the AWS CLI and boto3 refuse the whole file, and Go ignores the section", "end it with ]"},
	awsconfig.TrailingComment:   {verdictFault, "a comment behind the value of NAME: the AWS CLI and boto3 take it for a part of the value", "put the comment on a line of its own"},
	awsconfig.QuotedValue:       {verdictWarning, "the value of NAME is in quotes, which Go programs take off and the others keep", "remove the quotes"},
	awsconfig.QuotedName:        {verdictWarning, "the name in NAME is in quotes: Go programs make them a part of it, and those in JavaScript and Rust pass the section over", "choose a name without spaces and quotes"},
	awsconfig.OddName:           {verdictWarning, "the name in NAME has characters that only the AWS CLI, boto3 and Go take: programs in JavaScript, Rust and Java pass the section over", "use letters, digits and any of - _ . / @ : + % alone"},
	awsconfig.PaddedHeader:      {verdictFault, "spaces too many in NAME: the AWS CLI, boto3 or JavaScript pass the section over", "write it with one space in the middle, and none at the ends"},
	awsconfig.UnknownSection:    {verdictFault, "every SDK passes the section NAME over", "write [profile …] or [sso-session …]"},
	awsconfig.ProfilePrefix:     {verdictFault, "every SDK passes NAME over in this file", "write the name alone in the brackets, or move the section to the config file"},
	awsconfig.LeakingDefaults:   {verdictFault, "boto3 and the AWS CLI put the keys of [DEFAULT] into every profile", "write [default]"},
	awsconfig.TwoDefaults:       {verdictFault, "there are [default] and [profile default]: of the two, the SDKs drop one", "make one section of the two, [default]"},
	awsconfig.IndentedKey:       {verdictFault, "NAME is indented: the AWS CLI, boto3 and Rust take the line for a part of the value above", "remove the spaces before it"},
	awsconfig.ColonKey:          {verdictFault, "a colon behind NAME: JavaScript passes the line over, and Rust and Java refuse the whole file", "write an equals sign"},
	awsconfig.KeyInUpperCase:    {verdictWarning, "NAME has capitals, and JavaScript does not find it", "write it in small letters"},
	awsconfig.ContinuedHeadless: {verdictFault, "an indented line below the header NAME: Rust and Java refuse the whole file", "remove the spaces before it"},
}

func (d *doctor) oddity(check, path string, o awsconfig.Oddity) {
	words := oddities[o.Kind]
	fix := strings.NewReplacer("FILE", shell.Word(path), "NAME", o.Name).Replace(words.fix)
	d.add(check, words.verdict, fix, "%s: %s", o.Location, strings.ReplaceAll(words.seen, "NAME", o.Name))
}

// fixOf says what to write instead of a setting that is wrong; "" if that is
// not known.
func fixOf(err error) string {
	if e, ok := errors.AsType[*awsconfig.UnknownSessionError](err); ok {
		return fmt.Sprintf("add [sso-session %s], or name one that there is%s", e.Name, list(e.Known))
	}
	if e, ok := errors.AsType[*awsconfig.UnknownProfileError](err); ok {
		return fmt.Sprintf("name a profile that there is%s", list(e.Known))
	}
	if e, ok := errors.AsType[*awsconfig.MissingError](err); ok {
		return fmt.Sprintf("add %s to %s", strings.Join(e.Keys, " and "), e.Section)
	}
	if e, ok := errors.AsType[*awsconfig.MismatchError](err); ok {
		return fmt.Sprintf("remove %s from %s", e.Profile.Key, e.Profile.Section)
	}
	if e, ok := errors.AsType[*awsconfig.ReservedRoleError](err); ok {
		return "write the permission set's name instead: " + e.PermissionSet
	}
	if e, ok := errors.AsType[*awsconfig.ValueError](err); ok {
		if strings.HasPrefix(e.Problem, "th") { // "there is …", "that profile …"
			return fmt.Sprintf("change %s: %s", e.Key, e.Problem)
		}
		return fmt.Sprintf("change %s: it %s", e.Key, e.Problem)
	}
	if e, ok := errors.AsType[*awsapi.SettingError](err); ok {
		return fmt.Sprintf("change %s: it %s", e.Setting, e.Problem)
	}
	return ""
}

func list(names []string) string {
	const most = 5
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		return fmt.Sprintf(": %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return ": " + strings.Join(names, ", ")
}

// profiles resolves every profile.
func (d *doctor) profiles() {
	const check = "profiles"
	if d.files == nil {
		return
	}
	command := strings.Fields(d.command())
	served := 0
	for _, name := range slices.Sorted(maps.Keys(d.files.Profiles)) {
		p, err := d.files.Profile(name, command)
		if err != nil {
			d.failed(check, err)
		} else if p.Kind == awsconfig.Ours || p.Kind == awsconfig.SSO || p.Kind == awsconfig.LegacySSO || p.Kind == awsconfig.Chain {
			served++
			if err := p.CheckChain(); err != nil {
				d.failed(check, err)
			}
		}
		d.contradictions(check, d.files.Profiles[name])
	}
	d.regions(check)
	if !d.bad(check) {
		d.ok(check, "%d, %d of them from Identity Center", len(d.files.Profiles), served)
	}
}

// regions are those of the profiles with our line. Without one a program works
// only where the environment has it.
func (d *doctor) regions(check string) {
	if d.getenv("AWS_REGION") != "" || d.getenv("AWS_DEFAULT_REGION") != "" {
		return
	}
	var without []string
	for _, name := range slices.Sorted(maps.Keys(d.files.Profiles)) {
		s := d.files.Profiles[name]
		line, _ := s.Get("credential_process")
		if _, ok := s.Get("region"); !ok && awsconfig.IsOurs(line, strings.Fields(d.command())) {
			without = append(without, name)
		}
	}
	if without != nil {
		d.note(check, "add region = … to each", "%s: no region, nor one in the environment, and most services cannot be called without", strings.TrimPrefix(list(without), ": "))
	}
}

// contradictions are keys that do not go together: each SDK has an order of its
// own.
func (d *doctor) contradictions(check string, s *awsconfig.Section) {
	_, line := s.Get("credential_process")
	_, keys := s.Get("aws_access_key_id")
	session, hasSession := s.Get("sso_session")
	var sso, direct []string
	for _, key := range []string{"sso_session", "sso_account_id", "sso_role_name", "sso_start_url", "sso_region"} {
		if _, ok := s.Get(key); ok {
			sso = append(sso, key)
			if key == "sso_start_url" || key == "sso_region" {
				direct = append(direct, key)
			}
		}
	}
	switch {
	case line && len(sso) > 0:
		d.fault(check, fmt.Sprintf("remove %s from %s", strings.Join(sso, ", "), s.Header),
			"%s: sso_ keys beside credential_process: most SDKs take the keys and never run the line", d.at(s, "credential_process"))
	case hasSession && len(direct) > 0:
		d.warn(check, fmt.Sprintf("remove %s from %s: [sso-session %s] says it", strings.Join(direct, ", "), s.Header, session),
			"%s: %s beside sso_session: programs in Rust refuse the profile", d.at(s, direct[0]), strings.Join(direct, ", "))
	}
	if _, login := s.Get("login_session"); login && line {
		d.fault(check, "remove login_session from "+s.Header+", or the line",
			"%s: login_session beside credential_process: the AWS CLI and Go take the login and never run the line", d.at(s, "login_session"))
	}
	if (line || len(sso) > 0) && keys {
		d.fault(check, fmt.Sprintf("remove aws_access_key_id and aws_secret_access_key of %s", s.Name),
			"%s: static keys beside what gets credentials: some SDKs use the keys", d.at(s, "aws_access_key_id"))
	}
}

// at is the place of a key, for people.
func (d *doctor) at(s *awsconfig.Section, key string) string {
	at := s.Where(key)
	at.File = d.short(at.File)
	return at.String()
}

// lines are the credential_process values: whether what they run is there, and
// whether it is this program.
func (d *doctor) lines() {
	const check = "process lines"
	if d.files == nil {
		return
	}
	ours := 0
	programs := make(map[string]bool) // looked at
	for _, name := range slices.Sorted(maps.Keys(d.files.Profiles)) {
		s := d.files.Profiles[name]
		value, ok := s.Get("credential_process")
		if !ok {
			continue
		}
		if awsconfig.IsOurs(value, strings.Fields(d.command())) {
			ours++
		}
		words, closed := awsconfig.CommandOf(value)
		switch {
		case !closed || len(words) == 0:
			d.fault(check, "write a command, and close its quotes", "%s: a quote is not closed, or there is no command", d.at(s, "credential_process"))
		case !programs[words[0]]:
			programs[words[0]] = true
			d.program(check, s, words[0], awsconfig.IsOurs(value, strings.Fields(d.command())))
		}
		if closed && len(words) > 0 {
			d.words(check, s, words)
		}
	}
	if !d.bad(check) && len(programs) > 0 {
		d.ok(check, "%d run this program", ours)
	}
}

// A path that goes when the program is replaced.
var passing = whenNeeded(`[/\\](go-build[0-9]*|Cellar|Caskroom)[/\\]`)

func (d *doctor) program(check string, s *awsconfig.Section, program string, ours bool) {
	at := d.at(s, "credential_process")
	fix := "write the path of the program there"
	path, err := exec.LookPath(program)
	if self := d.path(); self != "" && (ours || d.isSelf(path)) {
		fix = "write " + self + " there"
	}
	switch {
	case strings.HasPrefix(program, "~") || strings.Contains(program, "$") || strings.Contains(program, "%"):
		d.fault(check, fix, "%s: %s: no shell runs the line, so that ~ and variables stay as they are", at, program)
	case errors.Is(err, exec.ErrDot), err == nil && !filepath.IsAbs(path) && strings.ContainsAny(program, `/\`):
		d.fault(check, fix, "%s: %s is found from some directories only", at, program)
	case errors.Is(err, fs.ErrPermission):
		d.fault(check, "chmod +x "+shell.Word(program), "%s: %s may not be run", at, program)
	case err != nil:
		d.fault(check, fix, "%s: there is no program %s", at, program)
	case passing().MatchString(path):
		d.warn(check, fix, "%s: %s is gone after the next update", at, d.short(path))
	case ours && !d.isSelf(path):
		d.warn(check, fix, "%s: %s is another program than this one, %s", at, d.short(path), d.short(d.self))
	case !ours && d.isSelf(path) && filepath.Base(path) != filepath.Base(d.self):
		d.warn(check, fix, "%s: %s is this program under another name, by which the line is not understood", at, d.short(path))
	}
}

// words are those of a line that runs this program: whether it takes them.
func (d *doctor) words(check string, s *awsconfig.Section, words []string) {
	command := strings.Fields(d.command())
	path, err := exec.LookPath(words[0])
	if err != nil || !d.isSelf(path) || len(words) < len(command) || !slices.Equal(words[1:len(command)], command[1:]) {
		return
	}
	parser, err := (&App{Name: d.Name, Stdout: io.Discard, Stderr: io.Discard}).parser(d.ctx)
	if err != nil {
		return
	}
	if _, err := parser.Parse(words[len(command):]); err != nil {
		d.fault(check, fmt.Sprintf("write what %s process --help says, and nothing for a shell, which most SDKs do not ask", d.name()),
			"%s: this program does not take the line: %s", d.at(s, "credential_process"), problemOf(err))
	}
}

// path is where PATH finds this program, "" where it does not.
func (d *doctor) path() string {
	path, err := exec.LookPath(strings.Fields(d.command())[0])
	if err != nil || !d.isSelf(path) {
		return ""
	}
	return path
}

func (d *doctor) isSelf(path string) bool {
	a, err := os.Stat(path)
	b, err2 := os.Stat(d.self)
	return err == nil && err2 == nil && os.SameFile(a, b)
}

// describeSessions are the sso-sessions as they are written.
func (d *doctor) describeSessions() {
	const check = "sso-sessions"
	if d.files == nil || d.config == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(d.files.Sessions)) {
		s, err := d.config.Session(name)
		if err == nil {
			_, err = d.config.SessionDuration(name)
		}
		if err == nil {
			_, err = d.config.Role(s, "000000000000", "x") // what else the section says
		}
		if err != nil {
			d.failed(check, err)
			continue
		}
		d.sessions = append(d.sessions, s)
		d.misplaced(check, name)
		d.scopes(check, name, s.Config.Scopes)
		if isConsole().MatchString(strings.ToLower(s.Config.StartURL)) {
			d.fault(check, "write the URL of the access portal: in the console it is in the settings of IAM Identity Center",
				"[sso-session %s]: sso_start_url is where IAM users sign in to the console", name)
		}
		if region := oidc.StartURLRegion(s.Config.StartURL); region != "" && region != s.Config.Region {
			d.fault(check, fmt.Sprintf("write sso_region = %s in [sso-session %s]", region, name),
				"[sso-session %s]: the start URL is of region %s, and sso_region is %s", name, region, s.Config.Region)
		} else if home := oidc.StartURLPartition(s.Config.StartURL); home != "" && home != console.PartitionOf(s.Config.Region).Name {
			d.fault(check, fmt.Sprintf("write the region of the instance as sso_region in [sso-session %s]", name),
				"[sso-session %s]: the start URL is in the partition %s, and sso_region, %s, is not", name, home, s.Config.Region)
		}
	}
	if !d.bad(check) && len(d.sessions) > 0 {
		d.ok(check, "%s", terminal.Count(len(d.sessions), "session"))
	}
}

// isConsole finds start URLs of what has no Identity Center behind it.
var isConsole = whenNeeded(`^https://(?:[^/]*\.)?(?:signin\.aws\.amazon\.com|console\.aws\.amazon\.com)(?:/|$)`)

// misplaced are keys of profiles, which nobody looks for in a session.
func (d *doctor) misplaced(check, name string) {
	s := d.files.Sessions[name]
	for _, key := range []string{"credential_process", "sso_account_id", "sso_role_name", "role_arn"} {
		if _, ok := s.Get(key); ok {
			d.fault(check, "move it to a [profile …]", "%s: %s in %s, where nobody reads it", d.at(s, key), key, s.Header)
		}
	}
}

// scopes are those that a login asks for. Some sessions are for other services
// than the accounts, and no profile is of them.
func (d *doctor) scopes(check, name string, scopes []string) {
	if len(scopes) == 0 || slices.Contains(scopes, oidc.AccountAccess) || !d.hasRoles(name) {
		return
	}
	s := d.files.Sessions[name]
	d.fault(check, fmt.Sprintf("add %s there, separated by a comma, and sign in again: %s login --force %s", oidc.AccountAccess, d.name(), shell.Word(name)),
		"%s: sso_registration_scopes without %s: a login with them gives credentials for no role", d.at(s, "sso_registration_scopes"), oidc.AccountAccess)
}

// hasRoles reports whether a profile is of the session.
func (d *doctor) hasRoles(session string) bool {
	for name := range d.files.Profiles {
		p, err := d.files.Profile(name, strings.Fields(d.command()))
		if err == nil && p.Role != nil && p.Role.Session.Name == session {
			return true
		}
	}
	return false
}

// logins are the sessions as they are.
func (d *doctor) logins() {
	const check = "logins"
	if d.config == nil || d.files == nil {
		return
	}
	r := newRun(d.App, d.config, false)
	all, err := r.statusOf(d.ctx, &statusCommand{Check: true}, false)
	if err != nil {
		d.failed(check, err)
		return
	}
	for _, s := range all {
		which := &targetError{words: s.LoginWords(), err: errSignedOut}
		login := loginHint(d.App, which)
		switch {
		case s.State == status.Ended, s.State == status.Lost:
			d.fault(check, login, "%s: %s", s.Label(), s.Problem)
		case s.LastLook != nil && s.LastLook.Found.CannotTell():
			d.warn(check, "", "%s: not known whether it is signed in, since its keyring cannot be asked: %s", s.Label(), s.LastLook.Words())
		case s.State == status.Uncertain:
			d.warn(check, login, "%s: %s", s.Label(), s.Problem)
		case s.State == status.SignedOut:
			d.note(check, login, "%s: nobody is signed in", s.Label())
		case s.State == status.SignedIn && !s.Renewable:
			d.warn(check, login, "%s: it ends with the access token, since it cannot be renewed%s", s.Label(), status.Because(s.Problem))
		case s.State == status.SignedIn && s.RenewableTill != nil && time.Until(*s.RenewableTill) < endsSoon:
			d.note(check, loginHint(d.App, which, "--force"), "%s: its registration, and the login with it, ends in %s", s.Label(), terminal.Short(time.Until(*s.RenewableTill)))
		case s.State == status.SignedIn && s.Keyring == "plaintext":
			d.note(check, "", "%s: signed in; its tokens are in plaintext files, guarded by their mode alone", s.Label())
		case s.State == status.SignedIn:
			d.ok(check, "%s: signed in, %s keyring", s.Label(), s.Keyring)
		}
		if f := s.LastFailure; f != nil {
			d.warn(check, "try again: "+d.name()+" list "+shell.Word(s.Label()), "%s: %s has failed, and nothing has worked since: %s", s.Label(), f.Op, f.Reason)
		}
	}
	for _, s := range d.sessions {
		if text := loginElsewhere(d.App, s); text != "" {
			d.note(check, "", "%s", text)
		}
	}
}

// endsSoon is when a registration's end is worth a word.
const endsSoon = 3 * 24 * time.Hour
