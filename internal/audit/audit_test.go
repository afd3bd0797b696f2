package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// forged is a name that would be another event, if it left its field.
const forged = "a\x1b[2J\u009b\u202eb\u2066\u200e\nMESSAGE=x\n\u2028c\",\"event\":\"answer\"}"

// lines reads the file of a trail.
func lines(t *testing.T, dir Dir) (all []Line, text []byte) {
	t.Helper()
	text, err := os.ReadFile(dir.Path())
	if err != nil {
		t.Fatal(err)
	}
	for one := range bytes.Lines(text) {
		var line Line
		decoder := json.NewDecoder(bytes.NewReader(one))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&line); err != nil {
			t.Fatalf("%s: %v", one, err)
		}
		all = append(all, line)
	}
	return all, text
}

func TestTheTrailHidesNothingInNames(t *testing.T) {
	trail := &Trail{Dir: Dir(t.TempDir())}
	if err := trail.Leave(t.Context(), Line{Event: Token, Session: forged, RoleName: forged, ClientProgram: forged}, nil); err != nil {
		t.Fatal(err)
	}
	all, text := lines(t, trail.Dir)
	if len(all) != 1 || strings.ContainsFunc(string(text), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		t.Fatalf("%q", text)
	}
	if line := all[0]; line.Session != forged || line.RoleName != forged || line.ClientProgram != "" || line.Event != Token {
		t.Errorf("it is read as %+v", line)
	}
}

func TestALineLeadsToItsClientWhereThereIsOne(t *testing.T) {
	trail := &Trail{Dir: Dir(t.TempDir()), Agent: func() (string, string) { return "codex", "CODEX_THREAD_ID is set" }}
	ctx := For(t.Context(), Client{Name: "one", PID: 4711, Program: forged, Agent: "claude", Seen: "CLAUDECODE is set"})
	trail.Leave(ctx, Line{Event: Answer}, nil)
	trail.Leave(t.Context(), Line{Event: Answer}, nil)
	all, _ := lines(t, trail.Dir)
	if line := all[0]; line.Client != "one" || line.ClientPID != 4711 || line.ClientProgram != forged || line.Agent != "claude" || line.AgentSeen != "CLAUDECODE is set" {
		t.Errorf("the client's is %+v", line)
	}
	if line := all[1]; line.Client != "" || line.ClientPID != 0 || line.Agent != "codex" {
		t.Errorf("the other is %+v", line)
	}
}

func TestATrailThatCannotBeWrittenIsSaidAndRefusesWhereItIsRequired(t *testing.T) {
	state := t.TempDir()
	trail := &Trail{Dir: Dir(state)}
	if trail.Problem() != nil || trail.Lost() != nil {
		t.Errorf("a trail that can be written: %v, %v", trail.Problem(), trail.Lost())
	}
	if err := errors.Join(os.Remove(trail.Dir.Path()), os.Mkdir(trail.Dir.Path(), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := trail.Leave(t.Context(), Line{Event: Answer}, nil); err != nil {
		t.Errorf("an answer: %v", err)
	}
	if lost := trail.Lost(); trail.Problem() == nil || lost == nil || !strings.Contains(lost.Problem, name) {
		t.Errorf("it says %v, and of the line %+v", trail.Problem(), lost)
	}
	refused := errors.New("refused")
	trail.Refuse = func(error) error { return refused }
	if err := trail.Leave(t.Context(), Line{Event: Answer}, nil); !errors.Is(err, refused) {
		t.Errorf("where it is required: %v", err)
	}
	trail.Kind = func(error) (string, string) { return "no access", "" }
	if err := trail.Leave(t.Context(), Line{Event: Answer}, os.ErrPermission); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a refusal: %v", err)
	}
	var none *Trail
	if none.Problem() != nil || none.Lost() != nil || none.Leave(t.Context(), Line{}, nil) != nil {
		t.Error("no trail has problems")
	}
	os.WriteFile(filepath.Join(state, lostName), []byte(`{"time":"2020-01-01T00:00:00Z","problem":"x"}`), 0o600)
	if lost := trail.Lost(); lost != nil {
		t.Errorf("what was lost years ago is %+v", lost)
	}
}

func TestNoNameMakesALineTooLongForASink(t *testing.T) {
	line := Line{Session: strings.Repeat("\u202e", 5000), Ancestors: []string{strings.Repeat("x", 5000)}, RoleName: "Admin"}
	text, err := within(line, 1000)
	var got Line
	if err != nil || len(text) > 1000 || json.Unmarshal(text, &got) != nil || got.RoleName != "Admin" || !strings.HasSuffix(got.Session, "…") {
		t.Errorf("%d bytes, %v: %s", len(text), err, text)
	}
	if len(line.Ancestors[0]) != 5000 {
		t.Error("the line itself was cut")
	}
}
