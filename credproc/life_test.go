package credproc

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// short is what a provider says to somebody who wants more.
type short struct{ left, wanted time.Duration }

// lasting is a provider for somebody who cannot renew, and what it has said.
func (m *machine) lasting() (p *Provider, said *[]short) {
	p, said = m.admin(), new([]short)
	p.HandedOn = true
	p.Short = func(left, wanted time.Duration) { *said = append(*said, short{left, wanted}) }
	return p, said
}

func TestHalfOfTheLifeIsWhatSomebodyWantsWhoCannotRenew(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.get(m.admin())
		time.Sleep(29 * time.Minute)
		p, said := m.lasting()
		m.asks("", func() { m.get(p) })
		time.Sleep(15 * time.Minute) // 16 minutes are left
		m.asks("", func() { m.get(m.admin()) })
		m.asks("GetRoleCredentials 1", func() {
			m.together(10, func(int) error {
				p, _ := m.lasting()
				c, err := p.Retrieve(m.Context())
				if left := time.Until(c.Expires); err == nil && left < 59*time.Minute {
					return fmt.Errorf("they end in %v", left)
				}
				return err
			})
		})
		if len(*said) > 0 {
			t.Errorf("it warned: %v", *said)
		}
	})
}

// The portal may give what it gave to somebody else before: there is no use in
// asking it each time.
func TestAServiceThatHasNothingLaterIsAskedOnceInFiveMinutes(t *testing.T) {
	onMachine(t, func(m *machine) {
		first := m.get(m.admin())
		time.Sleep(40 * time.Minute)
		for _, step := range []struct {
			sleep time.Duration
			asks  string
		}{
			{0, "GetRoleCredentials 1"}, {time.Second, ""}, {31 * time.Second, ""}, {4 * time.Minute, ""}, {time.Minute, "GetRoleCredentials 1"},
			{31 * time.Second, ""},
		} {
			time.Sleep(step.sleep)
			m.server.Set(func(s *idctest.Server) { s.RoleLife = time.Until(first.Expires) })
			p, said := m.lasting()
			m.asks(step.asks, func() { m.get(p) })
			want := []short{{time.Until(first.Expires).Round(time.Second), 30 * time.Minute}}
			if fmt.Sprint(*said) != fmt.Sprint(want) {
				t.Errorf("after %v it says %v, want %v", step.sleep, *said, want)
			}
		}
		m.server.Set(func(s *idctest.Server) { s.RoleLife = time.Hour })
		time.Sleep(5 * time.Minute)
		p, said := m.lasting()
		if left := time.Until(m.get(p).Expires); left < 59*time.Minute || len(*said) > 0 {
			t.Errorf("there are new ones, and it has some for %v, and says %v", left, *said)
		}
	})
}

// A permission set's session lasts an hour at least.
func TestCredentialsThatAreBornShortAreNotNew(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Set(func(s *idctest.Server) { s.RoleLife = 16 * time.Minute })
		p, said := m.lasting()
		m.get(p)
		if fmt.Sprint(*said) != fmt.Sprint([]short{{16 * time.Minute, 30 * time.Minute}}) {
			t.Errorf("it says %v", *said)
		}
		m.server.Set(func(s *idctest.Server) { s.RoleLife = time.Hour })
		time.Sleep(time.Minute)
		if left := time.Until(m.get(p).Expires); left < 59*time.Minute {
			t.Errorf("they end in %v", left)
		}
	})
}

func TestWhatIsLeftIsServedWhereNothingNewIsToBeHad(t *testing.T) {
	onMachine(t, func(m *machine) {
		first := m.get(m.admin())
		time.Sleep(40 * time.Minute)
		m.server.Fault("GetRoleCredentials", idctest.Fault{Status: 500})
		p, said := m.lasting()
		if m.get(p) != first || len(*said) != 1 {
			t.Errorf("other credentials, or %d warnings", len(*said))
		}
	})
}

func TestHalfOfTheLifeCountsForAChain(t *testing.T) {
	onMachine(t, func(m *machine) {
		var said []short
		lasting := func() aws.CredentialsProvider {
			p := m.provider(m.config(chains), "deploy")
			p.HandedOn, p.Short = true, func(left, wanted time.Duration) {
				said = append(said, short{left.Round(time.Minute), wanted}) // it tries again, which takes some seconds
			}
			return p
		}
		first := m.get(lasting())
		time.Sleep(44 * time.Minute)
		m.asks("", func() { m.get(m.provider(m.config(chains), "deploy")) })
		m.server.Fault("AssumeRole", idctest.Fault{Status: 500})
		if m.get(lasting()) != first || fmt.Sprint(said) != fmt.Sprint([]short{{16 * time.Minute, 30 * time.Minute}}) {
			t.Errorf("other credentials, or it says %v", said)
		}
		m.server.ClearFaults()
		time.Sleep(time.Minute)
		m.asks("AssumeRole 1", func() {
			m.together(10, func(int) error {
				c, err := lasting().Retrieve(context.Background())
				if left := time.Until(c.Expires); err == nil && left < 59*time.Minute {
					return fmt.Errorf("they end in %v", left)
				}
				return err
			})
		})
		if len(said) != 1 {
			t.Errorf("it warned: %v", said)
		}
	})
}
