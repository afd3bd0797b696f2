package idctest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// askSigninToken asks for a token that signs a browser in, as the role Admin.
func askSigninToken(t *testing.T, w *wire, change func(session map[string]string, form url.Values)) (status int, token string) {
	t.Helper()
	_, tokens := w.signIn(accountAccess)
	role := w.portal("GET", adminPath, tokens.text("accessToken")).fields["roleCredentials"].(map[string]any)
	session := map[string]string{
		"sessionId": role["accessKeyId"].(string), "sessionKey": role["secretAccessKey"].(string), "sessionToken": role["sessionToken"].(string)}
	form := url.Values{"Action": {"getSigninToken"}}
	change(session, form)
	text, err := json.Marshal(session)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("Session", string(text))
	resp, err := w.client.PostForm(w.base+"/federation", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ SigninToken string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); resp.StatusCode == http.StatusOK && err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer.SigninToken
}

func TestCredentialsBecomeASigninToken(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		status, token := askSigninToken(t, w, func(_ map[string]string, form url.Values) { form.Set("SessionDuration", "43200") })
		if status != http.StatusOK || token == "" || !strings.Contains(token, w.server.Marker()) {
			t.Fatalf("HTTP %d, %q", status, token)
		}
		if got := w.server.ConsoleSessions(); len(got) != 1 || got[0] != 12*time.Hour {
			t.Errorf("the sessions last %v", got)
		}
	})
}

func TestCredentialsThatAreNoneBecomeNoSigninToken(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		w.server.MaxConsoleSession = 4 * time.Hour
		for name, change := range map[string]func(map[string]string, url.Values){
			"another key":       func(s map[string]string, _ url.Values) { s["sessionKey"] += "x" },
			"no token":          func(s map[string]string, _ url.Values) { delete(s, "sessionToken") },
			"too short":         func(_ map[string]string, f url.Values) { f.Set("SessionDuration", "899") },
			"too long":          func(_ map[string]string, f url.Values) { f.Set("SessionDuration", "43201") },
			"more than allowed": func(_ map[string]string, f url.Values) { f.Set("SessionDuration", "14401") },
			"no number":         func(_ map[string]string, f url.Values) { f.Set("SessionDuration", "1h") },
		} {
			if status, token := askSigninToken(t, w, change); status != http.StatusBadRequest || token != "" {
				t.Errorf("%s: HTTP %d, %q", name, status, token)
			}
		}
	})
}

func TestCredentialsInAURLAreAViolation(t *testing.T) {
	w := inMemory(t, strict())
	resp, err := w.client.Post(w.base+"/federation?Session=x", "application/x-www-form-urlencoded", strings.NewReader("Action=getSigninToken"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || len(w.server.Violations()) != 1 {
		t.Errorf("HTTP %d, violations %q", resp.StatusCode, w.server.Violations())
	}
}
