//go:build darwin || likemacos

package keyring

import "github.com/credproc/credproc/internal/macos"

// maxSecret is less than the 4,096 bytes of a line of the tool's, with the secret
// in base64, have room for. It is the limit of Windows.
const maxSecret = 2560

func systemKeychain() keychain { return security{macos.SecurityTool(), macos.KeychainStatus} }

func hasEnded(error) bool { return false }
