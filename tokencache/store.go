package tokencache

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// store is where one session's things are:
//
//	keyring  session-…           the tokens: item
//	keyring  key-…               the sealing key, one for all sessions
//	state    <id>.json           the index, a hint where the keyring cannot be read
//	state    <id>.<hash>.client  the registration, sealed: too big for some keychains
//	state    <id>.<gen>.tokens   tokens that are too big for the keyring, sealed
//	state    <id>.journal        the answer of a renewal on its way to the keyring, sealed
//	state    <id>.ended          the mark "sign-in required"
//	state    locks/              lock files, their holders, the last failure
//	state    <id>.look               what the last look for the login found, a hint for status
//	state    <id>.life           the longest that a session was seen to last, a hint
//	cache    <id>/               what was fetched with the login, sealed; the label says whose credentials it is
type store struct {
	name     string // of the session, for messages
	identity string
	id       string
	service  string

	state, cache safedir.Dir
	keyring      keyring.Keyring
	rules        *policy.Policy // of which keyrings may have a login
	refused      error          // what a rule does not allow of the session itself
	keys         *keyHolder
	noKeyCache   bool
	mayPrompt    bool

	memories *sync.Map // of records, by identity: *memory
	calls    *keyringCalls
}

// item is what a sign-in gave: the content of the session's keyring item.
// Times are local, in Unix seconds: an item must stay small.
type item struct {
	Version      int    `json:"v"`
	Generation   int64  `json:"gen"`
	ClientID     string `json:"client"`
	AccessToken  string `json:"access,omitempty"`
	RefreshToken string `json:"refresh,omitempty"`
	Renewed      int64  `json:"at"`
	Expiry       int64  `json:"exp"`
	// Instead says that the access token was got in place of a refused one.
	Instead bool `json:"instead,omitempty"`
	// Overflow says that the tokens are in a sealed file of the generation's,
	// since the keyring has no room for them.
	Overflow bool `json:"overflow,omitempty"`
}

// The format of items, journals and the index: the one that is written, and the
// newest that is read. A format is read by one release, and written by the next.
const (
	itemVersion = 1
	newestItem  = 1
)

// LogValue logs what Format prints.
func (it item) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(it)) }

// Format prints no secret, whatever the verb.
func (it item) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "tokencache.item(generation %d)", it.Generation)
}

// index repeats what is no secret. It is never the ground for a decision that
// could cost a login.
type index struct {
	Version        int       `json:"version"`
	Session        string    `json:"session"`
	StartURL       string    `json:"start_url"`
	Region         string    `json:"region"`
	Endpoint       string    `json:"endpoint,omitempty"`
	PortalEndpoint string    `json:"portal_endpoint,omitempty"`
	Keyring        string    `json:"keyring"`
	Key            string    `json:"key,omitempty"`      // ID of the sealing key in that keyring
	Overflow       bool      `json:"overflow,omitempty"` // the tokens are in a sealed file
	Generation     int64     `json:"generation"`
	Login          string    `json:"login"` // hash of the client ID, since each sign-in has its own; "": ask the keyring
	Refreshable    bool      `json:"refreshable"`
	SignedIn       time.Time `json:"signed_in"`
	Renewed        time.Time `json:"renewed"`
	Expiry         time.Time `json:"expiry"`
	Registration   time.Time `json:"registration_expiry"`
	// Boot names the boot whose kernel has the tokens; "" in other keyrings.
	Boot string `json:"boot,omitempty"`
	// Leaving says that a sign-out has started: the login is gone, or about to be.
	Leaving bool `json:"leaving,omitempty"`
}

// RecordError says that something stored cannot be read: damaged, sealed with
// a key that is gone, or written by a newer release. It is left as it is.
type RecordError struct {
	What    string // "login", "journal", "client registration", "sealing key"
	Session string
	Err     error
}

