package flight

import (
	"context"
	"fmt"
)

// The locks of an installation, in the order in which they are taken. A process
// that holds one takes only those further down: two that waited for each other's
// would both wait until their time is up.
//
// [Lock] and [Do] are the only ways to take one. They give the work a context
// that knows the last lock taken, and refuse one that is out of order.
//
// Two more files are locked elsewhere, and are not part of the order: the queue
// of internal/warm, where a process waits two seconds at most before it starts,
// and holds nothing; and that of safedir's Append, under which nothing is called.
const (
	signIn   rank = iota + 1 // a person signs in
	fetched                  // something is fetched with a login: the credentials of a role, a list
	session                  // the tokens of a session are read to be changed
	keyQueue                 // the keyring is asked for the sealing key
	key                      // the sealing key is made, or deleted
	unlock                   // the file keyring is opened
	word                     // a word to people is said once
)

// SignIn is the lock of signing in to a session: the only one that may be held
// while a person is waited for.
func SignIn(id string) Name { return Name{file: id + ".signin", rank: signIn} }

// Fetched is the lock of what is fetched with a session's login. A role may be
// assumed with the credentials of another one, which are fetched meanwhile: steps
// is how many roles there are before it, so that of two the one with more is taken
// first.
func Fetched(id, record string, steps int) Name {
	return Name{file: id + "." + record + ".lock", rank: fetched, steps: steps}
}

// Session is the lock of a session's tokens.
func Session(id string) Name { return Name{file: id + ".lock", rank: session} }

// Handover is the lock of [Session], for a process that gives the session's login to
// another session: it is taken before that one's.
func Handover(id string) Name { return Name{file: id + ".lock", rank: session, steps: 1} }

// KeyQueue is the lock under which one process after another asks the keyring
// for the sealing key.
func KeyQueue() Name { return Name{file: "key.queue", rank: keyQueue} }

// Key is the lock of the sealing key, one for all sessions.
func Key() Name { return Name{file: "key.lock", rank: key} }

// Unlock is the lock of opening the file keyring.
func Unlock() Name { return Name{file: "unlock.lock", rank: unlock} }

// Word is the lock of saying something once.
func Word(id, what string) Name { return Name{file: id + "." + what + ".said", rank: word} }

// Name is the name of a lock, and its place in the order.
type Name struct {
	file  string
	rank  rank
	steps int
}

type rank int

// String returns the name of the lock's file.
func (n Name) String() string { return n.file }

// before reports whether other may be taken by a process that holds n.
func (n Name) before(other Name) bool {
	return n.rank < other.rank || n.rank == other.rank && n.steps > other.steps
}

// OrderError says that a lock was asked for out of order. It is a mistake of the
// program, which would sooner or later wait for itself.
type OrderError struct {
	Held, Wanted string // names of locks
}

func (e *OrderError) Error() string {
	return fmt.Sprintf("lock %s must not be taken while %s is held", e.Wanted, e.Held)
}

type heldKey struct{}

func holding(ctx context.Context, n Name) context.Context {
	return context.WithValue(ctx, heldKey{}, n)
}

// mayTake returns an [*OrderError] unless work with ctx may take a lock.
func mayTake(ctx context.Context, wanted Name) error {
	if n, ok := ctx.Value(heldKey{}).(Name); ok && !n.before(wanted) {
		return &OrderError{Held: n.file, Wanted: wanted.file}
	}
	return nil
}

// Apart is ctx for work with the locks of another session, which the order does
// not compare with those that are held. The caller answers for it that the other
// session never leads back to this one.
func Apart(ctx context.Context) context.Context { return context.WithValue(ctx, heldKey{}, nil) }
