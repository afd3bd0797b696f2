package inside_test

import (
	"errors"
	"testing"

	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
)

type door = inside.Door[int]

type house struct {
	door
	err error
}

func (h *house) Open() error {
	inside.Fill(&h.door, 7)
	return h.err
}

func TestOnlyAnOpenHouseIsEntered(t *testing.T) {
	if got, err := inside.Of[int](new(house)); got != 7 || err != nil {
		t.Errorf("inside are %d and %v, want 7", got, err)
	}
	shut := errors.New("shut")
	if got, err := inside.Of[int](&house{err: shut}); got != 0 || !errors.Is(err, shut) {
		t.Errorf("inside are %d and %v, want the error of Open", got, err)
	}
}

func TestAHouseIsToldWhereItsPolicyIs(t *testing.T) {
	h, want := new(house), policy.Place{Root: "/somewhere", Owner: 7}
	inside.Put[int](h, want)
	if got := inside.Place(&h.door); got != want {
		t.Errorf("the policy is at %v, want %v", got, want)
	}
}
