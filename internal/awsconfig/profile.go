package awsconfig

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/credproc/credproc/internal/starturl"
)

// Kind says where a profile's credentials come from.
type Kind int

// The kinds of profile. Where a profile has the keys of several, the AWS CLI's
// order decides: the role, then sso_ keys, then static keys in the credentials
// file, then the process, then static keys in the config file.
const (
	None             Kind = iota // it does not say
	LoginSession                 // login_session: the AWS CLI's login to the console, which only AWS tools take
	Ours                         // our own credential_process line: Role or Chain
	SSO                          // sso_session, sso_account_id, sso_role_name: Role
	LegacySSO                    // the same with sso_start_url and sso_region: Role
	SessionOnly                  // an sso-session, but no role: a Role without AccountID and RoleName
	Chain                        // role_arn and source_profile: Chain
	CredentialSource             // role_arn and credential_source: Chain
	WebIdentity                  // role_arn and web_identity_token_file
	Static                       // aws_access_key_id
	OtherProcess                 // another program's credential_process
)

// Session is an IAM Identity Center instance to sign in to.
type Session struct {
	Location // of the section, or of our process line

	Name     string   // of the [sso-session]; "" if there is none
	StartURL string   // as it is written
	Region   string   // the instance's
	Scopes   []string // none: sso_registration_scopes is not set

	// Section is the [sso-session] with all its keys, or, if Name is "", the
	// profile that says the rest.
	Section *Section
}

// Role is a role of a permission set in an account.
type Role struct {
	Session   Session
	AccountID string // 12 digits
	RoleName  string // the permission set's
}

// AssumeRole is an IAM role that is assumed with other credentials.
type AssumeRole struct {
	RoleARN         string
	ExternalID      string
	SessionName     string // role_session_name
	MFASerial       string
	Region          string // of the profile that names the role
	DurationSeconds int    // 0: not set

	Source           *Profile // source_profile, or nil
	CredentialSource string   // "Ec2InstanceMetadata", or "" if there is a Source
}

// Profile is what a profile means.
type Profile struct {
	Name   string
	Region string
	Kind   Kind
	Role   *Role       // nil, but for the kinds that say so
	Chain  *AssumeRole // likewise

	// Settings is the profile whose endpoints and CA bundle count: this one, but
	// for our own process line the one that it names, or nil if it names none.
	// A program that runs the line knows no more.
	Settings *Profile
	Section  *Section // all its keys
	// Through are the sections that our own process lines lead to, one after the
	// other, that of Settings last.
	Through []*Section
}

// Session returns the sso-session called name. The error is an
// [*UnknownSessionError], a [*MissingError], a [*SyntaxError] or a [*ValueError].
func (c *Config) Session(name string) (Session, error) {
	return c.namedSession(Setting{Value: name})
}

// Profile returns what the profile called name means. command is how our own
// process lines start: the program's name, and any words after it ("acme",
// "aws"). Paths, and ".exe", make no difference.
//
// The error is an [*UnknownProfileError], an [*UnknownSessionError], a
// [*MissingError], a [*MismatchError], a [*ReservedRoleError], a [*SyntaxError]
// or a [*ValueError], and may concern another profile that this one names.
func (c *Config) Profile(name string, command []string) (*Profile, error) {
	return resolver{Config: c, command: command}.profile(Setting{Value: name})
}

// CheckRole returns a [*ValueError] unless accountID is 12 digits and roleName
// one that IAM allows, or a [*ReservedRoleError].
func CheckRole(accountID, roleName string) error {
	return checkRole(Setting{Key: "account ID", Value: accountID}, Setting{Key: "role name", Value: roleName})
}

// CheckRegion returns a [*ValueError] unless region is one that can be.
func CheckRegion(region string) error {
	s := Setting{Key: "region", Value: region}
	if region == "" {
		return &ValueError{s, "must not be empty"}
	}
	return checkRegion(s)
}

// Named returns the only sso-session with the start URL and region of s, so
// that who names just these shares its login, or s if there is none, or it has
// a name.
func (c *Config) Named(s Session) Session {
	if s.Name != "" {
		return s
	}
	var same []Session
	for name := range c.Sessions {
		other, err := c.Session(name)
		if err == nil && other.Region == s.Region && starturl.Same(other.StartURL, s.StartURL) {
			same = append(same, other)
		}
	}
	if len(same) != 1 {
		return s
	}
	return same[0]
}

// MaxChain is how many profiles may name each other, one after another: no chain of use
// has more, and a file with thousands would take minutes to read.
const MaxChain = 20

// resolver finds out what one profile means.
type resolver struct {
	*Config
	command []string
	visited []string // the profiles on the way here
	source  bool     // the way ends in a source_profile
}

