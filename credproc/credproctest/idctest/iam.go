package idctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A policy is an IAM policy, as far as session policies need it: a statement
// that denies wins over those that allow. Conditions are not evaluated: one that
// has them allows nothing, and denies always.
type policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement anyOf[statement]
}

type statement struct {
	Sid, Effect           string
	Action, NotAction     anyOf[string]
	Resource, NotResource anyOf[string]
	Condition             json.RawMessage
}

// anyOf is one value or a list, as IAM's JSON has it.
type anyOf[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *anyOf[T]) UnmarshalJSON(data []byte) error {
	into := any((*[]T)(l))
	if !bytes.HasPrefix(data, []byte("[")) {
		*l = make(anyOf[T], 1)
		into = &(*l)[0]
	}
	return onlyKnown(data, into)
}

// onlyKnown refuses members that are unknown.
func onlyKnown(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

var errSyntax = errors.New("syntax errors in policy")

func parsePolicy(text string) (*policy, error) {
	p := new(policy)
	if err := onlyKnown([]byte(text), p); err != nil || len(p.Statement) == 0 {
		return nil, errSyntax
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action)+len(s.NotAction) == 0 || len(s.Resource)+len(s.NotResource) == 0 {
			return nil, errSyntax
		}
	}
	return p, nil
}

func (s *statement) covers(action, resource string) bool {
	return covers(s.Action, s.NotAction, strings.ToLower(action), strings.ToLower) &&
		covers(s.Resource, s.NotResource, resource, func(pattern string) string { return pattern })
}

func covers(patterns, others []string, text string, fold func(string) string) bool {
	among := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return like(fold(p), text) })
	}
	return among(patterns) || len(others) > 0 && !among(others)
}

// like matches a pattern in which * stands for any text, and ? for any character.
func like(pattern, text string) bool {
	expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("(?s)^" + expression + "$").MatchString(text)
}

// permits reports whether credentials may do something: the roles of this
// service may do everything, unless session policies allow less.
func (k *key) permits(action, resource string) bool {
	allowed := len(k.policies) == 0
	for _, p := range k.policies {
		for _, s := range p.Statement {
			switch covered := s.covers(action, resource); {
			case covered && s.Effect == "Deny":
				return false
			case covered && s.Condition == nil:
				allowed = true
			}
		}
	}
	return allowed
}

// managed are those of AWS's own policies that this service knows, much
// shortened, by the ends of their ARNs.
//
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
func managed(name string) (text string, ok bool) {
	reads := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["*:Get*","*:List*","*:Describe*","*:BatchGet*"],"Resource":"*"}}`
	switch name {
	case "AdministratorAccess":
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, true
	case "ReadOnlyAccess":
		return reads, true
	case "job-function/ViewOnlyAccess":
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["*:List*","*:Describe*"],"Resource":"*"}}`, true
	case "SecurityAudit":
		return strings.ReplaceAll(reads, "BatchGet", "Check"), true
	}
	return "", false
}

