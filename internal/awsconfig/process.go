package awsconfig

import (
	"runtime"
	"slices"
	"strings"
)

const onWindows = runtime.GOOS == "windows"

// process resolves a profile that runs a process for its credentials.
func (r resolver) process(p *Profile) error {
	line := p.Section.setting("credential_process")
	flags, ok := ourFlags(line.Value, r.command, onWindows)
	if !ok {
		p.Kind = OtherProcess
		return nil
	}
	p.Kind = Ours
	target, err := r.target(p.Section, line, flags)
	if err != nil {
		return err
	}
	p.Role, p.Chain, p.Settings = target.Role, target.Chain, target.Settings
	if target.Section != nil {
		p.Through = append([]*Section{target.Section}, target.Through...)
	}
	return nil
}

// target returns what the flags of our line ask for: a profile, or a nameless
// one with the role.
func (r resolver) target(s *Section, line Setting, flags map[string]string) (*Profile, error) {
	flag := func(name string) Setting { return Setting{line.Location, line.Section, name, flags[name]} }
	profile := flag("--profile")
	if profile.Value == "" {
		role, err := r.role(spelling{line.Location, s, flag("--sso-session"), flag("--sso-start-url"),
			flag("--sso-region"), flag("--account-id"), flag("--role-name")})
		return &Profile{Role: role}, err
	}
	if len(flags) > 1 {
		return nil, &ValueError{profile, "there are flags for the same beside it"}
	}
	r.source = false
	p, err := r.profile(profile)
	if err != nil {
		return nil, err
	}
	if p.Kind == SessionOnly || p.Role == nil && p.Chain == nil {
		return nil, &ValueError{profile, "that profile has no role"}
	}
	return p, nil
}

// ourFlags returns the flags that say for what a credential_process value
// wants credentials. ok is false if it does not run our process command.
func ourFlags(value string, command []string, windows bool) (flags map[string]string, ok bool) {
	words, ok := split(value, windows)
	words = words[afterEnv(words):]
	if !ok || len(command) == 0 || len(words) <= len(command) {
		return nil, false
	}
	for i, word := range command {
		if i == 0 && !sameProgram(words[i], word, windows) || i > 0 && words[i] != word {
			return nil, false
		}
	}
	flags, operand := targetFlags(words[len(command):])
	return flags, operand == "process" || operand == "credential-process"
}

// afterEnv returns the index of the program that a command line runs: behind
// env(1), its flags and its settings, if they are there.
func afterEnv(words []string) int {
	if len(words) == 0 || program(words[0]) != "env" {
		return 0
	}
	for i := 1; i < len(words); i++ {
		switch name, _, isSetting := strings.Cut(words[i], "="); {
		case !isSetting && slices.Contains([]string{"-u", "--unset", "-C", "--chdir"}, name):
			i++ // its value
		case !isSetting && !strings.HasPrefix(name, "-"):
			return i
		}
	}
	return 0
}

// targetFlags picks out the flags that say for what, and the first word that is
// no flag. Flags may stand before it too. The last one of a name counts, and
// what is not known is passed over.
func targetFlags(words []string) (flags map[string]string, operand string) {
	flags = make(map[string]string)
	for i := 0; i < len(words); i++ {
		name, value, hasValue := strings.Cut(words[i], "=")
		switch name {
		case "--profile", "--sso-session", "--account-id", "--role-name", "--sso-start-url", "--sso-region":
		default:
			if !strings.HasPrefix(words[i], "-p") {
				if operand == "" && !strings.HasPrefix(words[i], "-") {
					operand = words[i]
				}
				continue
			}
			name, value = "--profile", words[i][len("-p"):] // "-p dev" or "-pdev"
			hasValue = value != ""
		}
		if !hasValue && i+1 < len(words) {
			i++
			value = words[i]
		}
		flags[name] = value
	}
	return flags, operand
}

// sameProgram reports whether two paths are of programs of the same name.
func sameProgram(a, b string, windows bool) bool {
	a, b = program(a), program(b)
	return a == b || windows && strings.EqualFold(a, b)
}

// program returns the name by which a program is called: no path, no ".exe".
func program(path string) string {
	name := path[strings.LastIndexAny(path, `/\`)+1:]
	if n := len(name) - len(".exe"); n > 0 && strings.EqualFold(name[n:], ".exe") {
		name = name[:n]
	}
	return name
}
