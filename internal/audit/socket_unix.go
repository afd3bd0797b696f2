//go:build unix

package audit

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/credproc/credproc/internal/printable"
)

const (
	// authPriv is the facility for what only administrators read: LOG_AUTHPRIV.
	authPriv     = 10
	info, notice = 6, 5 // severities: RFC 5424, section 6.2.1

	// mostSyslog is what rsyslog takes by default. macOS has 2,048 bytes for a datagram:
	// net.local.dgram.maxdgram.
	mostSyslog, mostSyslogMac = 8000, 2000
)

// send leaves a line at a sink of the system, whose sockets are below root.
func send(sink, root string, e *entry) error {
	switch sink {
	case Syslog:
		return toSyslog(root, e)
	case Journald:
		return toSocket([]string{"unixgram"}, []string{root + "/run/systemd/journal/socket"}, e.journal())
	}
	return fmt.Errorf("this system has no %s", sink)
}

// reach reports what keeps a sink from being reached, without a line.
func reach(sink, root string) error {
	paths := syslogSockets(root)
	if sink == Journald {
		paths = []string{root + "/run/systemd/journal/socket"}
	}
	conn, err := dial([]string{"unixgram", "unix"}, paths)
	if err == nil {
		conn.Close()
	}
	return err
}

func syslogSockets(root string) []string {
	return []string{root + "/dev/log", root + "/var/run/syslog", root + "/var/run/log"}
}

// toSyslog speaks as openlog(3) and syslog(3) do: the old format, without a host.
//
// https://datatracker.ietf.org/doc/html/rfc3164#section-4.1
func toSyslog(root string, e *entry) (err error) {
	most := mostSyslog
	if runtime.GOOS == "darwin" {
		most = mostSyslogMac
	}
	severity := info
	if e.refusal() {
		severity = notice
	}
	header := fmt.Sprintf("<%d>%s %s[%d]: ", authPriv<<3|severity, e.Time.Local().Format(time.Stamp), tag(e.name), e.PID)
	text, err := within(e.Line, most-len(header))
	if err != nil {
		return err
	}
	return toSocket([]string{"unixgram", "unix"}, syslogSockets(root), append([]byte(header), text...))
}

// journal is the line in the journal's own protocol, with a field for each of its
// fields. Every value has its length before it, so that none ends in another field.
//
// https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
func (e *entry) journal() []byte {
	priority := info
	if e.refusal() {
		priority = notice
	}
	var to bytes.Buffer
	field := func(name, value string) {
		to.WriteString(name + "\n")
		binary.Write(&to, binary.LittleEndian, uint64(len(value)))
		to.WriteString(value + "\n")
	}
	field("MESSAGE", string(e.text))
	field("PRIORITY", fmt.Sprint(priority))
	field("SYSLOG_FACILITY", fmt.Sprint(authPriv))
	field("SYSLOG_IDENTIFIER", tag(e.name))
	var fields map[string]any
	numbers := json.NewDecoder(bytes.NewReader(e.text))
	numbers.UseNumber()
	numbers.Decode(&fields)
	prefix := strings.ToUpper(strings.ReplaceAll(tag(e.name), "-", "_")) + "_"
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		values, several := fields[name].([]any)
		if !several {
			values = []any{fields[name]}
		}
		for _, value := range values {
			field(prefix+strings.ToUpper(name), printable.Line(fmt.Sprint(value)))
		}
	}
	return to.Bytes()
}

// toSocket sends a message to the first of the sockets that is there.
func toSocket(networks, paths []string, message []byte) error {
	conn, err := dial(networks, paths)
	if err != nil {
		return err
	}
	if conn.RemoteAddr().Network() == "unix" { // a stream, in which lines have ends
		message = append(message, '\n')
	}
	if err := conn.SetWriteDeadline(time.Now().Add(sinkTime)); err != nil {
		return errors.Join(err, conn.Close())
	}
	_, err = conn.Write(message)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%s: %w", conn.RemoteAddr(), errSlow)
	}
	return errors.Join(err, conn.Close())
}

func dial(networks, paths []string) (conn net.Conn, err error) {
	var missing error
	for _, path := range paths {
		for _, network := range networks {
			conn, err = net.DialTimeout(network, path, sinkTime)
			if err == nil {
				return conn, nil
			}
			if !errors.Is(err, syscall.EPROTOTYPE) {
				break
			}
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		missing = cmp.Or(missing, err)
	}
	return nil, missing
}
