package credproc

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Config makes sessions and providers from ~/.aws/config, and from what the
// environment says about endpoints, proxies and CA bundles, as the AWS SDKs
// read them. The zero Config is ready to use. Its fields must not be changed
// after the first call, and it must not be copied; its methods are safe for
// concurrent use.
//
// The files are read once, at the first call. Call [Config.Close] before the
// program exits.
type Config struct {
	// Identity says who the program is. The zero Identity is credproc.
	Identity Identity
	// Getenv looks up environment variables. nil means [os.Getenv].
	Getenv func(name string) string

	// HTTPClient calls every service. nil means one that follows the proxy and CA
	// settings of the environment and of the config file, as the SDKs do.
	HTTPClient *http.Client
	// Keyring, NewLoginKeyring, Unlock, MayPrompt, StateDir, CacheDir, LaxModes,
	// NoKeyCache and Logger are those of each [tokencache.Session] that the Config
	// makes. A NewLoginKeyring of "" means what credproc_keyring of the sso-session
	// says, and then the Session's default.
	Keyring              keyring.Keyring
	NewLoginKeyring      string
	Unlock               keyring.Unlock
	MayPrompt            bool
	StateDir, CacheDir   string
	LaxModes, NoKeyCache bool
	Logger               *slog.Logger
	// RunCommand runs a command line of the config file, as a shell does, and
	// returns the first line of its output: credproc_web_identity_token_command. The
	// command is trusted as much as a credential_process line. nil: such a setting
	// is an error.
	RunCommand func(ctx context.Context, line string) (string, error)

	asAgent bool   // judge as if an agent asked
	command string // the program that credentials are for, without its path; "": this one
	above   sync.Mutex
	starter *agent.Asker // by the processes above this one; nil until it was needed

	limits, void []error // about lines of the config files: see [settings.Files.Void]

	looks  atomic.Bool    // no one is given anything: what is asked for leaves no trail
	audits *policy.Policy // that the trail obeys, also where another one is ignored

	once  sync.Once
	files *settings.Files
	err   error
	insides

	mu       sync.Mutex
	sessions map[string]*tokencache.Session
}

// Identity says under which name a program uses IAM Identity Center. Programs
// with the same ID share logins, and what is fetched with them.
type Identity struct {
	// Name is what people type, and what the browser shows to the person who
	// approves a sign-in. "" means credproc.
	Name string
	// Command is how the program's credential_process lines start: its name, and
	// any words after it. A profile with such a line is resolved without running
	// it. "" means Name.
	Command string
	// ID names the directories, the keychain items and, in capitals, the
	// environment variables ("ACME_KEYRING"). "" means credproc.
	ID string
}

// UnsupportedProfileError is a profile whose credentials do not come from IAM
// Identity Center.
type UnsupportedProfileError struct {
	Profile string
	Reason  string // "has static keys"
	MFA     bool   // it needs a code from a person
	Direct  bool   // the AWS CLI and the SDKs do it themselves
}

// Error says what went wrong.
func (e *UnsupportedProfileError) Error() string {
	return fmt.Sprintf("profile %q %s", e.Profile, e.Reason)
}

func (c *Config) getenv(name string) string {
	if c.Getenv != nil {
		return c.Getenv(name)
	}
	return os.Getenv(name)
}

// Open reads the files. Every other method does that first; call it to learn of
// a file that cannot be read before any of them. The error is a [*ConfigError].
func (c *Config) Open() error {
	if c == nil {
		return errors.New("there is no configuration: it is nil")
	}
	c.once.Do(func() {
		c.files, c.err = c.load()
		inside.Fill(&c.insides, settings.Config(&insideConfig{c}))
	})
	return c.err
}

