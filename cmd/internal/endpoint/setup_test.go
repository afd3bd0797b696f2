package endpoint

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// The examples are what the program prints.
func TestTheExamplesOfContainersAreWhatIsPrinted(t *testing.T) {
	s := &Setup{Program: "credproc", URL: "https://host.docker.internal:9911/profile/dev", CAFile: "/home/me/ca.pem", TokenFile: "/home/me/app.token", Region: "eu-west-1"}
	for format, file := range map[string]string{"compose": "compose.yaml", "devcontainer": "devcontainer.json", "exports": "exports.sh"} {
		text, err := os.ReadFile("../../../examples/containers/" + file)
		if err != nil || string(text) != Setups(format, []*Setup{s}) {
			t.Errorf("%s: %v, want\n%s", file, err, Setups(format, []*Setup{s}))
		}
	}
	var d map[string]any
	if err := json.Unmarshal([]byte(Setups("devcontainer", []*Setup{s})), &d); err != nil {
		t.Error(err)
	}
}

func TestASetupWithAKnownCAAndNoRegionNamesNeither(t *testing.T) {
	s := &Setup{Program: "acme aws", ID: "acme", URL: "https://aws.example/profile/dev", TokenFile: "/home/me/a token"}
	const want = `# For any SDK: acme aws forward --to https://aws.example/profile/dev --token-file '/home/me/a token' -- my-agent
# The SDKs for Go and JavaScript can do without it:
export AWS_CONTAINER_CREDENTIALS_FULL_URI=https://aws.example/profile/dev
export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/home/me/a token'
`
	if got := Setups("exports", []*Setup{s}); got != want {
		t.Errorf("%s", got)
	}
}

// One compose file has a service for each client; a shell and a container have one.
func TestSetupsSayWhichClientTheyAreFor(t *testing.T) {
	all := []*Setup{
		{Client: "app", Program: "credproc", URL: "https://aws.example/profile/dev", TokenFile: "/home/me/$app.token"},
		{Client: "c.i", Program: "credproc", URL: "https://aws.example/profile/ci", TokenFile: "/home/me/ci.token"},
		{Client: "two words", Program: "credproc", URL: "https://aws.example/profile/x", TokenFile: "/home/me/x.token"},
		{Client: "app-3", Program: "credproc", URL: "https://aws.example/profile/y", TokenFile: "/home/me/y.token"},
	}
	compose := Setups("compose", all)
	if strings.Count(compose, "services:") != 1 || !strings.Contains(compose, `"/home/me/$$app.token"`) {
		t.Errorf("%s", compose)
	}
	for _, service := range []string{"app", "c.i", "app-3", "app-4"} {
		if strings.Count(compose, "\n  \""+service+"\":\n") != 1 {
			t.Errorf("no service %s: %s", service, compose)
		}
	}
	for format, want := range map[string]string{"exports": "# Client app:\n# For any SDK: ", "devcontainer": "// Client app:\n{"} {
		if text := Setups(format, all); !strings.HasPrefix(text, want) || strings.Count(text, " Client ") != len(all) {
			t.Errorf("%s", text)
		}
	}
}

// forward goes to an endpoint in TLS only.
func TestASetupOnThisMachineNeedsNoForward(t *testing.T) {
	s := &Setup{Program: "credproc", URL: "http://127.0.0.1:9911/profile/dev", TokenFile: "/home/me/token", Region: "eu-west-1"}
	if text := Setups("exports", []*Setup{s}); strings.Contains(text, "forward") || !strings.HasPrefix(text, "export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9911/profile/dev\n") {
		t.Errorf("%s", text)
	}
}
