package tip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
)

const (
	applicationARN = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef"
	roleARN        = "arn:aws:iam::333333333333:role/DataAccess"
	bootstrapARN   = "arn:aws:iam::333333333333:role/Bootstrap"
)

// newUsers returns the users of a server, whose own credentials last a day.
func newUsers() (*idctest.Server, *Users) {
	center := idctest.New()
	center.Applications = map[string]idctest.Application{applicationARN: {}}
	id, secret, token := center.IssueKey("arn:aws:sts::333333333333:assumed-role/server/session", 24*time.Hour)
	return center, &Users{
		ApplicationARN: applicationARN, RoleARN: roleARN,
		Config:      oidc.Config{Region: center.Region, HTTPClient: center.Client()},
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
	}
}

// tokens returns a function that returns a new token of a user each time.
func tokens(center *idctest.Server, subject string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return center.IssueToken(subject, "", time.Hour), nil }
}

func retrieve(t *testing.T, p *Provider) aws.Credentials {
	t.Helper()
	c, err := p.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func counts(t *testing.T, center *idctest.Server, want map[string]int) {
	t.Helper()
	for op, n := range want {
		if got := center.Count(op); got != n {
			t.Errorf("%s: %d calls, want %d", op, got, n)
		}
	}
}

func TestTwoUsersNeverGetOneAnothersCredentials(t *testing.T) {
	for _, shared := range []bool{true, false} { // one provider for each user, or one for each request
		synctest.Test(t, func(t *testing.T) { // however slow this machine is, calls have their time
			center, users := newUsers()
			subjects := []string{"alice", "bob"}
			providers, fixed := map[string]*Provider{}, map[string]string{}
			for _, s := range subjects {
				providers[s], fixed[s] = users.Provider(tokens(center, s)), center.IssueToken(s, "", time.Hour)
			}
			var wg sync.WaitGroup
			for i := range 1000 {
				subject := subjects[i%2]
				p := providers[subject]
				if !shared {
					p = users.Provider(func(context.Context) (string, error) { return fixed[subject], nil })
				}
				wg.Go(func() {
					c, err := p.Retrieve(t.Context())
					if got := center.ContextOf(c.AccessKeyID); err != nil || got != subject {
						t.Errorf("%s got the credentials of %q, %v", subject, got, err)
					}
				})
			}
			wg.Wait()
			if n := center.Count("AssumeRole"); n != 2 {
				t.Errorf("%d AssumeRole, want one for each user", n)
			}
			if n := center.Count("CreateTokenWithIAM"); !shared && n != 2 {
				t.Errorf("%d CreateTokenWithIAM, want one for each token", n)
			}
		})
	}
}

func TestTwoUsersStayApartThroughRenewalsAndFailures(t *testing.T) {
	for _, bootstrap := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			center, users := newUsers()
			center.Rotation, center.Latency = idctest.Strict, 100*time.Millisecond
			if bootstrap {
				users.Credentials, users.BootstrapRoleARN = nil, bootstrapARN
			}
			subjects := []string{"alice", "bob"}
			providers := []*Provider{users.Provider(tokens(center, "alice")), users.Provider(tokens(center, "bob"))}
			ask := func(when string, mayFail bool) {
				var all sync.WaitGroup
				for i := range 1000 {
					all.Go(func() {
						c, err := providers[i%2].Retrieve(t.Context())
						if got := center.ContextOf(c.AccessKeyID); err != nil && !mayFail || err == nil && got != subjects[i%2] {
							t.Errorf("%s: %s got the credentials of %q, %v", when, subjects[i%2], got, err)
						}
					})
				}
				all.Wait()
			}
			ask("first", false)
			for round := range 6 { // the refresh tokens end on the way
				time.Sleep(57 * time.Minute)
				op := []string{"CreateTokenWithIAM", "AssumeRole"}[round%2]
				center.Fault(op, idctest.Fault{Status: 503, Times: 3})
				ask("while "+op+" fails, what is there lasts", false)
				time.Sleep(90 * time.Minute)
				center.Fault(op, idctest.Fault{Reset: true, After: true, Times: 3})
				ask("while the answers of "+op+" are lost", true)
				center.ClearFaults()
				time.Sleep(2 * time.Second)
				ask("afterwards", false)
			}
		})
	}
}

