package credproc

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/settings"
)

func TestTheTrailGoesToTheSinkAlone(t *testing.T) {
	for sink, path := range map[string]string{"syslog": "dev/log", "journald": "run/systemd/journal/socket"} {
		onMachine(t, func(m *machine) {
			c := m.governed("audit = required\naudit_sink = "+sink+"\n", profiles)
			socket := filepath.Join(inside.Place(&c.insides).Root, path)
			if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := m.provider(c, "native").Retrieve(m.Context()); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), socket) {
				t.Errorf("%s, without a daemon: %v", sink, err)
			}
			daemon, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer daemon.Close()
			got := m.get(m.provider(c, "native"))
			message := make([]byte, 64<<10)
			n, err := daemon.Read(message)
			if text := string(message[:n]); err != nil || !strings.Contains(text, `"event":"answer"`) || !strings.Contains(text, `"access_key_id":"`+got.AccessKeyID+`"`) {
				t.Errorf("%s: %q, %v", sink, text, err)
			}
			m.hidesSecrets("the message", string(message[:n]))
			if _, err := os.Stat(filepath.Join(c.StateDir, "audit.jsonl")); err == nil {
				t.Errorf("%s: there is a file as well", sink)
			}
			in, err := inside.Of[settings.Config](c)
			if err != nil || in.Trail().Problem() != nil || in.Trail().Lost() == nil || in.Trail().Place() != sink {
				t.Errorf("%s: the trail is at %s, with %v, and has lost %+v; error %v", sink, in.Trail().Place(), in.Trail().Problem(), in.Trail().Lost(), err)
			}
		})
	}
}

func TestNoTokenIsExportedWithoutItsLine(t *testing.T) {
	for audit, want := range map[string]bool{"on": true, "required": false} {
		onMachine(t, func(m *machine) {
			c := m.governed("audit = "+audit+"\naudit_sink = syslog\n", profiles+"\n[sso-session corp]\ncredproc_cli_cache = export\n")
			s, err := c.Session("corp")
			if err != nil {
				m.Fatal(err)
			}
			m.signIn(s)
			if got := m.exported(c, "corp") != nil; got != want {
				m.Errorf("audit = %s, without a daemon: a token is exported: %v", audit, got)
			}
		})
	}
}
