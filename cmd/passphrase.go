package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/tokencache/keyring"
)

// commandTime is how long the command that knows the passphrase may take where
// no person is waiting.
const commandTime = 25 * time.Second

// unlockBy returns how the file keyring is opened: by what the environment says,
// or else by the person at the terminal, if there is one to be asked.
func unlockBy(a *App, attended bool) keyring.Unlock {
	u := keyring.Unlock{}
	for _, name := range private {
		takeSecret(a, name)
	}
	passphrase, command := takePassphrase(a), a.setting("PASSPHRASE_COMMAND")
	switch {
	case a.setting("RESOLVING") != "": // that command runs us: it would wait for itself
	case command != "":
		u.Passphrase = func(ctx context.Context, _ keyring.PassphraseRequest) (string, error) {
			return firstLineOf(ctx, a, command, a.variable("PASSPHRASE_COMMAND"))
		}
	case passphrase != "":
		u.Passphrase = func(context.Context, keyring.PassphraseRequest) (string, error) { return passphrase, nil }
	case attended && a.term().Interactive():
		u.Person = true
		u.Passphrase = func(ctx context.Context, ask keyring.PassphraseRequest) (string, error) {
			return askPassphrase(ctx, a, ask)
		}
	}
	return u
}

// takePassphrase returns the passphrase that is in the environment, or that the
// person has typed since.
func takePassphrase(a *App) string {
	if a.passphrase == nil {
		secret := takeSecret(a, "PASSPHRASE")
		a.passphrase = func() string { return secret }
	}
	return a.passphrase()
}

// firstLineOf returns the first line that the command of a setting prints. The
// command may ask the person on stderr.
func firstLineOf(ctx context.Context, a *App, command, setting string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	c := child.Shell(ctx, command)
	c.Env, c.Stderr = append(inherited(a), a.variable("RESOLVING")+"=1"), a.term().ErrWriter()
	line, err := child.FirstLine(c)
	if err != nil && ctx.Err() != nil { // the command's own error says only that it was killed
		err = errors.New("no answer in time")
		if errors.Is(ctx.Err(), context.Canceled) {
			err = ctx.Err()
		}
	}
	if err != nil {
		err = fmt.Errorf("%s failed: %w", setting, err)
	}
	return line, err
}

// askPassphrase asks the person. What they have typed opens the other sessions
// of the command too.
func askPassphrase(ctx context.Context, a *App, ask keyring.PassphraseRequest) (string, error) {
	if known := a.passphrase(); known != "" && !ask.Wrong {
		return known, nil
	}
	if ask.Wrong {
		a.term().Say("That is not the passphrase.")
	}
	prompt := "Passphrase of the file keyring: "
	if ask.New {
		prompt = "A passphrase for the file keyring: "
	}
	secret, err := a.term().ReadNew(ctx, prompt, ask.New)
	if err == nil {
		a.passphrase = func() string { return secret }
	}
	return secret, err
}

// private are our own variables that hold secrets, without their prefix. A
// command does not inherit them.
var private = []string{"PASSPHRASE", "SERVE_TOKEN"}

// takeSecret returns one of these, and takes it out of the environment of this
// process: what go-keyring starts inherits that.
func takeSecret(a *App, name string) string {
	secret, taken := a.secrets[name]
	if taken {
		return secret
	}
	if a.secrets == nil {
		a.secrets = make(map[string]string)
	}
	a.secrets[name] = a.setting(name)
	if a.Getenv == nil {
		os.Unsetenv(a.variable(name))
	}
	return a.secrets[name]
}

// inherited is what every process that we start may see of our environment.
func inherited(a *App) child.Environment {
	from := a.Environ
	if from == nil {
		from = os.Environ
	}
	e := child.Environment(slices.Clone(from()))
	for _, name := range private {
		e.Remove(a.variable(name))
	}
	return e
}
