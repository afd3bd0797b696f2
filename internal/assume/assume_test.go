package assume

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/awsapi"
)

const roleARN = "arn:aws:iam::333333333333:role/Deploy"

func center() (*idctest.Server, awsapi.Endpoint, aws.Credentials) {
	s := idctest.New()
	id, secret, token := s.IssueKey("arn:aws:sts::111111111111:assumed-role/Source/session", time.Hour)
	return s, awsapi.Endpoint{Region: s.Region, HTTPClient: s.Client()}, aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
}

func input() *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String("session")}
}

func TestARoleIsAssumedAndItsEndIsToldByBothClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, at, with := center()
		s.ClockOffset = 4 * time.Minute
		got, err := Role(t.Context(), at, with, input())
		if err != nil || s.RoleOf(got.AccessKeyID) == "" || got.RequestID == "" {
			t.Fatal(err)
		}
		if life := time.Until(got.LocalExpiry()); life < 59*time.Minute || life > time.Hour+time.Second {
			t.Errorf("by the local clock they last %v", life)
		}
		if life := time.Until(got.Expires); life < 63*time.Minute {
			t.Errorf("by the service's clock they last %v", life)
		}
	})
}

func TestAWebIdentityNeedsNoSignature(t *testing.T) {
	s, at, _ := center()
	in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String("session"), WebIdentityToken: aws.String(s.IssueToken("ci", "", time.Hour))}
	if got, err := WithWebIdentity(t.Context(), at, in); err != nil || !got.HasKeys() {
		t.Error(err)
	}
	in.WebIdentityToken = aws.String("e30.e30.secret")
	_, err := WithWebIdentity(t.Context(), at, in)
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "InvalidIdentityToken" || !e.Final() || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestWhatSTSRefusesAndWhatMayPassIsTold(t *testing.T) {
	for what, test := range map[string]struct {
		fault         idctest.Fault
		code, says    string
		denied, final bool
	}{
		"denied":      {idctest.Fault{Code: "AccessDenied", Description: "no"}, "AccessDenied", "AccessDenied: no (HTTP 403, request ID", true, true},
		"throttled":   {idctest.Fault{Status: 400, Code: "Throttling"}, "Throttling", "Throttling", false, false},
		"down":        {idctest.Fault{Status: 503}, "ServiceUnavailable", "HTTP 503", false, false},
		"a page":      {idctest.Fault{Status: 403, Body: "<html>sign in</html>"}, "", "cannot be read (HTTP 403)", false, false},
		"no answer":   {idctest.Fault{Reset: true}, "", "connection reset", false, false},
		"no sentence": {idctest.Fault{Body: "{}", ContentType: "text/xml"}, "", "AssumeRole", false, false},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, at, with := center()
				s.Fault("AssumeRole", test.fault)
				_, err := Role(t.Context(), at, with, input())
				e, ok := errors.AsType[*Error](err)
				if !ok || !strings.Contains(e.Error(), test.says) || e.Denied() != test.denied || e.Final() != test.final || !strings.HasPrefix(e.Code, test.code) || test.code == "" && e.Code != "" {
					t.Errorf("%+v: %v", e, err)
				}
				if strings.Contains(err.Error(), s.Marker()) {
					t.Error("a secret is in it")
				}
			})
		})
	}
}
