package tip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/credproc/credproc/internal/assume"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/jwt"
	"github.com/credproc/credproc/oidc"
)

const (
	contextProvider = "arn:aws:iam::aws:contextProvider/IdentityCenter"
	maxContext      = 2048 // characters: ProvidedContext in the API of STS

	renewBefore  = 5 * time.Minute
	signerMargin = time.Minute
	chainLimit   = time.Hour // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
	forgetAfter  = 24 * time.Hour
	shareFailure = time.Second
)

// RoleError says that STS gave no credentials of a role.
type RoleError struct {
	Op         string // "AssumeRole", or "AssumeRoleWithWebIdentity" for the BootstrapRoleARN
	RoleARN    string
	Code       string // STS's, such as "AccessDenied"; "" if no answer of STS came
	StatusCode int    // HTTP; 0: no answer
	RequestID  string // for AWS support; "" if unknown

	err error
}

func (e *RoleError) Error() string { return "assume role " + e.RoleARN + ": " + e.err.Error() }

// Unwrap returns what kept an answer from arriving, or nil.
func (e *RoleError) Unwrap() error { return errors.Unwrap(e.err) }

func roleError(arn string, err error) error {
	if e, ok := errors.AsType[*assume.Error](err); ok {
		return &RoleError{Op: e.Op, RoleARN: arn, Code: e.Code, StatusCode: e.StatusCode, RequestID: e.RequestID, err: e}
	}
	return err
}

// check returns an error for settings with which nothing can work.
func (u *Users) check() error {
	switch {
	case u.RoleARN == "":
		return errors.New("tip: RoleARN is empty")
	case u.Credentials == nil && u.BootstrapRoleARN == "":
		return errors.New("tip: Credentials is nil, and BootstrapRoleARN is empty")
	case u.Duration != 0 && (u.Duration < 15*time.Minute || u.Duration > 12*time.Hour):
		return fmt.Errorf("tip: Duration is %v, not between 15 minutes and 12 hours", u.Duration)
	}
	return nil
}

// An attempt gets one user new credentials. It asks for the user's token at most
// once.
type attempt struct {
	*Users
	assertion func(context.Context) (string, error)
	user      *user // nil: not known yet

	token     string
	claims    jwt.Claims
	bootstrap aws.Credentials
}

// jwt returns the user's token, after a look at whose it says it is.
func (a *attempt) jwt(ctx context.Context) (string, error) {
	if a.token != "" {
		return a.token, nil
	}
	if a.assertion == nil {
		return "", fmt.Errorf("%w: there is no token of the user", oidc.ErrSignInRequired)
	}
	token, err := a.assertion(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", oidc.ErrAssertion, err)
	}
	if a.claims, err = jwt.Parse(token); err != nil {
		return "", fmt.Errorf("%w: %w", oidc.ErrAssertion, err)
	}
	if a.claims.Issuer == "" || a.claims.Subject == "" {
		return "", fmt.Errorf("%w: it does not say who the user is (iss and sub)", oidc.ErrAssertion)
	}
	if a.user != nil && a.user.identity != (identity{a.claims.Issuer, a.claims.Subject}) {
		return "", ErrOtherUser
	}
	a.token = token
	return token, nil
}

func (a *attempt) application() *oidc.Application {
	return &oidc.Application{
		ARN: a.ApplicationARN, Assertion: a.jwt, Scopes: a.Scopes,
		Credentials: aws.CredentialsProviderFunc(a.signer),
	}
}

