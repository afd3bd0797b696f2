package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/credproc/credproc/internal/jsonschema"
)

// schema checks stdout against a schema of docs.
func schema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: schema name")
	}
	s, err := readSchema(args[0])
	ts.Check(err)
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
	for _, complaint := range s.Check(value) {
		ts.Fatalf("%s", complaint)
	}
}

func readSchema(name string) (*jsonschema.Schema, error) {
	dir := os.Getenv("CREDPROC_TEST_DOCS") // a script runs in a directory of its own
	if dir == "" {
		dir = filepath.Join("..", "docs")
	}
	return jsonschema.Read(filepath.Join(dir, name+".schema.json"))
}

func TestTheSchemaOfStatusRefusesWhatItDoesNotDescribe(t *testing.T) {
	s, err := readSchema("status")
	if err != nil {
		t.Fatal(err)
	}
	good := `{"session":"corp","sso_start_url":"https://idc.example/start","sso_region":"us-east-1","state":"signed_out",` +
		`"signed_in":false,"renewable":false,"cached_roles":[],"in_progress":[]}`
	for text, want := range map[string]int{
		"[" + good + "]": 0,
		"[]":             0,
		"{}":             1,
		"[" + strings.Replace(good, "signed_out", "asleep", 1) + "]":                     1,
		"[" + strings.Replace(good, `"signed_in":false`, `"signed_in":"no"`, 1) + "]":    1,
		"[" + strings.Replace(good, `"renewable":false,`, "", 1) + "]":                   1,
		"[" + strings.Replace(good, `{`, `{"more":1,`, 1) + "]":                          1,
		"[" + strings.Replace(good, `{`, `{"signed_in_at":"yesterday",`, 1) + "]":        1,
		"[" + strings.Replace(good, `"cached_roles":[]`, `"cached_roles":null`, 1) + "]": 1,
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if got := s.Check(value); min(len(got), 1) != want {
			t.Errorf("%s: complaints %q", text, got)
		}
	}
}
