package profiles

import (
	"errors"
	"strings"
	"testing"
	"text/template"
)

var templates = []string{
	"{{.AccountName}}/{{.RoleName}}", "{{ .RoleName | lower }}.{{.AccountID}}@{{.Session}}", "x", "", "}} {", "{ {.X} }",
	`{{.Email | trimSuffix "@example.com" | upper}}`, `{{lower .RoleName}}`, `{{replace "a" "" .RoleName}}`,
	"{{.RoleName | replace `-` \"}}\"}}{{\"|\"}}", `{{printf "%s-%s" .AccountName .RoleName}}`, `{{"a\"b"}}`,
	`{{trimPrefix "Adm" .RoleName | printf "%q"}}`, "{{\n.Session\n}}", `{{ "" | printf "%s!" }}`,
}

// The language is a part of Go's, so Go's own package is the judge.
func TestATemplateSaysWhatGosOwnSays(t *testing.T) {
	role := &Role{AccountName: "prod", AccountID: "111111111111", Email: "a@example.com", RoleName: "Admin-a", Session: "corp"}
	for _, text := range templates {
		own, err := ParseTemplate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := own.name(role)
		if want := goTemplate(t, text, role); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

func goTemplate(t *testing.T, text string, role *Role) string {
	var b strings.Builder
	judge := template.Must(template.New("name").Funcs(template.FuncMap{
		"lower": strings.ToLower, "upper": strings.ToUpper,
		"replace":    func(old, new, text string) string { return strings.ReplaceAll(text, old, new) },
		"trimPrefix": func(prefix, text string) string { return strings.TrimPrefix(text, prefix) },
		"trimSuffix": func(suffix, text string) string { return strings.TrimSuffix(text, suffix) },
	}).Parse(text))
	if err := judge.Execute(&b, role); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestATemplateThatCannotBeUsedIsRefusedWithTheReason(t *testing.T) {
	for text, want := range map[string]string{
		"{{": `has no "}}"`, `{{"}}`: `has no "}}"`, "{{.Nothing}}": "unknown field .Nothing", "{{}}": "a command is missing",
		"{{.RoleName | }}": "a command is missing", "{{| lower}}": "a command is missing", "{{if .Email}}x{{end}}": "unknown function if", "{{lower}}": "lower with 0 arguments",
		"{{.RoleName .Email}}": "2 values", "{{.RoleName | .Email}}": "2 values", "{{lower lower}}": "unknown field lower",
		"{{.RoleName | replace 'a' 'b'}}": "unknown field 'a'", "{{- .RoleName -}}": "unknown field -", "{{.}}": "unknown field .",
		"{{.AccountName.x}}": "unknown field .AccountName.x", "{{printf}}": "printf with 0 arguments",
	} {
		_, err := ParseTemplate(text)
		if e := new(Error); !errors.As(err, &e) || !strings.Contains(e.Problem, want) || !strings.Contains(e.More, ".AccountName") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
