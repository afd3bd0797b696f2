// Package jsonschema checks in tests that what programs are told is as the
// schemas in docs say.
package jsonschema

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Read reads a schema from a file. It is an error if that has a word which is
// not understood, and would not be checked.
func Read(path string) (*Schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	s := new(Schema)
	return s, dec.Decode(s)
}

// Schema is as much of JSON Schema as ours use. Its members are the words of
// the language; one that is left out demands nothing.
type Schema struct {
	Dialect     string             `json:"$schema"`
	Title       string             `json:"title"`
	Description string             `json:"description"`
	Type        string             `json:"type"`
	Enum        []string           `json:"enum"`
	Format      string             `json:"format"`
	Pattern     string             `json:"pattern"`
	Properties  map[string]*Schema `json:"properties"`
	Required    []string           `json:"required"`
	Additional  *bool              `json:"additionalProperties"`
	Items       *Schema            `json:"items"`
}

// Check returns what is wrong with a value, as encoding/json decodes it into an
// any: each complaint begins with the path to what it is about. None: all is
// well.
func (s *Schema) Check(value any) (complaints []string) { return s.check("", value) }

func (s *Schema) check(at string, value any) (complaints []string) {
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
