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
	chained           bool // got with other temporary credentials
}

// newKey makes credentials for an assumed-role ARN.
func (s *Server) newKey(account, arn string, life time.Duration) *key {
	role, session := arn[:strings.LastIndex(arn, "/")], arn[strings.LastIndex(arn, "/")+1:]
	k := &key{
		id: accessKeyID(), secret: s.mint.secretAccessKey(), token: s.mint.sessionToken(),
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

func stsOperation(body []byte) (operation, bool) {
	form, _ := url.ParseQuery(string(body))
	switch form.Get("Action") {
	case "AssumeRole":
		return operation{"AssumeRole", stsAPI, (*Server).assumeRole}, true
	case "GetCallerIdentity":
		return operation{"GetCallerIdentity", stsAPI, (*Server).getCallerIdentity}, true
	}
	return operation{}, false
}

func (s *Server) getCallerIdentity(c *call) (any, error) {
	k, err := s.signer(c)
	if err != nil {
		return nil, err
	}
	return struct{ Arn, UserId, Account string }{k.arn, k.userID, k.account}, nil
}

// assumeRole trusts every caller; what it checks is the request. All callers
// hold credentials of a role themselves, so the one-hour limit of role chaining
// applies.
func (s *Server) assumeRole(c *call) (any, error) {
	if _, err := s.signer(c); err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, stsAPI.fail("ValidationError", "Malformed request")
	}
	arn, session := form.Get("RoleArn"), form.Get("RoleSessionName")
	match := regexp.MustCompile(`^arn:(aws[a-z-]*):iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)$`).FindStringSubmatch(arn)
	if match == nil {
		return nil, stsAPI.fail("ValidationError", arn+" is invalid")
	}
	if ok, _ := regexp.MatchString(`^[\w+=,.@-]{2,64}$`, session); !ok {
		return nil, stsAPI.fail("ValidationError", "Invalid roleSessionName")
	}
	life, err := duration(form.Get("DurationSeconds"))
	if err != nil {
		return nil, err
	}
	if want := s.ExternalIDs[arn]; want != "" && form.Get("ExternalId") != want {
		return nil, stsAPI.fail("AccessDenied", "Not authorized to perform: sts:AssumeRole on resource: "+arn)
	}
	k := s.newKey(match[2], fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", match[1], match[2], match[3], session), life)
	k.chained = true
	type credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	type user struct{ AssumedRoleId, Arn string }
	return struct {
		Credentials     credentials
		AssumedRoleUser user
		SourceIdentity  string `xml:",omitempty"`
	}{
		credentials{k.id, k.secret, k.token, s.told(k.expires).UTC().Format(time.RFC3339)},
		user{k.userID, k.arn}, form.Get("SourceIdentity"),
	}, nil
}

func duration(seconds string) (time.Duration, error) {
	if seconds == "" {
		return time.Hour, nil
	}
	n, err := strconv.Atoi(seconds)
	if err != nil || n < 900 || n > 43200 {
		return 0, stsAPI.fail("ValidationError", "DurationSeconds is not between 900 and 43200")
	}
	if n > 3600 {
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
