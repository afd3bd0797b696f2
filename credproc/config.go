package credproc

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Config makes sessions and providers from ~/.aws/config, and from what the
// environment says about endpoints, proxies and CA bundles, as the AWS SDKs
// read them. The zero Config is ready to use. Its fields, but for two, must not
// be changed after the first call, and it must not be copied; its methods are safe for
// concurrent use.
//
// The files are read once, at the first call.
type Config struct {
	// Getenv looks up environment variables. nil means [os.Getenv].
	Getenv func(name string) string
	// Command is how our own credential_process lines begin: the name of the
	// program, and any words after it. nil means "credproc". A profile with
	// such a line is resolved without running it.
	Command []string
	// MinValidity and Short are for the providers made from then on, and may be
	// changed: see [Provider].
	MinValidity time.Duration
	Short       func(left, wanted time.Duration)

	// The rest is for sessions: see [tokencache.Session].

	ClientName         string // see [oidc.Config]
	HTTPClient         *http.Client
	Keyring            keyring.Keyring
	NewLoginKeyring    string // "": what credproc_keyring of the sso-session says
	Unlock             keyring.Unlock
	MayPrompt          bool
	StateDir, CacheDir string
	LaxModes           bool
	Service            string
	NoKeyCache         bool
	Logger             *slog.Logger

	once  sync.Once
	files *awsconfig.Config
	err   error

	mu       sync.Mutex
	sessions map[string]*tokencache.Session
}

// UnsupportedProfileError is a profile whose credentials do not come from IAM
// Identity Center.
type UnsupportedProfileError struct {
	Profile string
	Reason  string // "has static keys"
	MFA     bool   // it needs a code from a person
	Direct  bool   // the AWS CLI and the SDKs need nobody for it
}

func (e *UnsupportedProfileError) Error() string {
	return fmt.Sprintf("profile %q %s", e.Profile, e.Reason)
}

func (c *Config) getenv(name string) string {
	if c.Getenv != nil {
		return c.Getenv(name)
	}
	return os.Getenv(name)
}

func (c *Config) load() (*awsconfig.Config, error) {
	c.once.Do(func() {
		var config, credentials string
		if config, credentials, c.err = awsconfig.Paths(c.getenv, c.home()); c.err == nil {
			c.files, c.err = awsconfig.Load(config, credentials)
		}
	})
	return c.files, c.err
}

// home is the person's home directory, or "".
func (c *Config) home() string { return awsconfig.Home(c.getenv) }

// DefaultProfile returns the profile that is meant where none is named:
// AWS_PROFILE, AWS_DEFAULT_PROFILE, or "default".
func (c *Config) DefaultProfile() string {
	return cmp.Or(c.getenv("AWS_PROFILE"), c.getenv("AWS_DEFAULT_PROFILE"), "default")
}

// SessionNames returns the names of all sso-sessions, sorted.
func (c *Config) SessionNames() ([]string, error) {
	files, err := c.load()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(files.Sessions)), nil
}

// ProfileNames returns the names of all profiles, of whatever kind, sorted.
func (c *Config) ProfileNames() ([]string, error) {
	files, err := c.load()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(files.Profiles)), nil
}

// HasProfile reports whether there is a profile of that name.
func (c *Config) HasProfile(name string) bool {
	files, err := c.load()
	return err == nil && files.Profiles[name] != nil
}

// HasSession reports whether there is an sso-session of that name.
func (c *Config) HasSession(name string) bool {
	files, err := c.load()
	return err == nil && files.Sessions[name] != nil
}

// Path returns where the config file is, or should be; "" if that is unknown.
func (c *Config) Path() string {
	files, err := c.load()
	if err != nil {
		return ""
	}
	return files.Path
}

// NewSession returns a session that the config file does not have yet.
func (c *Config) NewSession(name, startURL, region string) (*tokencache.Session, error) {
	if _, err := c.load(); err != nil {
		return nil, err
	}
	return c.session(awsconfig.Session{Name: name, StartURL: startURL, Region: region}, nil)
}

