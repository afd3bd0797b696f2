package idctest

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// An Event is one call of an operation, as [Server.Log] reports it.
type Event struct {
	Time time.Time // when the call arrived, by this machine's clock
	Op   string    // its name, as in [Server.Count], without the grant
	// Grant is device_code, refresh_token or authorization_code in a
	// CreateToken, jwt-bearer or refresh_token in a CreateTokenWithIAM.
	Grant string `json:",omitempty"`
	// Role is "111111111111/Admin" in a GetRoleCredentials, and the role's ARN
	// in an AssumeRole.
	Role string `json:",omitempty"`
	// Status is the HTTP status of the operation itself, even if a fault hid
	// it; zero if the operation has not run.
	Status int
	// Code is the operation's error code, or the fault that replaced its
	// answer; empty if it succeeded.
	Code string `json:",omitempty"`
	// Used and Given are the SHA-256 hashes, in hexadecimal, of the refresh
	// token that the client sent and of the one that it was given.
	Used  string `json:",omitempty"`
	Given string `json:",omitempty"`
	// Signer is the access key ID that a CreateTokenWithIAM, a GetParameter or a
	// PutParameter was signed with.
	Signer string `json:",omitempty"`
	// Key is the access key ID of the credentials that a GetRoleCredentials, an
	// AssumeRole or an AssumeRoleWithWebIdentity gave.
	Key string `json:",omitempty"`
	// Delivered says that the operation's own answer was written in full to a
	// client that was still connected. The client may have died before it read
	// it.
	Delivered bool
}

// Log returns every call so far, in the order of arrival.
func (s *Server) Log() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := make([]Event, len(s.events))
	for i, e := range s.events {
		events[i] = *e
	}
	return events
}

// arrive counts a call and takes the fault that is meant for it.
func (s *Server) arrive(c *call, op operation) (Fault, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.event = &Event{Time: time.Now(), Op: op.name, Grant: grant(op, c.body), Role: role(op, c)}
	s.events = append(s.events, c.event)
	s.counts[op.name]++
	if c.event.Grant != "" {
		s.counts[op.name+":"+c.event.Grant]++
	}
	fault := s.takeFault(c.event)
	c.event.Code = fault.name()
	return fault, s.Latency
}

// delivered notes whether the client gets the operation's answer.
func (s *Server) delivered(c *call, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.event.Delivered = yes
}

// grant returns the short name of a CreateToken's grant.
func grant(op operation, body []byte) string {
	if op.name != "CreateToken" && op.name != createWithIAM {
		return ""
	}
	var in struct {
		GrantType string `json:"grantType"`
	}
	if json.Unmarshal(body, &in) != nil {
		return ""
	}
	return in.GrantType[strings.LastIndex(in.GrantType, ":")+1:]
}

// role returns the role that a call asks for.
func role(op operation, c *call) string {
	switch op.name {
	case "GetRoleCredentials":
		q := c.URL.Query()
		return q.Get("account_id") + "/" + q.Get("role_name")
	case "AssumeRole", webIdentityOp:
		form, _ := url.ParseQuery(string(c.body))
		return form.Get("RoleArn")
	}
	return ""
}
