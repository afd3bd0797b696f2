package roles

import (
	"encoding/json"
	"slices"

	"github.com/credproc/credproc/internal/safedir"
)

const (
	recentFile = "recent.json"
	mostRecent = 30
)

// Recent are the keys of what was picked, the last first.
type Recent []string

// RecentIn reads them from a directory for what can be done without.
func RecentIn(dir safedir.Dir) (keys Recent) {
	text, err := dir.Read(recentFile)
	if err != nil || json.Unmarshal(text, &keys) != nil {
		return nil
	}
	return keys
}

// rank is the place of a key, or after all of them.
func (r Recent) rank(key string) int {
	if i := slices.Index(r, key); i >= 0 {
		return i
	}
	return len(r)
}

// Remember keeps what was picked, if it can be kept.
func (c *Catalog) Remember(o *Offer, dir safedir.Dir) {
	if len(c.recent) > 0 && c.recent[0] == o.key {
		return
	}
	keys := slices.DeleteFunc(slices.Clone(c.recent), func(k string) bool { return k == o.key })
	keys = append(Recent{o.key}, keys[:min(len(keys), mostRecent-1)]...)
	if text, err := json.Marshal(keys); err == nil {
		dir.WriteUnsynced(recentFile, text)
	}
}
