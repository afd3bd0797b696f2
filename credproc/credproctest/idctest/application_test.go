package idctest

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	oidctypes "github.com/aws/aws-sdk-go-v2/service/ssooidc/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

const applicationARN = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef"

// withApplication returns a server that has an application, and a client of the
// sign-in service that signs.
func withApplication(t *testing.T, app Application) (*wire, *ssooidc.Client) {
	w := inMemory(t, New())
	w.server.Applications = map[string]Application{applicationARN: app}
	id, secret, token := w.server.IssueKey("arn:aws:sts::123456789012:assumed-role/ci/session", time.Hour)
	return w, signing(w, id, secret, token)
}

func signing(w *wire, id, secret, token string) *ssooidc.Client {
	return ssooidc.New(ssooidc.Options{
		Region: "us-east-1", HTTPClient: w.client, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
	})
}

func jwtBearer(assertion string) *ssooidc.CreateTokenWithIAMInput {
	return &ssooidc.CreateTokenWithIAMInput{ClientId: aws.String(applicationARN), GrantType: aws.String(grantJWT), Assertion: &assertion}
}

func withRefreshToken(token *string) *ssooidc.CreateTokenWithIAMInput {
	return &ssooidc.CreateTokenWithIAMInput{ClientId: aws.String(applicationARN), GrantType: aws.String(grantRefresh), RefreshToken: token}
}

func TestAnAssertionBecomesATokenForThePortalAndAContext(t *testing.T) {
	w, client := withApplication(t, Application{Audience: "aws"})
	w.server.Rotation = Strict
	out, err := client.CreateTokenWithIAM(t.Context(), jwtBearer(w.server.IssueToken("alice", "aws", time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	list := w.request("GET", "/assignment/accounts", "")
	list.Header.Set("X-Amz-Sso_bearer_token", *out.AccessToken)
	if got := w.do(list); got.status != 200 {
		t.Errorf("ListAccounts: %d", got.status)
	}
	assumed, err := stsClient(w).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::333333333333:role/Data"), RoleSessionName: aws.String("session"),
		ProvidedContexts: []ststypes.ProvidedContext{{
			ProviderArn:      aws.String("arn:aws:iam::aws:contextProvider/IdentityCenter"),
			ContextAssertion: out.AwsAdditionalDetails.IdentityContext,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.server.ContextOf(*assumed.Credentials.AccessKeyId); got != "alice" {
		t.Errorf("context of %q", got)
	}

	again, err := client.CreateTokenWithIAM(t.Context(), withRefreshToken(out.RefreshToken))
	if err != nil || *again.RefreshToken == *out.RefreshToken {
		t.Errorf("refresh: %v", err)
	}
	_, err = client.CreateTokenWithIAM(t.Context(), withRefreshToken(out.RefreshToken))
	expectCode(t, err, "ExpiredTokenException")
	if n := w.server.Count("CreateTokenWithIAM:refresh_token"); n != 2 {
		t.Errorf("%d refreshes", n)
	}
	for _, secret := range []string{*out.AccessToken, *out.RefreshToken, *out.IdToken, *out.AwsAdditionalDetails.IdentityContext} {
		if !strings.Contains(secret, w.server.Marker()) {
			t.Error("a secret has no marker in it")
		}
	}
}

func TestAnApplicationRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, client := withApplication(t, Application{Assigned: []string{"alice"}, Audience: "aws", NoRefresh: true})
		stale := w.server.IssueToken("alice", "aws", time.Minute)
		time.Sleep(time.Minute)
		refused := func(in *ssooidc.CreateTokenWithIAMInput, code string) {
			t.Helper()
			_, err := client.CreateTokenWithIAM(t.Context(), in)
			expectCode(t, err, code)
		}
		refused(jwtBearer("a.b.c"), "InvalidGrantException")
		refused(jwtBearer(stale), "InvalidGrantException")
		refused(jwtBearer(w.server.IssueToken("alice", "other", time.Hour)), "InvalidGrantException")
		refused(jwtBearer(w.server.IssueToken("mallory", "aws", time.Hour)), "AccessDeniedException")
		refused(jwtBearer(""), "InvalidRequestException")
		refused(withRefreshToken(aws.String("x")), "UnsupportedGrantTypeException")
		in := jwtBearer(w.server.IssueToken("alice", "aws", time.Hour))
		in.Scope = []string{"codewhisperer:completions"}
		refused(in, "InvalidScopeException")
		in.ClientId = aws.String(applicationARN + "0")
		refused(in, "InvalidClientException")

		unsigned := signing(w, "ASIAWRONG", "x", "y")
		_, err := unsigned.CreateTokenWithIAM(t.Context(), jwtBearer(w.server.IssueToken("alice", "aws", time.Hour)))
		expectCode(t, err, "AccessDeniedException")
	})
}

func TestAnotherRegionIsNamed(t *testing.T) {
	w, client := withApplication(t, Application{})
	w.server.Region = "eu-west-1"
	_, err := client.CreateTokenWithIAM(t.Context(), jwtBearer(w.server.IssueToken("alice", "", time.Hour)))
	region := new(oidctypes.InvalidRequestRegionException)
	if !errors.As(err, &region) || aws.ToString(region.Region) != "eu-west-1" || aws.ToString(region.Endpoint) != "https://oidc.eu-west-1.amazonaws.com" {
		t.Errorf("%v", err)
	}
}

func TestAWebIdentityTokenGetsARole(t *testing.T) {
	w := inMemory(t, New())
	client := sts.New(sts.Options{Region: "us-east-1", HTTPClient: w.client, Credentials: aws.AnonymousCredentials{}})
	in := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/ci"), RoleSessionName: aws.String("session"),
		WebIdentityToken: aws.String(w.server.IssueToken("repo", "sts.amazonaws.com", time.Hour)),
	}
	out, err := client.AssumeRoleWithWebIdentity(t.Context(), in)
	if err != nil || *out.SubjectFromWebIdentityToken != "repo" || *out.Provider != TokenIssuer {
		t.Fatalf("%v, %v", out, err)
	}
	in.WebIdentityToken = aws.String("a.b.c")
	_, err = client.AssumeRoleWithWebIdentity(t.Context(), in)
	expectCode(t, err, "InvalidIdentityToken")
}

func TestScriptsCanAddApplicationsAndIssueTokens(t *testing.T) {
	w := overSocket(t, New())
	form := func(path, body string) string {
		r := w.request("POST", controlPath+path, body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got := w.do(r)
		if got.status != 200 {
			t.Errorf("%s: status %d, %s", path, got.status, got.body)
		}
		return got.body
	}
	form("application", "arn="+applicationARN+"&audience=aws&no_refresh=true")
	token := strings.TrimSpace(form("issue", "subject=ci&audience=aws&life=10m"))
	id, secret, session := w.server.IssueKey("arn:aws:sts::123456789012:assumed-role/ci/session", time.Hour)
	client := signing(w, id, secret, session)
	out, err := client.CreateTokenWithIAM(t.Context(), jwtBearer(token), func(o *ssooidc.Options) { o.BaseEndpoint = &w.base })
	if err != nil || out.RefreshToken != nil {
		t.Errorf("%v, %v", out, err)
	}
}
