package tokencache

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
)

// CachedRole says whose credentials are stored, and how long they are good. It
// holds no secret: names that ~/.aws/config has in clear too.
type CachedRole struct {
	AccountID string    `json:"account_id"`
	RoleName  string    `json:"role_name,omitempty"` // of a permission set
	RoleARN   string    `json:"role_arn,omitempty"`  // of an IAM role, for role chains
	Fetched   time.Time `json:"fetched_at"`          // local clock
	Expiry    time.Time `json:"expires_at"`          // local clock
}

// A sealed record tells nothing to who has no key, not even whose it is, and the
// key may be where only a dialog leads to. So whoever stores a record leaves
// word of it beside it. The word names its record by the record's nonce: one
// that is about another record, or about garbage, is not believed.

const noteSuffix = ".role"

type note struct {
	CachedRole
	Record string `json:"record"`
}

// writeNote is best effort, and neither synced nor replaced as a whole: what is
// half written is no note.
func writeNote(dir safedir.Dir, name string, record []byte, about *CachedRole) {
	nonce, _ := sealed.Nonce(record)
	data, err := json.Marshal(note{*about, nonce})
	if err != nil {
		return
	}
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		return
	}
	defer root.Close()
	root.WriteFile(name+noteSuffix, data, 0o600)
}

// readNote looks again where the word is of another record than the one that is
// there: its writer may be between the two.
func readNote(dir safedir.Dir, name string) *CachedRole {
	for try := range 3 {
		if try > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		var n note
		text, err := dir.Read(name + noteSuffix)
		record, recordErr := dir.Read(name)
		if err != nil || recordErr != nil {
			return nil
		}
		if nonce, ok := sealed.Nonce(record); ok && json.Unmarshal(text, &n) == nil && n.Record == nonce {
			return &n.CachedRole
		}
	}
	return nil
}

// cachedRoles returns the roles whose credentials have not ended.
func (st *store) cachedRoles() (roles []CachedRole) {
	dir := st.cache.Sub(st.id)
	names, _ := dir.Names()
	now := time.Now()
	for _, name := range names {
		record, isNote := strings.CutSuffix(name, noteSuffix)
		if !isNote {
			continue
		}
		if r := readNote(dir, record); r != nil && now.Before(r.Expiry) && !now.Before(r.Fetched.Add(-time.Second)) {
			roles = append(roles, *r)
		}
	}
	slices.SortFunc(roles, func(a, b CachedRole) int { return a.Expiry.Compare(b.Expiry) })
	return roles
}
