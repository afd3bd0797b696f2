package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/status"
)

func TestTheDoctorMissesAKeychain(t *testing.T) { // https://github.com/99designs/aws-vault/issues/304
	p := newPatient(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	p.env["CREDPROC_KEYRING"] = "os"
	bad, words := p.sees()
	if len(bad) != 1 || bad[0].Check != "keychain" || !strings.Contains(bad[0].Fix, "CREDPROC_KEYRING") {
		t.Errorf("it sees\n%s", words)
	}
	p.env["CREDPROC_KEYRING"] = "plaintext"
	if bad, words := p.sees(); len(bad) > 0 {
		t.Errorf("after that it sees\n%s", words)
	}
}

func TestTheDoctorSaysWhereANewLoginGoes(t *testing.T) {
	p := newPatient(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	p.env["CREDPROC_KEYRING"] = "auto"
	want := "a new login has nowhere to go"
	if status.KernelWorks() {
		want = "a new login goes to the kernel's keyring"
	}
	if bad, words := p.sees(); len(bad) > 0 || !strings.Contains(words, want) {
		t.Errorf("it sees\n%s", words)
	}
}

func TestTheDoctorSeesALinkToNowhere(t *testing.T) {
	p := newPatient(t)
	config := filepath.Join(p.home, ".aws", "config")
	p.remove(".aws/config")
	if err := os.Symlink(filepath.Join(p.home, "dotfiles", "config"), config); err != nil {
		t.Fatal(err)
	}
	bad, words := p.sees()
	if len(bad) != 1 || !strings.Contains(bad[0].Seen, "config is a link to a file that is not there") || !strings.Contains(bad[0].Fix, "remove the link") {
		t.Errorf("it sees\n%s", words)
	}
	p.remove(".aws/config")
	p.save()
	if bad, words := p.sees(); len(bad) > 0 {
		t.Errorf("after that it sees\n%s", words)
	}
}

func TestTheDoctorNotesProfilesWithoutARegion(t *testing.T) {
	p := newPatient(t)
	p.replace("\nregion = eu-west-1", "")
	note := "dev: no region, and none in the environment"
	if bad, words := p.sees(); len(bad) > 0 || !strings.Contains(words, note) {
		t.Errorf("it sees\n%s", words)
	}
	p.env["AWS_DEFAULT_REGION"] = "eu-west-1"
	if bad, words := p.sees(); len(bad) > 0 || strings.Contains(words, note) {
		t.Errorf("after that it sees\n%s", words)
	}
}
