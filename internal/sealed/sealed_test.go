package sealed_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/credproc/credproc/internal/sealed"
)

const (
	keyID  = "0102030405060708"
	secret = "SECRETsecretSECRETsecretSECRETse"
)

// key returns the same key every time.
func key(t testing.TB) *sealed.Key {
	t.Helper()
	id, err := hex.DecodeString(keyID)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, base64.RawStdEncoding.EncodeToString(append(id, secret...)))
}

func parse(t testing.TB, text string) *sealed.Key {
	t.Helper()
	k, err := sealed.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// opens checks that a record holds what it should.
func opens(t *testing.T, k *sealed.Key, identity string, record []byte, want string) {
	t.Helper()
	got, err := k.Open(identity, record)
	if err != nil || string(got) != want {
		t.Errorf("opens as %q, error %v, want %q", got, err, want)
	}
}

// fails checks that a record does not open, and for which reason.
func fails(t *testing.T, k *sealed.Key, identity string, record []byte, want error) {
	t.Helper()
	got, err := k.Open(identity, record)
	if got != nil || !errors.Is(err, want) {
		t.Errorf("%x opens as %q, error %v, want %v", record, got, err, want)
	}
}

func TestWhatIsSealedOpensAgain(t *testing.T) {
	for _, k := range []*sealed.Key{key(t), sealed.NewKey(rand.Read)} {
		for _, size := range []int{0, 1, 15, 16, 17, 4096, 1 << 20} {
			plaintext := strings.Repeat("p", size)
			record := k.Seal("identity", []byte(plaintext))
			if len(record) != size+sealed.Overhead {
				t.Errorf("%d bytes become %d, want %d more", size, len(record), sealed.Overhead)
			}
			opens(t, k, "identity", record, plaintext)
			opens(t, parse(t, k.Text()), "identity", record, plaintext)
			if size > 8 && bytes.Contains(record, []byte(plaintext[:8])) {
				t.Errorf("plaintext in the record %x", record)
			}
		}
	}
	if sealed.Overhead != 43 {
		t.Errorf("a record is %d bytes longer than its content, in the description 43", sealed.Overhead)
	}
}

func TestSealingTwiceGivesDifferentRecords(t *testing.T) {
	k := key(t)
	a, b := k.Seal("identity", []byte("text")), k.Seal("identity", []byte("text"))
	if bytes.Equal(a[15:27], b[15:27]) || bytes.Equal(a[27:], b[27:]) {
		t.Errorf("%x and %x share a nonce or a ciphertext", a, b)
	}
}

func TestARecordAndItsTextAreLeftAlone(t *testing.T) {
	k := key(t)
	plaintext := append(make([]byte, 0, 1000), "text"...) // room that an append could write to
	record := slices.Grow(k.Seal("identity", plaintext), 1000)
	before := bytes.Clone(record)
	opens(t, k, "identity", record, "text")
	fails(t, k, "other", record, sealed.ErrDamaged)
	if !bytes.Equal(record, before) || string(plaintext) != "text" || len(bytes.Trim(plaintext[4:1000], "\x00")) > 0 {
		t.Errorf("record %x, then %x; text %q", before, record, plaintext[:1000])
	}
}

func TestAKeyServesManyAtOnce(t *testing.T) {
	k := key(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				text := fmt.Sprint(i, j)
				opens(t, k, text, k.Seal(text, []byte(text)), text)
			}
		})
	}
	all.Wait()
}

// The golden record was sealed by the first release, and lies on disks.
func TestARecordOfTheFirstReleaseOpens(t *testing.T) {
	k, identity, record := golden(t)
	opens(t, k, identity, record, goldenText)
	head := "SEAL\x01\x01\x02\x03\x04\x05\x06\x07\x08"
	if !strings.HasPrefix(string(record), head) || !strings.HasPrefix(string(k.Seal("", nil)), head) {
		t.Errorf("records begin with %q and %q, want %q", record[:len(head)], k.Seal("", nil)[:len(head)], head)
	}
}

