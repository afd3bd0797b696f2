package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

const crowd = 20

// storm runs a crowd of processes that want one role, and expects one answer.
func (m *machine) storm() {
	m.t.Helper()
	results := make([]result, crowd)
	atOnce(crowd, func(i int) { results[i] = m.process("corp", "Admin") })
	for _, r := range results {
		m.serves(r)
		if r.stdout != results[0].stdout {
			m.t.Errorf("not everybody got the same credentials")
		}
	}
}

// slowAndStrict makes each call take its time, and each refresh token work once.
func slowAndStrict(s *idctest.Server) {
	s.Latency, s.Rotation = 150*time.Millisecond, idctest.Strict
}

func TestACrowdWithAnExpiredTokenRefreshesOnceAndFetchesOnce(t *testing.T) {
	m := newMachine(t)
	m.server.Set(func(s *idctest.Server) { s.AccessTokenLife = time.Second })
	m.login()
	signedIn := time.Now()
	await(t, "the access token has expired", func() bool { return time.Since(signedIn) > time.Second })
	m.server.Set(func(s *idctest.Server) { s.AccessTokenLife = time.Hour })
	m.server.Set(slowAndStrict)
	m.storm()
	m.counted(map[string]int{"CreateToken:device_code": 1, "CreateToken:refresh_token": 1, "GetRoleCredentials": 1, "RegisterClient": 1})
	m.quiet().storm() // all warm
	m.counted(map[string]int{"CreateToken:refresh_token": 1, "GetRoleCredentials": 1})
}

func TestACrowdWithARefusedTokenRefreshesOnceAndFetchesOnce(t *testing.T) {
	m := newMachine(t)
	m.login()
	m.server.RevokeAccessTokens()
	m.server.Set(slowAndStrict)
	m.storm()
	m.counted(map[string]int{"CreateToken:refresh_token": 1, "GetRoleCredentials": 2})
	var refused, fetched int
	for _, e := range m.server.Log() {
		switch {
		case e.Op != "GetRoleCredentials":
		case e.Status == http.StatusUnauthorized:
			refused++
		default:
			fetched++
		}
	}
	if refused != 1 || fetched != 1 {
		t.Errorf("the portal refused %d times and answered %d times", refused, fetched)
	}
}

func TestACacheThatIsGoneCostsOneFetchAndNoLogin(t *testing.T) {
	m := newMachine(t)
	m.login()
	m.serves(m.process("corp", "Admin"))
	if err := os.RemoveAll(filepath.Join(m.home, ".cache")); err != nil {
		t.Fatal(err)
	}
	m.storm()
	m.counted(map[string]int{"CreateToken": m.server.Count("CreateToken:device_code"), "GetRoleCredentials": 2})

	elsewhere := m.with("XDG_CACHE_HOME=" + m.dir("cache"))
	elsewhere.storm()
	m.storm()
	m.counted(map[string]int{"RegisterClient": 1, "CreateToken:refresh_token": 0, "GetRoleCredentials": 3})
}
