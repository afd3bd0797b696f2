package cmd

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/rogpeppe/go-internal/testscript"
)

// schema checks stdout against a schema of docs.
func schema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: schema name")
	}
	ts.Check(described(args[0], ts.ReadFile("stdout")))
}

// described returns why a schema of docs does not allow an answer.
func described(name, answer string) error {
	dir := os.Getenv("CREDPROC_TEST_DOCS") // a script runs in a directory of its own
	if dir == "" {
		dir = filepath.Join("..", "docs")
	}
	text, err := os.ReadFile(filepath.Join(dir, name+".schema.json"))
	if err != nil {
		return err
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal([]byte(formats.Replace(string(text))), &schema); err != nil {
		return err
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal([]byte(answer), &value); err != nil {
		return err
	}
	if err := resolved.Validate(value); err != nil {
		return &undescribedError{err}
	}
	return nil
}

// formats makes patterns of what the judge takes for notes.
var formats = strings.NewReplacer(
	`"format": "date-time"`, `"pattern": "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"`,
	`"format": "uri"`, `"pattern": "^[a-z][a-z0-9+.-]*:[^ ]+$"`,
)

// undescribedError is an answer that is not as the schema says.
type undescribedError struct{ error }

func TestTheSchemaOfStatusRefusesWhatItDoesNotDescribe(t *testing.T) {
	good := `{"session":"corp","sso_start_url":"https://idc.example/start","sso_region":"us-east-1","state":"signed_out",` +
		`"signed_in":false,"renewable":false,"cached_roles":[],"in_progress":[]}`
	for text, isDescribed := range map[string]bool{
		"[" + good + "]": true,
		"[]":             true,
		"{}":             false,
		"[" + strings.Replace(good, "signed_out", "asleep", 1) + "]":                     false,
		"[" + strings.Replace(good, `"signed_in":false`, `"signed_in":"no"`, 1) + "]":    false,
		"[" + strings.Replace(good, `"renewable":false,`, "", 1) + "]":                   false,
		"[" + strings.Replace(good, `{`, `{"more":1,`, 1) + "]":                          false,
		"[" + strings.Replace(good, `{`, `{"signed_in_at":"yesterday",`, 1) + "]":        false,
		"[" + strings.Replace(good, `"cached_roles":[]`, `"cached_roles":null`, 1) + "]": false,
	} {
		err := described("status", text)
		if _, invalid := errors.AsType[*undescribedError](err); invalid == isDescribed || err != nil && !invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}
