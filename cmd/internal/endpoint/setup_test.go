package endpoint

import (
	"encoding/json"
	"os"
	"testing"
)

// The examples are what the program prints.
func TestTheExamplesOfContainersAreWhatIsPrinted(t *testing.T) {
	s := &Setup{Program: "credproc", URL: "https://host.docker.internal:9911/profile/dev", CAFile: "/home/me/ca.pem", TokenFile: "/home/me/app.token", Region: "eu-west-1"}
	for format, file := range map[string]string{"compose": "compose.yaml", "devcontainer": "devcontainer.json", "exports": "exports.sh"} {
		text, err := os.ReadFile("../../../examples/containers/" + file)
		if err != nil || string(text) != s.Text(format) {
			t.Errorf("%s: %v, want\n%s", file, err, s.Text(format))
		}
	}
	var d map[string]any
	if err := json.Unmarshal([]byte(s.Text("devcontainer")), &d); err != nil {
		t.Error(err)
	}
}

func TestASetupWithAKnownCAAndNoRegionNamesNeither(t *testing.T) {
	s := &Setup{Program: "acme aws", ID: "acme", URL: "https://aws.example/profile/dev", TokenFile: "/home/me/a token"}
	const want = `# For any SDK: acme aws forward --to https://aws.example/profile/dev --token-file '/home/me/a token' -- my-agent
# For the SDKs for Go and JavaScript also without it:
export AWS_CONTAINER_CREDENTIALS_FULL_URI=https://aws.example/profile/dev
export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE='/home/me/a token'
`
	if got := s.Text("exports"); got != want {
		t.Errorf("%s", got)
	}
}