// The service takes a token of the issuer with a jti claim only once.
func TestAUsersTokenIsExchangedOnceThoughTheRoleFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		center, users := newUsers()
		center.Applications[applicationARN] = idctest.Application{NoRefresh: true, Once: true}
		token := center.IssueToken("alice", "", time.Hour)
		p := users.Provider(func(context.Context) (string, error) { return token, nil })
		center.Fault("AssumeRole", idctest.Fault{Status: 503})
		if _, err := p.Retrieve(t.Context()); err == nil {
			t.Error("no error")
		}
		center.ClearFaults()
		time.Sleep(time.Second)
		if c := retrieve(t, p); center.ContextOf(c.AccessKeyID) != "alice" {
			t.Error("of another user")
		}
		counts(t, center, map[string]int{"CreateTokenWithIAM": 1})
	})
}

// requests keeps what is sent.
type requests struct {
	under http.RoundTripper
	sent  []*http.Request
	body  []string
}

func (r *requests) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	r.sent, r.body = append(r.sent, request), append(r.body, string(body))
	return r.under.RoundTrip(request)
}

// The members are those of the models of STS and of the sign-in service.
func TestARequestHasTheMembersOfTheModelAndNoOthers(t *testing.T) {
	center, users := newUsers()
	users.Credentials, users.BootstrapRoleARN, users.Duration = nil, bootstrapARN, 30*time.Minute
	r := &requests{under: center.Client().Transport}
	users.Config.HTTPClient = &http.Client{Transport: r}
	token := center.IssueToken("alice", "", time.Hour)
	retrieve(t, users.Provider(func(context.Context) (string, error) { return token, nil }))
	if len(r.sent) != 3 {
		t.Fatalf("%d requests", len(r.sent))
	}
	for i, want := range []url.Values{
		{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {bootstrapARN}, "RoleSessionName": {"alice"}, "WebIdentityToken": {token}},
		nil, // see the tests of package oidc
		{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {roleARN}, "RoleSessionName": {"alice"}, "DurationSeconds": {"1800"},
			"ProvidedContexts.member.1.ProviderArn":      {"arn:aws:iam::aws:contextProvider/IdentityCenter"},
			"ProvidedContexts.member.1.ContextAssertion": {center.Secrets()[slices.IndexFunc(center.Secrets(), func(s string) bool { return strings.HasPrefix(s, "ProvidedContext") })]}},
	} {
		if want == nil {
			continue
		}
		form, err := url.ParseQuery(r.body[i])
		if sent := r.sent[i]; err != nil || !maps.EqualFunc(form, want, slices.Equal) || sent.Method != "POST" || sent.URL.String() != "https://sts.us-east-1.amazonaws.com/" ||
			!strings.HasPrefix(sent.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			t.Errorf("%s %s has the members %v", sent.Method, sent.URL, slices.Sorted(maps.Keys(form)))
		}
	}
	if by := r.sent[0].Header; by.Get("Authorization") != "" || by.Get("X-Amz-Security-Token") != "" {
		t.Error("AssumeRoleWithWebIdentity is signed")
	}
	if by := r.sent[2].Header.Get("Authorization"); !strings.Contains(by, "/us-east-1/sts/aws4_request") {
		t.Errorf("AssumeRole is signed as %q", by)
	}
}

func TestCredentialsAreRenewedWithTheRefreshTokenAndThenTheUsersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		center, users := newUsers()
		center.Rotation = idctest.Strict
		asked := 0
		p := users.Provider(func(ctx context.Context) (string, error) {
			asked++
			return tokens(center, "alice")(ctx)
		})
		first := retrieve(t, p)
		if first != retrieve(t, p) {
			t.Error("not kept")
		}
		time.Sleep(56 * time.Minute)
		second := retrieve(t, p)
		if second.AccessKeyID == first.AccessKeyID || asked != 1 {
			t.Errorf("asked for %d tokens of the user", asked)
		}
		counts(t, center, map[string]int{"CreateTokenWithIAM:jwt-bearer": 1, "CreateTokenWithIAM:refresh_token": 1, "AssumeRole": 2})
		time.Sleep(8 * time.Hour) // the refresh token has ended
		if c := retrieve(t, p); center.ContextOf(c.AccessKeyID) != "alice" || asked != 2 {
			t.Errorf("asked for %d tokens of the user", asked)
		}
		counts(t, center, map[string]int{"CreateTokenWithIAM:jwt-bearer": 2, "CreateTokenWithIAM:refresh_token": 2, "AssumeRole": 3})
	})
}

