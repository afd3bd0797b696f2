package report

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/credproc/credproc/oidc"
)

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
