package idctest

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A key is one set of temporary credentials.
type key struct {
	id, secret, token string
	account, arn      string
	userID            string // "AROA…:session"
	expires           time.Time
	chained           bool      // got with other temporary credentials
	subject           string    // whose identity context they carry; "" without one
	policies          []*policy // session policies; none: the role may do everything
}

// newKey makes credentials for an assumed-role ARN.
func (s *Server) newKey(account, arn string, life time.Duration) *key {
	role, session := arn[:strings.LastIndex(arn, "/")], arn[strings.LastIndex(arn, "/")+1:]
	k := &key{
		id: accessKeyID(), secret: s.mint.secretAccessKey(), token: s.mint.sessionToken(s.SessionTokenSize),
		account: account, arn: arn, expires: time.Now().Add(life),
		userID: "AROA" + strings.ToUpper(hash(role)[:17]) + ":" + session,
	}
	s.keys[k.id] = k
	return k
}

// RoleOf returns the role that an access key ID was given for, written as in
// [Event], or "" if this server did not give it.
func (s *Server) RoleOf(accessKeyID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[accessKeyID]
	if k == nil {
		return ""
	}
	_, set, _ := strings.Cut(k.arn, "/AWSReservedSSO_")
	name, session, _ := strings.Cut(set, "/")
	if session == "" {
		return k.arn
	}
	return k.account + "/" + name[:strings.LastIndex(name, "_")]
}

// ExpiryOf returns when the credentials with an access key ID end, by this machine's
// clock, or zero if this server did not give them. With it, a test's own stand-in of a
// service can refuse what has ended.
func (s *Server) ExpiryOf(accessKeyID string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.keys[accessKeyID]; k != nil {
		return k.expires
	}
	return time.Time{}
}

func (s *Server) getCallerIdentity(c *call) (any, error) {
	k, err := s.signer(c, "sts", stsAPI.refusal)
	if err != nil {
		return nil, err
	}
	return struct{ Arn, UserId, Account string }{k.arn, k.userID, k.account}, nil
}

// assumeRole trusts every caller whose session policies allow the call; what it
// checks is the request. All callers
// hold credentials of a role themselves, so the one-hour limit of role chaining
// applies.
func (s *Server) assumeRole(c *call) (any, error) {
	caller, err := s.signer(c, "sts", stsAPI.refusal)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, stsAPI.fail("ValidationError", "Malformed request")
	}
	if err := caller.mayAssume(form); err != nil {
		return nil, err
	}
	subject, err := s.providedContext(form)
	if err != nil {
		return nil, err
	}
	if want := s.ExternalIDs[form.Get("RoleArn")]; want != "" && form.Get("ExternalId") != want {
		return nil, stsAPI.fail("AccessDenied", "Not authorized to perform: sts:AssumeRole on resource: "+form.Get("RoleArn"))
	}
	k, err := s.assumed(form, time.Hour)
	if err != nil {
		return nil, err
	}
	c.event.Key, k.chained, k.subject = k.id, true, subject
	return s.assumeRoleResult(k, form), nil
}

// providedContext returns the subject of the identity context that a request
// carries, or "" without one.
func (s *Server) providedContext(form url.Values) (subject string, err error) {
	const member = "ProvidedContexts.member."
	assertion := form.Get(member + "1.ContextAssertion")
	subject, known := s.contexts[assertion]
	switch {
	case !form.Has(member+"1.ContextAssertion") && !form.Has(member+"1.ProviderArn"):
		return "", nil
	case form.Get(member+"1.ProviderArn") != "arn:aws:iam::aws:contextProvider/IdentityCenter", form.Has(member + "2.ProviderArn"):
		return "", stsAPI.fail("ValidationError", "Invalid ProvidedContexts")
	case len(assertion) < 4 || len(assertion) > 2048, !known:
		return "", stsAPI.fail("ValidationError", "Invalid context assertion")
	}
	return subject, nil
}

func (s *Server) assumeRoleWithWebIdentity(c *call) (any, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, stsAPI.fail("ValidationError", "Malformed request")
	}
	claims, err := s.webIdentity(form.Get("WebIdentityToken"))
	if err != nil {
		return nil, err
	}
	k, err := s.assumed(form, 12*time.Hour)
	if err != nil {
		return nil, err
	}
	c.event.Key = k.id
	return struct {
		assumeRoleResult
		SubjectFromWebIdentityToken, Provider, Audience string
	}{s.assumeRoleResult(k, form), claims.Subject, claims.Issuer, claims.Audience}, nil
}

// assumed makes credentials for the role that a request names, for at most the
// given time.
func (s *Server) assumed(form url.Values, most time.Duration) (*key, error) {
	arn, session := form.Get("RoleArn"), form.Get("RoleSessionName")
	match := regexp.MustCompile(`^arn:(aws[a-z-]*):iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)$`).FindStringSubmatch(arn)
	if match == nil {
		return nil, stsAPI.fail("ValidationError", arn+" is invalid")
	}
	if ok, _ := regexp.MatchString(`^[\w+=,.@-]{2,64}$`, session); !ok {
		return nil, stsAPI.fail("ValidationError", "Invalid roleSessionName")
	}
	life, err := duration(form.Get("DurationSeconds"), most)
	if err != nil {
		return nil, err
	}
	if err := sessionTags(form); err != nil {
		return nil, err
	}
	policies, err := s.sessionPolicies(form)
	if err != nil {
		return nil, err
	}
	k := s.newKey(match[2], fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", match[1], match[2], match[3], session), life)
	k.policies = policies
	return k, nil
}

type assumeRoleResult struct {
	Credentials     stsCredentials
	AssumedRoleUser assumedUser
	SourceIdentity  string `xml:",omitempty"`
}

type stsCredentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }

type assumedUser struct{ AssumedRoleId, Arn string }

func (s *Server) assumeRoleResult(k *key, form url.Values) assumeRoleResult {
	return assumeRoleResult{
		stsCredentials{k.id, k.secret, k.token, s.told(k.expires).UTC().Format(time.RFC3339)},
		assumedUser{k.userID, k.arn}, form.Get("SourceIdentity"),
	}
}

func duration(seconds string, most time.Duration) (time.Duration, error) {
	if seconds == "" {
		return time.Hour, nil
	}
	n, err := strconv.Atoi(seconds)
	if err != nil || n < 900 || n > 43200 {
		return 0, stsAPI.fail("ValidationError", "DurationSeconds is not between 900 and 43200")
	}
	if time.Duration(n)*time.Second > most {
		return 0, stsAPI.fail("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return time.Duration(n) * time.Second, nil
}

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

type metadata struct{ RequestId string }

// stsResponse is the query protocol's wrapping of a result.
func stsResponse(op string, result any) any {
	return struct {
		XMLName          xml.Name
		Result           any
		ResponseMetadata metadata
	}{
		xml.Name{Space: stsNamespace, Local: op + "Response"},
		named{op + "Result", result},
		metadata{requestID()},
	}
}

// named marshals a value under a name that is known only at run time.
type named struct {
	name  string
	value any
}

// MarshalXML implements [xml.Marshaler].
func (n named) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	return e.EncodeElement(n.value, xml.StartElement{Name: xml.Name{Local: n.name}})
}

func stsError(e *apiError) any {
	kind := "Sender"
	if e.status >= 500 {
		kind = "Receiver"
	}
	type detail struct{ Type, Code, Message string }
	return struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error     detail
		RequestId string
	}{Error: detail{kind, e.code, e.description}, RequestId: requestID()}
}
