// Package clicache reads and writes the files in ~/.aws/sso/cache that the AWS
// CLI and the AWS SDKs share: one for each login, unencrypted.
//
// No program locks these files. The AWS CLI writes them in place, so that a reader
// can see half of one; boto3, and this package, replace them as a whole.
package clicache

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

// again is how long the AWS CLI may take to write a file.
const again = 50 * time.Millisecond

// A Login is one file. Times are the service's, and zero where they are not
// said.
type Login struct {
	StartURL, Region string // as they are configured
	AccessToken      string // a secret
	Expiry           time.Time

	// What renewing takes. A file that credproc wrote has none of it.
	RefreshToken           string // a secret
	ClientID, ClientSecret string // the latter a secret
	RegistrationExpiry     time.Time
}

// Format prints no secret, whatever the verb.
func (l Login) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "clicache.Login(%s, expires %s)", l.StartURL, l.Expiry.Format(time.RFC3339))
}

// LogValue logs what Format prints.
func (l Login) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }

// file is how a login is written.
type file struct {
	StartURL              string `json:"startUrl"`
	Region                string `json:"region"`
	AccessToken           string `json:"accessToken"`
	ExpiresAt             string `json:"expiresAt"`
	ClientID              string `json:"clientId,omitempty"`
	ClientSecret          string `json:"clientSecret,omitempty"`
	RegistrationExpiresAt string `json:"registrationExpiresAt,omitempty"`
	RefreshToken          string `json:"refreshToken,omitempty"`
}

// ErrDamaged says that a file is not what it should be. The error that wraps it
// repeats nothing of it.
var ErrDamaged = errors.New("not a login of the AWS CLI")

// Dir is the directory below a person's home.
func Dir(home string) string { return filepath.Join(home, ".aws", "sso", "cache") }

// Name is the name of the file of an sso-session, or, where there is none, of a
// start URL exactly as it is configured.
func Name(key string) string {
	sum := sha1.Sum([]byte(key)) // the SDKs' choice; it protects nothing
	return hex.EncodeToString(sum[:]) + ".json"
}

// Read returns the login in a directory. The error is [fs.ErrNotExist],
// [ErrDamaged], or says why it could not be read.
func Read(dir, name string) (*Login, error) {
	path := filepath.Join(dir, name)
	for attempt := 0; ; attempt++ {
		data, err := safedir.Dir(dir).Read(name)
		if err != nil {
			return nil, err
		}
		login, err := parse(data)
		if err == nil {
			return login, nil
		}
		if attempt == 1 {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		time.Sleep(again)
	}
}

func parse(data []byte) (*Login, error) {
	var f file
	// Not the parser's error: it may quote a secret.
	if json.Unmarshal(data, &f) != nil || f.AccessToken == "" {
		return nil, ErrDamaged
	}
	expiry, err := parseTime(f.ExpiresAt)
	if err != nil {
		return nil, ErrDamaged
	}
	login := &Login{
		StartURL: f.StartURL, Region: f.Region, AccessToken: f.AccessToken, Expiry: expiry,
		RefreshToken: f.RefreshToken, ClientID: f.ClientID, ClientSecret: f.ClientSecret,
	}
	if f.RegistrationExpiresAt != "" {
		if login.RegistrationExpiry, err = parseTime(f.RegistrationExpiresAt); err != nil {
			return nil, ErrDamaged
		}
	}
	return login, nil
}

// parseTime also takes the "UTC" that older releases of the AWS CLI wrote.
func parseTime(text string) (time.Time, error) {
	if bare, ok := strings.CutSuffix(text, "UTC"); ok {
		text = bare + "Z"
	}
	return time.Parse(time.RFC3339, text)
}

// Write replaces the login in a directory, which it makes if need be. A file
// with a refresh token whose access token has not ended is left alone: the AWS
// CLI made it, and renews it itself. That is not so where the file is of client,
// the ID of the registration that l came from: then it is the same login, and
// another program has its refresh token now.
func Write(dir, name, client string, l *Login) error {
	old, err := Read(dir, name)
	if err == nil && old.RefreshToken != "" && time.Now().Before(old.Expiry) && (client == "" || old.ClientID != client) {
		return nil
	}
	data, err := marshal(l)
	if err != nil {
		return err
	}
	return safedir.Dir(dir).Write(name, data)
}

func marshal(l *Login) ([]byte, error) {
	return json.Marshal(file{
		StartURL: l.StartURL, Region: l.Region, AccessToken: l.AccessToken, ExpiresAt: written(l.Expiry),
		RefreshToken: l.RefreshToken, ClientID: l.ClientID, ClientSecret: l.ClientSecret, RegistrationExpiresAt: written(l.RegistrationExpiry),
	})
}

// written is the one form that all SDKs read: whole seconds, and a "Z".
func written(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// Remove removes a login that [Write] wrote for a caller that has kept the
// refresh token, and no other.
func Remove(dir, name string) error {
	old, err := Read(dir, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && old.RefreshToken != "" {
		return nil
	}
	if err != nil {
		return err
	}
	return safedir.Dir(dir).Remove(name)
}
