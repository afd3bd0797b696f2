package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// A block is code in a page, between fences.
type block struct {
	page, language, code string
	line                 int // of its first line in the page
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// first is the first line, by which a block is known below.
func (b block) first() string {
	line, _, _ := strings.Cut(b.code, "\n")
	line, _, _ = strings.Cut(strings.TrimPrefix(line, "$ "), "  ")
	return line
}

// runs reports whether the block is for a shell.
func (b block) runs() bool { return b.language == "sh" || b.language == "console" }

// pages are the README and what is in docs, by name.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(names) == 0 {
		t.Fatal("no pages:", err)
	}
	found := map[string]string{}
	for _, name := range append(names, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(root, name)
		found[filepath.ToSlash(rel)] = string(text)
	}
	return found
}

// blocks are those of a page.
func blocks(page, text string) (all []block) {
	var b *block
	number := 0
	for line := range strings.Lines(text) {
		number++
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && b == nil:
			b = &block{page: page, language: language, line: number + 1}
		case fence:
			all, b = append(all, *b), nil
		case b != nil:
			b.code += line
		}
	}
	return all
}

// elsewhere are blocks that this test does not run, by their first lines: other
// tests do, or they need what no test machine has.
var elsewhere = map[string]string{
	"go install github.com/credproc/credproc/cmd/credproc@latest":                                                                 "needs the network, and would change this machine",
	"base=https://github.com/credproc/credproc/releases/download/v0.1.0":                                                          "TestAReleaseThatWasTamperedWithIsNoticed runs it",
	"credproc serve --token-file ~/.cache/aws-token --listen 127.0.0.1:9911 --allow 'dev-*' --allow 'role:111111111111/ReadOnly'": "does not end; TestAUnitOfSystemdServes runs the like",
	"git clone https://github.com/credproc/credproc && cd credproc":                                                               "scripts/release --check does",
	"go run ./examples/quickstart":                                             "examples/quickstart has a test",
	"export CREDPROC_WINDOWS_PROGRAM=/mnt/c/Users/me/scoop/shims/credproc.exe": "needs WSL",
}

// typed is what a person types in a block that asks, by its first line: after a
// text is shown, these keys.
var typed = map[string][][2]string{
	"credproc configure": {
		{"Start URL", "https://d-1234567890.awsapps.com/start\r"},
		{"region", "eu-west-1\r"},
		{"Name of the session", "corp\r"},
		{"Tab to mark", "\x01\r"},
		{"[Y/n", "\r"},
	},
	"credproc configure --agent dev --role-arn arn:aws:iam::111111111111:role/Work": {{"[Y/n", "\r"}},
	"credproc configure --convert --dry-run":                                        {{"Convert", "\r"}, {"Change back", "\r"}},
	"credproc configure corp --all --template '{{.AccountName}}-{{.RoleName}}'":     {{"[Y/n", "\r"}},
}

// readerOf returns the person who reads a page, at a machine as the page supposes it, from
// its top to its end.
func readerOf(t *testing.T, page string) *machine {
	m := newMachine(t)
	m.server.Set(func(s *idctest.Server) {
		s.StartURL, s.Region = "https://d-1234567890.awsapps.com/start", "eu-west-1"
		s.Accounts = append(s.Accounts, idctest.Account{ID: "333333330003", Name: "Data-Lake", Email: "data@idc.example", Roles: []string{"Admin", "ReadOnly"}})
	})
	line := "credential_process = credproc process --sso-session corp --account-id "
	m.write(".aws/config", m.session("corp")+m.session("lab")+`
[profile dev]
`+line+account+` --role-name Admin
region = eu-west-1

[profile prod]
`+line+`222222222222 --role-name Admin
region = eu-west-1

[profile lake-admin]
`+line+`333333330003 --role-name Admin
region = eu-west-1

[profile lab-dev]
credential_process = credproc process --sso-session lab --account-id `+account+` --role-name ReadOnly
region = eu-west-1

[profile native]
sso_session = corp
sso_account_id = `+account+`
sso_role_name = ReadOnly
region = eu-west-1
`)
	for name, text := range map[string]string{
		"terraform": "exec credproc process --profile dev >/dev/null",
		"my-agent":  "true",
		"my-job":    `[ -n "$AWS_SECRET_ACCESS_KEY$AWS_CONTAINER_CREDENTIALS_FULL_URI" ]`,
		"firefox":   "true",
	} {
		m.program(name, text)
	}
	if err := os.Symlink(binary, filepath.Join(m.home, "bin", "credproc")); err != nil {
		t.Fatal(err)
	}
	m = m.quiet().with("PATH="+filepath.Join(m.home, "bin")+":"+os.Getenv("PATH"), "BROWSER=firefox", "CI=true", "PAGER=cat")
	if prepare := supposed[page]; prepare != nil {
		prepare(m)
	} else {
		m.login()
	}
	return m
}

