// Package idctest is a local IAM Identity Center for tests: the sign-in service
// (sso-oidc), the access portal (sso), and the parts of STS and of the
// console's federation endpoint that role chains and console links need, behind
// one [http.Handler].
//
//	center := idctest.New()
//	client := center.Client()             // in this process, without a socket
//	server := httptest.NewServer(center)  // or for other processes: AWS_ENDPOINT_URL
//
// Package credproctest makes a signed-in session of it in one line. This package
// is for everything else: it imports none of credproc's packages, and any client
// of the services can use it, in any language.
//
// A Server answers as the real services do: camelCase JSON, their error codes
// and headers, seconds in one API and milliseconds in another. It checks what
// they check: registrations, grants, scopes, start URL, region, polling
// intervals, signatures. It fails on demand ([Server.Fault]), counts every call
// ([Server.Count]), and knows every secret that it gave out ([Server.Secrets]),
// so that a test can look for leaks.
//
// The person is [Server.Approve] and [Server.Deny], or the page at the
// verification URI; [Server.ServeHTTP] has the paths. A browser sign-in has a
// page of its own, which sends the browser back to the client.
//
// Approving needs no password. Never serve it beyond the loopback interface.
//
// # Stability
//
// The Go names and the HTTP paths follow the module's version: before 1.0 a release
// may change them, with an entry in the changelog; after that they only grow. The
// behavior follows the real services: a release may refuse what the one before
// accepted, where the real service refuses it too. The default accounts, the lengths
// and the form of tokens and the texts of errors are not promised; set what a test
// depends on.
package idctest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Server is one Identity Center instance with one user. Make it with [New]:
// the zero Server answers every request with status 500.
//
// Settings may be changed before the first request, and later inside
// [Server.Set]. All methods are safe for concurrent use.
type Server struct {
	// StartURL is the only start URL the service knows.
	// The default is "https://idc.example/start".
	StartURL string
	// Region is the service's region, "us-east-1" by default. At the AWS host
	// of another region the start URL and the tokens are unknown, as they
	// would be there; any other host is taken for this region's.
	Region string
	// Accounts are the accounts that the user is assigned to: one without roles is not
	// listed. The default is
	// 111111111111 with Admin and ReadOnly, and 222222222222 with Admin.
	Accounts []Account
	// ExternalIDs maps a role ARN to the external ID that AssumeRole must
	// give for it. Other roles may be assumed with any or none.
	ExternalIDs map[string]string
	// Policies are managed policies, in JSON by their ARNs, beside those of AWS's
	// own that the service knows: AdministratorAccess, ReadOnlyAccess, ViewOnlyAccess,
	// SecurityAudit. Roles may do everything, but for what session policies leave out.
	Policies map[string]string

	// Applications are the customer managed applications, by their ARNs. There is
	// none by default.
	Applications map[string]Application
	// ContextSize is the length of identity contexts, 600 by default; the longest
	// that the services take has 2,048.
	ContextSize int

	// Rotation says what a refresh does to the refresh token: [None] by default.
	Rotation Rotation
	// AccessTokenLife is one hour by default. A sign-in that cannot be
	// refreshed lasts SessionLife instead, as it does at the real service.
	AccessTokenLife time.Duration
	// SessionLife is how long after a sign-in its refresh token works,
	// eight hours by default.
	SessionLife time.Duration
	// RoleLife is how long role credentials last, one hour by default.
	RoleLife time.Duration
	// MaxConsoleSession is the longest console session that roles allow, twelve
	// hours by default.
	MaxConsoleSession time.Duration
	// TokenSize is the length of access and refresh tokens in characters: 240 by
	// default. Less than 100 means 100.
	TokenSize int
	// SessionTokenSize is the length of role credentials' session tokens in
	// characters: 880 by default. AWS gives up to 4,096.
	SessionTokenSize int
	// DeviceCodeLife is ten minutes by default.
	DeviceCodeLife time.Duration
	// RegistrationLife is ninety days by default.
	RegistrationLife time.Duration
	// Interval is the polling interval of device codes: one second by default,
	// sent in whole seconds, rounded up. Zero is sent as zero and not enforced.
	Interval time.Duration
	// AutoApprove approves every sign-in at once, as if the person were signed
	// in to the browser and had confirmed.
	AutoApprove bool

	// Latency passes between an operation and its answer, zero by default. The
	// operation has taken effect even if the client goes away meanwhile.
	Latency time.Duration
	// PageSize is the number of entries in a page if the client does not say, 50
	// by default. Less than 1 means 1.
	PageSize int
	// MaxPageSize limits the pages further. Zero means the 100 entries that a
	// client may ask for.
	MaxPageSize int
	// RateLimit is the number of portal requests served in any second; more get
	// status 429. Zero means no limit.
	RateLimit int
	// CountRefused counts refused requests for RateLimit too: a client that does
	// not slow down is never served.
	CountRefused bool
	// ClockOffset is how far the service's clock is ahead of this machine's. It
	// moves the times in answers, not how long things last.
	ClockOffset time.Duration

	mint mint

	mu            sync.Mutex
	registrations map[string]*registration
	deviceCodes   []*deviceCode
	codes         map[string]*authorizationCode
	accessTokens  map[string]*accessToken
	refreshTokens map[string]*refreshToken
	keys          map[string]*key
	signinTokens  map[string]*signinToken
	assertions    map[string]claims // by the tokens of the trusted token issuer
	contexts      map[string]string // subjects by identity context
	exchanged     map[string]bool   // the jti of assertions
	parameters    map[string]string // of SSM
	served        []time.Time       // portal requests of the last second
	faults        []*armed
	events        []*Event
	counts        map[string]int
	violations    []string
}

