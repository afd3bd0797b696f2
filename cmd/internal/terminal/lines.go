package terminal

import (
	"bytes"
	"context"
	"os"
	"strings"
)

// EachLine calls use with each line that is typed on the terminal until ctx ends.
// It takes no line that is typed later.
func (t *Terminal) EachLine(ctx context.Context, use func(line string)) {
	f, ok := t.in.(*os.File)
	if !ok || !Is(f) {
		return
	}
	var typed bytes.Buffer
	part := make([]byte, 4096)
	for awaitLine(ctx, f) {
		n, err := f.Read(part)
		if err != nil {
			return
		}
		typed.Write(part[:n])
		for bytes.Contains(typed.Bytes(), []byte("\n")) {
			line, _ := typed.ReadString('\n')
			if line = strings.TrimSpace(line); line != "" {
				use(line)
			}
		}
	}
}
