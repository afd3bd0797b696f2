//go:build !likemacos

package keyring

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// A bus is a D-Bus of our own with a Secret Service behind it: as much of both
// as go-keyring needs.
type bus struct {
	mu      sync.Mutex
	items   map[string]string // by user name
	locked  bool
	shut    bool              // each item is locked by itself, until a prompt is answered
	prompts bool              // unlocking takes a prompt, whatever is locked
	empty   bool              // there is no collection
	ends    map[string]string // errors of methods, by name, once each
	mute    map[string]bool   // methods that get no answer; "AUTH" is the greeting
	forget  bool              // what is stored is lost, as after a dismissed prompt
	calls   map[string]int
	serving sync.WaitGroup
}

// startBus makes a bus the session bus until the test ends.
func startBus(t *testing.T, mute ...string) *bus {
	t.Helper()
	b := &bus{items: map[string]string{}, mute: map[string]bool{}, calls: map[string]int{}}
	for _, method := range mute {
		b.mute[method] = true
	}
	dir, err := os.MkdirTemp("/tmp", "bus") // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "bus")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
	var conns []net.Conn
	b.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			conns = append(conns, conn)
			b.mu.Unlock()
			b.serving.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		b.mu.Lock()
		for _, conn := range conns {
			conn.Close()
		}
		b.mu.Unlock()
		b.serving.Wait()
		os.RemoveAll(dir)
		disconnected(t)
	})
	return b
}

// disconnected waits until godbus has seen that its bus is gone: it would use
// the same connection for the next.
func disconnected(t *testing.T) {
	t.Helper()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		conn, err := dbus.SessionBus()
		if err != nil {
			return
		}
		<-conn.Context().Done()
	}
	t.Error("godbus keeps its connection")
}

func (b *bus) set(change func()) { b.mu.Lock(); defer b.mu.Unlock(); change() }

func (b *bus) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	if b.mute["AUTH"] {
		io.Copy(io.Discard, in)
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		answer := "ERROR"
		switch words := strings.Fields(strings.TrimLeft(line, "\x00")); {
		case words[0] == "BEGIN":
			b.answer(conn, in)
			return
		case words[0] == "AUTH" && len(words) == 1:
			answer = "REJECTED EXTERNAL"
		case words[0] == "AUTH" && len(words) == 2:
			answer = "DATA"
		case words[0] == "AUTH" || words[0] == "DATA":
			answer = "OK 0123456789abcdef0123456789abcdef"
		}
		fmt.Fprintf(conn, "%s\r\n", answer)
	}
}

func (b *bus) answer(conn net.Conn, in io.Reader) {
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		member, _ := call.Headers[dbus.FieldMember].Value().(string)
		path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
		b.mu.Lock()
		b.calls[member]++
		mute := b.mute[member]
		body := b.do(member, path, call.Body)
		failure, fails := b.ends[member]
		if delete(b.ends, member); fails {
			body = nil
		}
		b.mu.Unlock()
		if mute || call.Flags&dbus.FlagNoReplyExpected != 0 {
			continue
		}
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()),
			dbus.FieldSender:      dbus.MakeVariant("org.freedesktop.secrets"),
		}, Body: body}
		if body == nil {
			reply.Type = dbus.TypeError
			reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(cmp.Or(failure, "org.freedesktop.DBus.Error.ServiceUnknown"))
			reply.Body = []any{"no such thing"}
		}
		if len(reply.Body) > 0 {
			reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(reply.Body...))
		}
		if reply.EncodeTo(conn, binary.LittleEndian) != nil {
			return
		}
		if member == "Prompt" {
			b.completed(conn, path)
		}
	}
}

// completed says that a person has answered a prompt.
func (b *bus) completed(conn net.Conn, prompt dbus.ObjectPath) {
	done := []any{false, dbus.MakeVariant([]dbus.ObjectPath{dbus.ObjectPath(strings.TrimSuffix(string(prompt), "/prompt"))})}
	(&dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath:      dbus.MakeVariant(prompt),
		dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.Secret.Prompt"),
		dbus.FieldMember:    dbus.MakeVariant("Completed"),
		dbus.FieldSender:    dbus.MakeVariant("org.freedesktop.secrets"),
		dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(done...)),
	}, Body: done}).EncodeTo(conn, binary.LittleEndian)
}

const loginCollection = servicePath + "/collection/login"

