package idctest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Pending returns the user codes of the sign-ins that wait for a person, oldest
// first.
func (s *Server) Pending() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var codes []string
	for _, d := range s.deviceCodes {
		if d.waits() {
			codes = append(codes, d.userCode)
		}
	}
	return codes
}

func (d *deviceCode) waits() bool { return d.state == pending && time.Now().Before(d.expires) }

// Approve allows the sign-in with that user code, as the person does in a
// browser. It fails if no such sign-in is waiting.
func (s *Server) Approve(userCode string) error { return s.settle(userCode, approved) }

// Deny refuses the sign-in with that user code. It fails if no such sign-in is
// waiting.
func (s *Server) Deny(userCode string) error { return s.settle(userCode, denied) }

func (s *Server) settle(userCode string, state codeState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.waiting(userCode)
	if d == nil {
		return fmt.Errorf("no sign-in is waiting for code %q", userCode)
	}
	d.state = state
	return nil
}

// waiting finds the sign-in that waits with a user code, however it was typed.
func (s *Server) waiting(userCode string) *deviceCode {
	i := slices.IndexFunc(s.deviceCodes, func(d *deviceCode) bool {
		return d.waits() && d.userCode == strings.ToUpper(strings.TrimSpace(userCode))
	})
	if i < 0 {
		return nil
	}
	return s.deviceCodes[i]
}

// RevokeAccessTokens makes the portal refuse all access tokens given so far,
// although they have not expired by the clients' clocks. Refresh tokens keep
// working.
func (s *Server) RevokeAccessTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range s.accessTokens {
		token.expires = time.Now()
	}
}

// EndSessions ends all logins, as an administrator can: access tokens and
// refresh tokens stop working. Role credentials keep working.
func (s *Server) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range s.accessTokens {
		s.end(token.login)
	}
}

// RevokeRole takes a role in an account away from the user. Role credentials
// given before keep working.
func (s *Server) RevokeRole(account, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range s.Accounts {
		if a.ID == account {
			without := func(name string) bool { return name == role }
			s.Accounts[i].Roles = slices.DeleteFunc(slices.Clone(a.Roles), without)
		}
	}
}
