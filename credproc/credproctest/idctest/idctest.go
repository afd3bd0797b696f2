// Package idctest is a local IAM Identity Center: the sign-in service
// (sso-oidc), the access portal (sso) and as much of STS as a role chain
// needs, behind one [http.Handler]. Tests and examples run against it.
//
// It keeps to the wire of the real services: camelCase JSON, their error
// codes and headers, epoch seconds here and milliseconds there. It checks what
// they check, so that a client that works here was not merely lucky. It can
// also misbehave on demand ([Server.Fault]), counts every call, and remembers
// every secret that it gave out, so that tests can look for leaks.
//
// What a person does in a browser is done with [Server.Approve] and
// [Server.Deny], on the page that the verification URI leads to, or over HTTP;
// see [Server.ServeHTTP] for the paths. A sign-in with a browser has its page
// too: only a browser, or who behaves like one, can be sent back from it.
//
// Approving asks for no password: never serve it beyond the loopback interface.
package idctest

import (
	"fmt"
	"maps"
	"sync"
	"time"
)

// A Server is one Identity Center instance with one user. Make it with [New].
//
// The settings may be changed before the first request, and later inside
// [Server.Set]. All methods are safe for concurrent use.
type Server struct {
	// StartURL is the only start URL the service knows.
	// The default is "https://idc.example/start".
	StartURL string
	// Region is the service's region, "us-east-1" by default. At the AWS host
	// of another region the start URL and the tokens are unknown, as they
	// would be there; other hosts are not looked at.
	Region string
	// Accounts are what the user is assigned to. The default is
	// 111111111111 with Admin and ReadOnly, and 222222222222 with Admin.
	Accounts []Account
	// ExternalIDs maps a role ARN to the external ID that AssumeRole must
	// give for it. Other roles may be assumed with any or none.
	ExternalIDs map[string]string

	// Rotation says what a refresh does to the refresh token.
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
	// TokenSize is how many characters access and refresh tokens have: 240 by
	// default. Less than 100 have no room for what is random.
	TokenSize int
	// DeviceCodeLife is ten minutes by default.
	DeviceCodeLife time.Duration
	// RegistrationLife is ninety days by default.
	RegistrationLife time.Duration
	// Interval is how often clients are told to poll with a device code: one
	// second by default, and always told in whole seconds, rounded up. Zero is
	// told as zero and not enforced.
	Interval time.Duration
	// AutoApprove approves device codes as they are asked for, and sends
	// browsers back at once, as if the person had signed in before.
	AutoApprove bool

	// Latency passes between an operation and its answer. What the operation
	// did stays done if the client goes away meanwhile.
	Latency time.Duration
	// PageSize is the size of a page when the client does not say, 50 by
	// default.
	PageSize int
	// MaxPageSize is the most that a page has, whatever the client says. Zero
	// is no limit but the 100 that a client may ask for.
	MaxPageSize int
	// RateLimit is how many portal requests are served in any second; those
	// above get status 429. Zero is no limit.
	RateLimit int
	// CountRefused makes refused requests count for RateLimit too, so that who
	// does not slow down is never served.
	CountRefused bool
	// ClockOffset is how far the service's clock is ahead of ours. It moves
	// the points in time that the service tells, not how long things last.
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
	served        []time.Time // portal requests of the last second
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

// New returns a server with default settings.
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
		counts:            make(map[string]int),
	}
}

// Rotation says what a refresh does to the refresh token.
type Rotation int

const (
	// None gives the same refresh token back.
	None Rotation = iota
	// Omit gives no refresh token; the one used goes on working.
	Omit
	// Grace gives a new one; the one used works for another 30 seconds.
	Grace
	// Strict gives a new one; the one used never works again.
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

// Set changes settings while the server runs. The function must call no
// method of the server.
func (s *Server) Set(change func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Marker returns the random word that is part of every secret of this server
// and of nothing else it says.
func (s *Server) Marker() string { return s.mint.marker }

// Secrets returns every secret that the server ever gave out: client secrets,
// device and authorization codes, access and refresh tokens, secret access
// keys, session tokens, tokens that sign a browser in to the console.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mint.secrets...)
}

// Count returns how often an operation was called, failures included:
// RegisterClient, StartDeviceAuthorization, CreateToken,
// CreateToken:device_code, CreateToken:authorization_code,
// CreateToken:refresh_token, GetRoleCredentials, ListAccounts,
// ListAccountRoles, Logout, AssumeRole, GetCallerIdentity, GetSigninToken,
// ConsoleLogin. "Authorize" is how often a browser asked for the page of a
// sign-in.
// "violations" counts what [Server.Violations] lists.
func (s *Server) Count(op string) int { return s.Counts()[op] }

// Counts returns all the numbers of [Server.Count] that are not zero.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := maps.Clone(s.counts)
	if n := len(s.violations); n > 0 {
		counts["violations"] = n
	}
	return counts
}

// Total returns how many operations were called.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

// Violations describes what clients did that the real service might forgive
// and ours must never do: polling faster than told, or sending an
// Authorization header, and with it perhaps credentials of a broken profile,
// to an operation that is not signed.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// told is a point in time as the service's clock shows it.
func (s *Server) told(t time.Time) time.Time { return t.Add(s.ClockOffset) }
