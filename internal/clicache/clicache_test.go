package clicache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const theirs = `{"startUrl": "https://corp.awsapps.com/start#/", "region": "eu-west-1", "accessToken": "access-SECRET",
	"expiresAt": "2999-11-23T11:12:29Z", "clientId": "cid", "clientSecret": "client-SECRET", "registrationExpiresAt": "2999-12-23T11:12:29Z",
	"refreshToken": "refresh-SECRET", "more": {"than": "we know"}}`

func put(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "login.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNamesAreTheOnesOfTheSDKs(t *testing.T) {
	for key, want := range map[string]string{
		"my-sso":                                 "0ad374308c5a4e22f723adf10145eafad7c4031c.json",
		"https://d-1234567890.awsapps.com/start": "7487b5b67d5fa1132cf33fa93ae51ef38cc37752.json",
	} {
		if got := Name(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

func TestALoginOfTheCLIIsRead(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, theirs)
	l, err := Read(dir, "login.json")
	if err != nil {
		t.Fatal(err)
	}
	if l.StartURL != "https://corp.awsapps.com/start#/" || l.Region != "eu-west-1" || l.AccessToken != "access-SECRET" || l.RefreshToken == "" || l.ClientSecret == "" ||
		l.ClientID != "cid" || l.Expiry.Year() != 2999 || l.RegistrationExpiry.Month() != time.December {
		t.Errorf("%s", l)
	}
	if text := fmt.Sprintf("%v %+v %#v %s %v", l, *l, *l, l, l.LogValue()); strings.Contains(text, "SECRET") {
		t.Error(text)
	}
}

func TestATimeInUTCIsReadToo(t *testing.T) {
	l, err := parse([]byte(`{"accessToken": "a", "expiresAt": "2020-06-17T10:02:08UTC"}`))
	if err != nil || !l.Expiry.Equal(time.Date(2020, 6, 17, 10, 2, 8, 0, time.UTC)) || l.RefreshToken != "" {
		t.Errorf("%v, %v", l, err)
	}
}

func TestWhatIsNoLoginIsSaidWithoutItsText(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{
		"", "{", "null", "[]", `{"clientId": "c", "clientSecret": "SECRET"}`, `{"accessToken": "SECRET"}`, `{"accessToken": "SECRET", "expiresAt": "soon"}`,
		`{"accessToken": "SECRET", "expiresAt": "2999-01-01T00:00:00Z", "registrationExpiresAt": "SECRET"}`, `{"accessToken": 7SECRET}`,
	} {
		put(t, dir, text)
		_, err := Read(dir, "login.json")
		if !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Read(dir, "absent.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestALoginIsWrittenAsEverySDKReadsIt(t *testing.T) {
	home := t.TempDir()
	dir := Dir(home)
	at := time.Date(2999, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
	if err := Write(dir, "login.json", "cid", &Login{StartURL: "https://corp.awsapps.com/start", Region: "eu-west-1", AccessToken: "a", Expiry: at}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(home, ".aws", "sso", "cache", "login.json"))
	want := `{"startUrl":"https://corp.awsapps.com/start","region":"eu-west-1","accessToken":"a","expiresAt":"2999-01-02T02:04:05Z"}`
	if string(text) != want || err != nil {
		t.Errorf("%s, %v", text, err)
	}
	info, err := os.Stat(filepath.Join(dir, "login.json"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%v", files)
	}
	if err := Remove(dir, "login.json"); err != nil {
		t.Error(err)
	}
	if _, err := Read(dir, "login.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestTheCLIsOwnLoginIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		there, client string
		replaced      bool
	}{
		{theirs, "another", false},
		{theirs, "", false},
		{theirs, "cid", true}, // it is ours now
		{strings.Replace(theirs, "2999-11", "1999-11", 1), "another", true},
		{strings.Replace(theirs, "refreshToken", "none", 1), "another", true},
		{"{", "another", true},
	} {
		put(t, dir, tt.there)
		if err := Write(dir, "login.json", tt.client, &Login{AccessToken: "new", Expiry: time.Now().Add(time.Hour)}); err != nil {
			t.Error(err)
		}
		if l, err := Read(dir, "login.json"); err != nil || (l.AccessToken == "new") != tt.replaced {
			t.Errorf("%s for %s: %v, %v", tt.there, tt.client, l, err)
		}
	}
	put(t, dir, theirs)
	if err := Remove(dir, "login.json"); err != nil {
		t.Error(err)
	}
	if _, err := Read(dir, "login.json"); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

// FuzzRead reads anything, and reads what it writes of it again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(theirs))
	f.Add([]byte(`{"accessToken":"a","expiresAt":"2020-06-17T10:02:08UTC"}`))
	f.Add([]byte(`{"accessToken":"\u00e9<","expiresAt":"2020-06-17T10:02:08+01:00","registrationExpiresAt":"0001-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parse(data)
		if err != nil {
			if l != nil || err != ErrDamaged {
				t.Errorf("%v, %v", l, err)
			}
			return
		}
		text, err := marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(text)
		if l.Expiry.Truncate(time.Second).IsZero() || l.Expiry.UTC().Year() > 9999 || l.Expiry.UTC().Year() < 0 ||
			l.RegistrationExpiry.UTC().Year() > 9999 || l.RegistrationExpiry.UTC().Year() < 0 {
			return // no time of a login
		}
		if err != nil || again.AccessToken != l.AccessToken || !again.Expiry.Equal(l.Expiry.Truncate(time.Second)) || again.RefreshToken != l.RefreshToken || again.ClientSecret != l.ClientSecret {
			t.Errorf("%s: %v", text, err)
		}
	})
}
