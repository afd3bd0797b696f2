// Package warm answers a process command from what is stored, at little more than the
// cost of a process: without the parser of arguments, a lock, a network or a
// keychain. It does what the command does, or nothing at all: it leaves anything
// unusual to the command, so that help, errors and decisions have one source.
//
// Its imports must start quickly: none may have an HTTP client, a regular expression
// or a large table.
package warm

import (
	"cmp"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/credman"
	"github.com/credproc/credproc/internal/dirid"
	"github.com/credproc/credproc/internal/keycache"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/ospath"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/internal/starturl"
)

// Program is who answers, and the environment as it sees it.
type Program struct {
	Command string                   // how our own credential_process lines start
	ID      string                   // of the directories, the key and the environment variables; "" means credproc
	Getenv  func(name string) string // nil means [os.Getenv]
	Place   policy.Place             // where the policy is

	prefix string         // of its environment variables, once one has been asked for
	policy *policy.Policy // once it is loaded; nil: none
}

// Answer returns the document that the command with these arguments prints, if
// it is a process command and there is a fresh one for it. Nothing is changed
// by it, whatever the outcome. The document has secrets in it.
func (p *Program) Answer(args []string) (document []byte, ok bool) {
	t, ok := p.find(args)
	if !ok || Starved() {
		return nil, false
	}
	document, freshness := t.look(keycache.System().Get)
	return document, freshness == layout.Fresh
}

// Starved reports whether this process may open so few files that the runtime
// would end it.
func Starved() bool { return safedir.Few() != nil }

// AnswerInTurn is Answer for an init function of a process that else gets what
// is missing, and ends. Of those that come at the same moment the first goes on
// at once; the others wait here for what it stores, since a process that has not
// started to fetch costs a fifth of one that has. A process that waited in vain goes on, too:
// this is no lock, and decides nothing. A signal that came meanwhile, or 0, is
// for the caller to obey: the program has not started to.
func (p *Program) AnswerInTurn(args []string) (document []byte, ok bool, signalled syscall.Signal) {
	t, ok := p.find(args)
	if !ok {
		return nil, false, 0
	}
	document, freshness := t.look(keycache.OnThread().Get)
	if freshness == layout.Useless && t.patient && t.legible() {
		var waited bool
		if waited, signalled = queue(t.locks, t.name+".queue"); waited {
			document, freshness = t.look(keycache.OnThread().Get)
		}
	}
	return document, freshness == layout.Fresh, signalled
}

// thing is the record that a process command asks for.
type thing struct {
	program    *Program
	state, id  string // the directory, and its identity
	identity   string
	dir, locks safedir.Dir
	name       string // of its file
	patient    bool   // no time is set, and no sign-in asked for
}

func (p *Program) find(args []string) (t *thing, ok bool) {
	flags, ok := parse(args)
	if !ok || !p.plain() {
		return nil, false
	}
	state, cache, ok := p.dirs()
	if !ok {
		return nil, false
	}
	if p.policy, ok = p.rules(); !ok || !p.maySet(p.setting("KEYRING")) {
		return nil, false
	}
	role, settings, files, ok := p.role(flags)
	if !ok {
		return nil, false
	}
	session, ok := p.session(files, role.Session, settings)
	if !ok || p.policy.CheckAccount(role.AccountID) != nil {
		return nil, false
	}
	id, ok := dirid.Quick(state)
	if !ok {
		return nil, false
	}
	t = &thing{program: p, state: state, id: id, locks: safedir.Dir(layout.LocksDir(state))}
	t.identity = layout.RecordIdentity(session, layout.RoleWords(role.AccountID, role.RoleName))
	dir, name := layout.RecordFile(session, t.identity)
	t.dir, t.name = safedir.Dir(cache).Sub(dir), name
	t.patient = flags.wait == "" && flags.autoLogin == "" && p.setting("WAIT") == ""
	return t, true
}

// cached looks for a secret in the cache of keys.
type cached func(name string) (secret string, ok bool)

// look returns the document that is stored, and how good it is.
func (t *thing) look(key cached) (document []byte, freshness layout.Freshness) {
	data, err := t.dir.Read(t.name)
	if err != nil {
		return nil, layout.Useless
	}
	return judge(t.open(key, data))
}

// legible reports whether a process can open here what another one seals.
func (t *thing) legible() bool {
	return keycache.System().Usable() || t.plaintextKey() != ""
}

