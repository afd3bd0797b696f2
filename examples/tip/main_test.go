package main

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/credproc/tip"
	"github.com/credproc/credproc/oidc"
)

const application = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef"

// bucket is an S3 that has one object in every bucket: the name of the user
// that the credentials carry.
func bucket(t *testing.T, center *idctest.Server) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := regexp.MustCompile(`Credential=(\w+)/`).FindStringSubmatch(r.Header.Get("Authorization"))
		if signed == nil {
			http.Error(w, "", http.StatusForbidden)
			return
		}
		type object struct{ Key string }
		xml.NewEncoder(w).Encode(struct {
			XMLName  xml.Name `xml:"ListBucketResult"`
			Contents []object
		}{Contents: []object{{center.ContextOf(signed[1])}}})
	}))
	t.Cleanup(s.Close)
	return s
}

func TestEachUserSeesTheirOwn(t *testing.T) {
	center := idctest.New()
	center.Applications = map[string]idctest.Application{application: {}}
	id, secret, session := center.IssueKey("arn:aws:sts::333333333333:assumed-role/server/session", time.Hour)
	cfg := aws.Config{Region: center.Region, BaseEndpoint: aws.String(bucket(t, center).URL), Credentials: credentials.NewStaticCredentialsProvider(id, secret, session)}
	s := &server{config: cfg, users: &tip.Users{
		ApplicationARN: application, RoleARN: "arn:aws:iam::333333333333:role/DataAccess", Credentials: cfg.Credentials,
		Config: oidc.Config{Region: center.Region, HTTPClient: center.Client()},
	}}
	list := func(token string) (int, string) {
		r := httptest.NewRequest("GET", "/bucket", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	alice, bob := center.IssueToken("alice", "", time.Hour), center.IssueToken("bob", "", time.Hour)
	for range 2 {
		for token, want := range map[string]string{alice: "alice", bob: "bob"} {
			if code, got := list(token); code != http.StatusOK || got != want {
				t.Errorf("%s got %q, status %d", want, got, code)
			}
		}
	}
	if n := center.Count("CreateTokenWithIAM"); n != 2 {
		t.Errorf("%d exchanges", n)
	}
	if code, _ := list("e30.e30.e30"); code != http.StatusUnauthorized {
		t.Errorf("a forged token: status %d", code)
	}
}
