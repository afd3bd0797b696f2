package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
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
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join(dir, name+".schema.json"))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

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
		if _, invalid := errors.AsType[*jsonschema.ValidationError](err); invalid == isDescribed || err != nil && !invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}
