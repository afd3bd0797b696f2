package tokencache

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// A call of the keychain may have started a program.
func TestClosingASessionEndsItsCallsOfTheKeyring(t *testing.T) {
	m := newWorld(t)
	m.signIn(m.session())
	w := m.watch()
	asked, ended := make(chan struct{}), make(chan error, 1)
	var first sync.Once
	w.before = func(ctx context.Context, op, _ string) (err error) {
		first.Do(func() {
			close(asked)
			<-ctx.Done()
			err = ctx.Err()
			ended <- err
		})
		return err
	}
	s := m.session()
	caller, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() { _, err := s.Token(caller); answered <- err }()
	<-asked
	cancel() // the call goes on: others may be waiting for it
	if err := <-answered; err == nil {
		t.Error("a token without the keyring")
	}
	select {
	case err := <-ended:
		t.Fatalf("the call ended with its caller: %v", err)
	default:
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	if _, err := s.Token(t.Context()); err != nil {
		t.Errorf("what is stored is not read any more: %v", err)
	}
}