func (c *Config) load() (*settings.Files, error) {
	config, credentials, err := awsconfig.Paths(c.getenv, awsconfig.Home(c.getenv))
	if err != nil {
		return nil, own(err)
	}
	files, err := awsconfig.Load(config, credentials)
	if err = own(err); err != nil && !isA[*ConfigError](err) {
		err = &ConfigError{Path: config, Err: err}
	}
	if err != nil {
		return nil, err
	}
	command := strings.Fields(cmp.Or(c.Identity.Command, c.Identity.Name, "credproc"))
	all := &settings.Files{Config: files, Getenv: c.getenv, Command: command, ID: c.Identity.ID}
	c.limits, c.void = all.Void() // before the policy adds what it has
	place := inside.Place(&c.insides)
	rules, err := place.Load(c.Identity.ID)
	if err != nil && !place.Ignored {
		return nil, own(err)
	}
	rules.Rule(files)
	if c.audits = rules; !place.Ignored {
		all.Policy = rules
	}
	return all, nil
}

// Close waits until no sign-in and no renewal of the Config's sessions is between
// the service's answer and the keychain, and lets none start afterwards: a
// program that exits earlier can lose a login. It fails with ctx's error. It is
// [tokencache.Session.Close] of every session that the Config has made.
func (c *Config) Close(ctx context.Context) error {
	var errs []error
	for _, s := range c.made() {
		errs = append(errs, s.Close(ctx))
	}
	return errors.Join(errs...)
}

// Session returns the sso-session called name. Errors are a [*ConfigError], also
// if there is none of that name, or an [ErrPolicy].
func (c *Config) Session(name string) (*tokencache.Session, error) {
	if err := c.Open(); err != nil {
		return nil, err
	}
	s, err := c.files.Session(name)
	if err != nil {
		return nil, own(err)
	}
	return owned(c.session(s, nil))
}

// SessionAt returns the session at a start URL: the sso-session that has it, if
// there is exactly one, or else one without a name. Errors are those of
// [Config.Session].
func (c *Config) SessionAt(startURL, region string) (*tokencache.Session, error) {
	if err := c.Open(); err != nil {
		return nil, err
	}
	return owned(c.session(awsconfig.Session{StartURL: startURL, Region: region}, nil))
}

// Provider returns the provider of a profile's credentials. "" means AWS_PROFILE,
// AWS_DEFAULT_PROFILE or "default". The profile may have a credential_process
// line of the Identity's, native keys (sso_session, or sso_start_url), or role_arn
// and source_profile, which lead to one of these. The caller may set the
// provider's options before it uses it.
//
// Where the config file has rules about agents, and an agent asks, the provider may
// be another profile's.
//
// Errors are a [*ConfigError], an [*UnsupportedProfileError] for a profile of
// another kind, or an [ErrPolicy].
func (c *Config) Provider(profile string) (*Provider, error) {
	if err := c.Open(); err != nil {
		return nil, err
	}
	p, err := c.files.Profile(cmp.Or(profile, c.files.DefaultProfile()))
	if err != nil {
		return nil, own(err)
	}
	provider, err := c.provider(p)
	if err == nil {
		provider, err = c.judged(provider, p)
	}
	if err != nil {
		return nil, c.refusedProfile(err, p)
	}
	provider.profile = p.Name
	return provider, nil
}

// Role returns the provider of a role that no profile names. The error is a
// [*ConfigError] for an account ID or a role name that cannot exist, or an
// [ErrPolicy].
func (c *Config) Role(s *tokencache.Session, accountID, roleName string) (*Provider, error) {
	if err := c.Open(); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, errors.New("there is no session: it is nil")
	}
	provider, err := c.role(s, accountID, roleName)
	if err == nil {
		provider, err = c.judged(provider, nil)
	}
	if err != nil {
		return nil, c.refused(err, s.Name, audit.Line{Session: label(s), AccountID: accountID, RoleName: roleName})
	}
	return provider, nil
}

