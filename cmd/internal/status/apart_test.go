package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

func TestSessionsOfOneNameAreToldApartByWhatDiffers(t *testing.T) {
	const a, b = "https://a.awsapps.com/start", "https://b.awsapps.com/start"
	for _, tt := range []struct {
		places []Place
		want   []string
	}{
		{[]Place{{Name: "corp", StartURL: a}, {Name: "other", StartURL: b}}, []string{"corp", "other"}},
		{[]Place{{Name: "corp", StartURL: a}, {Name: "corp", StartURL: b}}, []string{"corp (" + a + ")", "corp (" + b + ")"}},
		{[]Place{{Name: "corp", StartURL: a, Region: "x"}, {Name: "corp", StartURL: a, Region: "y"}}, []string{"corp (x)", "corp (y)"}},
		{[]Place{{Name: "corp", StartURL: a}, {Name: "corp", StartURL: a, Endpoint: "https://e"}}, []string{"corp (AWS's sign-in endpoint)", "corp (https://e)"}},
		{[]Place{{Name: "corp", StartURL: a, PortalEndpoint: "https://p"}, {Name: "corp", StartURL: a}}, []string{"corp (https://p)", "corp (AWS's portal endpoint)"}},
		{[]Place{{Name: "a", StartURL: b}, {StartURL: a}}, []string{"a (" + b + ")", "a (no sso-session, " + a + ")"}},
		{[]Place{{Name: "broken"}, {Name: "broken", StartURL: a, Endpoint: "https://e"}}, []string{"broken", "broken (" + a + ", https://e)"}},
		{[]Place{{Name: "a", StartURL: a}, {StartURL: a}}, []string{"a", "a (no sso-session)"}},
	} {
		if got := Titles(tt.places); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.places, got, tt.want)
		}
	}
}

func TestStatusShowsWhichSessionIsWhich(t *testing.T) {
	all := []Session{
		{Session: "corp", StartURL: "https://a.awsapps.com/start", State: SignedOut},
		{Session: "corp", StartURL: "https://b.awsapps.com/start", State: SignedOut},
	}
	TellApart(all)
	const want = "corp (https://a.awsapps.com/start)  not signed in\ncorp (https://b.awsapps.com/start)  not signed in\n"
	text := Text(all, time.Now(), terminal.Paint{}, "credproc", func(*Session) string { return "" })
	if lines := terminal.Lines(string(text)); !slices.Equal(headings(string(lines)), headings(want)) {
		t.Errorf("%s\nwant %s", text, want)
	}
}

// headings are the lines with a session's name.
func headings(text string) (all []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "corp") {
			all = append(all, line)
		}
	}
	return all
}
