package credproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/internal/assume"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

const (
	maxWebIdentity = 64 << 10 // bytes of a file with a token: more than any token has
	signerMargin   = time.Minute
	// sameToken is how long ago a token may have been read to serve for the second
	// call of one exchange. Files rotate, and commands may count.
	sameToken = 30 * time.Second
)

// application returns what signs a session in without a person, by the settings of
// its sso-session, or nil where a person does.
func (c *Config) application(s *tokencache.Session, p *awsconfig.Profile) (*oidc.Application, error) {
	arn, from := c.files.Setting(s.Name, "application_arn")
	read, source, err := c.webIdentity(s.Name)
	if err != nil {
		return nil, err
	}
	switch {
	case arn == "" && read == nil:
		return nil, nil
	case arn == "":
		return nil, &awsapi.SettingError{Setting: source, Problem: "needs application_arn beside it: the application that exchanges the token"}
	case read == nil:
		return nil, &awsapi.SettingError{Setting: from, Value: arn, Problem: "needs web_identity_token_file or web_identity_token_command beside it"}
	}
	i := &issuer{read: read}
	signer, err := c.signer(s, p, i)
	if err != nil {
		return nil, err
	}
	return &oidc.Application{ARN: arn, Assertion: i.assertion, Credentials: signer}, nil
}

// webIdentity returns what gives the tokens of the company's issuer, or nil, and
// the setting that says so.
func (c *Config) webIdentity(session string) (read func(context.Context) (string, error), setting string, err error) {
	file, fromFile := c.files.Setting(session, "web_identity_token_file")
	command, fromCommand := c.files.Setting(session, "web_identity_token_command")
	switch {
	case file != "" && command != "":
		return nil, "", &awsapi.SettingError{Setting: fromCommand, Value: command, Problem: "cannot be set beside a file: " + fromFile}
	case command != "" && c.RunCommand == nil:
		return nil, "", &awsapi.SettingError{Setting: fromCommand, Value: command, Problem: "needs a program that runs commands, which this one does not"}
	case command != "":
		return func(ctx context.Context) (string, error) { return c.RunCommand(ctx, command) }, fromCommand, nil
	case file == "":
		return nil, "", nil
	}
	path, ok := awsconfig.Expand(file, c.files.Home())
	if !ok || !filepath.IsAbs(path) {
		return nil, "", &awsapi.SettingError{Setting: fromFile, Value: file, Problem: "must be an absolute path, or start with ~/"}
	}
	return func(context.Context) (string, error) { return readWebIdentity(path) }, fromFile, nil
}

// readWebIdentity reads a token from a file, which may be a link that something
// turns to a newer one, as Kubernetes does.
func readWebIdentity(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		if err == nil {
			err = fmt.Errorf("open %s: not a regular file", path)
		}
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxWebIdentity+1))
	if err == nil && len(text) > maxWebIdentity {
		err = fmt.Errorf("read %s: more than %d bytes", path, maxWebIdentity)
	}
	return strings.TrimSpace(string(text)), err
}

// issuer gives the tokens of the company's issuer.
type issuer struct {
	read func(context.Context) (string, error)

	mu     sync.Mutex
	token  string
	at     time.Time
	signer aws.Credentials // got with a token
}

// assertion returns a new token.
func (i *issuer) assertion(ctx context.Context) (string, error) {
	token, err := i.read(ctx)
	if err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.token, i.at = token, time.Now()
	return token, nil
}

// recent returns the token that the exchange under way has read, or a new one.
func (i *issuer) recent(ctx context.Context) (string, error) {
	i.mu.Lock()
	token, age := i.token, time.Since(i.at)
	i.mu.Unlock()
	if token != "" && age >= 0 && age < sameToken {
		return token, nil
	}
	return i.assertion(ctx)
}

