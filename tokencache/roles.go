package tokencache

import (
	"bytes"
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

// A note is written before its record, and says what the note before said, too:
// whichever of the two records a crash or a full disk leaves has its word.
type note struct {
	CachedRole
	Record string `json:"record"`
	Before *note  `json:"before,omitempty"`
}

// of returns what a note says of a record, or nil.
func (n *note) of(record []byte) *note {
	nonce, ok := sealed.Nonce(record)
	for ; ok && n != nil; n = n.Before {
		if n.Record == nonce {
			return n
		}
	}
	return nil
}

// writeNote is best effort, and not synced. It writes over what is there: that
// needs no room, and what is left behind it of a longer note is not read.
func writeNote(dir safedir.Dir, name string, record []byte, about *CachedRole) {
	n := note{CachedRole: *about}
	n.Record, _ = sealed.Nonce(record)
	if n.Before = lookAtNote(dir, name); n.Before != nil {
		n.Before.Before = nil
	}
	data, err := json.Marshal(n)
	if err != nil {
		return
	}
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		return
	}
	defer root.Close()
	f, err := root.OpenFile(name+noteSuffix, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := f.Write(data); err == nil {
		f.Truncate(int64(len(data)))
	}
}

// lookAtNote returns the note of the record that is there, or nil.
func lookAtNote(dir safedir.Dir, name string) *note {
	text, err := dir.Read(name + noteSuffix)
	if err != nil {
		return nil
	}
	n := new(note)
	if json.NewDecoder(bytes.NewReader(text)).Decode(n) != nil {
		return nil
	}
	record, _ := dir.Read(name)
	return n.of(record)
}

// readNote looks again where there is word, and not of the record that is
// there: both may just be replaced.
func readNote(dir safedir.Dir, name string) *CachedRole {
	for try := range 3 {
		if try > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if n := lookAtNote(dir, name); n != nil {
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

// lastFetch is when the latest of the roles was fetched, whether its credentials
// have ended or not. Zero: none is stored.
func (st *store) lastFetch() (last time.Time) {
	if st.cache == "" {
		return last
	}
	dir := st.cache.Sub(st.id)
	names, _ := dir.Names()
	for _, name := range names {
		record, isNote := strings.CutSuffix(name, noteSuffix)
		if !isNote {
			continue
		}
		if n := lookAtNote(dir, record); n != nil && n.Fetched.After(last) && !n.Fetched.After(time.Now()) {
			last = n.Fetched
		}
	}
	return last
}