// sessionPolicies returns the policies that an AssumeRole asks for.
func (s *Server) sessionPolicies(form url.Values) (policies []*policy, err error) {
	if text := form.Get("Policy"); text != "" {
		if n := utf8.RuneCountInString(text); n > 2048 || strings.ContainsFunc(text, func(r rune) bool { return r > 0xff }) {
			return nil, stsAPI.fail("ValidationError", fmt.Sprintf("Value at 'policy' failed to satisfy constraint: %d characters", n))
		}
		p, err := parsePolicy(text)
		if err != nil {
			return nil, stsAPI.fail("MalformedPolicyDocument", err.Error())
		}
		policies = append(policies, p)
	}
	arns := members(form, "PolicyArns", "arn")
	if len(arns) > 10 {
		return nil, stsAPI.fail("ValidationError", "Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	for _, arn := range arns {
		text, known := s.Policies[arn]
		if name, ok := strings.CutPrefix(arn, "arn:aws:iam::aws:policy/"); ok && !known {
			text, known = managed(name)
		}
		p, err := parsePolicy(text)
		if !known || err != nil {
			return nil, stsAPI.fail("ValidationError", "The specified value for PolicyArns is invalid: "+arn)
		}
		policies = append(policies, p)
	}
	return policies, nil
}

// members returns a list of a request, up to the first that is missing.
func members(form url.Values, name, of string) (values []string) {
	for i := 1; ; i++ {
		field := name + ".member." + strconv.Itoa(i)
		if of != "" {
			field += "." + of
		}
		if !form.Has(field) {
			return values
		}
		values = append(values, form.Get(field))
	}
}

// sessionTags checks the tags of an AssumeRole, and its source identity.
func sessionTags(form url.Values) error {
	keys := members(form, "Tags", "Key")
	if len(keys) > 50 {
		return stsAPI.fail("ValidationError", "Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
	}
	legal := regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	for i, key := range keys {
		value := form.Get(fmt.Sprintf("Tags.member.%d.Value", i+1))
		bad := key == "" || utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256 || !legal.MatchString(key+value)
		if bad || slices.ContainsFunc(keys[:i], func(other string) bool { return strings.EqualFold(other, key) }) {
			return stsAPI.fail("InvalidParameterValue", "Invalid session tag: "+key)
		}
	}
	for _, key := range members(form, "TransitiveTagKeys", "") {
		if !slices.Contains(keys, key) {
			return stsAPI.fail("InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
		}
	}
	if who := form.Get("SourceIdentity"); who != "" && !regexp.MustCompile(`^[\w+=,.@-]{2,64}$`).MatchString(who) {
		return stsAPI.fail("ValidationError", "Invalid sourceIdentity")
	}
	return nil
}

// mayAssume checks that session policies of the caller allow an AssumeRole.
func (k *key) mayAssume(form url.Values) error {
	for action, needed := range map[string]bool{
		"sts:AssumeRole": true, "sts:TagSession": form.Has("Tags.member.1.Key"), "sts:SetSourceIdentity": form.Has("SourceIdentity"),
	} {
		if needed && !k.permits(action, form.Get("RoleArn")) {
			return stsAPI.fail("AccessDenied", k.refusal(action, form.Get("RoleArn")))
		}
	}
	return nil
}

func (k *key) refusal(action, resource string) string {
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no session policy allows the %s action", k.arn, action, resource, action)
}

// parameterRequest is a request of SSM: GetParameter and PutParameter stand for an
// operation that reads and one that writes, to test credentials that allow only one.
type parameterRequest struct{ Name, Value string }

// parameter reads a request, and checks that its signer may make it.
func (s *Server) parameter(c *call, action string) (in parameterRequest, err error) {
	k, err := s.signer(c, "ssm", ssmAPI.refusal)
	if err != nil {
		return in, err
	}
	if json.Unmarshal(c.body, &in) != nil || in.Name == "" {
		return in, ssmAPI.fail("ValidationException", "Invalid parameter name")
	}
	c.event.Signer = k.id
	resource := "arn:aws:ssm:" + s.Region + ":" + k.account + ":parameter" + path.Clean("/"+in.Name)
	if !k.permits(action, resource) {
		return in, ssmAPI.fail("AccessDeniedException", k.refusal(action, resource))
	}
	return in, nil
}

func (s *Server) getParameter(c *call) (any, error) {
	in, err := s.parameter(c, "ssm:GetParameter")
	if err != nil {
		return nil, err
	}
	type parameter struct {
		Name, Type, Value string
		Version           int
	}
	if s.parameters[in.Name] == "" {
		return nil, ssmAPI.fail("ParameterNotFound", "")
	}
	return struct{ Parameter parameter }{parameter{in.Name, "String", s.parameters[in.Name], 1}}, nil
}

func (s *Server) putParameter(c *call) (any, error) {
	in, err := s.parameter(c, "ssm:PutParameter")
	if err != nil {
		return nil, err
	}
	s.parameters[in.Name] = in.Value
	return struct {
		Version int
		Tier    string
	}{1, "Standard"}, nil
}
