package credproctest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/credproc/credproctest"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// t is the *testing.T of your test.
var t *testing.T

func ExampleSignedIn() {
	provider := &credproc.Provider{
		Session:   credproctest.SignedIn(t),
		AccountID: "111111111111",
		RoleName:  "Admin",
	}
	credentials, err := provider.Retrieve(t.Context())
	if err != nil || credentials.AccountID != "111111111111" {
		t.Errorf("credentials of account %q, error %v", credentials.AccountID, err)
	}
}

// A test of a program with a sign-in page of its own. After the sign-in 20
// processes need credentials at once, and the service is asked for them once.
func ExampleNew() {
	// The page, as the program has it.
	page := func(session *tokencache.Session) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			err := session.SignIn(r.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
				return c.SignInWithCode(ctx, func(code oidc.DeviceCode) error {
					_, err := fmt.Fprintf(w, "Confirm %s at %s\n", code.UserCode, code.VerificationURI)
					return err
				})
			})
			fmt.Fprintln(w, "Signed in:", err == nil)
		}
	}

	machine := credproctest.New(t)
	machine.Center.AutoApprove = true // the person who confirms
	answer := httptest.NewRecorder()
	page(machine.Session())(answer, httptest.NewRequest("GET", "/", nil))
	t.Log(answer.Body)

	var all sync.WaitGroup
	for range 20 {
		provider := &credproc.Provider{Session: machine.Session(), AccountID: "111111111111", RoleName: "Admin"}
		all.Go(func() {
			if _, err := provider.Retrieve(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := machine.Center.Count("GetRoleCredentials"); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// What a program does while the service fails can be tested too.
func ExampleMachine_SignedIn() {
	machine := credproctest.New(t)
	provider := &credproc.Provider{Session: machine.SignedIn(), AccountID: "111111111111", RoleName: "Admin"}

	machine.Center.Fault("GetRoleCredentials", idctest.Fault{Status: http.StatusServiceUnavailable})
	_, err := provider.Retrieve(t.Context())
	if _, ok := errors.AsType[*tokencache.ServiceError](err); !ok {
		t.Errorf("while the service fails: %v", err)
	}
}

func ExampleMachine_Config() {
	machine := credproctest.New(t)
	machine.SignedIn()
	config := machine.Config(`
[profile dev]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = ReadOnly
`)
	provider, err := config.Provider("dev")
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := provider.Retrieve(t.Context())
	if role := machine.Center.RoleOf(credentials.AccessKeyID); role != "111111111111/ReadOnly" {
		t.Errorf("role %q, error %v", role, err)
	}
}
