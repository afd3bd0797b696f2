package e2e

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// Here nothing is ours but the service: it is held to the wire by the SSO
// providers of two SDKs, with their own token files.

// signInWithout signs in to corp as "aws sso login" would, and leaves the token
// where the AWS tools keep it, expired.
func (m *machine) signInWithout() {
	m.t.Helper()
	ctx := m.t.Context()
	client := ssooidc.New(ssooidc.Options{Region: m.server.Region, BaseEndpoint: aws.String(m.url), Credentials: aws.AnonymousCredentials{}})
	registered, err := client.RegisterClient(ctx, &ssooidc.RegisterClientInput{
		ClientName: aws.String("e2e"), ClientType: aws.String("public"), Scopes: []string{"sso:account:access"},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	device, err := client.StartDeviceAuthorization(ctx, &ssooidc.StartDeviceAuthorizationInput{
		ClientId: registered.ClientId, ClientSecret: registered.ClientSecret, StartUrl: aws.String(m.server.StartURL),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	tokens, err := client.CreateToken(ctx, &ssooidc.CreateTokenInput{
		ClientId: registered.ClientId, ClientSecret: registered.ClientSecret, DeviceCode: device.DeviceCode,
		GrantType: aws.String("urn:ietf:params:oauth:grant-type:device_code"),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.server.RevokeAccessTokens()
	text, err := json.Marshal(map[string]any{
		"startUrl": m.server.StartURL, "region": m.server.Region,
		"accessToken": tokens.AccessToken, "expiresAt": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339),
		"clientId": registered.ClientId, "clientSecret": registered.ClientSecret, "refreshToken": tokens.RefreshToken,
		"registrationExpiresAt": time.Unix(registered.ClientSecretExpiresAt, 0).UTC().Format(time.RFC3339),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(tokenFile, string(text))
}

var tokenFile = func() string {
	sum := sha1.Sum([]byte("corp"))
	return ".aws/sso/cache/" + hex.EncodeToString(sum[:]) + ".json"
}()

func TestOtherSSOProvidersRefreshAndFetchFromOurService(t *testing.T) {
	for name, caller := range map[string]func(*machine) string{
		"aws-sdk-go-v2": func(m *machine) string {
			m.enter()
			return m.goCaller("native")
		},
		"botocore": func(m *machine) string {
			script, err := filepath.Abs("testdata/native.py")
			if err != nil {
				m.t.Fatal(err)
			}
			return m.must("python3", script, m.url)
		},
	} {
		for _, mode := range []idctest.Rotation{idctest.None, idctest.Strict} {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				m := newMachine(t)
				m.server.Set(func(s *idctest.Server) { s.Rotation = mode })
				m.signInWithout()
				for range 2 { // the second time with the file that it wrote
					if arn := caller(m); !strings.HasPrefix(arn, assumed) {
						t.Errorf("the caller is %q", arn)
					}
				}
				m.counted(map[string]int{"CreateToken:refresh_token": 1, "GetRoleCredentials": 2, "GetCallerIdentity": 2})
			})
		}
	}
}
