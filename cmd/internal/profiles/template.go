package profiles

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Template makes a profile's name from a [Role]. Its language is the part of
// Go's text/template that a name needs: fields, strings, functions and pipes. That
// package is not used because it calls methods by name, for which the linker keeps
// methods that nothing calls: 300 kB of the program.
type Template struct {
	text            string
	actions, tokens *regexp.Regexp
}

const templateHas = "It has .AccountName, .AccountID, .Email, .RoleName and .Session, and the functions " +
	"lower, upper, replace, trimPrefix, trimSuffix and printf."

// ParseTemplate reads a template for names. Its error says what is wrong with it.
func ParseTemplate(text string) (*Template, error) {
	const quoted = `"(?:[^"\\]|\\.)*"|` + "`[^`]*`"
	t := &Template{text, regexp.MustCompile(`\{\{(?:` + quoted + "|[^\"`}]|}[^}])*}}"), regexp.MustCompile(quoted + `|\||[^\s|"]+`)}
	if strings.Contains(t.actions.ReplaceAllString(text, ""), "{{") {
		return nil, &Error{Problem: `--template: "{{" has no "}}" after it`, More: templateHas}
	}
	_, err := t.name(new(Role)) // which finds the fields and functions that do not exist
	return t, err
}

// name returns the text that the template makes of w.
func (t *Template) name(w *Role) (name string, err error) {
	name = t.actions.ReplaceAllStringFunc(t.text, func(action string) string {
		value, problem := w.pipe(t.tokens.FindAllString(action[2:len(action)-2], -1))
		if problem != nil && err == nil {
			err = &Error{Problem: "--template: " + problem.Error() + " in " + action, More: templateHas}
		}
		return value
	})
	return name, err
}

// pipe returns the value of the commands between "{{" and "}}". What one returns
// is the last argument of the next.
func (w *Role) pipe(tokens []string) (value string, err error) {
	function, args, piped := "", []string(nil), []string(nil)
	for _, token := range append(tokens, "|") {
		switch {
		case token == "|" && function == "" && args == nil:
			return "", errors.New("a command is missing")
		case token == "|":
			if value, err = apply(function, append(args, piped...)); err != nil {
				return "", err
			}
			function, args, piped = "", nil, []string{value}
		case function == "" && args == nil && !strings.ContainsAny(token[:1], ".\"`"):
			function = token
		default:
			arg, err := w.value(token)
			if err != nil {
				return "", err
			}
			args = append(args, arg)
		}
	}
	return value, nil
}

// value returns what a field or a string in quotes stands for.
func (w *Role) value(token string) (string, error) {
	fields := map[string]string{".AccountName": w.AccountName, ".AccountID": w.AccountID, ".Email": w.Email,
		".RoleName": w.RoleName, ".Session": w.Session}
	if text, ok := fields[token]; ok {
		return text, nil
	}
	if text, err := strconv.Unquote(token); err == nil && token[0] != '\'' {
		return text, nil
	}
	return "", fmt.Errorf("unknown field %s", token)
}

// apply calls a function; "" returns its only argument.
func apply(function string, args []string) (string, error) {
	takes, ok := map[string]int{"": 1, "lower": 1, "upper": 1, "trimPrefix": 2, "trimSuffix": 2, "replace": 3, "printf": max(1, len(args))}[function]
	switch {
	case !ok:
		return "", fmt.Errorf("unknown function %s", function)
	case function == "" && len(args) != 1:
		return "", fmt.Errorf("%d values, want one", len(args))
	case len(args) != takes:
		return "", fmt.Errorf("%s with %d arguments, want %d", function, len(args), takes)
	}
	return call(function, args), nil
}

// call has as many arguments as the function takes.
func call(function string, args []string) string {
	switch function {
	case "lower":
		return strings.ToLower(args[0])
	case "upper":
		return strings.ToUpper(args[0])
	case "trimPrefix":
		return strings.TrimPrefix(args[1], args[0])
	case "trimSuffix":
		return strings.TrimSuffix(args[1], args[0])
	case "replace":
		return strings.ReplaceAll(args[2], args[0], args[1])
	case "printf":
		values := make([]any, len(args)-1)
		for i, arg := range args[1:] {
			values[i] = arg
		}
		return fmt.Sprintf(args[0], values...)
	}
	return args[0]
}
