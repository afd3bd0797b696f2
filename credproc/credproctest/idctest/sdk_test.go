package idctest

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	ssotypes "github.com/aws/aws-sdk-go-v2/service/sso/types"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	oidctypes "github.com/aws/aws-sdk-go-v2/service/ssooidc/types"
)

func oidcClient(w *wire) *ssooidc.Client {
	return ssooidc.New(ssooidc.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(w.base), HTTPClient: w.client,
		Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{},
	})
}

func portalClient(w *wire) *sso.Client {
	return sso.New(sso.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(w.base), HTTPClient: w.client,
		Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{},
	})
}

func TestSDKSignsIn(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		client := oidcClient(w)
		registered, err := client.RegisterClient(t.Context(), &ssooidc.RegisterClientInput{
			ClientName: aws.String("sdk"), ClientType: aws.String("public"), Scopes: []string{accountAccess},
		})
		if err != nil {
			t.Fatal(err)
		}
		if life := time.Until(time.Unix(registered.ClientSecretExpiresAt, 0)); life < 89*24*time.Hour {
			t.Errorf("registration lives %v", life)
		}
		device, err := client.StartDeviceAuthorization(t.Context(), &ssooidc.StartDeviceAuthorizationInput{
			ClientId: registered.ClientId, ClientSecret: registered.ClientSecret, StartUrl: aws.String("https://idc.example/start"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if device.ExpiresIn != 600 || device.Interval != 1 {
			t.Errorf("expires in %d, interval %d", device.ExpiresIn, device.Interval)
		}
		poll := &ssooidc.CreateTokenInput{
			ClientId: registered.ClientId, ClientSecret: registered.ClientSecret,
			GrantType: aws.String(grantDeviceCode), DeviceCode: device.DeviceCode,
		}
		_, err = client.CreateToken(t.Context(), poll)
		if waiting, ok := errors.AsType[*oidctypes.AuthorizationPendingException](err); !ok || aws.ToString(waiting.Error_) != "authorization_pending" {
			t.Fatalf("error %v", err)
		}
		if err := w.server.Approve(aws.ToString(device.UserCode)); err != nil {
			t.Fatal(err)
		}
		tokens, err := client.CreateToken(t.Context(), poll)
		if err != nil {
			t.Fatal(err)
		}
		if tokens.ExpiresIn != 3600 || aws.ToString(tokens.RefreshToken) == "" {
			t.Errorf("expires in %d, a refresh token: %v", tokens.ExpiresIn, tokens.RefreshToken != nil)
		}
		w.expectCounts(map[string]int{"violations": 0})
	})
}

// asType reports whether an error is of a type.
func asType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestSDKKnowsTheErrors(t *testing.T) {
	w := inMemory(t, New())
	client := oidcClient(w)
	for code, is := range map[string]func(error) bool{
		"access_denied":           asType[*oidctypes.AccessDeniedException],
		"authorization_pending":   asType[*oidctypes.AuthorizationPendingException],
		"expired_token":           asType[*oidctypes.ExpiredTokenException],
		"invalid_client":          asType[*oidctypes.InvalidClientException],
		"invalid_grant":           asType[*oidctypes.InvalidGrantException],
		"invalid_request":         asType[*oidctypes.InvalidRequestException],
		"invalid_scope":           asType[*oidctypes.InvalidScopeException],
		"server_error":            asType[*oidctypes.InternalServerException],
		"slow_down":               asType[*oidctypes.SlowDownException],
		"unauthorized_client":     asType[*oidctypes.UnauthorizedClientException],
		"unsupported_grant_type":  asType[*oidctypes.UnsupportedGrantTypeException],
		"invalid_client_metadata": asType[*oidctypes.InvalidClientMetadataException],
		"invalid_redirect_uri":    asType[*oidctypes.InvalidRedirectUriException],
	} {
		w.server.ClearFaults()
		w.server.Fault("*", Fault{Code: code})
		_, err := client.CreateToken(t.Context(), &ssooidc.CreateTokenInput{
			ClientId: aws.String("c"), ClientSecret: aws.String("s"), GrantType: aws.String(grantRefresh),
		})
		if code == "invalid_client_metadata" || code == "invalid_redirect_uri" { // errors of this operation alone
			_, err = client.RegisterClient(t.Context(), &ssooidc.RegisterClientInput{ClientName: aws.String("n"), ClientType: aws.String("public")})
		}
		if !is(err) {
			t.Errorf("%s becomes %T %v", code, err, err)
		}
	}

	roles := portalClient(w)
	for code, is := range map[string]func(error) bool{
		"InvalidRequestException":   asType[*ssotypes.InvalidRequestException],
		"UnauthorizedException":     asType[*ssotypes.UnauthorizedException],
		"ResourceNotFoundException": asType[*ssotypes.ResourceNotFoundException],
		"TooManyRequestsException":  asType[*ssotypes.TooManyRequestsException],
	} {
		w.server.ClearFaults()
		w.server.Fault("*", Fault{Code: code, Description: "because"})
		_, err := roles.ListAccounts(t.Context(), &sso.ListAccountsInput{AccessToken: aws.String("t")})
		if !is(err) {
			t.Errorf("%s becomes %T %v", code, err, err)
		}
	}
	w.server.ClearFaults()
	_, tokens := w.signIn(accountAccess)
	_, err := roles.GetRoleCredentials(t.Context(), &sso.GetRoleCredentialsInput{
		AccessToken: aws.String(tokens.text("accessToken")), AccountId: aws.String("111111111111"), RoleName: aws.String("Nobody"),
	})
	expectCode(t, err, "ForbiddenException")
}

func TestSDKPagesThroughEverything(t *testing.T) {
	for _, size := range []int32{1, 2, 99, 100} {
		w := inMemory(t, New())
		w.server.Accounts = manyAccounts(101)
		_, tokens := w.signIn(accountAccess)
		token := aws.String(tokens.text("accessToken"))
		client := portalClient(w)

		var accounts []string
		accountPages := sso.NewListAccountsPaginator(client, &sso.ListAccountsInput{AccessToken: token, MaxResults: aws.Int32(size)})
		for accountPages.HasMorePages() {
			out, err := accountPages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range out.AccountList {
				accounts = append(accounts, aws.ToString(a.AccountId))
			}
		}
		var roles []string
		rolePages := sso.NewListAccountRolesPaginator(client, &sso.ListAccountRolesInput{
			AccessToken: token, AccountId: aws.String("000000000001"), MaxResults: aws.Int32(size),
		})
		for rolePages.HasMorePages() {
			out, err := rolePages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out.RoleList {
				roles = append(roles, aws.ToString(r.RoleName))
			}
		}
		pages := (101 + int(size) - 1) / int(size)
		if len(slices.Compact(accounts)) != 101 || len(slices.Compact(roles)) != 101 {
			t.Errorf("by %d: %d accounts, %d roles", size, len(accounts), len(roles))
		}
		w.expectCounts(map[string]int{"ListAccounts": pages, "ListAccountRoles": pages, "violations": 0})
	}
}

// writeTokenFile leaves a sign-in where other AWS tools keep theirs.
func writeTokenFile(w *wire, expires time.Time) string {
	w.t.Helper()
	client, tokens := w.signIn(accountAccess)
	file := filepath.Join(w.t.TempDir(), "token.json")
	text, err := json.Marshal(fields{
		"startUrl": "https://idc.example/start", "region": "us-east-1", "registrationExpiresAt": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		"accessToken": tokens.text("accessToken"), "expiresAt": expires.UTC().Format(time.RFC3339),
		"clientId": client["clientId"], "clientSecret": client["clientSecret"], "refreshToken": tokens.text("refreshToken"),
	})
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return file
}

func TestSsocredsRefreshesAndFetches(t *testing.T) {
	for _, mode := range []Rotation{None, Grace, Strict} {
		t.Run(mode.String(), func(t *testing.T) {
			w := overSocket(t, New())
			w.server.Rotation = mode
			file := writeTokenFile(w, time.Now().Add(-time.Minute))
			w.server.RevokeAccessTokens()
			provider := ssocreds.New(portalClient(w), "111111111111", "Admin", "https://idc.example/start", func(o *ssocreds.Options) {
				o.SSOTokenProvider = ssocreds.NewSSOTokenProvider(oidcClient(w), file)
			})
			for range 2 { // the second time with the file that it wrote
				role, err := provider.Retrieve(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if life := time.Until(role.Expires); life < 59*time.Minute || life > time.Hour || role.AccountID != "111111111111" {
					t.Errorf("credentials of %s live %v", role.AccountID, life)
				}
			}
			w.expectCounts(map[string]int{"CreateToken:refresh_token": 1, "GetRoleCredentials": 2, "violations": 0})
		})
	}
}

func TestSsocredsIsToldWhenTheSessionIsOver(t *testing.T) {
	w := overSocket(t, New())
	file := writeTokenFile(w, time.Now().Add(-time.Minute))
	w.server.EndSessions()
	_, err := ssocreds.NewSSOTokenProvider(oidcClient(w), file).RetrieveBearerToken(t.Context())
	if refused, ok := errors.AsType[*oidctypes.InvalidGrantException](err); !ok || aws.ToString(refused.Error_description) != "Invalid refresh token provided" {
		t.Errorf("error %v", err)
	}
}
