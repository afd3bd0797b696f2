package tokencache

import (
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
)

// rules returns the policy that the session obeys, and what that does not allow of
// it. One of package credproc's was looked at there.
func (s *Session) rules() (*policy.Policy, error) {
	rules, err := policy.Of(&s.Config, s.Service)
	if err != nil || policy.IsTold(&s.Config) {
		return rules, err
	}
	s.preferred = rules.SessionKeyring(s.Name)
	if err := rules.CheckStartURL(s.Config.StartURL); err != nil {
		return rules, err
	}
	keyring := s.wanted()
	if s.Keyring != nil {
		keyring = s.Keyring.Name()
	}
	return rules, rules.CheckSession(s.Name, s.Config.StartURL, s.Config.Region, keyring)
}

// allowed refuses to use a login that the policy does not allow: to sign out from one
// is always possible.
func (st *store) allowed() error {
	name := st.keyring.Name()
	if st.refused != nil || name == "auto" { // "auto" has no login
		return st.refused
	}
	return st.rules.CheckKeyring(name)
}

// may opens the session, and refuses what this process, if it is an agent's, may not
// do with it as a whole.
func (s *Session) may(act policy.Act) error {
	st, err := s.open()
	if err != nil {
		return err
	}
	if st.refused != nil {
		return st.refused
	}
	if policy.IsTold(&s.Config) {
		return s.judged(act)
	}
	return st.rules.CheckAct(act, s.Name, s.Config.StartURL, layout.Variable(s.Service, "agent"))
}

// judged is what the configuration that made the session knows of rules.
func (s *Session) judged(act policy.Act) error {
	owner, ok := policy.Owner(&s.Config).(interface {
		AgentLogin(*Session) error
		AgentToken(*Session) error
	})
	switch {
	case !ok:
		return nil
	case act == policy.SignIn:
		return owner.AgentLogin(s)
	}
	return owner.AgentToken(s)
}

// obeying returns a configuration that obeys the session's policy.
func (st *store) obeying(c oidc.Config) *oidc.Config {
	policy.Govern(&c, st.rules)
	return &c
}