func (c *Config) role(s *tokencache.Session, accountID, roleName string) (*Provider, error) {
	if err := awsconfig.CheckRole(accountID, roleName); err != nil {
		return nil, err
	}
	if err := c.files.Policy.CheckAccount(accountID); err != nil {
		return nil, err
	}
	dir, err := c.auditOf(s.Name)
	if err != nil {
		return nil, err
	}
	return &Provider{Session: s, AccountID: accountID, RoleName: roleName, AuditDir: dir, isJudged: true}, nil
}

func (c *Config) provider(p *awsconfig.Profile) (*Provider, error) {
	if err := c.unscoped(p); err != nil {
		return nil, err
	}
	switch {
	case p.Kind == awsconfig.SessionOnly:
		return nil, &UnsupportedProfileError{Profile: p.Name, Reason: "names a session, but no account and no role"}
	case p.Role != nil:
		s, err := c.session(p.Role.Session, p.Settings)
		if err != nil {
			return nil, err
		}
		return c.role(s, p.Role.AccountID, p.Role.RoleName)
	case p.Chain != nil && p.Chain.Source != nil && p.Chain.MFASerial == "":
		return c.assumed(p)
	}
	return nil, unsupported(p)
}

func unsupported(p *awsconfig.Profile) error {
	kind := p.Kind
	if p.Chain != nil { // also by a credproc line
		kind = awsconfig.Chain
		if p.Chain.Source == nil {
			kind = awsconfig.CredentialSource
		}
	}
	reason := map[awsconfig.Kind]string{
		awsconfig.None:             "has no sso_session, and no other source of credentials",
		awsconfig.LoginSession:     "has a login_session: a login to the console, made by \"aws login\", and not one of Identity Center",
		awsconfig.CredentialSource: "takes its credentials from this machine (credential_source)",
		awsconfig.WebIdentity:      "takes its credentials from a web identity token",
		awsconfig.Static:           "has static keys",
		awsconfig.OtherProcess:     "has the credential_process of another program",
		awsconfig.Chain:            "asks for a code (mfa_serial)",
	}[kind]
	direct := kind == awsconfig.CredentialSource || kind == awsconfig.WebIdentity || kind == awsconfig.Static || kind == awsconfig.OtherProcess || kind == awsconfig.LoginSession
	return &UnsupportedProfileError{Profile: p.Name, Reason: reason, MFA: kind == awsconfig.Chain, Direct: direct}
}

func (c *Config) assumed(p *awsconfig.Profile) (*Provider, error) {
	chain := p.Chain
	from, err := c.provider(chain.Source)
	if err == nil {
		err = p.CheckChain()
	}
	if err != nil {
		return nil, err
	}
	role, _ := awsconfig.ParseRoleARN(chain.RoleARN)
	if err := c.files.Policy.CheckAccount(role.AccountID); err != nil {
		return nil, err
	}
	a := &assumedRole{source: from, roleARN: chain.RoleARN, account: role.AccountID}
	a.input = sts.AssumeRoleInput{
		RoleArn: &chain.RoleARN, ExternalId: nonEmpty(chain.ExternalID),
		RoleSessionName: aws.String(cmp.Or(chain.SessionName, c.roleSessionName())),
	}
	if a.scope, err = c.scope(p, role); err != nil {
		return nil, err
	}
	a.scope.Apply(&a.input)
	if chain.DurationSeconds != 0 {
		a.input.DurationSeconds = aws.Int32(int32(chain.DurationSeconds))
	}
	a.sts.AppID, a.sts.HTTPClient = from.Session.Config.AppID, c.httpClient(p.Settings)
	a.sts.Region = cmp.Or(c.getenv("AWS_REGION"), c.getenv("AWS_DEFAULT_REGION"), chain.Region, chain.Source.Region, from.Session.Config.Region)
	if a.sts.URL, err = c.files.Endpoint("sts", p.Settings, c.getenv); err != nil {
		return nil, err
	}
	if there := awsconfig.Partition(a.sts.Region); there != role.Partition && a.sts.URL == "" {
		return nil, &awsconfig.ValueError{Setting: c.regionSetting(p),
			Problem: fmt.Sprintf("is in the partition %s, and the role %s in %s", there, chain.RoleARN, role.Partition)}
	}
	if a.sts.UseFIPS, a.sts.UseDualStack, err = p.Settings.Variants(c.getenv); err != nil {
		return nil, err
	}
	return &Provider{Session: from.Session, AccountID: role.AccountID, AuditDir: from.AuditDir, from: a, isJudged: true}, nil
}

