package wsl

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Command is the hidden command of credproc.exe that gives programs in WSL an
// item of the Windows Credential Manager: "keyring-item get NAME" prints Found and
// the secret, or None; "set" reads the secret from stdin, and prints Done or TooBig;
// "delete" prints Done. Each is one line. A secret is in base64, so that no code
// page and no line end changes it. A failure has no such line, and a status that
// is not 0.
const Command = "keyring-item"

// What the command prints.
const (
	Found  = "found "
	None   = "none"
	Done   = "done"
	TooBig = "too big"
)

// Encode writes a secret as one line, without its end.
func Encode(secret string) string { return base64.StdEncoding.EncodeToString([]byte(secret)) }

// Decode reads what Encode has written. Its error has nothing of the line.
func Decode(line string) (string, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimRight(line, "\r\n"))
	if err != nil {
		return "", errors.New("it is not base64")
	}
	return string(secret), nil
}

// IsItem reports whether a name is one of an item: up to 50 lowercase letters,
// digits and "-", of which the first is a letter.
func IsItem(name string) bool {
	return name != "" && len(name) <= 50 && name[0] >= 'a' && name[0] <= 'z' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
