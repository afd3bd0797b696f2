package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestTheTrailHidesNothingInNames(t *testing.T) {
	dir := Dir(t.TempDir())
	const name = "a\x1b[2J\u009b\u202eb\u2066\u200e\n\u2028c\",\"event\":\"answer\"}"
	if err := dir.Write(Line{Event: Refusal, Session: name, RoleName: name, ClientProgram: name}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dir.Path())
	if err != nil || bytes.Count(text, []byte("\n")) != 1 || strings.ContainsFunc(string(text), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		t.Errorf("%q, %v", text, err)
	}
	var line Line
	if err := json.Unmarshal(text, &line); err != nil || line.Session != name || line.RoleName != name || line.ClientProgram != name || line.Event != Refusal {
		t.Errorf("it is read as %+v, %v", line, err)
	}
}
