package child

import (
	"bytes"
	"os/exec"
	"strings"
	"time"
)

// FirstLine runs c, and returns the first line that it prints. It fails with the
// error of [exec.Cmd.Run].
func FirstLine(c *exec.Cmd) (string, error) {
	var out head
	c.Stdout, c.WaitDelay = &out, time.Second
	if err := c.Run(); err != nil {
		return "", err
	}
	first, _, _ := bytes.Cut(out.text, []byte("\n"))
	return strings.TrimSuffix(string(first), "\r"), nil
}

// head keeps the start of what is written to it, which may have no end.
type head struct{ text []byte }

const mostOfHead = 64 << 10

// Write implements [io.Writer].
func (h *head) Write(p []byte) (int, error) {
	room := max(0, mostOfHead-len(h.text))
	h.text = append(h.text, p[:min(len(p), room)]...)
	return len(p), nil
}
