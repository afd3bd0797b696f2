package child

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/safedir"
)

func TestADefaultProfileWithCredentialsIsHidden(t *testing.T) {
	const dev = "[profile dev]\nregion = eu-west-1\n"
	for name, tt := range map[string]struct {
		config, credentials string
		hides               []string
	}{
		"nothing":            {"", "", nil},
		"no default":         {dev, "[dev]\naws_access_key_id = A\naws_secret_access_key = S\n", nil},
		"a line":             {"[default]\ncredential_process = x\nregion = us-east-1\n" + dev, "", []string{"AWS_CONFIG_FILE"}},
		"static credentials": {dev, "[default]\naws_access_key_id = A\naws_secret_access_key = SECRET\n", []string{"AWS_SHARED_CREDENTIALS_FILE"}},
	} {
		home := t.TempDir()
		e := Environment{"HOME=" + home, "AWS_CONFIG_FILE=" + filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials")}
		for file, text := range map[string]string{"config": tt.config, "credentials": tt.credentials} {
			if err := os.WriteFile(filepath.Join(home, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		hidden, err := HideDefault(e, safedir.Dir(filepath.Join(home, "cache")))
		var hides []string
		for _, s := range hidden.Settings() {
			hides = append(hides, s.Name)
		}
		if err != nil || !slices.Equal(hides, tt.hides) {
			t.Errorf("%s: %q is hidden, want %q; error %v", name, hides, tt.hides, err)
		}
		if hidden.Config == "" {
			continue
		}
		copied, err := os.ReadFile(hidden.Config)
		if err != nil || strings.Contains(string(copied), "credential_process") || !strings.Contains(string(copied), dev) || !strings.Contains(string(copied), "us-east-1") {
			t.Errorf("%s: the copy is\n%s%v", name, copied, err)
		}
	}
}