// program puts a shell script in the machine's PATH.
func (m *machine) program(name, text string) {
	m.t.Helper()
	m.write("bin/"+name, "#!/bin/sh\n"+text+"\n")
	if err := os.Chmod(filepath.Join(m.home, "bin", name), 0o700); err != nil {
		m.t.Fatal(err)
	}
}

// nothing is a machine whose user has done nothing yet.
func nothing(m *machine) {
	if err := os.RemoveAll(filepath.Join(m.home, ".aws")); err != nil {
		m.t.Fatal(err)
	}
}

// supposed is how a page's machine differs from that of others, where the user is
// signed in.
var supposed = map[string]func(*machine){
	"README.md": nothing,
	"docs/daily-use.md": func(m *machine) {
		m.login()
		m.must(binary, "login", "lab")
		m.env["AWS_PROFILE"] = "dev" // or some commands ask which session
	},
	"docs/get-started.md": nothing,
	"docs/profiles.md":    nothing,
}

func TestEveryCommandOfAPageWorksAsItStandsThere(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for page, text := range pages(t) {
		all := slices.DeleteFunc(blocks(page, text), func(b block) bool {
			_, not := elsewhere[b.first()]
			used[b.first()] = true
			return !b.runs() || not || page == "docs/recipes.md" // which has tests of its own
		})
		if len(all) == 0 {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			t.Parallel()
			m := readerOf(t, page)
			for _, b := range all {
				m.follows(b)
			}
		})
	}
	for first := range maps.All(elsewhere) {
		if !used[first] {
			t.Errorf("no page has a block that starts with %q", first)
		}
	}
	for first := range typed {
		if !used[first] {
			t.Errorf("no page has a block that starts with %q", first)
		}
	}
}

// follows does what a block says, in a shell as docs/daily-use.md sets it up.
func (m *machine) follows(b block) {
	m.t.Helper()
	const shell = `eval "$(credproc shell-init bash)"` + "\n"
	if b.language == "sh" { // as a person at a terminal runs it
		c := m.onConsole(80, 24, "bash", "-euc", shell+b.code)
		for _, k := range typed[b.first()] {
			c.types(k[0], k[1])
		}
		if status := c.ends(); status != 0 {
			m.t.Errorf("%v: status %d\n%s", b, status, c.screen())
		}
		return
	}
	var script strings.Builder
	script.WriteString(shell + "exec 2>&1\n")
	commands := session(b.code)
	for i, c := range commands {
		script.WriteString(fmt.Sprintf("%s\ns=$?; echo; echo '%s'$s; (exit $s)\n", c.command, mark(i)))
	}
	said := m.run("bash", "-c", script.String()).stdout
	for i, c := range commands {
		var got, status string
		got, said, _ = strings.Cut(said, "\n"+mark(i))
		status, said, _ = strings.Cut(said, "\n")
		asksWhy := i+1 < len(commands) && commands[i+1].command == "echo $?"
		if status != "0" && !asksWhy {
			m.t.Errorf("%v: %s: status %s\n%s", b, c.command, status, got)
		}
		if missing := missing(c.output, got); missing != "" {
			m.t.Errorf("%v: %s: it does not print\n%s\nbut\n%s", b, c.command, missing, got)
		}
	}
}

func mark(i int) string { return fmt.Sprintf("-- end of %d: ", i) }

// A step of a session is a command, and what a page says that it prints.
type step struct{ command, output string }

// session is what a block with prompts has.
func session(code string) (steps []step) {
	for line := range strings.Lines(code) {
		command, prompted := strings.CutPrefix(line, "$ ")
		switch last := len(steps) - 1; {
		case prompted:
			command, _, _ = strings.Cut(command, "  # ")
			steps = append(steps, step{command: strings.TrimSpace(command)})
		case last >= 0 && strings.HasSuffix(steps[last].command, "\\") && steps[last].output == "":
			steps[last].command += "\n" + strings.TrimSuffix(line, "\n")
		case last >= 0:
			steps[last].output += line
		}
	}
	return steps
}

// varying is what is different at each run: times, codes, ports and the place of the
// program.
var varying = []struct{ pattern, instead string }{
	{`\S*/credproc\b`, "credproc"},
	{`https?://\S+user_code=\S+`, "PAGE"},
	{`\b[A-Z]{4}-[A-Z]{4}\b`, "CODE"},
	{`\b(\d+[dhms])+\b`, "TIME"},
	{`\d\d:\d\d(:\d\d)?`, "TIME"},
	{`just now`, "TIME ago"},
	{`"[A-Za-z0-9+/=]{16,}"`, `"…"`},
	{`[ \t]+`, " "},
}