// signer returns the credentials that sign the requests of a session's
// application: of a role that is assumed with the issuer's token, of a profile, or
// of the environment.
func (c *Config) signer(s *tokencache.Session, p *awsconfig.Profile, i *issuer) (aws.CredentialsProvider, error) {
	role, fromRole := c.files.Setting(s.Name, "bootstrap_role_arn")
	profile, fromProfile := c.files.Setting(s.Name, "bootstrap_profile")
	switch {
	case role != "" && profile != "":
		return nil, &awsapi.SettingError{Setting: fromProfile, Value: profile, Problem: "cannot be set beside a role: " + fromRole}
	case role != "":
		if _, ok := awsconfig.ParseRoleARN(role); !ok {
			return nil, &awsapi.SettingError{Setting: fromRole, Value: role, Problem: "is not the ARN of a role"}
		}
		return c.bootstrapRole(s, p, i, role)
	case profile != "":
		return c.bootstrapProfile(profile, fromProfile)
	}
	return aws.CredentialsProviderFunc(c.environmentKeys), nil
}

// bootstrapRole assumes a role with the issuer's token, and keeps its credentials
// until they end.
func (c *Config) bootstrapRole(s *tokencache.Session, p *awsconfig.Profile, i *issuer, role string) (aws.CredentialsProvider, error) {
	at := awsapi.Endpoint{Region: s.Config.Region, UseFIPS: s.Config.UseFIPS, UseDualStack: s.Config.UseDualStack,
		AppID: s.Config.AppID, HTTPClient: s.Config.HTTPClient}
	var err error
	if at.URL, err = c.files.Endpoint("sts", p, c.getenv); err != nil {
		return nil, err
	}
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		i.mu.Lock()
		kept := i.signer
		i.mu.Unlock()
		if kept.HasKeys() && time.Until(kept.Expires) > signerMargin {
			return kept, nil
		}
		token, err := i.recent(ctx)
		if err != nil {
			return aws.Credentials{}, err
		}
		got, err := assume.WithWebIdentity(ctx, at, &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: &role, RoleSessionName: aws.String(c.roleSessionName()), WebIdentityToken: &token,
		})
		if err != nil {
			return aws.Credentials{}, refusedToken(err)
		}
		got.Credentials.Expires = got.LocalExpiry()
		i.mu.Lock()
		defer i.mu.Unlock()
		i.signer = got.Credentials
		return got.Credentials, nil
	}), nil
}

// refusedToken adds what it means where STS refuses the token itself.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func refusedToken(err error) error {
	if e, ok := errors.AsType[*assume.Error](err); ok {
		switch e.Code {
		case "ExpiredTokenException", "ExpiredToken":
			return fmt.Errorf("%w: %w", oidc.ErrAssertionExpired, err)
		case "InvalidIdentityToken", "InvalidIdentityTokenException", "IDPRejectedClaim", "IDPRejectedClaimException":
			return fmt.Errorf("%w: %w", oidc.ErrUntrusted, err)
		}
	}
	return err
}

// bootstrapProfile is a profile with static keys, or one whose session a person
// signs in to: a session that needs itself would wait for itself.
func (c *Config) bootstrapProfile(name, setting string) (aws.CredentialsProvider, error) {
	p, err := c.files.Profile(name)
	if err != nil {
		return nil, err
	}
	if p.Kind == awsconfig.Static {
		id, _ := p.Section.Get("aws_access_key_id")
		secret, _ := p.Section.Get("aws_secret_access_key")
		token, _ := p.Section.Get("aws_session_token")
		keys := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
		return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }), nil
	}
	if first := p.First(); first.Role != nil {
		if arn, _ := c.files.Setting(first.Role.Session.Name, "application_arn"); arn != "" {
			return nil, &awsapi.SettingError{Setting: setting, Value: name, Problem: "leads to a session that an application signs in"}
		}
	}
	provider, err := c.provider(p)
	if err != nil {
		return nil, err
	}
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		credentials, err := provider.Retrieve(flight.Apart(ctx))
		if err != nil { // and not its type, which would ask a person to sign in to this session
			err = fmt.Errorf("profile %q: %s", name, err.Error())
		}
		return credentials, err
	}), nil
}

var errNoKeys = errors.New("there are no credentials to sign with: set credproc_bootstrap_role_arn or credproc_bootstrap_profile in the sso-session, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")

func (c *Config) environmentKeys(context.Context) (aws.Credentials, error) {
	id, secret := c.getenv("AWS_ACCESS_KEY_ID"), c.getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return aws.Credentials{}, errNoKeys
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: c.getenv("AWS_SESSION_TOKEN")}, nil
}
