package audit

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestThePageHasTheFieldsOfALineAndLinesAsTheyAreWritten: docs/audit.md is the schema.
func TestThePageHasTheFieldsOfALineAndLinesAsTheyAreWritten(t *testing.T) {
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(text), "## Fields")
	fields, _, _ = strings.Cut(fields, "## ")
	var documented, written []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(fields, -1) {
		documented = append(documented, row[1])
	}
	for field := range reflect.TypeFor[Line]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		written = append(written, name)
	}
	if !slices.Equal(documented, written) {
		t.Errorf("the page has the fields %q, and a line has %q", documented, written)
	}
	events := make(map[string]bool)
	for _, example := range regexp.MustCompile(`(?m)^\{"time".*$`).FindAllString(string(text), -1) {
		var line Line
		decoder := json.NewDecoder(strings.NewReader(example))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&line); err != nil {
			t.Fatalf("%s: %v", example, err)
		}
		again, err := line.json()
		if err != nil || string(again) != example {
			t.Errorf("the page has %s, which is written as %s", example, again)
		}
		events[line.Event] = true
	}
	for _, event := range []string{Answer, Refusal, SignIn, SignOut, Token} {
		if !events[event] {
			t.Errorf("the page has no example of %s", event)
		}
	}
}
