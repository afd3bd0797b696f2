package tokencache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
		locked, err := isLocked(ctx, conn)
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

// isLocked asks about the collection that go-keyring will use: "login" where
// there is one, else the default.
func isLocked(ctx context.Context, conn *dbus.Conn) (bool, error) {
	var err error
	for _, path := range []dbus.ObjectPath{servicePath + "/collection/login", servicePath + "/aliases/default"} {
		var locked dbus.Variant
		err = conn.Object(secretService, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0,
			"org.freedesktop.Secret.Collection", "Locked").Store(&locked)
		if value, ok := locked.Value().(bool); err == nil && ok {
			return value, nil
		}
	}
	return false, fmt.Errorf("the Secret Service has no default collection: %w", err)
}

// bounded runs do with a deadline, and leaves it behind when it does not keep
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
