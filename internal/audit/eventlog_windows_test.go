package audit

import (
	"os"
	"testing"
)

func TestTheEventLogTakesEachEvent(t *testing.T) {
	trail := &Trail{Dir: Dir(t.TempDir()), Sinks: []string{EventLog}, Name: "credproc",
		Kind: func(error) (string, string) { return "policy", "" }, Refuse: func(err error) error { return err }}
	for _, event := range []string{Answer, SignIn, SignOut, Token} {
		if err := trail.Leave(t.Context(), Line{Event: event, Session: forged}, nil); err != nil {
			t.Errorf("%s: %v", event, err)
		}
		if eventID(event) == 0 {
			t.Errorf("%s has no ID", event)
		}
	}
	if err := trail.Leave(t.Context(), Line{Event: Answer}, os.ErrPermission); err != os.ErrPermission || eventID(Refusal) == 0 {
		t.Errorf("a refusal: %v", err)
	}
	if trail.Problem() != nil || trail.Lost() != nil {
		t.Errorf("it says %v, and has lost %v", trail.Problem(), trail.Lost())
	}
}