func TestATokenThatOnlyClaimsToBeOfAUserGetsNothing(t *testing.T) {
	center, users := newUsers()
	retrieve(t, users.Provider(tokens(center, "alice")))
	forged := center.IssueToken("alice", "", time.Hour)
	forged = forged[:len(forged)-8] + "AAAAAAAA"
	c, err := users.Provider(func(context.Context) (string, error) { return forged, nil }).Retrieve(t.Context())
	if !errors.Is(err, oidc.ErrUntrusted) || c.HasKeys() {
		t.Errorf("%v", err)
	}
}

func TestAProviderStaysWithItsUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		center, users := newUsers()
		center.Applications[applicationARN] = idctest.Application{NoRefresh: true}
		subject := "alice"
		p := users.Provider(func(ctx context.Context) (string, error) { return tokens(center, subject)(ctx) })
		retrieve(t, p)
		subject = "bob"
		time.Sleep(2 * time.Hour)
		if c, err := p.Retrieve(t.Context()); !errors.Is(err, ErrOtherUser) || c.HasKeys() {
			t.Errorf("%v", err)
		}
		subject = "alice"
		if c := retrieve(t, p); center.ContextOf(c.AccessKeyID) != "alice" {
			t.Error("not well again")
		}
	})
}

func TestBootstrapCredentialsThatEndAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		center, users := newUsers()
		users.Credentials, users.BootstrapRoleARN, users.Duration = nil, bootstrapARN, 12*time.Hour
		p := users.Provider(tokens(center, "alice"))
		if c := retrieve(t, p); time.Until(c.Expires) > time.Hour {
			t.Errorf("credentials of a chain last %v", time.Until(c.Expires))
		}
		counts(t, center, map[string]int{"AssumeRoleWithWebIdentity": 1, "AssumeRole": 1})
		for range 3 {
			time.Sleep(time.Hour)
			if c := retrieve(t, p); center.ContextOf(c.AccessKeyID) != "alice" {
				t.Error("of another user")
			}
		}
		counts(t, center, map[string]int{"AssumeRoleWithWebIdentity": 4, "AssumeRole": 4})
	})
}

func TestAFaultOfTheServiceCostsNothingWhileCredentialsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		center, users := newUsers()
		p := users.Provider(tokens(center, "alice"))
		first := retrieve(t, p)
		time.Sleep(56 * time.Minute)
		center.Fault("*", idctest.Fault{Status: 503})
		if retrieve(t, p) != first {
			t.Error("credentials that last were not returned")
		}
		time.Sleep(5 * time.Minute)
		_, err := p.Retrieve(t.Context())
		if said, ok := errors.AsType[*oidc.Error](err); !ok || said.StatusCode != 503 {
			t.Errorf("%v", err)
		}
		before := center.Total()
		if _, err := p.Retrieve(t.Context()); err == nil || center.Total() != before {
			t.Errorf("asked again at once: %v", err)
		}
		center.ClearFaults()
		time.Sleep(time.Second)
		retrieve(t, p)
		counts(t, center, map[string]int{"CreateTokenWithIAM:jwt-bearer": 1}) // the refresh token was kept
	})
}