// Session returns the sso-session called name.
func (c *Config) Session(name string) (*tokencache.Session, error) {
	files, err := c.load()
	if err != nil {
		return nil, err
	}
	s, err := files.Session(name)
	if err != nil {
		return nil, err
	}
	return c.session(s, nil)
}

// SessionAt returns the session at a start URL: the sso-session that has it, if
// there is exactly one, or else one without a name.
func (c *Config) SessionAt(startURL, region string) (*tokencache.Session, error) {
	if _, err := c.load(); err != nil {
		return nil, err
	}
	return c.session(awsconfig.Session{StartURL: startURL, Region: region}, nil)
}

// LoginSession returns the session of a login, wherever that is described.
func (c *Config) LoginSession(l *tokencache.Status) (*tokencache.Session, error) {
	s, err := c.SessionAt(l.StartURL, l.Region)
	if err != nil {
		return nil, err
	}
	session := &tokencache.Session{
		Name: l.Name, Config: oidc.Config{
			StartURL: l.StartURL, Region: l.Region, Endpoint: l.Endpoint,
			ClientName: c.ClientName, HTTPClient: s.Config.HTTPClient, AppID: s.Config.AppID,
			UseFIPS: s.Config.UseFIPS, UseDualStack: s.Config.UseDualStack,
		},
		PortalEndpoint: l.PortalEndpoint, Keyring: c.Keyring, NewLoginKeyring: c.NewLoginKeyring, MayPrompt: c.MayPrompt,
		StateDir: c.StateDir, CacheDir: c.CacheDir, LaxModes: c.LaxModes, Service: c.Service, NoKeyCache: c.NoKeyCache, Logger: c.Logger,
		Network: s.Network,
	}
	if session.Unlock, err = c.unlock(l.Name); err != nil {
		return nil, err
	}
	return session, c.share(session)
}

// ProfileSession returns the session that a profile's credentials come from in
// the end.
func (c *Config) ProfileSession(profile string) (*tokencache.Session, error) {
	p, err := c.profile(profile)
	if err != nil {
		return nil, err
	}
	for p.Chain != nil && p.Chain.Source != nil {
		p = p.Chain.Source
	}
	if p.Role == nil {
		return nil, unsupported(p)
	}
	return c.session(p.Role.Session, p.Settings)
}

// Region returns the region that a profile says, or "".
func (c *Config) Region(profile string) string {
	p, err := c.profile(profile)
	if err != nil {
		return ""
	}
	return p.Region
}

