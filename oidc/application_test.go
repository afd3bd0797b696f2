package oidc_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/credproc/credproc/oidc"
)

const applicationARN = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef"

func jwt(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + ".c2lnbmF0dXJl"
}

func application(assertion string) *oidc.Application {
	return &oidc.Application{
		ARN: applicationARN, Assertion: func(context.Context) (string, error) { return assertion, nil },
		Credentials: credentials.NewStaticCredentialsProvider("ASIAONE", "signing-SECRET", "session-SECRET"),
	}
}

// The members are those of CreateTokenWithIAMRequest in the service's model.
func TestAnApplicationSendsWhatTheModelSays(t *testing.T) {
	s := &service{replies: map[string][]reply{tokenPath: {{status: 200, body: `{"accessToken":"access-SECRET","expiresIn":3600,"refreshToken":"refresh-SECRET",
		"idToken":"` + jwt(`{"sts:identity_context":"of-the-ID-token-SECRET"}`) + `","awsAdditionalDetails":{"identityContext":"context-SECRET"},"scope":["aws"],"tokenType":"Bearer"}`}}}}
	assertion := jwt(`{"iss":"https://issuer.example","sub":"alice"}`)
	app := application(assertion)
	app.Scopes = []string{"aws"}
	config := &oidc.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: s}}
	token, err := app.SignIn(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken != "access-SECRET" || token.RefreshToken != "refresh-SECRET" || token.IdentityContext != "context-SECRET" || token.Client.ID != applicationARN {
		t.Errorf("token of %v", token.Client.ID)
	}
	token.Client.ID += "#1"
	if renewed, err := app.Refresh(t.Context(), config, token); err != nil || renewed.Client != token.Client {
		t.Errorf("renewed to another client: %v", err)
	}
	for i, want := range []map[string]any{
		{"clientId": applicationARN, "grantType": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion, "scope": []any{"aws"}},
		{"clientId": applicationARN, "grantType": "refresh_token", "refreshToken": "refresh-SECRET"},
	} {
		asked, sent := s.asked[i], map[string]any{}
		if err := json.Unmarshal([]byte(asked.body), &sent); err != nil || !reflect.DeepEqual(sent, want) {
			t.Errorf("request %d: %v, want the members of %v", i, err, want)
		}
		if asked.url != "https://oidc.eu-west-1.amazonaws.com/token?aws_iam=t" {
			t.Errorf("sent to %s", asked.url)
		}
		if by := asked.header.Get("Authorization"); !strings.Contains(by, "Credential=ASIAONE/") || !strings.Contains(by, "/eu-west-1/sso-oauth/aws4_request") {
			t.Errorf("signed as %q", by)
		}
	}
}

func TestTheContextOfTheIDTokenServesToo(t *testing.T) {
	s := &service{replies: map[string][]reply{tokenPath: {{status: 200, body: `{"accessToken":"a","idToken":"` + jwt(`{"sts:identity_context":"context-SECRET"}`) + `"}`}}}}
	token, err := application(jwt(`{}`)).SignIn(t.Context(), &oidc.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: s}})
	if err != nil || token.IdentityContext != "context-SECRET" {
		t.Error(err)
	}
}

func TestWhyAnApplicationGetsNoTokenIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fresh, stale := jwt(`{"exp":4102444800}`), jwt(fmt.Sprintf(`{"exp":%d}`, time.Now().Unix()-1))
		for _, test := range []struct {
			assertion, code string
			want            error
		}{
			{fresh, "invalid_grant", oidc.ErrUntrusted},
			{stale, "invalid_grant", oidc.ErrAssertionExpired},
			{stale, "expired_token", oidc.ErrAssertionExpired},
			{fresh, "access_denied", oidc.ErrNotAssigned},
		} {
			s := &service{replies: map[string][]reply{tokenPath: {refused(400, "X", test.code, "because")}}}
			_, err := application(test.assertion).SignIn(t.Context(), &oidc.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: s}})
			said, ok := errors.AsType[*oidc.Error](err)
			if !errors.Is(err, test.want) || !ok || said.Op != "CreateTokenWithIAM" || said.Code != test.code || said.Description != "because" {
				t.Errorf("%s: %v", test.code, err)
			}
		}
	})
}

func TestAnAssertionIsSentToNoOtherRegion(t *testing.T) {
	other := refused(400, "InvalidRequestRegionException", "invalid_request", "wrong region")
	other.body = `{"error":"invalid_request","error_description":"wrong region","region":"us-west-2","endpoint":"https://oidc.us-west-2.amazonaws.com"}`
	s := &service{replies: map[string][]reply{tokenPath: {other}}}
	_, err := application(jwt(`{}`)).SignIn(t.Context(), &oidc.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: s}})
	elsewhere, ok := errors.AsType[*oidc.RegionError](err)
	if !ok || elsewhere.Region != "us-west-2" || elsewhere.Endpoint != "https://oidc.us-west-2.amazonaws.com" || len(s.asked) != 1 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}

func TestNothingIsSentWithoutAUsableAssertionARNAndSigner(t *testing.T) {
	failed := errors.New("the metadata service is away")
	for what, change := range map[string]func(*oidc.Application){
		"no function": func(a *oidc.Application) { a.Assertion = nil },
		"it fails":    func(a *oidc.Application) { a.Assertion = func(context.Context) (string, error) { return "", failed } },
		"no JWT": func(a *oidc.Application) {
			a.Assertion = func(context.Context) (string, error) { return "aor-SECRET", nil }
		},
		"bad ARN":      func(a *oidc.Application) { a.ARN = "arn:aws:iam::123456789012:role/x" },
		"ARN and more": func(a *oidc.Application) { a.ARN += "\nx" },
		"no signer":    func(a *oidc.Application) { a.Credentials = nil },
		"signer fails": func(a *oidc.Application) {
			a.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, failed })
		},
	} {
		s := new(service)
		app := application(jwt(`{}`))
		change(app)
		_, err := app.SignIn(t.Context(), &oidc.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: s}})
		if err == nil || len(s.asked) > 0 || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v after %d requests", what, err, len(s.asked))
		}
		if sourced := what == "it fails" || what == "no JWT"; sourced != errors.Is(err, oidc.ErrAssertion) {
			t.Errorf("%s: %v", what, err)
		}
		if strings.HasSuffix(what, "fails") != errors.Is(err, failed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestARefreshThatTheServiceRefusesAsksForANewAssertion(t *testing.T) {
	old := &oidc.Token{RefreshToken: "refresh-SECRET", Client: oidc.Client{ID: applicationARN}}
	for code, signIn := range map[string]bool{
		"invalid_grant": true, "expired_token": true, "unauthorized_client": true, "unsupported_grant_type": true, "invalid_request": false,
	} {
		s := &service{replies: map[string][]reply{tokenPath: {refused(400, "X", code, "")}}}
		_, err := application(jwt(`{}`)).Refresh(t.Context(), &oidc.Config{Region: "eu-west-1", HTTPClient: &http.Client{Transport: s}}, old)
		if err == nil || errors.Is(err, oidc.ErrSignInRequired) != signIn {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := application(jwt(`{}`)).Refresh(t.Context(), new(oidc.Config), nil); !errors.Is(err, oidc.ErrSignInRequired) {
		t.Error(err)
	}
}