// profile resolves the one that ref names.
func (r resolver) profile(ref Setting) (*Profile, error) {
	s := r.Profiles[ref.Value]
	if s == nil {
		return nil, &UnknownProfileError{ref.Location, ref.Value, names(r.Profiles), r.Path}
	}
	if err := s.Problem(); err != nil {
		return nil, err
	}
	// Of a source with keys of its own, botocore and the Go SDK take these, and
	// not its role; and so a profile may be its own source.
	ownKeys := r.source && s.text("aws_access_key_id") != ""
	way := slices.Concat(r.visited, []string{s.Name})
	if !ownKeys && slices.Contains(r.visited, s.Name) {
		return nil, &ValueError{ref, "leads back to itself: " + strings.Join(way, ", ")}
	}
	if len(way) > MaxChain {
		return nil, &ValueError{ref, fmt.Sprintf("is one too many: at most %d profiles may name each other in a chain", MaxChain)}
	}
	r.visited = way
	p := &Profile{Name: s.Name, Region: s.text("region"), Section: s}
	p.Settings = p
	if err := r.resolve(p, s.text("role_arn") != "" && !ownKeys); err != nil {
		return nil, err
	}
	return p, nil
}

func (r resolver) resolve(p *Profile, assumes bool) error {
	s := p.Section
	static := s.setting("aws_access_key_id")
	switch {
	case assumes && s.text("web_identity_token_file") != "":
		p.Kind = WebIdentity
	case assumes:
		return r.chain(p)
	case s.text("sso_account_id") != "" || s.text("sso_role_name") != "":
		return r.sso(p)
	case static.Value != "" && static.File == r.CredentialsPath:
		p.Kind = Static
	case s.text("credential_process") != "":
		return r.process(p)
	case static.Value != "":
		p.Kind = Static
	case s.text("sso_session") != "" || s.text("sso_start_url") != "":
		session, err := r.session(ssoKeys(s))
		p.Kind, p.Role = SessionOnly, &Role{Session: session}
		return err
	case s.text("login_session") != "":
		p.Kind = LoginSession
	}
	return nil
}

func (r resolver) chain(p *Profile) error {
	s := p.Section
	p.Kind = Chain
	p.Chain = &AssumeRole{
		RoleARN:          s.text("role_arn"),
		ExternalID:       s.text("external_id"),
		SessionName:      s.text("role_session_name"),
		MFASerial:        s.text("mfa_serial"),
		Region:           p.Region,
		CredentialSource: s.text("credential_source"),
	}
	if region := s.setting("region"); region.Value != "" { // STS is called there
		if err := checkRegion(region); err != nil {
			return err
		}
	}
	if d := s.setting("duration_seconds"); d.Value != "" {
		seconds, err := strconv.Atoi(d.Value)
		if err != nil || seconds <= 0 {
			return &ValueError{d, "must be a number of seconds"}
		}
		p.Chain.DurationSeconds = seconds
	}
	source := s.setting("source_profile")
	switch {
	case source.Value == "" && p.Chain.CredentialSource == "":
		return &MissingError{s.Location, s.Header, []string{"source_profile"}}
	case source.Value == "":
		p.Kind = CredentialSource
		return nil
	case p.Chain.CredentialSource != "":
		return &ValueError{source, "there is a credential_source too"}
	}
	var err error
	r.source = true
	p.Chain.Source, err = r.profile(source)
	return err
}

// sso resolves a profile with sso_ keys. Beside them a credential_process is
// run by the JavaScript SDK alone, so it counts only where it changes nothing.
func (r resolver) sso(p *Profile) error {
	keys := ssoKeys(p.Section)
	role, err := r.role(keys)
	if err != nil {
		return err
	}
	p.Kind, p.Role = SSO, role
	if role.Session.Name == "" {
		p.Kind = LegacySSO
	}
	line := p.Section.setting("credential_process")
	if flags, ok := ourFlags(line.Value, r.command, onWindows); ok {
		if same, err := r.target(p.Section, line, flags); err == nil && same.Role.equal(role) {
			p.Kind = Ours
		}
	}
	return nil
}

func (a *Role) equal(b *Role) bool {
	return a != nil && a.AccountID == b.AccountID && a.RoleName == b.RoleName &&
		a.Session.Name == b.Session.Name && a.Session.Region == b.Session.Region &&
		starturl.Same(a.Session.StartURL, b.Session.StartURL)
}

// spelling is a role as it is written: in the keys of a profile, or in the
// flags of our line.
type spelling struct {
	at      Location
	section *Section // the profile

	session, startURL, region, account, role Setting
}

func ssoKeys(s *Section) spelling {
	return spelling{s.Location, s, s.setting("sso_session"), s.setting("sso_start_url"),
		s.setting("sso_region"), s.setting("sso_account_id"), s.setting("sso_role_name")}
}

