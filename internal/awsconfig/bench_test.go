package awsconfig_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/awsconfig"
)

// manyProfiles is the config file of a machine with n roles, as a tool writes it.
func manyProfiles(n int) []byte {
	var b bytes.Buffer
	b.WriteString("[default]\nregion = eu-west-1\n\n[sso-session corp]\nsso_start_url = https://d-1234567890.awsapps.com/start#/\n" +
		"sso_region = eu-west-1\nsso_registration_scopes = sso:account:access\n")
	for i := range n {
		fmt.Fprintf(&b, "\n# account %d\n[profile account-%d.Admin]\nregion = eu-west-1\noutput = json\n"+
			"credential_process = /usr/local/bin/credproc process --sso-session corp --account-id %012d --role-name Admin\n", i, i, i)
	}
	return b.Bytes()
}

func BenchmarkParse500Profiles(b *testing.B) {
	data := manyProfiles(500)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := new(awsconfig.Config).With(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadAndResolve(b *testing.B) {
	path := filepath.Join(b.TempDir(), "config")
	if err := os.WriteFile(path, manyProfiles(500), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := awsconfig.Load(path, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Profile("account-499.Admin", []string{"credproc"}); err != nil {
			b.Fatal(err)
		}
	}
}

// A file is not held in memory as a whole to find one profile in it, wherever
// that is.
func TestOneProfileOfManyTakesLittleMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, manyProfiles(4000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 2000, 3999} {
		name := fmt.Sprintf("account-%d.Admin", n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, err := awsconfig.LoadProfile(path, "", name, awsconfig.Mention{Word: "credproc", Counts: counts, Keep: "_agent_programs"})
		runtime.ReadMemStats(&after)
		if err != nil || c.Profiles[name] == nil {
			t.Fatal(c, err)
		}
		if allocs, size := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc; allocs > 40 || size > 200<<10 {
			t.Errorf("%s: %d allocations, %d bytes, want at most 40, 200 KiB", name, allocs, size)
		}
	}
}

func BenchmarkLoadOneProfile(b *testing.B) {
	for _, n := range []int{1, 400, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "config")
			if err := os.WriteFile(path, manyProfiles(n), 0o600); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				c, err := awsconfig.LoadProfile(path, "", fmt.Sprintf("account-%d.Admin", n-1), awsconfig.Mention{Word: "credproc", Counts: counts, Keep: "_agent_programs"})
				if err != nil || len(c.Profiles) != 1 {
					b.Fatal(len(c.Profiles), err)
				}
			}
		})
	}
}

func counts(rest string) bool { return strings.HasPrefix(rest, "_agent") }
