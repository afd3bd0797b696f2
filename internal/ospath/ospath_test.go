package ospath_test

import (
	"path/filepath"
	"testing"

	"github.com/credproc/credproc/internal/ospath"
)

// compare holds the functions to those of the standard library. What they say of
// a path without an end is not asked: file systems have none.
func compare(t *testing.T, a, b string) {
	t.Helper()
	for name, pair := range map[string][2]string{
		"Join": {ospath.Join(a, b), filepath.Join(a, b)},
		"Dir":  {ospath.Dir(a), filepath.Dir(a)},
		"Base": {ospath.Base(a), filepath.Base(a)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s(%q, %q) is %q, want %q", name, a, b, pair[0], pair[1])
		}
	}
	if got, want := ospath.IsAbs(a), filepath.IsAbs(a); got != want {
		t.Errorf("IsAbs(%q) is %v", a, got)
	}
	got, err := ospath.Abs(a)
	want, wantErr := filepath.Abs(a)
	if got != want || (err == nil) != (wantErr == nil) {
		t.Errorf("Abs(%q) is %q, %v; want %q, %v", a, got, err, want, wantErr)
	}
}

func TestPathsAreThoseOfTheStandardLibrary(t *testing.T) {
	for _, a := range []string{
		"", ".", "..", "a", "a/b", "/", "/a", "/a/../../b", "//a", "a//b/", `C:`, `C:\`, `C:\a`, `C:a`, `c:/a/../b`, `\\host\share`, `\\host\share\a`, `\\host`, `\\`,
		`\\?\C:\a`, `\\?\UNC\host\share\a`, `\\.\pipe\a`, `\\.\UNC\host\share\a`, `\??\C:\a`, `\??`, `\`, `\a`, `C:\Users\me\.aws\config`, `C:\Users\John Doe\`, `a:b`,
	} {
		for _, b := range []string{"", "b", "..", "../..", `\b`, `??`, `??\b`, "b/c", `C:\b`} {
			compare(t, a, b)
		}
	}
}

func TestShortPathsAreThoseOfTheStandardLibrary(t *testing.T) {
	letters := []string{"a", `\`, "/", ".", "..", "?"}
	var all func(path string, left int)
	all = func(path string, left int) {
		compare(t, path, "b")
		compare(t, "a", path)
		if t.Failed() || left == 0 {
			return
		}
		for _, l := range letters {
			all(path+l, left-1)
		}
	}
	for _, from := range []string{"", "C:", `C:\`, `\\host`} {
		all(from, 4)
	}
}

func FuzzPaths(f *testing.F) {
	f.Add(`C:\a\..\b`, "c")
	f.Fuzz(func(t *testing.T, a, b string) { compare(t, a, b) })
}