// Error says what went wrong.
func (e *RecordError) Error() string {
	return fmt.Sprintf("session %q: the stored %s cannot be read: %v", e.Session, e.What, e.Err)
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

func newStore(s *Session) (*store, error) {
	start, err := oidc.NormalizeStartURL(s.Config.StartURL)
	if err != nil {
		return nil, err
	}
	state, cache, err := s.dirs()
	if err != nil {
		return nil, err
	}
	if err := s.secure(state, cache); err != nil {
		return nil, err
	}
	identity := layout.SessionIdentity(s.Config.Endpoint, s.PortalEndpoint, start, s.Config.Region, s.Name)
	st := &store{
		name: s.Name, identity: identity, id: sealed.Name(identity),
		service: layout.Service(s.Service),
		state:   safedir.Dir(state), cache: safedir.Dir(cache),
		keys: newKeyHolder(), noKeyCache: s.NoKeyCache, mayPrompt: s.MayPrompt, memories: new(sync.Map), calls: &s.calls,
	}
	st.rules, st.refused = s.rules()
	if st.keyring, err = s.openKeyring(st); err != nil {
		return nil, err
	}
	settle(st.state)
	return st, nil
}

func (s *Session) dirs() (state, cache string, err error) {
	state, cache = s.StateDir, s.CacheDir
	if state == "" || cache == "" {
		defaultState, defaultCache, err := layout.DefaultDirs(s.Service)
		if err != nil {
			return "", "", err
		}
		state, cache = cmp.Or(state, defaultState), cmp.Or(cache, defaultCache)
	}
	if state, err = filepath.Abs(state); err != nil {
		return "", "", err
	}
	cache, err = filepath.Abs(cache)
	return state, cache, err
}

// secure checks once, before anything is read or written, that no one else can
// put other directories in place of these: then no one can later, either.
func (s *Session) secure(dirs ...string) error {
	for _, dir := range dirs {
		if err := safedir.Dir(dir).Secure(); err != nil && !s.LaxModes {
			return err
		}
	}
	return nil
}

func (st *store) locks() safedir.Dir { return safedir.Dir(layout.LocksDir(string(st.state))) }

func login(clientID string) string { return sealed.Name(sealed.Identity("login", clientID)) }

// readIndex returns the index, or nil without one that can be used.
func (st *store) readIndex() *index {
	ix := new(index)
	if !st.readJSON(".json", ix) || ix.Version > newestItem {
		return nil
	}
	if ix.Keyring == "" || ix.StartURL == "" { // JSON, but none that writeIndex wrote
		return nil
	}
	return ix
}

func (st *store) writeIndex(ix *index) error {
	data, err := json.MarshalIndent(ix, "", "  ")
	if err != nil {
		return err
	}
	return st.state.WriteUnsynced(st.id+".json", append(data, '\n'))
}

// readJSON reads a small file of the session's that is no secret, and reports whether
// that worked.
func (st *store) readJSON(suffix string, v any) bool {
	data, err := st.state.Read(st.id + suffix)
	return err == nil && json.Unmarshal(data, v) == nil
}

// writeJSON replaces such a file.
func (st *store) writeJSON(suffix string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return st.state.WriteUnsynced(st.id+suffix, data)
}

// files returns the names of the session's files in a directory that end so.
func (st *store) files(dir safedir.Dir, suffix string) []string {
	names, _ := dir.Names()
	return slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, st.id+".") || !strings.HasSuffix(name, suffix)
	})
}

// read returns the newest tokens: of the keyring, or of a journal whose way to
// the keyring was cut short. keyring.ErrNotFound means that there is no login.
func (st *store) read(ctx context.Context) (*item, error) {
	it, err := st.readItem(ctx)
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return nil, err
	}
	journaled, journalErr := st.readJournal(ctx)
	if journalErr != nil {
		return nil, journalErr
	}
	if journaled != nil && (it == nil || journaled.Generation > it.Generation) {
		return journaled, nil
	}
	return it, err
}

func (st *store) readItem(ctx context.Context) (*item, error) {
	for try := 0; ; try++ {
		it, err := st.readRingItem(ctx)
		if err != nil || !it.Overflow {
			return it, err
		}
		tokens, err := st.readOverflow(ctx, it)
		// A renewal may have replaced both since the first look.
		if !errors.Is(err, fs.ErrNotExist) || try == 3 {
			return tokens, st.unreadable("login", err)
		}
	}
}