// plain reports whether no setting asks for more than an answer. A new setting
// that a process command heeds must be added here.
func (p *Program) plain() bool {
	for _, name := range []string{"LOG", "KEY_CACHE", "AUDIT", "CLI_CACHE"} {
		if p.setting(name) != "" {
			return false
		}
	}
	return isKeyring(p.setting("KEYRING")) && isWait(p.setting("WAIT")) && (p.lax() || p.setting("STRICT_MODES") == "")
}

// rules returns the policy. A trail is left on the long way only.
func (p *Program) rules() (rules *policy.Policy, ok bool) {
	rules, err := p.Place.Load(p.ID)
	return rules, err == nil && rules.Audit() == ""
}

// maySet reports whether the policy lets a setting name a keyring.
func (p *Program) maySet(keyring string) bool {
	return keyring == "" || keyring == "auto" || p.policy.CheckKeyring(keyring) == nil
}

// isKeyring reports whether a keyring is called name here. Which one it is says
// where a new login goes, and nothing of where there is one.
func isKeyring(name string) bool {
	switch name {
	case "", "auto", "os", "file", "plaintext":
		return true
	}
	return (name == "kernel" || name == "windows") && runtime.GOOS == "linux"
}

// lax reports whether the directories above our own may be anybody's.
func (p *Program) lax() bool { return p.setting("STRICT_MODES") == "off" }

func (p *Program) getenv(name string) string {
	if p.Getenv != nil {
		return p.Getenv(name)
	}
	return os.Getenv(name)
}

func (p *Program) setting(name string) string {
	if p.prefix == "" {
		p.prefix = layout.Variable(p.ID, "")
	}
	return p.getenv(p.prefix + name)
}

// dirs returns the absolute directories of this installation.
func (p *Program) dirs() (state, cache string, ok bool) {
	var err error
	if dir := p.setting("DIR"); dir != "" {
		// A relative one, or one that cannot be found, is an error.
		if dir, ok = awsconfig.Expand(dir, awsconfig.Home(p.getenv)); !ok || !ospath.IsAbs(dir) {
			return "", "", false
		}
		state, cache = layout.DirsIn(dir)
	} else if state, cache, err = layout.DefaultDirs(p.ID); err != nil {
		return "", "", false
	}
	if state, err = ospath.Abs(state); err != nil {
		return "", "", false
	}
	cache, err = ospath.Abs(cache)
	return state, cache, err == nil
}

// role returns what the flags ask for, and the profile whose settings count
// for it, or nil.
func (p *Program) role(f *flags) (role *awsconfig.Role, settings *awsconfig.Profile, files *awsconfig.Config, ok bool) {
	home := awsconfig.Home(p.getenv)
	if home == "" {
		return nil, nil, nil, false
	}
	config, credentials, err := awsconfig.Paths(p.getenv, home)
	if err != nil {
		return nil, nil, nil, false
	}
	name := f.profile
	if !f.byRole() {
		name = cmp.Or(name, p.getenv("AWS_PROFILE"), p.getenv("AWS_DEFAULT_PROFILE"), "default")
	}
	files, err = awsconfig.LoadProfile(config, credentials, name, awsconfig.Mention{Word: p.word(), Counts: agent.MayBeRule, Keep: "_agent_programs"})
	if err != nil {
		return nil, nil, nil, false
	}
	p.policy.Rule(files)
	if p.ruled(files) {
		return nil, nil, nil, false
	}
	if f.byRole() {
		role, ok = f.role(files)
		return role, nil, files, ok
	}
	profile, err := files.Profile(name, strings.Fields(p.Command))
	if err != nil || profile.Role == nil || profile.Kind == awsconfig.SessionOnly || p.isSpecial(profile.Section) {
		return nil, nil, nil, false
	}
	if slices.ContainsFunc(profile.Through, p.isSpecial) {
		return nil, nil, nil, false
	}
	return profile.Role, profile.Settings, files, true
}

// ruled reports whether there are rules about coding agents, and one may ask. Who asks
// is looked at only then: it reads a file of each process above. A rule is in the
// files, or in a session of the policy.
func (p *Program) ruled(files *awsconfig.Config) bool {
	rules, programs, whole := files.Mentions()
	if p.policy != nil {
		rules = rules || len(p.policy.AgentRules()) > 0
		for _, s := range files.Sessions {
			rules = rules || len(s.Keys(p.word()+"_agent")) > 0
		}
		programs = append(programs, p.policy.AgentPrograms()...)
	}
	if !whole { // a program that the rules name may be missing
		return true
	}
	if !rules {
		return false
	}
	if agent.ByVariables(p.getenv, layout.Variable(p.ID, "agent")).IsAgent() {
		return true
	}
	who, err := agent.ByProcess(os.Getppid(), agent.Words(strings.Join(programs, " ")))
	return err != nil || who.IsAgent()
}