// regionSetting is what the region of a chain comes from.
func (c *Config) regionSetting(p *awsconfig.Profile) awsconfig.Setting {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if value := c.getenv(name); value != "" {
			return awsconfig.Setting{Key: name, Value: value}
		}
	}
	s := p.Settings.Section
	if p.Chain.Region == "" {
		s = p.Chain.Source.Section
	}
	setting, _ := s.Setting("region")
	return setting
}

// roleSessionName is what CloudTrail shows where role_session_name is not set.
// It must be the same each time: it is part of who the credentials are.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (c *Config) roleSessionName() string {
	name := []byte(layout.Service(c.Identity.ID) + "-" + cmp.Or(c.getenv("USER"), c.getenv("USERNAME"), "user"))
	for i, b := range name {
		letter := b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
		if !letter && !strings.ContainsRune("_+=,.@-", rune(b)) {
			name[i] = '-'
		}
	}
	return string(name[:min(64, len(name))])
}

// session returns the one Session for all that describe the same, so that
// their callers join.
func (c *Config) session(s awsconfig.Session, p *awsconfig.Profile) (*tokencache.Session, error) {
	named := c.files.Named(s)
	if err := c.files.Policy.CheckStartURL(named.StartURL); err != nil {
		return nil, err
	}
	session, err := c.describe(named, p)
	if err != nil {
		return nil, err
	}
	if session.NewLoginKeyring, err = c.newLoginKeyring(named.Section); err != nil {
		return nil, err
	}
	return c.register(session)
}

// register completes a session by the settings that its name has, and returns
// the one that is known already if it describes the same.
func (c *Config) register(session *tokencache.Session) (_ *tokencache.Session, err error) {
	if session.Unlock, err = c.unlock(session.Name); err != nil {
		return nil, err
	}
	if err := c.share(session); err != nil {
		return nil, err
	}
	inside.Leave[inside.Session](session, c.trailOf(session.Name))
	key := fmt.Sprintf("%q", []any{
		session.Name, session.Config.StartURL, session.Config.Region, session.Config.Endpoint, session.PortalEndpoint,
		session.Config.UseFIPS, session.Config.UseDualStack, session.Config.AppID, session.Network,
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.sessions[key]; known != nil {
		return known, nil
	}
	if c.sessions == nil {
		c.sessions = make(map[string]*tokencache.Session)
	}
	c.sessions[key] = session
	return session, nil
}

// made returns every session that was made so far.
func (c *Config) made() []*tokencache.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.sessions))
}

func (c *Config) describe(s awsconfig.Session, p *awsconfig.Profile) (*tokencache.Session, error) {
	session := &tokencache.Session{
		Name: s.Name, Keyring: c.Keyring, NewLoginKeyring: c.NewLoginKeyring, MayPrompt: c.MayPrompt,
		StateDir: c.StateDir, CacheDir: c.CacheDir, LaxModes: c.LaxModes, Service: c.Identity.ID, NoKeyCache: c.NoKeyCache, Logger: c.Logger,
		Config: oidc.Config{
			StartURL: s.StartURL, Region: s.Region, Scopes: s.Scopes,
			ClientName: c.Identity.Name, AppID: p.AppID(c.getenv),
		},
	}
	policy.Govern(&session.Config, c.files.Policy)
	policy.Own(&session.Config, &insideConfig{c})
	var err error
	if session.Config.Endpoint, err = c.files.Endpoint("sso_oidc", p, c.getenv); err != nil {
		return nil, err
	}
	if session.PortalEndpoint, err = c.files.Endpoint("sso", p, c.getenv); err != nil {
		return nil, err
	}
	if session.Config.UseFIPS, session.Config.UseDualStack, err = p.Variants(c.getenv); err != nil {
		return nil, err
	}
	session.Network = c.network(p)
	session.Config.HTTPClient = c.httpClient(p)
	session.Application, err = c.application(session, p)
	return session, err
}

