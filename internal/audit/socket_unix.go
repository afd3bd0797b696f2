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
	networks, paths, err := sockets(sink, root)
	if err != nil {
		return err
	}
	message := e.journal
	if sink == Syslog {
		message = e.syslog
	}
	text, err := message()
	if err != nil {
		return err
	}
	return toSocket(networks, paths, text)
}

// reach reports what keeps a sink from being reached, without a line.
func reach(sink, root string) error {
	networks, paths, err := sockets(sink, root)
	if err != nil {
		return err
	}
	conn, err := dial(networks, paths, time.Now().Add(sinkTime))
	if err == nil {
		conn.Close()
	}
	return err
}

// sockets are where a sink of the system may listen.
func sockets(sink, root string) (networks, paths []string, err error) {
	switch sink {
	case Syslog:
		return []string{"unixgram", "unix"}, []string{root + "/dev/log", root + "/var/run/syslog", root + "/var/run/log"}, nil
	case Journald:
		return []string{"unixgram"}, []string{root + "/run/systemd/journal/socket"}, nil
	}
	return nil, nil, fmt.Errorf("this system has no %s", sink)
}

// syslog is the line as openlog(3) and syslog(3) write it: the old format, without a host.
//
// https://datatracker.ietf.org/doc/html/rfc3164#section-4.1
func (e *entry) syslog() ([]byte, error) {
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
	return append([]byte(header), text...), err
}

// journal is the line in the journal's own protocol, with a field for each of its
// fields. Every value has its length before it, so that none ends in another field.
//
// https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
func (e *entry) journal() ([]byte, error) {
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
	return to.Bytes(), nil
}

// toSocket sends a message to the first of the sockets that is there.
func toSocket(networks, paths []string, message []byte) error {
	until := time.Now().Add(sinkTime)
	conn, err := dial(networks, paths, until)
	if err != nil {
		return err
	}
	if conn.RemoteAddr().Network() == "unix" { // a stream, in which lines have ends
		message = append(message, '\n')
	}
	if err := conn.SetWriteDeadline(until); err != nil {
		return errors.Join(err, conn.Close())
	}
	_, err = conn.Write(message)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%s: %w", conn.RemoteAddr(), errSlow)
	}
	return errors.Join(err, conn.Close())
}

func dial(networks, paths []string, until time.Time) (conn net.Conn, err error) {
	var missing error
	for _, path := range paths {
		for _, network := range networks {
			conn, err = (&net.Dialer{Deadline: until}).Dial(network, path)
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
