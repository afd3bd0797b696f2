package idctest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

const readOnly = "arn:aws:iam::aws:policy/ReadOnlyAccess"

// parameterAs calls SSM, and returns the code of its refusal.
func parameterAs(w *wire, c *types.Credentials, op, body string) string {
	w.t.Helper()
	r := w.request("POST", "/", body)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonSSM."+op)
	keys := aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
	if err := v4.NewSigner().SignHTTP(w.t.Context(), keys, r, hash(body), "ssm", "us-east-1", time.Now()); err != nil {
		w.t.Fatal(err)
	}
	g := w.do(r)
	if g.status == http.StatusOK {
		return ""
	}
	return g.text("__type")
}

func TestSessionPoliciesAreEnforced(t *testing.T) {
	w := inMemory(t, New())
	const own = "arn:aws:iam::333333333333:policy/Own"
	w.server.Policies = map[string]string{own: `{"Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"},{"Effect":"Deny","NotAction":"ssm:Get*","Resource":"*"}]}`}
	client := stsClient(w)
	for _, tt := range []struct {
		name, policy string
		arns         []string
		read, write  bool
	}{
		{"none", "", nil, true, true},
		{"read-only", "", []string{readOnly}, true, false},
		{"view-only", "", []string{"arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"}, false, false},
		{"administrator", "", []string{"arn:aws:iam::aws:policy/AdministratorAccess"}, true, true},
		{"auditor", "", []string{"arn:aws:iam::aws:policy/SecurityAudit"}, true, false},
		{"the account's own", "", []string{own}, true, false},
		{"two, of which each allows something", `{"Statement":[{"Effect":"Allow","Action":["ssm:putparameter"],"Resource":"arn:aws:ssm:*:333333333333:parameter/?"}]}`, []string{readOnly}, true, true},
		{"another resource", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:ssm:*:*:parameter/b"}}`, nil, false, false},
		{"all resources but one", `{"Statement":{"Effect":"Allow","Action":"*","NotResource":"arn:aws:ssm:*:*:parameter/b"}}`, nil, true, true},
		{"a condition that is not evaluated", `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}`, nil, false, false},
		{"a denial under a condition", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ssm:Put*","Resource":"*","Condition":{}}]}`, nil, true, false},
	} {
		in := &sts.AssumeRoleInput{RoleArn: aws.String(deployRole), RoleSessionName: aws.String("session")}
		if tt.policy != "" {
			in.Policy = &tt.policy
		}
		for _, arn := range tt.arns {
			in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: aws.String(arn)})
		}
		w.server.Set(func(s *Server) { s.parameters["a"] = "1" })
		out, err := client.AssumeRole(t.Context(), in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		wants := func(ok bool) string { return map[bool]string{false: "AccessDeniedException"}[ok] }
		if got := parameterAs(w, out.Credentials, "GetParameter", `{"Name":"a"}`); got != wants(tt.read) {
			t.Errorf("%s: a read is answered %q", tt.name, got)
		}
		if got := parameterAs(w, out.Credentials, "PutParameter", `{"Name":"a","Value":"2"}`); got != wants(tt.write) {
			t.Errorf("%s: a write is answered %q", tt.name, got)
		}
	}
	if v := w.server.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

func TestASessionPolicyMayForbidTheNextRole(t *testing.T) {
	w := inMemory(t, New())
	out, err := stsClient(w).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(deployRole), RoleSessionName: aws.String("session"),
		Policy: aws.String(`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	next := stsClientWith(w, credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken))
	in := &sts.AssumeRoleInput{RoleArn: aws.String(deployRole), RoleSessionName: aws.String("session")}
	if _, err := next.AssumeRole(t.Context(), in); err != nil {
		t.Error(err)
	}
	in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
	_, err = next.AssumeRole(t.Context(), in)
	expectCode(t, err, "AccessDenied")
	in.Tags, in.SourceIdentity = nil, aws.String("ann")
	_, err = next.AssumeRole(t.Context(), in)
	expectCode(t, err, "AccessDenied")
}

func TestWhatSTSDoesNotTakeOfAScopeIsRefused(t *testing.T) {
	w := inMemory(t, New())
	client := stsClient(w)
	tag := func(key string) types.Tag { return types.Tag{Key: aws.String(key), Value: aws.String("v")} }
	var many []types.Tag
	for i := range 51 {
		many = append(many, tag(fmt.Sprint(i)))
	}
	for name, tt := range map[string]struct {
		change func(*sts.AssumeRoleInput)
		code   string
	}{
		"not JSON":   {func(in *sts.AssumeRoleInput) { in.Policy = aws.String("no") }, "MalformedPolicyDocument"},
		"two values": {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Statement":[]} {}`) }, "MalformedPolicyDocument"},
		"a principal": {func(in *sts.AssumeRoleInput) {
			in.Policy = aws.String(`{"Statement":{"Effect":"Allow","Principal":"*"}}`)
		}, "MalformedPolicyDocument"},
		"no effect": {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Statement":{"Action":"*","Resource":"*"}}`) }, "MalformedPolicyDocument"},
		"too long":  {func(in *sts.AssumeRoleInput) { in.Policy = aws.String(strings.Repeat(" ", 2049)) }, "ValidationError"},
		"an unknown policy": {func(in *sts.AssumeRoleInput) {
			in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String(readOnly + "2")}}
		}, "ValidationError"},
		"eleven policies": {func(in *sts.AssumeRoleInput) {
			in.PolicyArns = make([]types.PolicyDescriptorType, 11)
			for i := range in.PolicyArns {
				in.PolicyArns[i].Arn = aws.String(readOnly)
			}
		}, "ValidationError"},
		"51 tags":            {func(in *sts.AssumeRoleInput) { in.Tags = many }, "ValidationError"},
		"a key twice":        {func(in *sts.AssumeRoleInput) { in.Tags = []types.Tag{tag("a"), tag("A")} }, "InvalidParameterValue"},
		"a bad key":          {func(in *sts.AssumeRoleInput) { in.Tags = []types.Tag{tag("a,b")} }, "InvalidParameterValue"},
		"transitive, no tag": {func(in *sts.AssumeRoleInput) { in.TransitiveTagKeys = []string{"a"} }, "InvalidParameterValue"},
		"a bad identity":     {func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("a b") }, "ValidationError"},
	} {
		in := &sts.AssumeRoleInput{RoleArn: aws.String(deployRole), RoleSessionName: aws.String("session")}
		tt.change(in)
		_, err := client.AssumeRole(t.Context(), in)
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		expectCode(t, err, tt.code)
	}
}

func TestParametersAreStored(t *testing.T) {
	w := inMemory(t, New())
	id, secret, token := w.server.IssueKey("arn:aws:sts::333333333333:assumed-role/Deploy/session", time.Hour)
	c := &types.Credentials{AccessKeyId: &id, SecretAccessKey: &secret, SessionToken: &token}
	for _, call := range []struct{ op, body, code string }{
		{"GetParameter", `{"Name":"a"}`, "ParameterNotFound"},
		{"PutParameter", `{"Name":"a","Value":"1"}`, ""},
		{"GetParameter", `{"Name":"a"}`, ""},
		{"GetParameter", `{}`, "ValidationException"},
	} {
		if got := parameterAs(w, c, call.op, call.body); got != call.code {
			t.Errorf("%+v: %q", call, got)
		}
	}
	if e := w.server.Log()[0]; e.Op != "GetParameter" || e.Signer != id {
		t.Errorf("%+v", e)
	}
	if text, err := json.Marshal(w.server.Counts()); err != nil || string(text) != `{"GetParameter":3,"PutParameter":1}` {
		t.Errorf("%s", text)
	}
}