const goldenText = "what was stored by the first release"

func golden(t testing.TB) (k *sealed.Key, identity string, record []byte) {
	t.Helper()
	text, err := os.ReadFile("testdata/record-v1.hex")
	if err != nil {
		t.Fatal(err)
	}
	record, err = hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	k = parse(t, "AQIDBAUGBwgREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMA")
	return k, sealed.Identity("record", "https://portal.example/start", "eu-west-1", "corp", "111111111111", "Admin"), record
}

func TestARecordDoesNotOpenForAnotherIdentity(t *testing.T) {
	k := key(t)
	identity := sealed.Identity("role", "corp", "Admin")
	record := k.Seal(identity, []byte("text"))
	opens(t, k, identity, record, "text")
	for _, other := range []string{
		"", identity + " ", identity[1:], identity[:len(identity)-1], strings.ToUpper(identity),
		sealed.Identity("role", "corpAdmin"), sealed.Identity("role", "corp", "Admin", ""), sealed.Identity("role", "cor", "pAdmin"),
	} {
		fails(t, k, other, record, sealed.ErrDamaged)
	}
}

func TestARecordOfAnotherKeyIsTold(t *testing.T) {
	k := key(t)
	fails(t, k, "identity", sealed.NewKey(rand.Read).Seal("identity", []byte("text")), sealed.ErrOtherKey)

	id, _ := hex.DecodeString(keyID)
	sameID := parse(t, base64.RawStdEncoding.EncodeToString(append(id, strings.Repeat("x", 32)...)))
	fails(t, k, "identity", sameID.Seal("identity", []byte("text")), sealed.ErrDamaged)
}

func TestTheKeyIDOfARecordCannotBeChanged(t *testing.T) {
	k := key(t)
	sameSecret := parse(t, base64.RawStdEncoding.EncodeToString([]byte("otherID!"+secret)))
	record := k.Seal("identity", []byte("text"))
	copy(record[5:], "otherID!")
	fails(t, sameSecret, "identity", record, sealed.ErrDamaged)
}

