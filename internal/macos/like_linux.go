//go:build likemacos

package macos

import (
	"os"
	"path/filepath"
	"strings"
)

// stand is the directory in which a test has put what stands in for macOS.
func stand(name string) string { return filepath.Join(os.Getenv("LIKEMACOS"), name) }

// SecurityTool is the path of a program in the place of /usr/bin/security.
func SecurityTool() string { return stand("security") }

// KeychainStatus reads what the status of a keychain is to be.
func KeychainStatus() Status {
	text, _ := os.ReadFile(stand("status"))
	return map[string]Status{"open": Open, "locked": Locked, "none": None}[strings.TrimSpace(string(text))]
}
