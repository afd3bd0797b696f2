package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
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
	for _, complaint := range s.check("", value) {
		ts.Fatalf("%s", complaint)
	}
}

func readSchema(name string) (*jsonSchema, error) {
	dir := os.Getenv("CREDPROC_TEST_DOCS") // a script runs in a directory of its own
	if dir == "" {
		dir = filepath.Join("..", "docs")
	}
	text, err := os.ReadFile(filepath.Join(dir, name+".schema.json"))
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields() // a word that is not understood is not checked
	s := new(jsonSchema)
	return s, dec.Decode(s)
}

// jsonSchema is as much of JSON Schema as ours use.
type jsonSchema struct {
	Schema      string                 `json:"$schema"`
	Title       string                 `json:"title"`
	Description string                 `json:"description"`
	Type        string                 `json:"type"`
	Enum        []string               `json:"enum"`
	Format      string                 `json:"format"`
	Pattern     string                 `json:"pattern"`
	Properties  map[string]*jsonSchema `json:"properties"`
	Required    []string               `json:"required"`
	Additional  *bool                  `json:"additionalProperties"`
	Items       *jsonSchema            `json:"items"`
}

func (s *jsonSchema) check(at string, value any) (complaints []string) {
	complain := func(format string, args ...any) {
		complaints = append(complaints, at+": "+fmt.Sprintf(format, args...))
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				complain("no %s", name)
			}
		}
		for name, member := range v {
			property := s.Properties[name]
			if property == nil {
				complain("%s is not described", name)
				continue
			}
			complaints = append(complaints, property.check(at+"/"+name, member)...)
		}
	case []any:
		for i, item := range v {
			complaints = append(complaints, s.Items.check(fmt.Sprintf("%s/%d", at, i), item)...)
		}
	case string:
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			complain("%q is none of %q", v, s.Enum)
		}
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			complain("%q is no time", v)
		}
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			complain("%q is not like %s", v, s.Pattern)
		}
	}
	if !isOfType(s.Type, value) {
		complain("%v is no %s", value, s.Type)
	}
	return complaints
}

func isOfType(name string, value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return name == "object"
	case []any:
		return name == "array"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	}
	return false // null too
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
		if got := s.check("", value); min(len(got), 1) != want {
			t.Errorf("%s: complaints %q", text, got)
		}
	}
}
