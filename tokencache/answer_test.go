package tokencache

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

// rewriting lets the service renew, and changes what it answers, times times.
type rewriting struct {
	http.RoundTripper
	times  int
	answer func(access, refresh string) string
}

func (w *rewriting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err != nil || r.URL.Path != "/token" || resp.StatusCode != http.StatusOK || w.times == 0 {
		return resp, err
	}
	w.times--
	var got struct{ AccessToken, RefreshToken string }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return nil, err
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewBufferString(w.answer(got.AccessToken, got.RefreshToken)))
	return resp, nil
}

// rewrites changes the answers of the coming renewals.
func (m *world) rewrites(times int, answer func(access, refresh string) string) {
	m.client = &http.Client{Transport: &rewriting{m.client.Transport, times, answer}}
}

func TestAnAnswerInAnotherFormCostsNoLogin(t *testing.T) {
	for _, form := range []string{
		`{"accessToken":%q,"refreshToken":%q}`,
		`{"accessToken":%q,"refreshToken":%q,"expiresIn":"3600"}`,
		`{"accessToken":%q,"refreshToken":%q,"expiresIn":-1}`,
		"\ufeff" + `{"accessToken":%q,"refreshToken":%q,"expiresIn":3600.0} `,
		`{"accessToken":%q,"refreshToken":%q,"expi`,
	} {
		onWorld(t, func(m *world) {
			m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
			time.Sleep(2 * time.Hour)
			m.rewrites(1, func(access, refresh string) string { return fmt.Sprintf(form, access, refresh) })
			m.renews(1, func() { m.token(m.session()) })
			m.works()
		})
	}
}

func TestARefreshTokenThatComesAloneIsStored(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		time.Sleep(2 * time.Hour)
		m.rewrites(1, func(_, refresh string) string { return fmt.Sprintf(`{"refreshToken":%q}`, refresh) })
		m.renews(2, func() { m.token(m.session()) })
		m.works()
	})
}

func TestAServiceThatNeverGivesAnAccessTokenIsUnavailable(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		time.Sleep(2 * time.Hour)
		m.rewrites(2, func(_, refresh string) string { return fmt.Sprintf(`{"refreshToken":%q}`, refresh) })
		m.renews(2, func() {
			if err := m.fails(m.session()); isUnavailable(err) == nil || errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(time.Minute)
		m.works()
	})
}

// Which refresh token the answer had is not known. Where the old one still
// works for a moment, that is the moment to ask again.
func TestAnAnswerCutShortBeforeTheRefreshTokenIsAskedForAgain(t *testing.T) {
	for _, rotation := range []idctest.Rotation{idctest.None, idctest.Omit, idctest.Grace} {
		onWorld(t, func(m *world) {
			m.server.Set(func(s *idctest.Server) { s.Rotation = rotation })
			time.Sleep(2 * time.Hour)
			m.rewrites(1, func(access, _ string) string { return fmt.Sprintf(`{"accessToken":%q,"refre`, access) })
			m.renews(2, func() { m.token(m.session()) })
			m.works()
		})
	}
}

func TestAnAccessTokenServesThoughTheRefreshTokenBesideItIsLost(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		time.Sleep(2 * time.Hour)
		m.rewrites(1, func(access, _ string) string { return fmt.Sprintf(`{"accessToken":%q,"expiresIn":3600,"refre`, access) })
		m.renews(2, func() { m.token(m.session()) })
		time.Sleep(50 * time.Minute)
		m.asksNothing(func() { m.token(m.session()) })
		time.Sleep(20 * time.Minute)
		if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
	})
}
