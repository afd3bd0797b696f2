package wsl_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/wsl"
)

// root returns the root of a system with these files.
func root(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWindowsIsSeenInATerminalAndWithoutOne(t *testing.T) {
	const release = "proc/sys/kernel/osrelease"
	for _, tt := range []struct {
		env   map[string]string
		files map[string]string
		want  bool
	}{
		{map[string]string{"WSL_DISTRO_NAME": "Debian"}, nil, true},
		{map[string]string{"WSL_INTEROP": "/run/WSL/1_interop"}, nil, true},
		{nil, map[string]string{release: "5.15.153.1-microsoft-standard-WSL2\n"}, true},
		{nil, map[string]string{release: "4.4.0-19041-Microsoft\n"}, true},
		{nil, map[string]string{release: "6.1.0-18-amd64\n"}, false},
		{nil, nil, false},
	} {
		s := wsl.System{Getenv: func(name string) string { return tt.env[name] }, Root: root(t, tt.files)}
		if got := s.IsWSL(); got != (tt.want && runtime.GOOS == "linux") {
			t.Errorf("%v, %v: %v", tt.env, tt.files, got)
		}
	}
}

func TestAProgramOfWindowsIsFoundWithoutPATH(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	const program = "/Windows/System32/rundll32.exe"
	for _, tt := range []struct {
		conf string
		has  []string // where the program is
		want string
	}{
		{"", []string{"mnt/c" + program}, "mnt/c" + program},
		{"[boot]\nsystemd = true\n[interop]\nappendWindowsPath = false\n", []string{"mnt/c" + program}, "mnt/c" + program},
		{"[automount]\nroot = /windows/ # here\n", []string{"windows/c" + program, "mnt/c" + program}, "windows/c" + program},
		{"[AutoMount]\r\nRoot = \"/my drives\"\r\n", []string{"my drives/c" + program}, "my drives/c" + program},
		{"[automount]\nroot=/\n", []string{"c" + program}, "c" + program},
		{"[network]\nroot=/elsewhere\n", []string{"mnt/c" + program}, "mnt/c" + program},
		{"[automount]\nroot=elsewhere\n", []string{"mnt/c" + program}, "mnt/c" + program},
		{"", []string{"mnt/d" + program}, "mnt/d" + program},
		{"", []string{"mnt/a" + program, "mnt/c" + program}, "mnt/c" + program},
		{"[automount]\nroot = /windows/\n", []string{"mnt/c" + program}, ""},
		{"", []string{"mnt/wsl" + program}, ""},
		{"", []string{"mnt/c" + program + "/directory"}, ""},
	} {
		files := map[string]string{"etc/wsl.conf": tt.conf}
		for _, path := range tt.has {
			files[path] = "MZ"
		}
		s := wsl.System{Root: root(t, files)}
		want := tt.want
		if want != "" {
			want = filepath.Join(s.Root, want)
		}
		if got := s.Program("rundll32.exe"); got != want {
			t.Errorf("with %q and %q: %q, want %q", tt.conf, tt.has, got, want)
		}
	}
}

func TestPATHIsBeforeTheDrives(t *testing.T) {
	bin := root(t, map[string]string{"rundll32.exe": "#!/bin/sh\n"})
	t.Setenv("PATH", bin)
	s := wsl.System{Root: root(t, map[string]string{"mnt/c/Windows/System32/rundll32.exe": "MZ"})}
	if got := s.Program("rundll32.exe"); got != filepath.Join(bin, "rundll32.exe") {
		t.Errorf("%q", got)
	}
}

func TestNoNameBecomesAnythingElseOnACommandLine(t *testing.T) {
	for name, want := range map[string]bool{
		"session-0123456789abcdef0123456789abcdef": true, "key-1": true, "doctor": true, strings.Repeat("a", 50): true,
		"": false, "-x": false, "--help": false, "a b": false, "A": false, "a/b": false, "a\n": false, "a%PATH%": false, `a"`: false, "ä": false, strings.Repeat("a", 51): false,
	} {
		if wsl.IsItem(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func FuzzASecretComesBack(f *testing.F) {
	for _, secret := range []string{"", "secret", "a\nb", "\x00\xff", "ü"} {
		f.Add(secret)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		line := wsl.Encode(secret)
		got, err := wsl.Decode(line + "\r\n")
		if got != secret || err != nil || strings.ContainsAny(line, "\r\n") {
			t.Errorf("%q came back as %q, %v", secret, got, err)
		}
		wsl.Decode(secret) // whatever it is
	})
}