// unreadable makes a [RecordError] of an error, unless that is none, or one of
// the keyring.
func (st *store) unreadable(what string, err error) error {
	if err == nil || keyringFailed(err) {
		return err
	}
	return &RecordError{What: what, Session: st.name, Err: err}
}

// readRingItem returns the item as it is in the keyring.
func (st *store) readRingItem(ctx context.Context) (*item, error) {
	text, err := st.get(ctx, st.keyring, theTokens)
	if errors.Is(err, keyring.ErrUnreadable) {
		return nil, &RecordError{What: "login", Session: st.name, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return st.parseItem([]byte(text))
}

func (st *store) parseItem(text []byte) (*item, error) {
	it := new(item)
	if err := json.Unmarshal(text, it); err != nil {
		// Not err itself: it may quote what it could not read.
		return nil, &RecordError{What: "login", Session: st.name, Err: sealed.ErrDamaged}
	}
	if it.Version > newestItem {
		return nil, st.newerItem("login", it.Version)
	}
	if it.ClientID == "" || it.AccessToken == "" && !it.Overflow {
		return nil, &RecordError{What: "login", Session: st.name, Err: sealed.ErrDamaged}
	}
	return it, nil
}

// generation is that of an item, or 0 where it cannot be read.
func (st *store) generation(text string) int64 {
	it, err := st.parseItem([]byte(text))
	if err != nil {
		return 0
	}
	return it.Generation
}

func (st *store) newerItem(what string, version int) error {
	return &RecordError{What: what, Session: st.name, Err: fmt.Errorf("format %d is %w, this one knows %d", version, sealed.ErrNewer, newestItem)}
}

// text is an item as it is stored. Numbers and strings can always be written.
func (it *item) text() []byte {
	text, _ := json.Marshal(it)
	return text
}

func (st *store) writeItem(ctx context.Context, it *item) error {
	err := st.set(ctx, st.keyring, theTokens, string(it.text()))
	if errors.Is(err, keyring.ErrTooBig) {
		return st.writeOverflow(ctx, it)
	}
	return err
}

// Tokens that are too big for the keyring lie in a sealed file, and an item
// without them in the keyring. The file is there before the item that needs it,
// and removed after the next.

func (st *store) overflowFile(generation int64) string {
	return fmt.Sprintf("%s.%d.tokens", st.id, generation)
}

func (st *store) overflowIdentity(it *item) string {
	return sealed.Identity("tokens", st.identity, fmt.Sprint(it.Generation), it.ClientID)
}

func (st *store) writeOverflow(ctx context.Context, it *item) error {
	record, err := st.seal(ctx, st.overflowIdentity(it), it.text())
	if err != nil {
		return err
	}
	if err := st.state.Write(st.overflowFile(it.Generation), record); err != nil {
		return err
	}
	short := *it
	short.AccessToken, short.RefreshToken, short.Overflow = "", "", true
	return st.set(ctx, st.keyring, theTokens, string(short.text()))
}

func (st *store) readOverflow(ctx context.Context, short *item) (*item, error) {
	record, err := st.state.Read(st.overflowFile(short.Generation))
	if err != nil {
		return nil, err
	}
	data, err := st.open(ctx, st.overflowIdentity(short), record)
	if err != nil {
		return nil, err
	}
	return st.parseItem(data)
}

// overflows reports whether the tokens of a generation are in a file.
func (st *store) overflows(generation int64) bool {
	_, err := st.state.Read(st.overflowFile(generation))
	return err == nil
}

// removeOverflow removes the files of all generations but one.
func (st *store) removeOverflow(keep int64) {
	for _, name := range st.files(st.state, ".tokens") {
		if name != st.overflowFile(keep) {
			st.state.Remove(name)
		}
	}
}

// Registrations are immutable: written before the token that needs them, and
// removed when no token names them.

type registration struct {
	ID     string    `json:"id"`
	Secret string    `json:"secret"`
	Expiry time.Time `json:"expiry"`
}

// LogValue logs what Format prints.
func (r registration) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// Format prints no secret, whatever the verb.
func (r registration) Format(f fmt.State, _ rune) { io.WriteString(f, oidc.Client(r).String()) }

func (st *store) registrationFile(clientID string) string {
	return st.id + "." + login(clientID) + ".client"
}

func (st *store) registrationIdentity(clientID string) string {
	return sealed.Identity("client", st.identity, clientID)
}

func (st *store) writeRegistration(ctx context.Context, c oidc.Client) error {
	data, err := json.Marshal(registration(c))
	if err != nil {
		return err
	}
	record, err := st.seal(ctx, st.registrationIdentity(c.ID), data)
	if err != nil {
		return err
	}
	return st.state.Write(st.registrationFile(c.ID), record)
}

func (st *store) readRegistration(ctx context.Context, clientID string) (oidc.Client, error) {
	record, err := st.state.Read(st.registrationFile(clientID))
	var data []byte
	if err == nil {
		data, err = st.open(ctx, st.registrationIdentity(clientID), record)
	}
	var r registration
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if _, key := errors.AsType[*RecordError](err); key || keyringFailed(err) {
		return oidc.Client{}, err // it is not the registration that is damaged
	}
	if err != nil {
		return oidc.Client{}, &RecordError{What: "client registration", Session: st.name, Err: err}
	}
	return oidc.Client(r), nil
}

// keyringFailed reports whether a keyring could not be asked, as opposed to
// having nothing.
func keyringFailed(err error) bool {
	return errors.Is(err, keyring.ErrLocked) || errors.Is(err, keyring.ErrUnavailable)
}

// registrations lists the files of the session's registrations.
func (st *store) registrations() []string { return st.files(st.state, ".client") }

// removeRegistrations removes all of the session's registrations but one.
func (st *store) removeRegistrations(keep string) {
	for _, name := range st.registrations() {
		if keep == "" || name != st.registrationFile(keep) {
			st.state.Remove(name)
		}
	}
}

// The mark "sign-in required" names the refused refresh token by its hash: it
// says nothing about any other.

type ended struct {
	Token      string    `json:"token"`
	Generation int64     `json:"generation"` // of the item with the token
	Access     bool      `json:"access"`     // the access token was refused too
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"`
}

func tokenHash(token string) string { return sealed.Name(sealed.Identity("refused", token)) }

func (st *store) markEnded(it *item, access bool, reason string) {
	st.writeJSON(".ended", ended{Token: tokenHash(it.RefreshToken), Generation: it.Generation, Access: access, Reason: reason, At: time.Now()})
}

// ended returns the mark, if it is about this item's refresh token.
func (st *store) ended(it *item) *ended {
	m := st.readEnded()
	if m == nil || m.Token != tokenHash(it.RefreshToken) {
		return nil
	}
	return m
}

func (st *store) readEnded() *ended {
	m := new(ended)
	// A mark from the future was made by a clock that was wrong, perhaps for
	// no other reason than that.
	if !st.readJSON(".ended", m) || m.At.After(time.Now()) {
		return nil
	}
	return m
}

// The journal carries a renewal's answer over the moment between the service,
// which may have made the old refresh token void, and the keyring. Its blocks
// are there before the service is asked, so that a full disk cannot stop the
// answer from being written down.

const journalSize = 4 << 10

func (st *store) journalFile() string     { return st.id + ".journal" }
func (st *store) journalIdentity() string { return sealed.Identity("journal", st.identity) }

// prepareJournal makes room for the tokens that will follow old.
func (st *store) prepareJournal(ctx context.Context, old *item) error {
	room := max(journalSize, 2*(len(old.AccessToken)+len(old.RefreshToken))+1024)
	record, err := st.seal(ctx, st.journalIdentity(), padded([]byte("{}"), room))
	if err != nil {
		return err
	}
	return st.state.Write(st.journalFile(), record)
}

// fillJournal writes it over the space reserved for it, or to a new file if none
// was.
func (st *store) fillJournal(ctx context.Context, it *item) error {
	data := it.text()
	room := journalSize
	info, err := os.Stat(st.state.Path(st.journalFile()))
	if err == nil {
		room = int(info.Size()) - sealed.Overhead
	}
	record, sealErr := st.seal(ctx, st.journalIdentity(), padded(data, room))
	if sealErr != nil {
		return sealErr
	}
	if err == nil && len(data) <= room {
		return st.state.Overwrite(st.journalFile(), record)
	}
	return st.state.Write(st.journalFile(), record)
}

// padded returns JSON text with blanks after it, up to size.
func padded(text []byte, size int) []byte {
	for len(text) < size {
		text = append(text, ' ')
	}
	return text
}

// readJournal returns the tokens of a journal that was filled, or nil: one
// that was not filled, or only in part, tells nothing. One that cannot be read
// just now is an error: without it an older refresh token would be spent, and
// the journal overwritten.
func (st *store) readJournal(ctx context.Context) (*item, error) {
	record, err := st.state.Read(st.journalFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &RecordError{What: "journal", Session: st.name, Err: err}
	}
	data, err := st.open(ctx, st.journalIdentity(), record)
	it := new(item)
	switch {
	case errors.Is(err, keyring.ErrNotFound), errors.Is(err, sealed.ErrOtherKey), errors.Is(err, sealed.ErrDamaged):
		return nil, nil
	case errors.Is(err, sealed.ErrNewer):
		return nil, &RecordError{What: "journal", Session: st.name, Err: err}
	case err != nil:
		return nil, err
	case json.Unmarshal(data, it) != nil || it.AccessToken == "":
		return nil, nil
	case it.Version > newestItem:
		return nil, st.newerItem("journal", it.Version)
	}
	return it, nil
}

func (st *store) removeJournal() { st.state.Remove(st.journalFile()) }

// What was fetched with the login. It can be fetched again: what cannot be
// read is not there.

func (st *store) recordIdentity(words []string) string {
	return layout.RecordIdentity(st.identity, words)
}

// readRecord returns nil where nothing is stored that can be read.
func (st *store) readRecord(ctx context.Context, words []string) ([]byte, error) {
	identity := st.recordIdentity(words)
	dir, name := layout.RecordFile(st.identity, identity)
	cache := st.cache.Sub(dir)
	if data, ok := st.remembered(identity, cache, name); ok {
		return data, nil
	}
	record, info, err := cache.ReadWithInfo(name)
	if err != nil {
		return nil, nil
	}
	data, err := st.open(ctx, identity, record)
	if keyringFailed(err) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	st.remember(identity, info, data)
	return data, nil
}

// A memory is what a record held, and the file that it was read from. One look at the
// file then tells whether the record has changed.
type memory struct {
	info fs.FileInfo
	data func() []byte // a function, as in sealed.Key: not printed
}

// recall returns what a record holds, if it was read before and is unchanged.
func (st *store) recall(words []string) (data []byte, ok bool) {
	identity := st.recordIdentity(words)
	dir, name := layout.RecordFile(st.identity, identity)
	return st.remembered(identity, st.cache.Sub(dir), name)
}

// remembered returns a copy of what a record holds, if it was read before and
// it has not been written or removed since.
func (st *store) remembered(identity string, cache safedir.Dir, name string) (data []byte, ok bool) {
	found, ok := st.memories.Load(identity)
	if !ok {
		return nil, false
	}
	m := found.(*memory)
	if !cache.Has(name, m.info) {
		st.memories.CompareAndDelete(identity, found)
		return nil, false
	}
	return bytes.Clone(m.data()), true
}

func (st *store) remember(identity string, info fs.FileInfo, data []byte) {
	if safedir.Settled(info) {
		data = bytes.Clone(data) // the caller may change it
		st.memories.Store(identity, &memory{info, func() []byte { return data }})
	}
}

// writeRecord stores data, of which the label says what may be known without the
// key.
func (st *store) writeRecord(ctx context.Context, words []string, data, label []byte) error {
	identity := st.recordIdentity(words)
	key, err := st.sealingKey(ctx, true)
	if err != nil {
		return err
	}
	dir, name := layout.RecordFile(st.identity, identity)
	return st.cache.Sub(dir).WriteUnsynced(name, key.SealLabelled(identity, label, data))
}

func (st *store) removeRecords() {
	st.cache.RemoveAll(st.id)
	st.memories.Clear()
}
