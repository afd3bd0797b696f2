package tokencache

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestNothingPrintsASecret(t *testing.T) {
	onWorld(t, func(m *world) {
		s := m.session()
		(&shelf{world: m}).from(s, 1, "list")
		tok, err := s.Token(m.Context())
		if err != nil {
			t.Fatal(err)
		}
		client, err := s.store.readRegistration(m.Context(), tok.Client.ID)
		if err != nil {
			t.Fatal(err)
		}
		code, err := s.Config.StartDeviceCode(m.Context())
		if err != nil {
			t.Fatal(err)
		}
		it := m.item()
		pending := pendingCode{UserCode: code.UserCode, Code: code.Code, Client: registration(client)}
		status, err := s.Status()
		if err != nil {
			t.Fatal(err)
		}
		plain := ring("plaintext", keyring.Options{Dir: m.dir})
		type holder struct {
			S *Session
			I item
			R registration
			P pendingCode
			K keyring.Keyring
		}
		for _, v := range []any{
			s, it, *it, registration(client), pending, &pending, m.keyring, plain, ring("os", keyring.Options{}), tok, status, *s.store.keys.Load(),
			(&shelf{world: m}).thing(s, "x"),
		} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				m.hasNoSecret(fmt.Sprintf("%T in %s", v, verb), fmt.Sprintf(verb, v))
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Error("text", "value", v)
			slog.New(slog.NewJSONHandler(&log, nil)).Error("JSON", "value", v)
			m.hasNoSecret(fmt.Sprintf("%T in a log", v), log.String())
		}
		for _, v := range []any{holder{s, *it, registration(client), pending, m.keyring}, []item{*it}, map[string]*item{"x": it}} {
			m.hasNoSecret(fmt.Sprintf("%T", v), fmt.Sprintf("%v %+v %#v %s", v, v, v, v))
		}
		if got := fmt.Sprintf("%v %v %v", it, pending, m.keyring); !strings.Contains(got, "generation") || !strings.Contains(got, "expires") || !strings.Contains(got, "Memory") {
			t.Errorf("%s says too little", got)
		}
	})
}

// The others tests look into their logs too; this one makes sure that there is
// something in it.
func TestTheLogOfAWholeStoryHasNoSecret(t *testing.T) {
	onWorld(t, func(m *world) {
		w := m.watch()
		sh := &shelf{world: m}
		sh.get(1, "list")
		time.Sleep(due)
		m.token(m.session())
		w.before = always("set", keyring.ErrUnavailable)
		time.Sleep(due)
		m.token(m.session())
		w.before = nil
		time.Sleep(due)
		m.token(m.session())
		m.signIn(m.session())
		m.server.EndSessions()
		time.Sleep(2 * time.Hour)
		m.hasNoSecret("an error", fmt.Sprintf("%+v", m.fails(m.session())))
		m.session().SignInByItself(m.Context(), func(oidc.DeviceCode, bool) error { return nil })
		m.session().SignOut(m.Context())
		m.keepsSecrets()
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, want := range []string{"signed in", "fetch", "journal", "not stored in the keyring yet", "session corp"} {
			if !strings.Contains(m.log.String(), want) {
				t.Errorf("the log says nothing of %q", want)
			}
		}
	})
}

func TestOnlyTheSealedFilesGrowWithSecrets(t *testing.T) {
	onWorld(t, func(m *world) {
		w := m.watch()
		w.after = func(context.Context, string, string) error { // at every step of a renewal
			m.keepsSecrets()
			return nil
		}
		for range 2 {
			time.Sleep(due)
			m.token(m.session())
		}
	})
}
