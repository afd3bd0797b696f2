//go:build !likemacos

package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	// The Secret Service sets no limit; a larger item than this is not ours.
	maxSecret = 64 << 10

	secretService = "org.freedesktop.secrets"
	servicePath   = dbus.ObjectPath("/org/freedesktop/secrets")

	// A service that runs answers a ping at once; one that the bus has to
	// start first needs a little longer.
	pingTime  = time.Second
	startTime = 5 * time.Second
)

// answers makes sure that go-keyring will find a Secret Service that is there,
// awake and, unless mayPrompt, unlocked. Without a bus address godbus would
// start a bus of its own and leave it running.
func answers(ctx context.Context, mayPrompt bool) error {
	if !hasBusAddress() {
		return absent{errors.New("no D-Bus session bus")}
	}
	return bounded(ctx, startTime, func(ctx context.Context) error {
		conn, err := dbus.SessionBus() // the connection that go-keyring uses too
		if err != nil {
			return absent{fmt.Errorf("D-Bus session bus: %w", err)}
		}
		if err := ping(ctx, conn); err != nil {
			return err
		}
		_, locked, err := collection(ctx, conn)
		if err == nil && locked && !mayPrompt {
			err = ErrLocked
		}
		return err
	})
}

// hasBusAddress looks where godbus looks before it runs dbus-launch.
func hasBusAddress() bool {
	if address := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); address != "" {
		return !strings.HasPrefix(address, "autolaunch:")
	}
	run := filepath.Join("/run/user", strconv.Itoa(os.Getuid()))
	for _, name := range []string{"bus", "dbus-session"} {
		if _, err := os.Stat(filepath.Join(run, name)); err == nil {
			return true
		}
	}
	return false
}

func ping(ctx context.Context, conn *dbus.Conn) error {
	var owned bool
	limit := startTime
	if conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, secretService).Store(&owned) == nil && owned {
		limit = pingTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := conn.Object(secretService, servicePath).CallWithContext(ctx, "org.freedesktop.DBus.Peer.Ping", 0).Err
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the Secret Service did not answer a ping within %v", limit)
	}
	if e, ok := errors.AsType[dbus.Error](err); ok && e.Name == "org.freedesktop.DBus.Error.ServiceUnknown" {
		return absent{err}
	}
	return err
}

// collection returns the one that go-keyring will use, "login" where there is
// one, else the default, and whether it is locked.
func collection(ctx context.Context, conn *dbus.Conn) (path dbus.ObjectPath, locked bool, err error) {
	for _, path := range []dbus.ObjectPath{servicePath + "/collection/login", servicePath + "/aliases/default"} {
		locked, propertyErr := isLocked(ctx, conn, path, "org.freedesktop.Secret.Collection")
		if propertyErr == nil {
			return path, locked, nil
		}
		err = propertyErr
	}
	if hasEnded(err) {
		return "", false, err
	}
	return "", false, fmt.Errorf("%w: %w", errNoCollection, err)
}

func isLocked(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, of string) (bool, error) {
	var value dbus.Variant
	err := conn.Object(secretService, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, of, "Locked").Store(&value)
	locked, ok := value.Value().(bool)
	if err == nil && !ok {
		err = errors.New("the Secret Service does not say whether it is locked")
	}
	return locked, err
}

// isOpen fails where go-keyring, asked for an item, would show a dialog: it
// unlocks the collection and the item each time, and waits for the answer to
// what the service asks. Like go-keyring it takes the first item that it finds.
//
// It waits as long as the service likes: a call that hangs keeps the turn.
func isOpen(service, item string) error {
	conn, err := dbus.SessionBus()
	if err != nil {
		return err
	}
	ctx := context.Background()
	path, _, err := collection(ctx, conn)
	if err != nil {
		return err
	}
	var found []dbus.ObjectPath
	search := map[string]string{"username": item, "service": service}
	if err := conn.Object(secretService, path).Call("org.freedesktop.Secret.Collection.SearchItems", 0, search).Store(&found); err != nil {
		return err
	}
	if len(found) == 0 {
		return unlocks(conn, path)
	}
	if locked, err := isLocked(ctx, conn, found[0], "org.freedesktop.Secret.Item"); err == nil && locked {
		return errItemLocked
	}
	return unlocks(conn, path, found[0])
}

// unlocks fails where unlocking would take a dialog. The service shows none
// before its prompt is asked to: it is dismissed.
func unlocks(conn *dbus.Conn, paths ...dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := conn.Object(secretService, servicePath).Call("org.freedesktop.Secret.Service.Unlock", 0, paths).Store(&unlocked, &prompt)
	if err != nil || prompt == "/" {
		return err
	}
	conn.Object(secretService, prompt).Call("org.freedesktop.Secret.Prompt.Dismiss", dbus.FlagNoReplyExpected)
	return errItemLocked
}

// hasEnded reports whether an error is of a service that ended during the call,
// or that is another now and does not know the session of the one before.
func hasEnded(err error) bool {
	if errors.Is(err, dbus.ErrClosed) || errors.Is(err, io.EOF) {
		return true
	}
	e, ok := errors.AsType[dbus.Error](err)
	return ok && slices.Contains([]string{
		"org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Disconnected",
		"org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.Secret.Error.NoSession",
	}, e.Name)
}

// bounded runs do with a deadline, and abandons it when it does not keep
// it: connecting to a bus that accepts and stays mute cannot be interrupted.
func bounded(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no answer from the D-Bus session bus within %v", limit)
	}
}
