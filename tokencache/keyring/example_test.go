package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// passKeyring keeps secrets in pass, https://www.passwordstore.org.
type passKeyring struct{}

func (passKeyring) Name() string { return "pass" }

func (p passKeyring) Get(ctx context.Context, item string) (string, error) {
	return p.run(ctx, "", "show", item)
}

func (p passKeyring) Set(ctx context.Context, item, secret string) error {
	_, err := p.run(ctx, secret+"\n", "insert", "--multiline", "--force", item)
	return err
}

func (p passKeyring) Delete(ctx context.Context, item string) error {
	_, err := p.run(ctx, "", "rm", "--force", item)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

// run hands secrets over by pipes, since everybody can read arguments.
func (passKeyring) run(ctx context.Context, in, command string, args ...string) (string, error) {
	args[len(args)-1] = "credproc/" + args[len(args)-1]
	cmd := exec.CommandContext(ctx, "pass", append([]string{command}, args...)...)
	var said strings.Builder
	cmd.Stdin, cmd.Stderr, cmd.WaitDelay = strings.NewReader(in), &said, time.Second
	out, err := cmd.Output()
	switch {
	case strings.Contains(said.String(), "is not in the password store"):
		return "", keyring.ErrNotFound
	case strings.Contains(said.String(), "decryption failed"):
		return "", fmt.Errorf("%w: gpg-agent has no passphrase", keyring.ErrLocked)
	}
	return strings.TrimSuffix(string(out), "\n"), err // counts as ErrUnavailable
}

// A keyring on top of a password manager. Other errors than these need no
// kind, and a manager that hangs no deadline: see Bounded.
func Example_ofYourOwn() {
	session := tokencache.Session{
		Name:    "corp",
		Config:  oidc.Config{StartURL: "https://d-1234567890.awsapps.com/start", Region: "eu-west-1"},
		Keyring: passKeyring{},
	}
	fmt.Println("tokens will be in", session.Keyring.Name())
	// Output: tokens will be in pass
}