func TestWhatIsWrongIsTold(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*idctest.Server, *Users)
		want   func(error) bool
	}{
		"not assigned": {func(s *idctest.Server, _ *Users) {
			s.Applications[applicationARN] = idctest.Application{Assigned: []string{"bob"}}
		}, is(oidc.ErrNotAssigned)},
		"no context": {func(s *idctest.Server, _ *Users) {
			s.Applications[applicationARN] = idctest.Application{Scopes: []string{"openid"}}
		}, is(ErrNoContext)},
		"context too long": {func(s *idctest.Server, _ *Users) { s.ContextSize = 2049 }, says("2049 characters")},
		"other Region": {func(s *idctest.Server, u *Users) { u.Config.Region = "eu-west-1" }, func(err error) bool {
			e, ok := errors.AsType[*oidc.RegionError](err)
			return ok && e.Region == "us-east-1"
		}},
		"role denied": {func(s *idctest.Server, _ *Users) { s.ExternalIDs = map[string]string{roleARN: "x"} }, func(err error) bool {
			e, ok := errors.AsType[*RoleError](err)
			return ok && e.Code == "AccessDenied" && e.RoleARN == roleARN && e.StatusCode == 403
		}},
		"no role":          {func(_ *idctest.Server, u *Users) { u.RoleARN = "" }, says("RoleARN")},
		"no signer":        {func(_ *idctest.Server, u *Users) { u.Credentials = nil }, says("Credentials")},
		"too long":         {func(_ *idctest.Server, u *Users) { u.Duration = 13 * time.Hour }, says("12 hours")},
		"a role of no one": {func(_ *idctest.Server, u *Users) { u.Credentials, u.BootstrapRoleARN = nil, "x" }, says("assume role x")},
	} {
		t.Run(what, func(t *testing.T) {
			center, users := newUsers()
			test.change(center, users)
			_, err := users.Provider(tokens(center, "alice")).Retrieve(t.Context())
			if err == nil || !test.want(err) || strings.Contains(err.Error(), center.Marker()) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := new(Provider).Retrieve(t.Context()); err == nil {
		t.Error("a zero Provider")
	}
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
func says(text string) func(error) bool {
	return func(err error) bool { return strings.Contains(err.Error(), text) }
}

func TestAContextOf2048CharactersArrives(t *testing.T) {
	center, users := newUsers()
	center.ContextSize = 2048
	if c := retrieve(t, users.Provider(tokens(center, "alice"))); center.ContextOf(c.AccessKeyID) != "alice" {
		t.Error("another context")
	}
}

// memoryStore is a Store.
type memoryStore struct {
	mu     sync.Mutex
	tokens map[string]string
	err    error
}

func (s *memoryStore) Load(_ context.Context, issuer, subject string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[issuer+" "+subject], s.err
}

func (s *memoryStore) Save(_ context.Context, issuer, subject, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.tokens[issuer+" "+subject] = token
	}
	return s.err
}

func TestAUserGoesOnAfterARestartByTheStore(t *testing.T) {
	center, users := newUsers()
	center.Rotation = idctest.Strict
	store := &memoryStore{tokens: map[string]string{}}
	users.Store = store
	retrieve(t, users.Provider(tokens(center, "alice")))
	for range 2 { // the second with what the first has stored
		restarted := &Users{ApplicationARN: users.ApplicationARN, RoleARN: roleARN, Config: users.Config, Credentials: users.Credentials, Store: store}
		if c := retrieve(t, restarted.Resume(idctest.TokenIssuer, "alice")); center.ContextOf(c.AccessKeyID) != "alice" {
			t.Error("not alice")
		}
		if _, err := restarted.Resume(idctest.TokenIssuer, "bob").Retrieve(t.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("bob: %v", err)
		}
	}
	counts(t, center, map[string]int{"CreateTokenWithIAM:jwt-bearer": 1, "CreateTokenWithIAM:refresh_token": 2})
	store.err = errors.New("the disk is full")
	retrieve(t, users.Provider(tokens(center, "carol"))) // it costs nobody an answer
}

// hosts notes which hosts are asked.
type hosts struct {
	mu    sync.Mutex
	under http.RoundTripper
	asked []string
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.asked = append(h.asked, r.URL.Host)
	h.mu.Unlock()
	return h.under.RoundTrip(r)
}

func TestHostsFollowThePartition(t *testing.T) {
	for _, test := range []struct {
		config oidc.Config
		want   []string
	}{
		{oidc.Config{Region: "us-gov-west-1"}, []string{"oidc.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.amazonaws.com"}},
		{oidc.Config{Region: "us-gov-west-1", UseFIPS: true}, []string{"oidc.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.amazonaws.com"}},
		{oidc.Config{Region: "us-gov-east-1", UseFIPS: true, UseDualStack: true}, []string{"oidc-fips.us-gov-east-1.api.aws", "sts-fips.us-gov-east-1.api.aws"}},
		{oidc.Config{Region: "cn-north-1"}, []string{"oidc.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"}},
		{oidc.Config{Region: "cn-northwest-1", UseDualStack: true}, []string{"oidc.cn-northwest-1.api.amazonwebservices.com.cn", "sts.cn-northwest-1.api.amazonwebservices.com.cn"}},
		{oidc.Config{Region: "us-east-1", UseFIPS: true}, []string{"oidc-fips.us-east-1.amazonaws.com", "sts-fips.us-east-1.amazonaws.com"}},
		{oidc.Config{Region: "eusc-de-east-1"}, []string{"oidc.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu"}},
	} {
		center, users := newUsers()
		center.Region = test.config.Region
		h := &hosts{under: center.Client().Transport}
		users.Config = test.config
		users.Config.HTTPClient = &http.Client{Transport: h}
		retrieve(t, users.Provider(tokens(center, "alice")))
		if !slices.Equal(h.asked, test.want) {
			t.Errorf("%s: %v, want %v", test.config.Region, h.asked, test.want)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	center, users := newUsers()
	p := users.Provider(tokens(center, "alice"))
	retrieve(t, p)
	for _, v := range []any{users, p, p.user, struct{ P *Provider }{p}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, center.Marker()) {
				t.Errorf("%s of %T has a secret in it", verb, v)
			}
		}
	}
}

func TestSessionNamesAreOfTheFormThatSTSTakesAndDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, subject := range []string{"alice", "a", "user@example.com", "größe", "gr-sse", strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("x", 66), "a b", "a-b", "auth0|1", ""} {
		name := sessionName(subject)
		if len(name) < 2 || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r > '~' || strings.ContainsRune(" |/:", r) }) {
			t.Errorf("%q: %q", subject, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q are both %q", subject, other, name)
		}
		seen[name] = subject
	}
}

