package items_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/items"
	"github.com/credproc/credproc/internal/wsl"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestAnItemIsKeptReadAndDeleted(t *testing.T) {
	k := new(keyring.Memory)
	for _, step := range []struct{ verb, in, want string }{
		{"get", "", wsl.None},
		{"delete", "", wsl.Done},
		{"set", wsl.Encode("one") + "\n", wsl.Done},
		{"get", "", wsl.Found + wsl.Encode("one")},
		{"set", wsl.Encode("zwei ü") + "\r\n", wsl.Done},
		{"get", "", wsl.Found + wsl.Encode("zwei ü")},
		{"delete", "", wsl.Done},
		{"get", "", wsl.None},
		{"set", strings.Repeat("x", 70<<10), wsl.TooBig},
	} {
		if got, err := items.Answer(t.Context(), k, step.verb, "session-1", strings.NewReader(step.in)); got != step.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", step.verb, got, err, step.want)
		}
	}
}

func TestWhatNoProgramOfOursAsksForIsRefused(t *testing.T) {
	k := new(keyring.Memory)
	if err := k.Set(t.Context(), "session-1", "secret"); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []struct{ verb, item, in string }{
		{"get", "--help", ""}, {"get", "a b", ""}, {"get", "", ""}, {"list", "session-1", ""}, {"", "session-1", ""},
		{"set", "session-1", ""},                    // nothing
		{"set", "session-1", wsl.Encode("another")}, // a program that has died
		{"set", "session-1", "no base64!\n"},
	} {
		if got, err := items.Answer(t.Context(), k, ask.verb, ask.item, strings.NewReader(ask.in)); got != "" || err == nil {
			t.Errorf("%q: %q, %v", ask, got, err)
		}
	}
	if got, err := k.Get(t.Context(), "session-1"); got != "secret" || err != nil {
		t.Errorf("the item is %q, %v", got, err)
	}
}

// full has no room, and fails otherwise.
type full struct{ keyring.Memory }

func (*full) Set(_ context.Context, _, secret string) error {
	if len(secret) > 5 {
		return &keyring.Error{Keyring: "os", Op: "store", Kind: keyring.ErrTooBig}
	}
	return &keyring.Error{Keyring: "os", Op: "store", Kind: keyring.ErrUnavailable}
}

func TestNoRoomIsAnAnswerAndAFailureIsNone(t *testing.T) {
	for secret, want := range map[string]string{"too long": wsl.TooBig, "short": ""} {
		got, err := items.Answer(t.Context(), new(full), "set", "session-1", strings.NewReader(wsl.Encode(secret)+"\n"))
		if got != want || errors.Is(err, keyring.ErrUnavailable) != (want == "") {
			t.Errorf("%s: %q, %v", secret, got, err)
		}
	}
}