func steady(text string) string {
	for _, v := range varying {
		text = regexp.MustCompile(v.pattern).ReplaceAllString(text, v.instead)
	}
	return strings.TrimSpace(text)
}

// missing returns the first line of a page's output that a command does not print
// in its turn. In a page … stands for any text.
func missing(shown, printed string) string {
	lines := strings.Split(printed, "\n")
	for line := range strings.Lines(shown) {
		want := regexp.QuoteMeta(steady(line))
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(want, "…", ".*") + "$")
		i := slices.IndexFunc(lines, func(l string) bool { return pattern.MatchString(steady(l)) })
		if i < 0 {
			return line
		}
		lines = lines[i+1:]
	}
	return ""
}

func TestAPageThatPromisesTooMuchIsNoticed(t *testing.T) {
	const printed = "Signed in to corp, 3m12s ago.\n/tmp/x/credproc process\nlast\n"
	for shown, want := range map[string]string{
		"Signed in to corp, 1h ago.\nlast\n":  "",
		"Signed … ago.\ncredproc process\n":   "",
		"last\nSigned in to corp, 1h ago.\n":  "Signed in to corp, 1h ago.\n",
		"Signed in to corp, 3m12s ago, now\n": "Signed in to corp, 3m12s ago, now\n",
	} {
		if got := missing(shown, printed); got != want {
			t.Errorf("of %q is missing %q, want %q", shown, got, want)
		}
	}
}

// inline are commands between backquotes, inBlock those in code.
var (
	inline  = regexp.MustCompile("`credproc ([^`]+)`")
	inBlock = regexp.MustCompile(`(?m)(?:^\s*(?:\$ )?|\$\(|["'(]|&& |\|\| |[=;] ?)credproc ([a-z][^\n|)]*)`)
)

// namedIn returns what follows "credproc" in the commands of a page.
func namedIn(page, text string) (commands []string) {
	for _, found := range inline.FindAllStringSubmatch(text, -1) {
		commands = append(commands, found[1])
	}
	for _, b := range blocks(page, text) {
		for _, found := range inBlock.FindAllStringSubmatch(b.code, -1) {
			command, _, _ := strings.Cut(found[1], "  #")
			commands = append(commands, command)
		}
	}
	return commands
}

// TestEveryCommandThatAPageNamesExists looks at what cannot be run as well: tables,
// other shells, configuration.
func TestEveryCommandThatAPageNamesExists(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	help := map[string]string{}
	for page, text := range pages(t) {
		for _, words := range namedIn(page, text) {
			words, _, _ = strings.Cut(words, " -- ")
			command, flags, _ := strings.Cut(words, " ")
			command = strings.Trim(command, "'\",")
			if strings.HasPrefix(command, "-") || command == "…" {
				continue
			}
			if _, known := help[command]; !known {
				r := m.run(binary, "help", command)
				if help[command] = r.stdout; r.status != 0 {
					t.Errorf("%s: there is no command %s: credproc %s", page, command, words)
				}
			}
			more := ""
			if below, _, _ := strings.Cut(flags, " "); strings.Contains(help[command], "\n  "+below+" ") { // a command of a command
				more = m.run(binary, "help", command, below).stdout
			}
			for flag := range strings.FieldsSeq(flags) {
				flag = strings.Trim(strings.SplitN(flag, "=", 2)[0], "[],\"'")
				if strings.HasPrefix(flag, "--") && len(flag) > 2 && !hasFlag(help[command]+more, flag) {
					t.Errorf("%s: credproc %s has no flag %s: credproc %s", page, command, flag, words)
				}
			}
		}
	}
}

func hasFlag(help, flag string) bool {
	return regexp.MustCompile(`(^|[^\w-])` + flag + `($|[^\w-])`).MatchString(help)
}

// row finds a command in the reference: its usage, and its flags.
var row = regexp.MustCompile("(?m)^\\| `([a-z][^`]*)` \\| [^|]*\\| ([^|]*) \\|$")

