// Package sealed encrypts small records in files.
//
// A record is AES-256-GCM with a header that names its version and its key,
// and it is bound to an identity: the words that say what the record is (its
// kind, endpoint, start URL, region, session, account, role). A record moved
// or copied to another place does not open there. A label says what may be known
// without the key, and does not open with another label either.
//
//	offset  bytes  content
//	0       4      "SEAL"
//	4       1      version, 1
//	5       8      key ID
//	13      2      length of the label, the more significant byte first
//	15      l      label, not encrypted
//	15+l    12     nonce, random
//	27+l    n+16   ciphertext and tag; additional data: all before the nonce, then the identity
//
// AES-GCM rather than a longer nonce, so that it also works where only FIPS
// 140 algorithms are allowed; 2^32 records for one key are out of reach here.
package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	magic     = "SEAL"
	version   = 1 // that is written
	newest    = 1 // that is read: a format is read by one release, and written by the next
	idSize    = 8
	nonceSize = 12
	keySize   = len(magic) + 1 + idSize // up to the key ID
	headSize  = keySize + 2             // up to the label
	mostLabel = 1<<16 - 1
	// Overhead is how many bytes longer a record without a label is than what it
	// holds.
	Overhead = headSize + nonceSize + 16
)

var (
	// ErrOtherKey says that a record was sealed with another key.
	ErrOtherKey = errors.New("sealed with another key")
	// ErrNewer says that a record has a format of a later release.
	ErrNewer = errors.New("written by a newer release")
	// ErrDamaged says that a record is no record, is cut short or altered,
	// or belongs to another identity.
	ErrDamaged = errors.New("damaged, or not for this identity")
)

// Formats returns the latest format that is read, and the one that is written.
// Two programs share their records if each reads what the other writes.
func Formats() (read, written int) { return int(newest), int(version) }

// Key seals and opens records. The zero Key opens none and panics when it is
// to seal. A Key is safe for concurrent use and prints as its ID.
type Key struct {
	id [idSize]byte
	// A function, since fmt asks no method of a Key in an unexported field, nor
	// for %p and a misplaced %w: of a function it shows no more than an address.
	secret func() [32]byte
}

func newKey(id [idSize]byte, secret [32]byte) *Key {
	return &Key{id, func() [32]byte { return secret }}
}

// NewKey returns a key that is random if what read fills in is: it is to be
// [crypto/rand.Read], which never fails. That package is not imported here, as
// it comes late among what is initialized, and opening a record needs none.
func NewKey(read func([]byte) (int, error)) *Key {
	var id [idSize]byte
	var secret [32]byte
	read(secret[:])
	read(id[:])
	return newKey(id, secret)
}

// KeyFrom returns the key with that secret. Its ID is always the same, and tells
// nothing of it.
func KeyFrom(secret [32]byte) *Key {
	sum := sha256.Sum256(append([]byte("the ID of a key from outside: "), secret[:]...))
	return newKey([idSize]byte(sum[:idSize]), secret)
}

// ParseKey reads what [Key.Text] wrote. The error does not repeat the text.
func ParseKey(text string) (*Key, error) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != idSize+32 {
		return nil, errors.New("not a sealing key")
	}
	return newKey([idSize]byte(raw), [32]byte(raw[idSize:])), nil
}

// Text returns the key, the secret included, for a keychain.
func (k *Key) Text() string {
	secret := k.secret()
	return base64.RawStdEncoding.EncodeToString(append(k.id[:], secret[:]...))
}

// ID returns the name of the key, which is no secret.
func (k *Key) ID() string { return hex.EncodeToString(k.id[:]) }

// Format prints the key's ID, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "sealed.Key(%s)", k.ID()) }

// MarshalText writes the key's ID, in logs too. A LogValue would do there, but
// log/slog comes late among what is initialized.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.ID()), nil }

// Seal returns plaintext as a record that opens for the same identity only.
func (k *Key) Seal(identity string, plaintext []byte) []byte {
	return k.SealLabelled(identity, nil, plaintext)
}

// SealLabelled is Seal with a label that [Label] reads. One longer than 65,535
// bytes is left out.
func (k *Key) SealLabelled(identity string, label, plaintext []byte) []byte {
	if len(label) > mostLabel {
		label = nil
	}
	record := make([]byte, 0, Overhead+len(label)+len(plaintext))
	record = append(record, magic...)
	record = append(record, version)
	record = append(record, k.id[:]...)
	record = append(record, byte(len(label)>>8), byte(len(label)))
	record = append(record, label...)
	return k.aead().Seal(record, nil, plaintext, additional(record, identity))
}

// Label returns the label of a record, which may be empty. It needs no key, and
// so proves nothing: only a record that opens has the label that it was given.
// ok is false for what is no record, or one of a later release.
func Label(record []byte) (label []byte, ok bool) {
	if len(record) < headSize || !bytes.HasPrefix(record, []byte(magic)) || record[len(magic)] > newest {
		return nil, false
	}
	end := nonceAt(record)
	if len(record) < end+nonceSize+16 {
		return nil, false
	}
	return record[headSize:end:end], true
}

// nonceAt is where the label of a record ends. The record has a head.
func nonceAt(record []byte) int {
	return headSize + int(record[keySize])<<8 + int(record[keySize+1])
}

// Open returns what a record holds. The error is one of [ErrOtherKey] and
// [ErrDamaged], or wraps [ErrNewer] and names both formats.
func (k *Key) Open(identity string, record []byte) ([]byte, error) {
	if len(record) < keySize || !bytes.HasPrefix(record, []byte(magic)) {
		return nil, ErrDamaged
	}
	if format := record[len(magic)]; format > newest {
		return nil, fmt.Errorf("format %d is %w, this one knows %d", format, ErrNewer, newest)
	}
	if k.secret == nil || !bytes.Equal(record[len(magic)+1:keySize], k.id[:]) {
		return nil, ErrOtherKey
	}
	if _, ok := Label(record); !ok {
		return nil, ErrDamaged
	}
	nonce := nonceAt(record)
	plaintext, err := k.aead().Open(nil, nil, record[nonce:], additional(record[:nonce], identity))
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

func (k *Key) aead() cipher.AEAD {
	secret := k.secret()
	block, _ := aes.NewCipher(secret[:])           // which takes every key of 32 bytes
	aead, _ := cipher.NewGCMWithRandomNonce(block) // and this every block of AES
	return aead
}

func additional(head []byte, identity string) []byte {
	return append(bytes.Clone(head), identity...)
}

// Identity joins the words that say what a record is, so that no two lists of
// words give the same identity.
func Identity(words ...string) string {
	size := 0
	for _, w := range words {
		size += len(w) + len("999:,")
	}
	b := make([]byte, 0, size)
	for _, w := range words {
		b = strconv.AppendInt(b, int64(len(w)), 10)
		b = append(b, ':')
		b = append(b, w...)
		b = append(b, ',')
	}
	return string(b)
}

// Name returns the file or item name of an identity: 32 hexadecimal digits of
// its hash, so that names tell nothing and fit everywhere.
func Name(identity string) string {
	sum := sha256.Sum256([]byte(identity))
	return hex.EncodeToString(sum[:16])
}
