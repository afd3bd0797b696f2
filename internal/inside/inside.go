// Package inside lets the packages of this module reach what a type of another
// one keeps from programs: what only the commands need is not in the public API
// of a session or a configuration.
//
// The type embeds a [Door] under an unexported name, fills it in its method
// Open, and [Of] hands out what is in it. The method that Of goes by has an
// unexported name of this package, so nothing outside the module can call it or
// implement it, and a type without a door does not compile.
package inside

import (
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/policy"
)

// Door is a part of a public type that leads to the inside of it. The zero Door
// is empty.
type Door[T any] struct {
	what  T
	place policy.Place
	trail *audit.Trail
}

//lint:ignore U1000 a type that embeds a Door is a [House] by it
func (d *Door[T]) door() *Door[T] { return d }

// Fill puts what into a door. It is called once, before Open returns.
func Fill[T any](d *Door[T], what T) { d.what = what }

// Put says where the policy is that a house obeys, and whether it does. It is called
// before Open; without it that is the system's.
func Put[T any](h House[T], place policy.Place) { h.door().place = place }

// Place returns where the policy is, by a house's door.
func Place[T any](d *Door[T]) policy.Place { return d.place }

// Leave says where a house leaves its trail. It is called before Open; without it
// there is none.
func Leave[T any](h House[T], trail *audit.Trail) { h.door().trail = trail }

// Trail returns where a house leaves its trail, or nil.
func Trail[T any](h House[T]) *audit.Trail { return h.door().trail }

// A House is a value with a [Door]. Open fills the door, or says why it cannot.
type House[T any] interface {
	Open() error
	door() *Door[T]
}

// Of opens a house and returns what is inside.
func Of[T any](h House[T]) (T, error) {
	if err := h.Open(); err != nil {
		var none T
		return none, err
	}
	return h.door().what, nil
}
