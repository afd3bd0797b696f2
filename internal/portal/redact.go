package portal

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// The methods below have value receivers, so that a pointer has them too.
// Format stands for every verb of package fmt; String and GoString are for
// those who call them by name.

// String returns the type and the expiration, and no secret.
func (c Credentials) String() string {
	return fmt.Sprintf("portal.Credentials(expire %s)", c.Expiration.Format(time.RFC3339))
}

// GoString is the same as String.
func (c Credentials) GoString() string { return c.String() }

// Format prints what String returns, for every verb and flag.
func (c Credentials) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue is a group with the expiration, and no secret.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.Time("expiration", c.Expiration))
}

// MarshalJSON writes the expiration, and no secret: to store credentials, take
// their fields one by one.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Expiration time.Time `json:"expiration"`
	}{c.Expiration})
}
