package tokencache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/tokencache/keyring"
)

// moves expects the login without a name to be corp's from now on, and none to be
// left of it.
func (m *world) moves(from *Session) {
	m.Helper()
	if took, err := within(m.session()).TakeOver(m.Context(), within(from)); !took || err != nil {
		m.Fatalf("taken over: %v, %v", took, err)
	}
	logins, err := Logins(string(m.store().state), "")
	if err != nil || len(logins) != 1 || logins[0].Name != "corp" {
		m.Fatalf("the logins are %+v, %v", logins, err)
	}
	if _, err := m.named("").Token(m.Context()); err == nil {
		m.Error("the old login has a token")
	}
	if err := m.session().Renew(m.Context()); err != nil {
		m.Error(err)
	}
}

func TestALoginBecomesThatOfASessionWithAName(t *testing.T) {
	inBubble(t, func(m *world) {
		from := m.named("")
		m.signIn(from)
		old := m.token(from)
		began := time.Now()
		time.Sleep(time.Minute)
		m.asksNothing(func() {
			if took, err := within(m.session()).TakeOver(m.Context(), within(from)); !took || err != nil {
				t.Fatalf("taken over: %v, %v", took, err)
			}
			if got := m.token(m.session()); got != old {
				t.Error("the access token is another one")
			}
			if took, err := within(m.session()).TakeOver(m.Context(), within(m.named(""))); took || err != nil {
				t.Errorf("a second time: %v, %v", took, err)
			}
		})
		if status, err := m.session().Status(); err != nil || !status.SignedIn.Equal(began) && began.Sub(status.SignedIn).Abs() > time.Second {
			t.Errorf("status is %+v, %v", status, err)
		}
		if err := m.session().Renew(m.Context()); err != nil {
			t.Error(err)
		}
		if got := m.server.Count("RegisterClient"); got != 1 {
			t.Errorf("%d registrations", got)
		}
	})
}

func TestALoginThatIsBeingRenewedIsTakenOverAfterwards(t *testing.T) {
	inBubble(t, func(m *world) {
		m.server.Rotation = idctest.Strict
		from := m.named("")
		m.signIn(from)
		m.server.Fault("CreateToken", idctest.Fault{Delay: 5 * time.Second})
		renewed := make(chan error)
		go func() { renewed <- m.named("").Renew(m.Context()) }()
		time.Sleep(time.Second)
		m.moves(from)
		if err := <-renewed; err != nil {
			t.Error(err)
		}
	})
}

func TestTheJournalOfARenewalThatDiedIsTakenOverToo(t *testing.T) {
	inBubble(t, func(m *world) {
		m.server.Rotation = idctest.Strict
		from := m.named("")
		m.signIn(from)
		before := from.store
		old, err := before.read(m.Context())
		if err != nil {
			t.Fatal(err)
		}
		client, err := before.readRegistration(m.Context(), old.ClientID)
		if err != nil {
			t.Fatal(err)
		}
		whole := old.token()
		whole.RefreshToken, whole.Client = old.RefreshToken, client
		tok, err := from.Config.Refresh(m.Context(), whole)
		if err == nil {
			err = before.prepareJournal(m.Context(), old)
		}
		if err == nil {
			err = before.fillJournal(m.Context(), old.next(tok))
		}
		if err != nil {
			t.Fatal(err)
		}
		m.moves(m.named(""))
	})
}

func TestALoginStaysWhereItIsWhereItCannotBeTakenOver(t *testing.T) {
	inBubble(t, func(m *world) {
		from := m.named("")
		if took, err := within(m.session()).TakeOver(m.Context(), within(from)); took || err != nil {
			t.Errorf("without a login: %v, %v", took, err)
		}
		m.signIn(from)
		elsewhere := m.session()
		elsewhere.Config.Region = "eu-west-1"
		for _, s := range []*Session{elsewhere, m.named("")} {
			if took, err := within(s).TakeOver(m.Context(), within(from)); took || err == nil {
				t.Errorf("%v: %v, %v", s, took, err)
			}
		}
		m.signIn(m.session())
		if took, err := within(m.session()).TakeOver(m.Context(), within(from)); took || err != nil {
			t.Errorf("into a login: %v, %v", took, err)
		}
		m.token(from)
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		it, err := from.store.read(m.Context())
		if err != nil {
			t.Fatal(err)
		}
		from.store.markEnded(it, true, "over")
		if took, err := within(m.session()).TakeOver(m.Context(), within(from)); took || err != nil {
			t.Errorf("one that has ended: %v, %v", took, err)
		}
	})
}

// refusing is a keyring that fails to do something to some items.
type refusing struct {
	keyring.Keyring
	set, remove func(item string) bool
}

func (r *refusing) Set(ctx context.Context, item, secret string) error {
	if r.set(item) {
		return errors.New("refused")
	}
	return r.Keyring.Set(ctx, item, secret)
}

func (r *refusing) Delete(ctx context.Context, item string) error {
	if r.remove(item) {
		return errors.New("refused")
	}
	return r.Keyring.Delete(ctx, item)
}

func TestAFailureWhileALoginIsTakenOverLosesNoLogin(t *testing.T) {
	inBubble(t, func(m *world) {
		from := m.named("")
		m.signIn(from)
		never := func(string) bool { return false }
		tokens := func(item string) bool { return strings.HasPrefix(item, "session-") }
		s := m.session()
		s.Keyring = &refusing{m.keyring, tokens, never}
		if took, err := within(s).TakeOver(m.Context(), within(m.named(""))); took || err == nil {
			t.Fatalf("taken over: %v, %v", took, err)
		}
		if err := m.named("").Renew(m.Context()); err != nil {
			t.Fatal(err)
		}
		stubborn := m.named("")
		stubborn.Keyring = &refusing{m.keyring, never, tokens}
		if took, err := within(m.session()).TakeOver(m.Context(), within(stubborn)); !took || err != nil {
			t.Fatalf("taken over: %v, %v", took, err)
		}
		if err := m.session().Renew(m.Context()); err != nil {
			t.Error(err)
		}
		logins, err := Logins(string(m.store().state), "")
		if !slices.ContainsFunc(logins, func(l *Status) bool { return l.Name == "corp" && !l.Uncertain }) || err != nil {
			t.Errorf("the logins are %+v, %v", logins, err)
		}
	})
}