// do returns the answer of a method; nil is an error.
func (b *bus) do(member string, path dbus.ObjectPath, args []any) []any {
	none := dbus.ObjectPath("/")
	user := strings.TrimPrefix(string(path), string(loginCollection)+"/")
	switch member {
	case "Hello":
		return []any{":1.1"}
	case "NameHasOwner":
		return []any{true}
	case "Ping", "Close", "AddMatch":
		return []any{}
	case "Get":
		switch {
		case b.empty && args[0] == "org.freedesktop.Secret.Collection":
			return nil
		case args[0] == "org.freedesktop.Secret.Item":
			return []any{dbus.MakeVariant(b.shut)}
		case args[1] == "Locked":
			return []any{dbus.MakeVariant(b.locked)}
		}
		return []any{dbus.MakeVariant([]dbus.ObjectPath{loginCollection})}
	case "OpenSession":
		return []any{dbus.MakeVariant(""), dbus.ObjectPath(servicePath + "/session/1")}
	case "Unlock":
		which := args[0].([]dbus.ObjectPath)
		if last := which[len(which)-1]; b.prompts || b.shut && last != loginCollection {
			return []any{[]dbus.ObjectPath{}, last + "/prompt"}
		}
		return []any{which, none}
	case "Prompt":
		b.shut, b.prompts = false, false
		return []any{}
	case "Dismiss", "RemoveMatch":
		return []any{}
	case "SearchItems":
		found := []dbus.ObjectPath{}
		name := args[0].(map[string]string)["username"]
		if _, ok := b.items[name]; ok {
			found = append(found, loginCollection+"/"+dbus.ObjectPath(name))
		}
		return []any{found}
	case "CreateItem":
		properties := args[0].(map[string]dbus.Variant)
		name := properties["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)["username"]
		if !b.forget {
			b.items[name] = string(args[1].([]any)[2].([]byte))
		}
		return []any{loginCollection + "/" + dbus.ObjectPath(name), none}
	case "GetSecret":
		return []any{struct {
			Session dbus.ObjectPath
			Params  []byte
			Value   []byte
			Type    string
		}{servicePath, nil, []byte(b.items[user]), "text/plain"}}
	case "Delete":
		delete(b.items, user)
		return []any{none}
	}
	return nil
}

// unavailableSoon fails unless every call of a keyring fails, in its own time,
// with an error of that kind.
func unavailableSoon(t *testing.T, k Keyring, kind error, detail string) {
	t.Helper()
	_, err := k.Get(t.Context(), "item")
	for op, err := range map[string]error{"read": err, "store": k.Set(t.Context(), "item", "secret"), "delete": k.Delete(t.Context(), "item")} {
		e, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, kind) || errors.Is(err, ErrNotFound) || e.Op != op || !strings.Contains(err.Error(), detail) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestOSKeepsTheContractOnABus(t *testing.T) {
	startBus(t)
	k := new(osKeyring)
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for range 2 {
		if err := k.Delete(t.Context(), "item"); err != nil {
			t.Error(err)
		}
	}
	if _, err := k.Get(t.Context(), "item"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestALockedCollectionIsNeverAskedToOpen(t *testing.T) {
	b := startBus(t)
	b.set(func() { b.locked = true })
	unavailableSoon(t, new(osKeyring), ErrLocked, "os keyring")
	b.set(func() {
		if b.calls["Unlock"]+b.calls["SearchItems"]+b.calls["CreateItem"] > 0 {
			t.Errorf("calls: %v", b.calls)
		}
	})
	if _, err := (&osKeyring{MayPrompt: true}).Get(t.Context(), "item"); !errors.Is(err, ErrNotFound) {
		t.Errorf("with leave to ask: %v", err)
	}
}

// KeePassXC can lock or confirm each item by itself, and tells each client so.
func TestAnUnattendedReadNeverShowsTheDialogOfAnItem(t *testing.T) {
	for name, make := range map[string]func(b *bus){
		"an item that is locked":             func(b *bus) { b.shut = true },
		"unlocking that always takes a word": func(b *bus) { b.prompts = true },
	} {
		t.Run(name, func(t *testing.T) {
			b := startBus(t)
			if err := new(osKeyring).Set(t.Context(), "item", "secret"); err != nil {
				t.Fatal(err)
			}
			b.set(func() { make(b) })
			unavailableSoon(t, new(osKeyring), ErrLocked, "asks before it gives this item")
			b.set(func() {
				if b.calls["Prompt"] > 0 || b.calls["CreateItem"] > 1 || b.calls["Delete"] > 0 {
					t.Errorf("calls: %v", b.calls)
				}
			})
			if got, err := (&osKeyring{MayPrompt: true}).Get(t.Context(), "item"); got != "secret" || err != nil {
				t.Errorf("with leave to ask: %q, %v", got, err)
			}
			b.set(func() {
				if b.calls["Prompt"] != 1 {
					t.Errorf("with leave to ask, %d dialogs", b.calls["Prompt"])
				}
			})
		})
	}
}

func TestAServiceWithoutACollectionIsNamed(t *testing.T) {
	b := startBus(t)
	b.set(func() { b.empty = true })
	unavailableSoon(t, new(osKeyring), errNoCollection, "no default collection")
	if _, err := new(osKeyring).Get(t.Context(), "item"); errors.Is(err, errAbsent) {
		t.Error("it counts as none at all")
	}
}

func TestAServiceThatRestartsIsAskedAgain(t *testing.T) {
	for _, method := range []string{"Ping", "SearchItems", "OpenSession", "GetSecret", "Get"} {
		for _, name := range []string{"org.freedesktop.DBus.Error.NoReply", "org.freedesktop.Secret.Error.NoSession"} {
			t.Run(method+" "+name, func(t *testing.T) {
				b := startBus(t)
				k := new(osKeyring)
				if err := k.Set(t.Context(), "item", "secret"); err != nil {
					t.Fatal(err)
				}
				b.set(func() { b.ends = map[string]string{method: name} })
				if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
	}
}

func TestAServiceThatDoesNotComeBackIsSaidToHaveEnded(t *testing.T) {
	b := startBus(t)
	b.set(func() { b.ends = map[string]string{"Ping": "org.freedesktop.DBus.Error.NoReply"} })
	k := new(osKeyring)
	answered := 0
	_, err := k.within(t.Context(), "read", "item", func(context.Context, keychain) (string, error) { answered++; return "", dbus.ErrClosed })
	if !errors.Is(err, errRestarted) || !errors.Is(err, ErrUnavailable) || errors.Is(err, errAbsent) || answered < 3 {
		t.Errorf("after %d calls: %v", answered, err)
	}
}

func TestWhatCannotBeReadBackIsNotStored(t *testing.T) {
	b := startBus(t)
	b.set(func() { b.forget = true })
	if err := new(osKeyring).Set(t.Context(), "item", "secret"); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "read back") {
		t.Errorf("got %v", err)
	}
}

func TestAServiceThatDoesNotAnswerAPingIsUnavailable(t *testing.T) {
	startBus(t, "Ping")
	_, err := new(osKeyring).Get(t.Context(), "item")
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "ping") {
		t.Errorf("got %v", err)
	}
}

func TestABusThatAcceptsAndStaysMuteIsUnavailable(t *testing.T) {
	startBus(t, "AUTH")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // long before a call is given up
	defer cancel()
	if _, err := new(osKeyring).Get(ctx, "item"); !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("got %v, and %v", err, ctx.Err())
	}
}

func TestACallThatHangsKeepsOthersAway(t *testing.T) {
	b := startBus(t, "SearchItems")
	k := new(osKeyring)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if _, err := k.Get(ctx, "item"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		cancel()
	}
	b.set(func() {
		if b.calls["SearchItems"] != 1 {
			t.Errorf("%d calls are under way", b.calls["SearchItems"])
		}
	})
}

func TestWithoutAServiceOrABusTheKeyringIsUnavailable(t *testing.T) {
	bin := t.TempDir()
	launched := filepath.Join(bin, "launched")
	if err := os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\n: >'"+launched+"'\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	addresses := map[string]string{"autolaunch:": "no D-Bus session bus", "unix:path=/nowhere": "no such file", "garbage": "invalid bus address"}
	if _, err := os.Stat(filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus")); err != nil {
		addresses[""] = "no D-Bus session bus"
	}
	for address, detail := range addresses {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		unavailableSoon(t, new(osKeyring), ErrUnavailable, detail)
	}
	if _, err := os.Stat(launched); err == nil {
		t.Error("a bus was started")
	}
}

// realService is a real keychain, by a connection of this test's own: all share
// one otherwise, and the next test's bus would not be asked.
func realService(t *testing.T) (*osKeyring, *dbus.Conn) {
	t.Helper()
	conn, err := dbus.SessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); disconnected(t) })
	return new(osKeyring), conn
}