// newLoginKeyring returns the keyring that is named, or else the policy's first one. A
// keyring that the policy does not allow is an error.
func (c *Config) newLoginKeyring(section *awsconfig.Section) (string, error) {
	name, err := c.namedKeyring(section)
	switch rules := c.files.Policy; {
	case err != nil || c.Keyring != nil:
		return name, err
	case name == "" || name == "auto":
		return cmp.Or(rules.DefaultKeyring(), name), nil
	default:
		return name, rules.CheckKeyring(name)
	}
}

// namedKeyring returns c.NewLoginKeyring, or what the section says. The section
// counts before where the policy locks it.
func (c *Config) namedKeyring(section *awsconfig.Section) (string, error) {
	key := layout.Key(c.Identity.ID, "keyring")
	if section == nil || c.NewLoginKeyring != "" && !c.files.Policy.Holds(section.Name, key) {
		return c.NewLoginKeyring, nil
	}
	setting, _ := section.Setting(key)
	name := setting.Value
	if names := append([]string{"", "auto"}, keyring.Names()...); !slices.Contains(names, name) {
		return "", &awsconfig.ValueError{Setting: setting, Problem: "must be one of " + strings.Join(names[1:], ", ")}
	}
	return name, nil
}

// network names the settings that decide whether a service can be reached.
func (c *Config) network(p *awsconfig.Profile) string {
	var settings []string
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		settings = append(settings, name+"="+c.getenv(name))
	}
	return strings.Join(append(settings, "ca_bundle="+p.CABundle(c.getenv)), "\n")
}

// httpClient returns c.HTTPClient, or one that trusts the user's CA bundle and
// nothing else, as the AWS SDKs have it, and goes through the proxy that the
// environment names.
func (c *Config) httpClient(p *awsconfig.Profile) *http.Client {
	if c.HTTPClient != nil {
		return c.HTTPClient
	}
	path := p.CABundle(c.getenv)
	if path == "" {
		return nil
	}
	return &http.Client{Transport: &bundled{path: path}}
}

// bundled reads the bundle before the first call: for an answer from the cache
// there is none, and a bundle that cannot be read is no reason to refuse it.
type bundled struct {
	path string

	mu        sync.Mutex
	transport *http.Transport // nil until it is needed
}

func (b *bundled) open() (*http.Transport, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.transport == nil {
		b.transport, err = trusting(b.path)
	}
	return b.transport, err
}

// Check is what [awsapi.CheckClient] looks for.
func (b *bundled) Check() error {
	_, err := b.open()
	return err
}

func (b *bundled) RoundTrip(request *http.Request) (*http.Response, error) {
	transport, err := b.open()
	if err != nil {
		return nil, err
	}
	return transport.RoundTrip(request)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (b *bundled) CloseIdleConnections() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.transport != nil {
		b.transport.CloseIdleConnections()
	}
}

// trusting returns a transport that trusts what is in the bundle and nothing
// else. The error is a [*awsapi.SettingError].
func trusting(path string) (*http.Transport, error) {
	bundle, err := safedir.ReadFile(path)
	if err != nil {
		return nil, bundleError(path, "cannot be read: "+err.Error())
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, bundleError(path, "has no certificate in it that can be read")
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		MaxIdleConnsPerHost: 16,
	}, nil
}

func bundleError(path, problem string) error {
	return &awsapi.SettingError{Setting: "CA bundle", Value: path, Problem: problem}
}
