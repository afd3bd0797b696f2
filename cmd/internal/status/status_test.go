package status

import (
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/tokencache"
)

func TestStatusTellsOfAClockThatWasSetBack(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	login := &tokencache.Status{
		Name: "corp", Keyring: "os", SignedIn: now.Add(time.Hour), Renewed: now.Add(time.Hour), Expiry: now.Add(2 * time.Hour), Refreshable: true,
	}
	s := Describe(login, 0, now)
	if s.State != SignedIn || s.ExpectedEnd.Source != byAdministrator || s.ExpectedEnd.At != nil {
		t.Errorf("no session has ended here, and this one is expected to: %+v", s.ExpectedEnd)
	}
	var words []string
	for _, line := range s.lines(now, "") {
		words = append(words, string(line.text))
	}
	if said := strings.Join(words, "\n"); strings.Count(said, "1h from now") != 2 || strings.Contains(said, " ago") {
		t.Errorf("it says\n%s", said)
	}
}
