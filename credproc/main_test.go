package credproc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// childDir is set in a process that a test starts: the test binary then is
// another program on the same machine.
const childDir = "CREDPROC_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child prints credentials without a way to the service.
func child(dir string) error {
	s := sessionIn(dir, &http.Client{Transport: offline{}})
	credentials, err := (&Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}).Retrieve(context.Background())
	if err != nil {
		return err
	}
	return Write(os.Stdout, credentials)
}

// sessionIn is a session whose everything is in dir.
func sessionIn(dir string, client *http.Client) *tokencache.Session {
	return &tokencache.Session{
		Name:    "corp",
		Config:  oidc.Config{StartURL: "https://idc.example/start", Region: "us-east-1", HTTPClient: client},
		Keyring: ring("plaintext", keyring.Options{Dir: dir + "/keyring"}), StateDir: dir + "/state", CacheDir: dir + "/cache",
	}
}

type offline struct{}

func (offline) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.New("the network was used")
}

// ring is a keyring of package keyring.
func ring(name string, o keyring.Options) keyring.Keyring {
	k, err := keyring.New(name, o)
	if err != nil {
		panic(err)
	}
	return k
}