// An Account is one AWS account that the user is assigned to.
type Account struct {
	ID    string   // twelve digits
	Name  string   // left out of answers when empty
	Email string   // left out of answers when empty
	Roles []string // names of the permission sets
}

// New returns a Server with default settings, with no sign-in yet.
func New() *Server {
	return &Server{
		StartURL: "https://idc.example/start",
		Region:   "us-east-1",
		Accounts: []Account{
			{ID: "111111111111", Name: "Production", Email: "production@idc.example", Roles: []string{"Admin", "ReadOnly"}},
			{ID: "222222222222", Name: "Sandbox", Email: "sandbox@idc.example", Roles: []string{"Admin"}},
		},
		AccessTokenLife:   time.Hour,
		SessionLife:       8 * time.Hour,
		RoleLife:          time.Hour,
		MaxConsoleSession: 12 * time.Hour,
		TokenSize:         240,
		SessionTokenSize:  880,
		ContextSize:       600,
		DeviceCodeLife:    10 * time.Minute,
		RegistrationLife:  90 * 24 * time.Hour,
		Interval:          time.Second,
		PageSize:          50,
		mint:              newMint(),
		registrations:     make(map[string]*registration),
		codes:             make(map[string]*authorizationCode),
		accessTokens:      make(map[string]*accessToken),
		refreshTokens:     make(map[string]*refreshToken),
		keys:              make(map[string]*key),
		signinTokens:      make(map[string]*signinToken),
		assertions:        make(map[string]claims),
		contexts:          make(map[string]string),
		exchanged:         make(map[string]bool),
		parameters:        make(map[string]string),
		counts:            make(map[string]int),
	}
}

// Rotation says what a refresh does to the refresh token.
type Rotation int

const (
	// None returns the same refresh token.
	None Rotation = iota
	// Omit returns no refresh token; the one sent keeps working.
	Omit
	// Grace returns a new one; the one sent works for another 30 seconds.
	Grace
	// Strict returns a new one; the one sent never works again.
	Strict
)

const grace = 30 * time.Second

// String returns the name that [Rotation.UnmarshalText] reads.
func (r Rotation) String() string {
	switch r {
	case None:
		return "none"
	case Omit:
		return "omit"
	case Grace:
		return "grace"
	case Strict:
		return "strict"
	}
	return fmt.Sprintf("Rotation(%d)", int(r))
}

// MarshalText implements [encoding.TextMarshaler].
func (r Rotation) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Rotation) UnmarshalText(text []byte) error {
	for known := None; known <= Strict; known++ {
		if string(text) == known.String() {
			*r = known
			return nil
		}
	}
	return fmt.Errorf("rotation %q is none of none, omit, grace, strict", text)
}

// Set changes settings while the server runs: change gets the server, locked, and
// must not call its methods.
func (s *Server) Set(change func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Marker returns a random word that is part of every secret of this server, and
// of nothing else it sends. A log that contains it has a secret in it.
func (s *Server) Marker() string { return s.mint.marker }

// Secrets returns every secret that the server gave out so far: client secrets,
// device and authorization codes, access and refresh tokens, secret access
// keys, session tokens, sign-in tokens of the console, tokens of the trusted token
// issuer, identity contexts.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mint.secrets...)
}

// Count returns how often an operation was called, failures included:
// RegisterClient, StartDeviceAuthorization, CreateToken,
// CreateToken:device_code, CreateToken:authorization_code,
// CreateToken:refresh_token, CreateTokenWithIAM, CreateTokenWithIAM:jwt-bearer,
// CreateTokenWithIAM:refresh_token, AssumeRoleWithWebIdentity, GetRoleCredentials, ListAccounts,
// ListAccountRoles, Logout, AssumeRole, GetCallerIdentity, GetParameter, PutParameter,
// GetSigninToken, ConsoleLogin. "Authorize" counts how often a browser opened the page of a
// browser sign-in, "violations" what [Server.Violations] lists. Count panics on
// other names, since a misspelled one would always be zero.
func (s *Server) Count(op string) int {
	if err := checkOp(op, "Authorize", "violations"); err != nil {
		panic(err)
	}
	return s.Counts()[op]
}

// checkOp returns an error unless op is an operation, an operation with a grant,
// or one of others.
func checkOp(op string, others ...string) error {
	names := append([]string{
		"CreateToken:device_code", "CreateToken:authorization_code", "CreateToken:refresh_token",
		createWithIAM + ":jwt-bearer", createWithIAM + ":refresh_token",
	}, others...)
	for _, known := range operations() {
		names = append(names, known.name)
	}
	if slices.Contains(names, op) {
		return nil
	}
	return fmt.Errorf("idctest: there is no operation %q", op)
}

// Counts returns the counters that are not zero, by the names of [Server.Count].
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := maps.Clone(s.counts)
	if n := len(s.violations); n > 0 {
		counts["violations"] = n
	}
	return counts
}

// Total returns how many operations were called, failures included.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

// Violations describes what clients did wrong that the real service may
// tolerate: polling faster than told, credentials in a URL, or an Authorization
// header, which may hold the credentials of an unrelated profile, in a request
// that is not signed.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// told is a point in time as the service's clock shows it.
func (s *Server) told(t time.Time) time.Time { return t.Add(s.ClockOffset) }