func TestANewerVersionIsTold(t *testing.T) {
	k := key(t)
	for _, version := range []byte{2, 3, 127, 128, 255} {
		record := k.Seal("identity", []byte("text"))
		record[4] = version
		fails(t, k, "identity", record, sealed.ErrNewer)
		fails(t, k, "identity", record[:13], sealed.ErrNewer) // whatever comes after the head then
		fails(t, sealed.NewKey(rand.Read), "identity", record, sealed.ErrNewer)
		want := fmt.Sprintf("format %d is written by a newer release, this one knows 1", version)
		if _, err := k.Open("identity", record); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	record := k.Seal("identity", []byte("text"))
	record[4] = 0 // never was
	fails(t, k, "identity", record, sealed.ErrDamaged)
}

func TestARecordCutShortIsDamaged(t *testing.T) {
	k := key(t)
	record := k.Seal("identity", []byte("some text"))
	for n := range record {
		fails(t, k, "identity", record[:n:n], sealed.ErrDamaged)
		fails(t, k, "identity", record[len(record)-n:], sealed.ErrDamaged)
	}
	fails(t, k, "identity", append(record, 0), sealed.ErrDamaged)
	fails(t, k, "identity", nil, sealed.ErrDamaged)
}

func TestOneFlippedBitIsNoticed(t *testing.T) {
	k := key(t)
	record := k.Seal("identity", []byte("some text"))
	for i := range record {
		want := sealed.ErrDamaged
		if 5 <= i && i < 13 {
			want = sealed.ErrOtherKey
		}
		for bit := range 8 {
			if i == 4 && bit > 0 {
				want = sealed.ErrNewer
			}
			record[i] ^= 1 << bit
			fails(t, k, "identity", record, want)
			record[i] ^= 1 << bit
		}
	}
	opens(t, k, "identity", record, "some text")
}

func TestALabelIsReadWithoutAKey(t *testing.T) {
	k := key(t)
	for _, want := range []string{"", "a", "role Admin until noon", strings.Repeat("x", 300), strings.Repeat("x", 1<<16-1)} {
		record := k.SealLabelled("identity", []byte(want), []byte("text"))
		if got, ok := sealed.Label(record); !ok || string(got) != want || len(record) != sealed.Overhead+len(want)+len("text") {
			t.Errorf("the label is %.40q, %v, want %.40q; %d bytes", got, ok, want, len(record))
		}
		opens(t, k, "identity", record, "text")
		fails(t, k, "other", record, sealed.ErrDamaged)
	}
	long := k.SealLabelled("identity", make([]byte, 1<<16), []byte("text"))
	if got, ok := sealed.Label(long); !ok || len(got) != 0 {
		t.Errorf("a label that is too long is %d bytes, %v", len(got), ok)
	}
	opens(t, k, "identity", long, "text")
}

func TestALabelCannotBeChanged(t *testing.T) {
	k := key(t)
	record := k.SealLabelled("identity", []byte("until noon"), []byte("text"))
	for i := 13; i < 25; i++ { // its length, and the label
		changed := bytes.Clone(record)
		changed[i] ^= 1
		fails(t, k, "identity", changed, sealed.ErrDamaged)
	}
	// A byte of the label for one of the identity: the sum is the same.
	fails(t, k, "nidentity", slices.Concat(record[:14], []byte{9}, record[15:24], record[25:]), sealed.ErrDamaged)
	fails(t, k, "identity", k.SealLabelled("noonidentity", []byte("until "), []byte("text")), sealed.ErrDamaged)
}

func TestWhatIsNoRecordHasNoLabel(t *testing.T) {
	record := key(t).SealLabelled("identity", []byte("until noon"), nil)
	newer := bytes.Clone(record)
	newer[4] = 2
	for _, text := range [][]byte{nil, []byte("SEAL"), newer, record[1:], record[:14], record[:len(record)-1], []byte("SEAL\x01" + strings.Repeat("\xff", 100))} {
		if label, ok := sealed.Label(text); ok || label != nil {
			t.Errorf("%q has the label %q", text, label)
		}
	}
}

func TestTheZeroKeyNeitherSealsNorOpens(t *testing.T) {
	var zero sealed.Key
	ofZeros := parse(t, strings.Repeat("A", 54)) // has the zero Key's ID
	fails(t, &zero, "identity", ofZeros.Seal("identity", []byte("text")), sealed.ErrOtherKey)
	defer func() {
		if recover() == nil {
			t.Error("the zero Key has sealed")
		}
	}()
	zero.Seal("identity", []byte("text"))
}

func TestNewKeysDiffer(t *testing.T) {
	a, b := sealed.NewKey(rand.Read), sealed.NewKey(rand.Read)
	if a.ID() == b.ID() || a.Text()[12:] == b.Text()[12:] {
		t.Errorf("keys %v and %v share an ID or a secret", a, b)
	}
	if len(a.ID()) != 16 || len(a.Text()) != 54 {
		t.Errorf("ID %q, and %d characters in all", a.ID(), len(a.Text()))
	}
}

func TestAKeyIsReadBackFromItsText(t *testing.T) {
	k := key(t)
	for _, text := range []string{k.Text(), k.Text() + "\n", " \t" + k.Text() + "\r\n"} {
		again := parse(t, text)
		if again.Text() != k.Text() || again.ID() != keyID {
			t.Errorf("%q reads as %s", text, again.ID())
		}
	}
}

func TestTheErrorAboutAKeyDoesNotRepeatIt(t *testing.T) {
	text := key(t).Text()
	for _, bad := range []string{
		"", " ", "SECRET", "not base64 %%% SECRET", text[1:], text[:len(text)-1], text + "A", text + "==", text + text,
		strings.Replace(text, text[20:21], "*", 1), text + "\x00",
	} {
		k, err := sealed.ParseKey(bad)
		if k != nil || err == nil {
			t.Errorf("%q is a key", bad)
			continue
		}
		if err.Error() != "not a sealing key" || errors.Unwrap(err) != nil {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// holders are values that hold a key in ways that programs do.
func holders(k *sealed.Key) []any {
	type open struct {
		V sealed.Key
		P *sealed.Key
		A any
	}
	type closed struct { // fmt asks no method of these
		v sealed.Key
		p *sealed.Key
		a any
	}
	o, c := open{*k, k, *k}, closed{*k, k, *k}
	return []any{*k, k, o, &o, c, &c, []sealed.Key{*k}, []*sealed.Key{k}, [1]sealed.Key{*k}, []any{c, o}, map[string]sealed.Key{"k": *k}}
}

func TestAKeyDoesNotPrintItsSecret(t *testing.T) {
	k := key(t)
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%#q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%p", "%w", "%z", "%10v", "%!"}
	for i, v := range holders(k) {
		for _, verb := range verbs {
			for _, got := range []string{fmt.Sprintf(verb, v), fmt.Errorf(verb, v).Error()} {
				isClean(t, verb, got)
				if i < 2 && verb[1] != 'p' && verb[1] != 'w' && verb[1] != '!' && got != "sealed.Key("+keyID+")" {
					t.Errorf("%s: %s", verb, got)
				}
			}
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		isClean(t, "JSON", string(data))
	}
	isClean(t, "the error of Open", fmt.Sprint(k.Open("", nil)))
	isClean(t, "ID", k.ID())
}

func TestAKeyIsLoggedAsItsID(t *testing.T) {
	k := key(t)
	var text, data bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&data, nil)} {
		slog.New(handler).Info("m", "value", *k, "pointer", k)
		for _, v := range holders(k) {
			slog.New(handler).With("v", v).Info("m", "w", v, slog.Group("g", "v", v))
		}
	}
	isClean(t, "the text log", text.String())
	isClean(t, "the JSON log", data.String())
	if !strings.Contains(text.String(), "value="+keyID+" pointer="+keyID+"\n") || !strings.Contains(data.String(), `"value":"`+keyID+`","pointer":"`+keyID+`"}`) {
		t.Errorf("no key ID in the logs\n%s\n%s", &text, &data)
	}
}

func isClean(t *testing.T, how, text string) {
	t.Helper()
	if form := leak(text); form != "" {
		t.Errorf("%s shows a secret as %q: %s", how, form, text)
	}
}

// leak looks for the secret in every way that fmt writes bytes.
func leak(text string) string {
	forms := []string{base64.StdEncoding.EncodeToString([]byte(secret[1:]))[:8], base64.StdEncoding.EncodeToString([]byte(secret))[:8]}
	for _, verb := range []string{"%v", "%#v", "%s", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%q"} {
		for _, v := range []any{[]byte(secret[:6]), [6]byte([]byte(secret[:6])), []any{secret[0], secret[1], secret[2]}} {
			form := fmt.Sprintf(verb, v)
			if _, list, ok := strings.Cut(form, "{"); ok {
				form = list // of %#v, without its type
			}
			forms = append(forms, strings.Trim(form, "[]{}\"'"))
		}
	}
	for _, form := range forms {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

func TestTheSearchForSecretsFindsThem(t *testing.T) {
	type naked struct{ secret [32]byte }
	for _, text := range []string{
		fmt.Sprintf("%v", naked{[32]byte([]byte(secret))}), fmt.Sprintf("%#v", naked{[32]byte([]byte(secret))}),
		fmt.Sprintf("%x", secret), fmt.Sprintf("%q", secret), key(t).Text(),
	} {
		if leak(text) == "" {
			t.Errorf("nothing found in %s", text)
		}
	}
}

func TestNamesTellNothingAndStay(t *testing.T) {
	identity := sealed.Identity("a", "bc")
	if identity != "1:a,2:bc," {
		t.Errorf("identity %q", identity)
	}
	// printf '1:a,2:bc,' | sha256sum | cut -c1-32
	if got := sealed.Name(identity); got != "d16f37a638ba770eff5e5da16e42c72f" {
		t.Errorf("name %q", got)
	}
	if sealed.Name(sealed.Identity("ab", "c")) == sealed.Name(identity) {
		t.Error("two identities have one name")
	}
}

// An identity from which the words can be read again is that of no others.
func FuzzIdentity(f *testing.F) {
	for _, text := range []string{"", "|", "a", "a|b", "ab|", "1:a,|2", "1|:a,1:b,", "é|\x00\xff", "0:,", "11111111111|a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "|")
		if text == "" {
			words = nil
		}
		identity := sealed.Identity(words...)
		if got, ok := wordsOf(identity); !ok || !slices.Equal(got, words) {
			t.Errorf("%q reads as %q", identity, got)
		}
		if name := sealed.Name(identity); len(name) != 32 || strings.Trim(name, "0123456789abcdef") != "" {
			t.Errorf("name %q", name)
		}
	})
}

func wordsOf(identity string) (words []string, ok bool) {
	for identity != "" {
		size, rest, _ := strings.Cut(identity, ":")
		n, err := strconv.Atoi(size)
		if err != nil || n < 0 || n >= len(rest) || rest[n] != ',' {
			return words, false
		}
		words, identity = append(words, rest[:n]), rest[n+1:]
	}
	return words, true
}

// FuzzOpen opens anything: nobody without the key can write what opens.
func FuzzOpen(f *testing.F) {
	k, identity, record := golden(f)
	f.Add(identity, record)
	f.Add(identity+"x", record)
	f.Add("", []byte{})
	f.Add(identity, record[:13])
	f.Add(identity, record[:12])
	f.Add(identity, record[:sealed.Overhead])
	f.Add(identity, append([]byte("SEAL\x02"), record[5:]...))
	f.Add(identity, append([]byte("SEAL\x00"), record[5:]...))
	f.Add(identity, append([]byte("SEAL\x01otherkey"), record[13:]...))
	f.Add(identity, append([]byte("seal"), record[4:]...))
	f.Add(identity, slices.Concat(record[:13], []byte{0, 1}, record[15:]))
	f.Add(identity, slices.Concat(record[:13], []byte{255, 255}, record[15:]))
	f.Fuzz(func(t *testing.T, id string, data []byte) {
		before := bytes.Clone(data)
		plaintext, err := k.Open(id, data)
		if !bytes.Equal(data, before) {
			t.Errorf("%x has become %x", before, data)
		}
		switch {
		case id == identity && bytes.Equal(data, record):
			if err != nil || string(plaintext) != goldenText {
				t.Errorf("the record opens as %q, error %v", plaintext, err)
			}
		case plaintext != nil || !errors.Is(err, reason(data)):
			t.Errorf("%x opens as %q, error %v, want %v", data, plaintext, err, reason(data))
		}
	})
}

// reason says why data that the golden key did not seal does not open.
func reason(data []byte) error {
	switch {
	case len(data) < 13 || string(data[:4]) != "SEAL":
		return sealed.ErrDamaged
	case data[4] > 1:
		return sealed.ErrNewer
	case string(data[5:13]) != "\x01\x02\x03\x04\x05\x06\x07\x08":
		return sealed.ErrOtherKey
	}
	return sealed.ErrDamaged
}

// FuzzParseKey reads anything as a key.
func FuzzParseKey(f *testing.F) {
	text := key(f).Text()
	for _, seed := range []string{"", text, text + "\n", text[:53] + "R", text[1:], text + "=", "!" + text[1:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := sealed.ParseKey(text)
		if err != nil {
			if k != nil || err.Error() != "not a sealing key" {
				t.Errorf("%v, error %v", k, err)
			}
			return
		}
		if again := parse(t, k.Text()); again.Text() != k.Text() || again.ID() != k.ID() {
			t.Errorf("%q is written as %q, which reads as %q", text, k.Text(), again.Text())
		}
	})
}