// TestTheReferenceHasEveryCommandAndEveryFlag compares the page with the help of the
// program.
func TestTheReferenceHasEveryCommandAndEveryFlag(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	_, section, _ := strings.Cut(pages(t)["docs/reference.md"], "\n## Commands\n")
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{}
	for _, found := range row.FindAllStringSubmatch(section, -1) {
		usage := strings.ReplaceAll(found[1], `\|`, "|")
		var words []string
		for word := range strings.FieldsSeq(usage) {
			if strings.ToLower(word) != word || strings.HasPrefix(word, "[") {
				break
			}
			words = append(words, word)
		}
		command := strings.Join(words, " ")
		listed[command] = true
		help := m.must(binary, append([]string{"help"}, words...)...)
		if first, _, _ := strings.Cut(help, "\n"); strings.TrimSuffix(strings.TrimPrefix(first, "Usage: credproc "), " [flags]") != usage {
			t.Errorf("the usage of %s is %q, and in the page %q", command, first, usage)
		}
		_, own, _ := strings.Cut(help, "\nFlags:\n")
		own, _, _ = strings.Cut(own, "\n\n")
		var flags []string
		for _, flag := range regexp.MustCompile(`(?m)^  ((?:-[a-z], )?--[a-z-]+(?:=\S+)?)`).FindAllStringSubmatch(own, -1) {
			flags = append(flags, "`"+flag[1]+"`")
		}
		if want := strings.Join(flags, ", "); found[2] != want {
			t.Errorf("the flags of %s are\n%s\nand in the page\n%s", command, want, found[2])
		}
	}
	overview := m.must(binary, "help")
	_, more, _ := strings.Cut(overview, "\nMore: ")
	more, _, _ = strings.Cut(more, "\n")
	commands := strings.Split(more, ", ")
	for _, found := range regexp.MustCompile(`(?m)^  ([a-z-]+) `).FindAllStringSubmatch(overview, -1) {
		commands = append(commands, found[1])
	}
	for _, command := range commands {
		if !listed[command] && command != "keyring" || command == "keyring" && !listed["keyring show"] {
			t.Errorf("the page lacks %s", command)
		}
	}
}

// setting finds the settings of credproc in its sources, by their names in the
// environment or in the config file.
var setting = regexp.MustCompile(`\b(?:setting|Setting|variable|pathSetting|Variable)\((?:a, |session, |id, )?"([A-Z_]+|[a-z_]+)"`)

// ours are those that only credproc itself sets, for a program that it starts.
var ours = []string{"RESOLVING", "KEPT_"}

func TestTheReferenceHasEverySetting(t *testing.T) {
	t.Parallel()
	page := pages(t)["docs/reference.md"]
	found := map[string]bool{}
	var sources strings.Builder
	for _, dir := range []string{"cmd", "credproc", "tokencache", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(name string, _ os.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(name)
			sources.Write(text)
			for _, match := range setting.FindAllStringSubmatch(string(text), -1) {
				call, name := match[0], match[1]
				if name == strings.ToUpper(name) || strings.Contains(call, "session,") || strings.Contains(call, "id,") {
					found[strings.ToUpper(name)] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range found {
		if !slices.Contains(ours, name) && !regexp.MustCompile(`CREDPROC_`+name+`\b`).MatchString(page) {
			t.Errorf("the page lacks CREDPROC_%s", name)
		}
	}
	for _, match := range regexp.MustCompile(`CREDPROC_([A-Z_]+)`).FindAllStringSubmatch(page, -1) {
		if name := match[1]; !regexp.MustCompile(`"(` + name + "|" + strings.ToLower(name) + `)"`).MatchString(sources.String()) {
			t.Errorf("no source reads CREDPROC_%s", match[1])
		}
	}
}

// examples are what a message on a page has in place of names and numbers.
var examples = regexp.MustCompile(`\b(corp|us-east-1|X)\b|"(dv|crop)"|…`)

// TestTroubleshootingQuotesTheProgram looks for the messages of the page in the
// sources: for each part of them between names, numbers and what is left out.
func TestTroubleshootingQuotesTheProgram(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	for _, dir := range []string{"cmd", "credproc", "tokencache", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(name string, _ os.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(name)
			sources.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	said := regexp.MustCompile(`%[a-z]`).ReplaceAllString(sources.String(), "…")
	// A certificate is one kind of trouble among others, and the system has its own words.
	said += "is not trusted; is not valid at this time; network is unreachable; permission denied; read-only file system; too many open files; cannot allocate memory"
	_, section, _ := strings.Cut(pages(t)["docs/troubleshooting.md"], "\n## What credproc prints\n")
	section, _, _ = strings.Cut(section, "\n## ")
	messages := 0
	for _, found := range regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \| [^|]+ \|$`).FindAllStringSubmatch(section, -1) {
		if found[1] == "message" {
			continue
		}
		messages++
		for part := range strings.SplitSeq(examples.ReplaceAllString(found[1], "\x00"), "\x00") {
			for piece := range strings.SplitSeq(part, "; ") {
				if piece = strings.Trim(piece, " ,:.;()"); len(piece) > 4 && !strings.Contains(said, piece) {
					t.Errorf("no source says %q: %s", piece, found[1])
				}
			}
		}
	}
	if messages < 25 {
		t.Errorf("the page has %d messages", messages)
	}
}
