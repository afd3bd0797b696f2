package tokencache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// signedIn is a session of a local Identity Center, with everything in a
// directory that remove deletes.
func signedIn() (s *tokencache.Session, remove func()) {
	server := idctest.New()
	server.AutoApprove = true
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	s = &tokencache.Session{
		Name:     "corp",
		Config:   oidc.Config{StartURL: server.StartURL, Region: server.Region, HTTPClient: server.Client()},
		Keyring:  new(keyring.Memory),
		StateDir: dir, CacheDir: dir,
	}
	err = s.SignIn(context.Background(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
	})
	if err != nil {
		log.Fatal(err)
	}
	return s, func() { os.RemoveAll(dir) }
}

func ExampleSession_Token() {
	s, remove := signedIn()
	defer remove()

	token, err := s.Token(context.Background())
	switch {
	case errors.Is(err, oidc.ErrSignInRequired):
		fmt.Println("please sign in")
	case errors.Is(err, keyring.ErrLocked):
		fmt.Println("please unlock your keychain; nothing is lost")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println("valid for an hour:", time.Until(token.Expiry) > 50*time.Minute)
	// Output: valid for an hour: true
}

func ExampleSession_SignIn() {
	server := idctest.New() // a local Identity Center; leave HTTPClient nil for the real one
	server.AutoApprove = true
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	s := &tokencache.Session{
		Name:     "corp",
		Config:   oidc.Config{StartURL: server.StartURL, Region: server.Region, HTTPClient: server.Client()},
		Keyring:  new(keyring.Memory),
		StateDir: dir, CacheDir: dir,
	}
	err = s.SignIn(context.Background(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(code oidc.DeviceCode) error {
			_, err := fmt.Println("Please open", code.VerificationURI)
			return err
		})
	})
	if err != nil {
		log.Fatal(err)
	}
	status, err := s.Status()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in to", status.Name, "with tokens in the keyring", status.Keyring)
	// Output:
	// Please open https://oidc.us-east-1.amazonaws.com/device
	// signed in to corp with tokens in the keyring memory
}

func ExampleSession_SignOut() {
	s, remove := signedIn()
	defer remove()

	was, err := s.SignOut(context.Background())
	if revoke, ok := errors.AsType[*tokencache.RevokeError](err); ok {
		fmt.Println("signed out on this machine only:", revoke)
	} else if err != nil {
		log.Fatal(err)
	}
	_, err = s.Token(context.Background())
	fmt.Println(was, errors.Is(err, oidc.ErrSignInRequired))
	// Output: true true
}

// Without a Keyring of its own a session uses the operating system's keychain.
// A machine that has none needs another, which only its user should choose.
func ExampleSession_keyring() {
	keychain, err := keyring.New("os", keyring.Options{Service: "acme", MayPrompt: true})
	if err != nil {
		log.Fatal(err)
	}
	config := oidc.Config{StartURL: "https://d-1234567890.awsapps.com/start", Region: "eu-west-1"}
	for _, s := range []*tokencache.Session{
		{Config: config},
		{Config: config, NewLoginKeyring: "plaintext"},
		{Config: config, Keyring: keychain},
		{Config: config, Keyring: new(keyring.Memory)},
	} {
		if s.Keyring == nil {
			fmt.Printf("where the login is, or else %q\n", s.NewLoginKeyring)
		} else {
			fmt.Println(s.Keyring.Name())
		}
	}
	// Output:
	// where the login is, or else ""
	// where the login is, or else "plaintext"
	// os
	// memory
}