// signer returns credentials to sign with.
func (a *attempt) signer(ctx context.Context) (aws.Credentials, error) {
	if a.Credentials != nil {
		return a.Credentials.Retrieve(ctx)
	}
	if a.bootstrap.HasKeys() {
		return a.bootstrap, nil
	}
	if a.user != nil {
		if c := a.user.signer(time.Now()); c.HasKeys() {
			return c, nil
		}
	}
	token, err := a.jwt(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	got, err := assume.WithWebIdentity(ctx, a.sts(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &a.BootstrapRoleARN, RoleSessionName: aws.String(sessionName(a.claims.Subject)), WebIdentityToken: &token,
	})
	if err != nil {
		return aws.Credentials{}, roleError(a.BootstrapRoleARN, err)
	}
	a.bootstrap = got.Credentials
	a.bootstrap.Expires = got.LocalExpiry()
	return a.bootstrap, nil
}

func (u *Users) sts() awsapi.Endpoint {
	c := &u.Config
	return awsapi.Endpoint{Region: c.Region, URL: u.STSEndpoint, UseFIPS: c.UseFIPS, UseDualStack: c.UseDualStack, AppID: c.AppID, HTTPClient: c.HTTPClient}
}

// prove has the service accept the token, and so finds out whose it is.
func (a *attempt) prove(ctx context.Context, hash [sha256.Size]byte) (*user, error) {
	token, err := a.application().SignIn(ctx, &a.Config)
	if err != nil {
		return nil, err
	}
	a.user = a.accept(hash, a.claims)
	a.keep(ctx, token)
	a.user.mu.Lock()
	defer a.user.mu.Unlock()
	a.user.token = token
	return a.user, nil
}

// keep stores the refresh token of an answer. A Store that fails costs an
// exchange later, and no credentials now.
func (a *attempt) keep(ctx context.Context, token *oidc.Token) {
	u := a.user
	u.mu.Lock()
	changed := u.refresh != token.RefreshToken
	u.refresh, u.loaded = token.RefreshToken, true
	if a.bootstrap.HasKeys() {
		u.bootstrap = a.bootstrap
	}
	u.mu.Unlock()
	if a.Store != nil && changed {
		_ = a.Store.Save(ctx, u.issuer, u.subject, token.RefreshToken)
	}
}

// renew gets new credentials, or returns old ones that still last.
func (a *attempt) renew(ctx context.Context) (aws.Credentials, error) {
	if err := a.user.recentFailure(time.Now()); err != nil {
		return a.user.orLast(err)
	}
	got, err := a.fetch(ctx)
	if err != nil {
		a.user.note(err)
		return a.user.orLast(err)
	}
	return a.user.set(got), nil
}

func (a *attempt) fetch(ctx context.Context) (assume.Result, error) {
	token, err := a.identityToken(ctx)
	if err != nil {
		return assume.Result{}, err
	}
	switch n := len(token.IdentityContext); {
	case n == 0:
		return assume.Result{}, ErrNoContext
	case n > maxContext:
		return assume.Result{}, fmt.Errorf("the identity context has %d characters, more than the %d that STS takes", n, maxContext)
	}
	signer, err := a.signer(ctx)
	if err != nil {
		return assume.Result{}, err
	}
	got, err := assume.Role(ctx, a.sts(), signer, &sts.AssumeRoleInput{
		RoleArn: &a.RoleARN, RoleSessionName: aws.String(sessionName(a.user.subject)), DurationSeconds: a.seconds(signer),
		ProvidedContexts: []types.ProvidedContext{{ProviderArn: aws.String(contextProvider), ContextAssertion: &token.IdentityContext}},
	})
	if err != nil {
		a.user.giveBack(token)
		return got, roleError(a.RoleARN, err)
	}
	return got, nil
}

// identityToken returns a token with an identity context: one that was not used, or by the refresh token, or else, once, by the
// user's own token.
func (a *attempt) identityToken(ctx context.Context) (*oidc.Token, error) {
	if token := a.user.take(); token != nil {
		return token, nil
	}
	refresh, err := a.refreshToken(ctx)
	if err != nil {
		return nil, err
	}
	if refresh != "" {
		token, err := a.application().Refresh(ctx, &a.Config, &oidc.Token{RefreshToken: refresh})
		if token != nil && (err == nil || token.RefreshToken != "") {
			a.keep(ctx, token) // also of an answer that is damaged: the old one may be spent
		}
		if err == nil || !errors.Is(err, oidc.ErrSignInRequired) {
			return token, err
		}
		a.keep(ctx, new(oidc.Token))
	}
	token, err := a.application().SignIn(ctx, &a.Config)
	if err != nil {
		return nil, err
	}
	a.keep(ctx, token)
	return token, nil
}

func (a *attempt) refreshToken(ctx context.Context) (string, error) {
	u := a.user
	u.mu.Lock()
	refresh, loaded := u.refresh, u.loaded || a.Store == nil
	u.mu.Unlock()
	if loaded {
		return refresh, nil
	}
	refresh, err := a.Store.Load(ctx, u.issuer, u.subject)
	if err != nil {
		return "", fmt.Errorf("load the refresh token of a user: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh, u.loaded = refresh, true
	return refresh, nil
}

// seconds is the lifetime to ask for. Credentials with a session token are a
// role's own, nearly always, and role chaining has its limit.
func (u *Users) seconds(signer aws.Credentials) *int32 {
	d := u.Duration
	if d == 0 {
		return nil
	}
	if signer.SessionToken != "" {
		d = min(d, chainLimit)
	}
	return aws.Int32(int32(d / time.Second))
}

// sessionName makes a RoleSessionName of a subject: 2 to 64 of [\w+=,.@-]. One
// that had to be changed ends in a hash of the subject, so that no two are equal.
func sessionName(subject string) string {
	allowed := func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("_+=,.@-", r) {
			return r
		}
		return '-'
	}
	name := strings.Map(allowed, subject)
	if name == subject && len(name) >= 2 && len(name) <= 64 {
		return name
	}
	sum := sha256.Sum256([]byte(subject))
	return name[:min(len(name), 51)] + "-" + hex.EncodeToString(sum[:6])
}

// cached returns credentials that last long enough.
func (u *user) cached(now time.Time) (aws.Credentials, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.used = now
	left := u.credentials.Expires.Sub(now)
	return u.credentials, u.credentials.HasKeys() && left >= min(renewBefore, u.life/2)
}

// orLast returns the credentials in memory in place of an error, while they last.
func (u *user) orLast(err error) (aws.Credentials, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.credentials.HasKeys() && time.Now().Before(u.credentials.Expires) {
		return u.credentials, nil
	}
	return aws.Credentials{}, err
}

func (u *user) set(got assume.Result) aws.Credentials {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := got.Credentials
	c.Expires, c.Source = got.LocalExpiry(), "credproc/tip"
	u.credentials, u.life, u.failed = c, time.Until(c.Expires), nil
	return c
}

// take returns a token that no credentials were got with yet, once.
func (u *user) take() *oidc.Token {
	u.mu.Lock()
	defer u.mu.Unlock()
	token := u.token
	u.token = nil
	if token != nil && time.Now().After(token.Expiry) {
		return nil
	}
	return token
}

// giveBack keeps a token for the next attempt. The service may take a user's own
// token only once, and that is spent.
func (u *user) giveBack(token *oidc.Token) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.token = token
}

func (u *user) signer(now time.Time) aws.Credentials {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.bootstrap.Expires.Sub(now) < signerMargin {
		return aws.Credentials{}
	}
	return u.bootstrap
}

// note remembers a failure that may pass, so that a service in trouble is not
// asked by every call.
func (u *user) note(err error) {
	service, _ := errors.AsType[*oidc.Error](err)
	role, _ := errors.AsType[*RoleError](err)
	passing := service != nil && (service.StatusCode == 0 || service.Temporary()) ||
		role != nil && (role.StatusCode == 0 || awsapi.Temporary(role.StatusCode))
	if !passing {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failed, u.failedAt = err, time.Now()
}

func (u *user) recentFailure(now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if age := now.Sub(u.failedAt); age < 0 || age >= shareFailure {
		return nil
	}
	return u.failed
}

// idle reports whether a user can be forgotten.
func (u *user) idle(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now.Sub(u.used) > forgetAfter
}

// Format prints neither tokens nor credentials, whatever the verb.
func (u *user) Format(f fmt.State, _ rune) { io.WriteString(f, "tip.user") }