// missing lists what is not there of what a role takes.
func (sp spelling) missing(needed ...Setting) error {
	switch {
	case sp.session.Value != "":
	case sp.startURL.Value == "" && sp.region.Value == "":
		needed = append(needed, sp.session)
	default:
		needed = append(needed, sp.startURL, sp.region)
	}
	return missing(sp.at, sp.section.Header, needed...)
}

func missing(at Location, section string, needed ...Setting) error {
	var keys []string
	for _, s := range needed {
		if s.Value == "" {
			keys = append(keys, s.Key)
		}
	}
	if keys == nil {
		return nil
	}
	return &MissingError{at, section, keys}
}

func (c *Config) role(sp spelling) (*Role, error) {
	if err := sp.missing(sp.account, sp.role); err != nil {
		return nil, err
	}
	session, err := c.session(sp)
	if err != nil {
		return nil, err
	}
	if err := checkRole(sp.account, sp.role); err != nil {
		return nil, err
	}
	return &Role{session, sp.account.Value, sp.role.Value}, nil
}

// session returns the session without looking at account and role.
func (c *Config) session(sp spelling) (Session, error) {
	if err := sp.missing(); err != nil {
		return Session{}, err
	}
	if sp.session.Value == "" {
		session := Session{Location: sp.at, StartURL: sp.startURL.Value, Region: sp.region.Value, Section: sp.section}
		return session, checkSession(sp.startURL, sp.region)
	}
	session, err := c.namedSession(sp.session)
	if err != nil {
		return Session{}, err
	}
	// The SDKs for Go and Python refuse a profile that says something else
	// than its session, JavaScript's overrides, Rust's refuses even the same.
	if v := session.Section.setting("sso_start_url"); sp.startURL.Value != "" && !starturl.Same(sp.startURL.Value, v.Value) {
		if err := checkURL(sp.startURL); err != nil {
			return Session{}, err // which hides a password
		}
		return Session{}, &MismatchError{sp.startURL, v}
	}
	if v := session.Section.setting("sso_region"); sp.region.Value != "" && sp.region.Value != v.Value {
		return Session{}, &MismatchError{sp.region, v}
	}
	return session, nil
}

// namedSession returns the one that ref names.
func (c *Config) namedSession(ref Setting) (Session, error) {
	s := c.Sessions[ref.Value]
	if s == nil {
		return Session{}, &UnknownSessionError{ref.Location, ref.Value, names(c.Sessions), c.Path}
	}
	if err := s.Problem(); err != nil {
		return Session{}, err
	}
	start, region := s.setting("sso_start_url"), s.setting("sso_region")
	if err := missing(s.Location, s.Header, start, region); err != nil {
		return Session{}, err
	}
	return Session{s.Location, s.Name, start.Value, region.Value, scopes(s), s}, checkSession(start, region)
}

func scopes(s *Section) []string {
	var scopes []string
	for scope := range strings.SplitSeq(s.text("sso_registration_scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

func checkSession(start, region Setting) error {
	if err := checkURL(start); err != nil {
		return err
	}
	return checkRegion(region)
}

// checkRegion guards a host name to which secrets are sent: the region becomes
// part of it.
func checkRegion(region Setting) error {
	if !madeOf(region.Value, lower+digits+"-") {
		return &ValueError{region, "must be lower-case letters, digits and hyphens"}
	}
	if len(region.Value) > 63 || region.Value[0] == '-' { // no label of a host name
		return &ValueError{region, "must be the name of a region, such as us-east-1"}
	}
	return nil
}

func checkRole(account, role Setting) error {
	if len(account.Value) != 12 || !madeOf(account.Value, digits) {
		return &ValueError{account, "must be 12 digits"}
	}
	if set, ok := permissionSet(role.Value); ok {
		return &ReservedRoleError{role, set}
	}
	// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
	if !isLong(role.Value, 1, 64, "_+=,.@-") {
		return &ValueError{role, "must be 1 to 64 letters, digits and _+=,.@-"}
	}
	return nil
}

// permissionSet returns X if the role name is AWSReservedSSO_X_ and 16
// hexadecimal digits.
//
// https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
func permissionSet(role string) (string, bool) {
	rest, ok := strings.CutPrefix(role, "AWSReservedSSO_")
	i := len(rest) - len("_0123456789abcdef")
	if !ok || i < 1 || rest[i] != '_' || !madeOf(rest[i+1:], "0123456789abcdef") {
		return "", false
	}
	return rest[:i], true
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

func madeOf(s, characters string) bool { return strings.Trim(s, characters) == "" }

// isLong reports whether text has so many bytes, all of them ASCII letters,
// digits or some others.
func isLong(text string, from, to int, others string) bool {
	return len(text) >= from && len(text) <= to && madeOf(text, lower+upper+digits+others)
}

func names(sections map[string]*Section) []string {
	return slices.Sorted(maps.Keys(sections))
}
