package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

func TestAtMostFiveNamesAreListedTheNearestFirst(t *testing.T) {
	var names []string
	for i := range 400 {
		names = append(names, fmt.Sprintf("account-%03d", i))
	}
	for name, got := range map[string]terminal.Prose{
		"profiles": Known("profiles", "acount-123", names),
		"roles":    first(Held("acount-123", names)),
	} {
		if strings.Count(string(got), ", ") != 4 || !strings.Contains(string(got), ": account-123, ") || !strings.Contains(string(got), "400 "+name) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := Known("profiles", "x", nil); got != "There are no profiles in it." {
		t.Errorf("%s", got)
	}
}

func first(text terminal.Prose, _ bool) terminal.Prose { return text }

func TestARoleThatIsMisspelledIsToldFromOneThatIsNew(t *testing.T) {
	for role, want := range map[string]bool{"Admni": true, "Administrator": false, "ReadOlny": true, "Ops": false, "Dev": false} {
		if more, typo := Held(role, []string{"Admin", "ReadOnly", "Dba"}); typo != want || typo != strings.HasPrefix(string(more), "Did you mean ") {
			t.Errorf("%s: %t, %s", role, typo, more)
		}
	}
}

func TestTheFailureOfAnotherProcessHasTheSameWords(t *testing.T) {
	own := &awsapi.Trouble{Kind: awsapi.NoName, Host: "oidc.example"}
	until := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	err := &tokencache.ServiceError{Op: "renew", Reason: "x", Err: &flight.SharedError{Failure: flight.Failure{Trouble: own.String()}, Until: until}}
	if got := TroubleIn(err); got == nil || *got != *own {
		t.Errorf("%+v", got)
	}
	if got := RetryAt(err); got == nil || !got.Equal(until.Truncate(time.Second)) {
		t.Errorf("%v", got)
	}
	d := DetailsOf(err)
	if d.Trouble != awsapi.NoName || d.Host != "oidc.example" || d.Text != err.Error() {
		t.Errorf("%+v", d)
	}
}

func TestAnAnswerOfTheServiceIsNoTrouble(t *testing.T) {
	answer := &oidc.Error{Op: "CreateToken", Code: "invalid_grant", StatusCode: 400, RequestID: "1-2"}
	d := DetailsOf(fmt.Errorf("renew: %w", answer))
	text, err := json.Marshal(d)
	if err != nil || d.Trouble != "" || string(text) != `{"text":"renew: CreateToken: invalid_grant (HTTP 400, request ID 1-2)","operation":"CreateToken","code":"invalid_grant","http_status":400,"request_id":"1-2"}` {
		t.Errorf("%s, %v", text, err)
	}
	if got := RetryAt(answer); got != nil {
		t.Errorf("retry at %v", got)
	}
}

func TestEveryStatusHasAKind(t *testing.T) {
	for status, want := range map[int]string{1: Failed, 2: Config, 3: Unavailable, 4: SignIn, 5: NoAccess, 6: Keyring, 130: Interrupted, 125: Failed} {
		if got := KindOf(status); got != want {
			t.Errorf("%d: %s", status, got)
		}
	}
}