// SessionDuration returns how long sessions of an sso-session last, as the
// administrator has set it and the user has told us: by
// CREDPROC_SESSION_DURATION or credproc_session_duration, such as "12h" or
// "7d". 0 means that nobody has.
func (c *Config) SessionDuration(session string) (time.Duration, error) {
	value, name := c.Setting(session, "session_duration")
	if value == "" {
		return 0, nil
	}
	const problem = "must be a time such as 12h or 7d, at most 90d"
	d, err := time.ParseDuration(value)
	if days, ok := strings.CutSuffix(value, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 || d > 90*24*time.Hour {
		return 0, &awsapi.SettingError{Setting: name, Value: value, Problem: problem}
	}
	return d, nil
}

// Provider returns the provider of a profile's credentials. "" means
// [Config.DefaultProfile]. The profile may have our own credential_process
// line, native keys (sso_session, or sso_start_url), or role_arn and
// source_profile, which lead to one of these.
//
// Errors name the file and line; those for a profile of another kind are an
// [*UnsupportedProfileError].
func (c *Config) Provider(profile string) (DocumentProvider, error) {
	p, err := c.profile(cmp.Or(profile, c.DefaultProfile()))
	if err != nil {
		return nil, err
	}
	s, err := c.provider(p)
	if err != nil {
		return nil, err
	}
	s.onShort(c.Short) // of what the caller gets, not of what that comes from
	return s, nil
}

// Role returns the provider of a role that no profile names. The error is for
// an account ID or a role name that cannot be.
func (c *Config) Role(s *tokencache.Session, accountID, roleName string) (*Provider, error) {
	p, err := c.role(s, accountID, roleName)
	if err == nil {
		p.Short = c.Short
	}
	return p, err
}

func (c *Config) role(s *tokencache.Session, accountID, roleName string) (*Provider, error) {
	if err := awsconfig.CheckRole(accountID, roleName); err != nil {
		return nil, err
	}
	audit, err := c.auditOf(s)
	if err != nil {
		return nil, err
	}
	return &Provider{Session: s, AccountID: accountID, RoleName: roleName, MinValidity: c.MinValidity, Audit: audit}, nil
}

func (c *Config) profile(name string) (*awsconfig.Profile, error) {
	files, err := c.load()
	if err != nil {
		return nil, err
	}
	command := c.Command
	if command == nil {
		command = []string{"credproc"}
	}
	return files.Profile(name, command)
}

func (c *Config) provider(p *awsconfig.Profile) (source, error) {
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
	if p.Chain != nil { // also by a line of ours
		kind = awsconfig.Chain
		if p.Chain.Source == nil {
			kind = awsconfig.CredentialSource
		}
	}
	reason := map[awsconfig.Kind]string{
		awsconfig.None:             "has no sso_session, and no other source of credentials",
		awsconfig.LoginSession:     "has a login_session: a login to the console, made by \"aws login\", which credproc does not use",
		awsconfig.CredentialSource: "takes its credentials from this machine (credential_source)",
		awsconfig.WebIdentity:      "takes its credentials from a web identity token",
		awsconfig.Static:           "has static keys",
		awsconfig.OtherProcess:     "has the credential_process of another program",
		awsconfig.Chain:            "asks for a code (mfa_serial)",
	}[kind]
	direct := kind == awsconfig.CredentialSource || kind == awsconfig.WebIdentity || kind == awsconfig.Static || kind == awsconfig.OtherProcess || kind == awsconfig.LoginSession
	return &UnsupportedProfileError{Profile: p.Name, Reason: reason, MFA: kind == awsconfig.Chain, Direct: direct}
}

func (c *Config) assumed(p *awsconfig.Profile) (source, error) {
	chain := p.Chain
	from, err := c.provider(chain.Source)
	if err == nil {
		err = p.CheckChain()
	}
	if err != nil {
		return nil, err
	}
	role, _ := awsconfig.ParseRoleARN(chain.RoleARN)
	a := &assumedRole{source: from, roleARN: chain.RoleARN, account: role.AccountID, want: terms{minValidity: c.MinValidity}}
	if a.want.audit, err = c.auditOf(from.session()); err != nil {
		return nil, err
	}
	a.input = sts.AssumeRoleInput{
		RoleArn: &chain.RoleARN, ExternalId: nonEmpty(chain.ExternalID),
		RoleSessionName: aws.String(cmp.Or(chain.SessionName, c.roleSessionName())),
	}
	if chain.DurationSeconds != 0 {
		a.input.DurationSeconds = aws.Int32(int32(chain.DurationSeconds))
	}
	a.sts.AppID, a.sts.HTTPClient = from.session().Config.AppID, c.httpClient(p.Settings)
	a.sts.Region = cmp.Or(c.getenv("AWS_REGION"), c.getenv("AWS_DEFAULT_REGION"), chain.Region, chain.Source.Region, from.session().Config.Region)
	if a.sts.URL, err = c.files.Endpoint("sts", p.Settings, c.getenv); err != nil {
		return nil, err
	}
	if there := awsconfig.Partition(a.sts.Region); there != role.Partition && a.sts.URL == "" {
		return nil, &awsconfig.ValueError{Setting: c.regionSetting(p),
			Problem: fmt.Sprintf("is in the partition %s, and the role %s in %s", there, chain.RoleARN, role.Partition)}
	}
	if a.sts.UseFIPS, err = p.Settings.UseFIPS(c.getenv); err != nil {
		return nil, err
	}
	if a.sts.UseDualStack, err = p.Settings.UseDualStack(c.getenv); err != nil {
		return nil, err
	}
	return a, nil
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
	value, _ := s.Get("region")
	return awsconfig.Setting{Location: s.Where("region"), Section: s.Header, Key: "region", Value: value}
}

// roleSessionName is what CloudTrail shows where role_session_name is not set.
// It must be the same each time: it is part of who the credentials are.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (c *Config) roleSessionName() string {
	name := []byte(cmp.Or(c.Service, "credproc") + "-" + cmp.Or(c.getenv("USER"), c.getenv("USERNAME"), "user"))
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
	session, err := c.describe(c.files.Named(s), p)
	if err != nil {
		return nil, err
	}
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

// Sessions returns every session that was made so far.
func (c *Config) Sessions() []*tokencache.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*tokencache.Session
	for _, s := range c.sessions {
		all = append(all, s)
	}
	return all
}

