package portal

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// The methods below have value receivers, so that a pointer has them too.

// Format prints the type and the expiration, and no secret, for every verb and flag.
func (c Credentials) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "portal.Credentials(expire %s)", c.Expiration.Format(time.RFC3339))
}

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