// TestTheTrailSaysWhichUserGotWhichKey: of a server, the process says little.
func TestTheTrailSaysWhichUserGotWhichKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		center, users := newUsers()
		users.AuditDir = t.TempDir()
		const alice = "alice\n\",\"event\":\"answer\"}"
		c := retrieve(t, users.Provider(tokens(center, alice)))
		again := users.Provider(tokens(center, alice))
		retrieve(t, again)
		retrieve(t, again)
		center.Fault("AssumeRole", idctest.Fault{Status: 403})
		if _, err := users.Provider(tokens(center, "bob")).Retrieve(t.Context()); err == nil {
			t.Error("bob got credentials")
		}
		without := func(context.Context) (string, error) { return "", errors.New("no token") }
		if _, err := users.Provider(without).Retrieve(t.Context()); err == nil {
			t.Error("there are credentials without a token")
		}
		_, ruled := newUsers()
		ruled.AuditDir = users.AuditDir
		ruled.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, policy.ErrRefused })
		if _, err := ruled.Provider(tokens(center, "carol")).Retrieve(t.Context()); err == nil {
			t.Error("there are credentials without a signer")
		}
		var got []string
		text, err := os.ReadFile(filepath.Join(users.AuditDir, "audit.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for one := range bytes.Lines(text) {
			var line audit.Line
			if err := json.Unmarshal(one, &line); err != nil || line.RoleARN != roleARN || line.AccountID != "333333333333" {
				t.Errorf("%s: %v", one, err)
			}
			_, subject, _ := strings.Cut(line.User, " ")
			got = append(got, strings.Join([]string{line.Outcome, line.AccessKeyID, line.Reason, subject}, "|"))
		}
		id := c.AccessKeyID
		want := []string{"fetched|" + id + "||" + alice, "cached|" + id + "||" + alice, "cached|" + id + "||" + alice, "refused||no access|bob", "refused||sign-in required|", "refused||policy|"}
		if !slices.Equal(got, want) {
			t.Errorf("the trail has %q, want %q", got, want)
		}
	})
}

func TestAServerObeysThePolicyOfItsMachineAboutTheTrail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for rules, want := range map[string]string{
			"[policy]\nversion = 1\naudit = required\n": "requires a trail, which cannot be written",
			"[policy]\n": "has no version",
		} {
			center, users := newUsers()
			users.place = policy.Place{Root: t.TempDir(), Owner: os.Geteuid()}
			dir, blocked := filepath.Join(users.place.Root, "credproc"), filepath.Join(users.place.Root, "file")
			if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "policy.ini"), []byte(rules), 0o644), os.WriteFile(blocked, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			users.AuditDir = blocked
			if c, err := users.Provider(tokens(center, "alice")).Retrieve(t.Context()); err == nil || c.HasKeys() || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, want %s", rules, err, want)
			}
		}
	})
}