func (c *Config) describe(s awsconfig.Session, p *awsconfig.Profile) (*tokencache.Session, error) {
	session := &tokencache.Session{
		Name: s.Name, Keyring: c.Keyring, NewLoginKeyring: c.NewLoginKeyring, MayPrompt: c.MayPrompt,
		StateDir: c.StateDir, CacheDir: c.CacheDir, LaxModes: c.LaxModes, Service: c.Service, NoKeyCache: c.NoKeyCache, Logger: c.Logger,
		Config: oidc.Config{
			StartURL: s.StartURL, Region: s.Region, Scopes: s.Scopes,
			ClientName: c.ClientName, AppID: p.AppID(c.getenv),
		},
	}
	var err error
	if session.NewLoginKeyring, err = c.newLoginKeyring(s.Section); err != nil {
		return nil, err
	}
	if session.Unlock, err = c.unlock(s.Name); err != nil {
		return nil, err
	}
	if session.Config.Endpoint, err = c.files.Endpoint("sso_oidc", p, c.getenv); err != nil {
		return nil, err
	}
	if session.PortalEndpoint, err = c.files.Endpoint("sso", p, c.getenv); err != nil {
		return nil, err
	}
	if session.Config.UseFIPS, err = p.UseFIPS(c.getenv); err != nil {
		return nil, err
	}
	if session.Config.UseDualStack, err = p.UseDualStack(c.getenv); err != nil {
		return nil, err
	}
	if err := c.share(session); err != nil {
		return nil, err
	}
	session.Network = c.network(p)
	session.Config.HTTPClient = c.httpClient(p)
	return session, nil
}

// newLoginKeyring returns c.NewLoginKeyring, or what the section says.
func (c *Config) newLoginKeyring(section *awsconfig.Section) (string, error) {
	if c.NewLoginKeyring != "" || section == nil {
		return c.NewLoginKeyring, nil
	}
	key := layout.Key(c.Service, "keyring")
	name, _ := section.Get(key)
	if names := append([]string{"", "auto"}, keyring.Names()...); !slices.Contains(names, name) {
		return "", &awsconfig.ValueError{
			Setting: awsconfig.Setting{Location: section.Where(key), Section: section.Header, Key: key, Value: name},
			Problem: "must be one of " + strings.Join(names[1:], ", "),
		}
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

// hasCertificate reports whether a bundle can be used at all. Usually the first
// certificate says so.
func hasCertificate(bundle []byte) bool {
	if block, _ := pem.Decode(bundle); block != nil && block.Type == "CERTIFICATE" && len(block.Headers) == 0 {
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			return true
		}
	}
	return x509.NewCertPool().AppendCertsFromPEM(bundle)
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
	if !hasCertificate(bundle) {
		return nil, bundleError(path, "has no certificate in it that can be read")
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
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