// word is what the program's own keys in the config file start with, before the "_".
func (p *Program) word() string {
	if p.ID == "" {
		return "credproc"
	}
	return strings.TrimSuffix(layout.Key(p.ID, ""), "_")
}

// session returns the identity of a session as a process with these settings
// sees it.
func (p *Program) session(files *awsconfig.Config, s awsconfig.Session, settings *awsconfig.Profile) (identity string, ok bool) {
	s = files.Named(s)
	start, _, problem := starturl.Normalize(s.StartURL)
	if problem != "" || p.isSpecial(s.Section) || p.policy.CheckStartURL(s.StartURL) != nil {
		return "", false
	}
	endpoint, err := files.Endpoint("sso_oidc", settings, p.getenv)
	if err != nil {
		return "", false
	}
	portal, err := files.Endpoint("sso", settings, p.getenv)
	if err != nil {
		return "", false
	}
	// They say where calls go, and not who the user is.
	if _, _, err := settings.Variants(p.getenv); err != nil {
		return "", false
	}
	return layout.SessionIdentity(endpoint, portal, start, s.Region, s.Name), true
}

// isSpecial reports whether a section has a credproc setting that a process
// command may heed, or that is not known here.
func (p *Program) isSpecial(s *awsconfig.Section) bool {
	word := p.word()
	return slices.ContainsFunc(s.Keys(word), func(key string) bool {
		switch rest := key[len(word):]; rest {
		case "_keyring":
			value, _ := s.Get(key)
			return !isKeyring(value) || !p.maySet(value)
		case "_agents", "_agent_profile", "_agent_login", "_agent_programs", // no agent asks, or the way has ended already
			"_session_duration", "_console_browser", "_browser", "_flow", "_key_file", // how to sign in, or read the keyring
			"_application_arn", "_web_identity_token_file", "_web_identity_token_command", "_bootstrap_role_arn", "_bootstrap_profile":
			return false
		default:
			return strings.HasPrefix(rest, "_") || agent.MayBeLimit(rest)
		}
	})
}

// open opens a sealed record with the key that is cached, that the Windows
// Credential Manager has, or that lies in a file. All are looked into: sessions may
// be in several keyrings, each with a key of its own.
func (t *thing) open(key cached, data []byte) []byte {
	name := layout.CacheName(layout.Service(t.program.ID), layout.KeyItem(t.id))
	for _, get := range []cached{key, credman.Get} {
		text, _ := get(name)
		if opened := openWith(text, t.identity, data); opened != nil {
			return opened
		}
	}
	return openWith(t.plaintextKey(), t.identity, data)
}

// plaintextKey returns the key in the plaintext keyring, or "".
//
// It is the only thing here that another user could plant: a user who can replace
// a directory can replace its key and a record for it, and so decides whose
// credentials these are. So the directories above it are looked at, one by one.
// With a cached key they are not: what that does not open is not used,
// wherever it lies, and it opens nothing but what this user has sealed.
func (t *thing) plaintextKey() string {
	dir := safedir.Dir(layout.PlaintextDir(t.state))
	text, err := dir.Read(layout.KeyItem(t.id))
	look := dir.Secure
	if t.program.lax() {
		look = dir.Guarded
	}
	if err != nil || look() != nil || t.program.policy.CheckKeyring("plaintext") != nil {
		return ""
	}
	return string(text)
}

func openWith(text, identity string, data []byte) []byte {
	key, err := sealed.ParseKey(text)
	if err != nil {
		return nil
	}
	opened, err := key.Open(identity, data)
	if err != nil {
		return nil
	}
	return opened
}

// judge returns the document in a record, and how good it is.
func judge(data []byte) (document []byte, freshness layout.Freshness) {
	times, document, err := layout.SplitRecord(data)
	now := time.Now()
	if err != nil {
		return nil, layout.Useless
	}
	freshness = times.Judge(now, now, 0)
	if _, ok := layout.ReadDocument(document); !ok && freshness == layout.Fresh {
		freshness = layout.Stale // not to be printed here
	}
	return document, freshness
}
