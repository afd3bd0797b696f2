package idctest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const deployRole = "arn:aws:iam::333333333333:role/team/Deploy"

// stsClient signs with credentials of Admin in 111111111111.
func stsClient(w *wire) *sts.Client {
	w.t.Helper()
	_, tokens := w.signIn(accountAccess)
	g := w.portal("GET", adminPath, tokens.text("accessToken"))
	role := g.fields["roleCredentials"].(map[string]any)
	return stsClientWith(w, credentials.NewStaticCredentialsProvider(
		role["accessKeyId"].(string), role["secretAccessKey"].(string), role["sessionToken"].(string)))
}

func stsClientWith(w *wire, provider aws.CredentialsProvider) *sts.Client {
	return sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(w.base), HTTPClient: w.client,
		Credentials: provider, Retryer: aws.NopRetryer{},
	})
}

func expectCode(t *testing.T, err error, code string) {
	t.Helper()
	if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

func TestCallerIdentityOfARole(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		out, err := stsClient(w).GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if arn := aws.ToString(out.Arn); !strings.HasPrefix(arn, "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Admin_") ||
			aws.ToString(out.Account) != "111111111111" || !strings.HasPrefix(aws.ToString(out.UserId), "AROA") {
			t.Errorf("identity %s %s %s", arn, aws.ToString(out.Account), aws.ToString(out.UserId))
		}
	})
}

func TestRoleChainThroughStscreds(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		w.server.ExternalIDs = map[string]string{deployRole: "shibboleth"}
		chain := stscreds.NewAssumeRoleProvider(stsClient(w), deployRole, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "session"
			o.Duration = 15 * time.Minute
			o.ExternalID = aws.String("shibboleth")
		})
		assumed, err := chain.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if life := time.Until(assumed.Expires); life > 15*time.Minute || life < 14*time.Minute {
			t.Errorf("credentials live %v", life)
		}
		out, err := stsClientWith(w, chain).GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if arn := aws.ToString(out.Arn); arn != "arn:aws:sts::333333333333:assumed-role/Deploy/session" {
			t.Errorf("identity %s", arn)
		}
		if e := w.server.Log()[4]; e.Op != "AssumeRole" || e.Role != deployRole {
			t.Errorf("event %+v", e)
		}
	})
}

func TestAssumeRoleRefusals(t *testing.T) {
	w := inMemory(t, New())
	w.server.ExternalIDs = map[string]string{deployRole: "shibboleth"}
	client := stsClient(w)
	good := sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::333333333333:role/Open"), RoleSessionName: aws.String("session")}
	for _, test := range []struct {
		name   string
		change func(*sts.AssumeRoleInput)
		code   string
	}{
		{"no external ID", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String(deployRole) }, "AccessDenied"},
		{"no role", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::333333333333:user/Open") }, "ValidationError"},
		{"bad session name", func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError"},
		{"too short", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }, "ValidationError"},
		{"too long", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(43201) }, "ValidationError"},
		{"too long for a chain", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) }, "ValidationError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := good
			test.change(&in)
			_, err := client.AssumeRole(t.Context(), &in)
			expectCode(t, err, test.code)
		})
	}
	if _, err := client.AssumeRole(t.Context(), &good); err != nil {
		t.Error(err)
	}
	w.server.Fault("AssumeRole", Fault{Status: 500})
	_, err := client.AssumeRole(t.Context(), &good)
	expectCode(t, err, "InternalFailure")
}

func TestSignaturesAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, New())
		client := stsClient(w)
		good, err := client.Options().Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		call := func(id, secret, token string) error {
			_, err := stsClientWith(w, credentials.NewStaticCredentialsProvider(id, secret, token)).GetCallerIdentity(t.Context(), nil)
			return err
		}
		if err := call(good.AccessKeyID, good.SecretAccessKey, good.SessionToken); err != nil {
			t.Error(err)
		}
		expectCode(t, call(good.AccessKeyID, "wrong", good.SessionToken), "SignatureDoesNotMatch")
		expectCode(t, call(good.AccessKeyID, good.SecretAccessKey, "wrong"), "InvalidClientTokenId")
		expectCode(t, call("ASIAWRONG", good.SecretAccessKey, good.SessionToken), "InvalidClientTokenId")
		_, err = stsClientWith(w, aws.AnonymousCredentials{}).GetCallerIdentity(t.Context(), nil)
		expectCode(t, err, "MissingAuthenticationToken")

		_, err = client.GetCallerIdentity(t.Context(), nil, func(o *sts.Options) { o.HTTPClient = tampering{w.client} })
		expectCode(t, err, "SignatureDoesNotMatch")

		w.server.Set(func(s *Server) { s.ClockOffset = time.Hour })
		expectCode(t, call(good.AccessKeyID, good.SecretAccessKey, good.SessionToken), "SignatureDoesNotMatch")
		w.server.Set(func(s *Server) { s.ClockOffset = 0 })
		time.Sleep(time.Hour)
		expectCode(t, call(good.AccessKeyID, good.SecretAccessKey, good.SessionToken), "ExpiredToken")
	})
}

// tampering changes a signed header on the way.
type tampering struct{ client *http.Client }

func (c tampering) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("Amz-Sdk-Invocation-Id", "another")
	return c.client.Do(r)
}

func TestUnknownActionsAreNotFound(t *testing.T) {
	w := inMemory(t, New())
	if g := w.do(w.request("POST", "/", "Action=GetSessionToken")); g.status != 404 {
		t.Errorf("got %d", g.status)
	}
}

func TestTheRoleOfAKeyIsKnown(t *testing.T) {
	s := New()
	if got := s.RoleOf("ASIANONE"); got != "" {
		t.Errorf("of no key: %q", got)
	}
	for arn, want := range map[string]string{
		"arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Read_Only_0123456789abcdef/user@idc.example": "111111111111/Read_Only",
		"arn:aws:sts::111111111111:assumed-role/deploy/ci":                                                  "arn:aws:sts::111111111111:assumed-role/deploy/ci",
	} {
		if got := s.RoleOf(s.newKey("111111111111", arn, time.Hour).id); got != want {
			t.Errorf("%s: %q, want %q", arn, got, want)
		}
	}
}

func TestTheEndOfAKeyIsKnown(t *testing.T) {
	s := New()
	k := s.newKey("111111111111", deployRole+"/session", time.Hour)
	if got := s.ExpiryOf(k.id); !got.Equal(k.expires) {
		t.Errorf("%v, want %v", got, k.expires)
	}
	if got := s.ExpiryOf("ASIANONE"); !got.IsZero() {
		t.Errorf("a key that no one has ends at %v", got)
	}
}
