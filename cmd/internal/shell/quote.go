package shell

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/printable"
)

// A Shell is a way to print a change of the environment.
type Shell struct {
	Line  string // with the name and the value, quoted
	quote func(value string) (string, error)
	Unset func(names []string) string
	Use   terminal.Prose // how the shell reads it

	// keep copies NAME into KEPT, a variable of the shell that no program gets, and
	// restore brings it back, unless it has been set again since. "": the shell has only
	// variables that programs get.
	keep, restore string
}

// Shells are the known ones, by name.
var Shells = map[string]Shell{
	"sh": {`export %s=%s`, QuoteSh, unsetShell, `eval "$(%s env …)"`,
		"case $- in *a*) ;; *) KEPT=${NAME-} ;; esac\n", // "set -a" exports everything
		"[ -z \"${KEPT+x}\" ] || { [ -n \"${NAME+x}\" ] || export NAME=\"$KEPT\"; unset KEPT; }\n"},
	"fish": {`set -gx %s "%s"`, QuoteFish, unsetFish, "%s env --shell fish … | source",
		"set -gu KEPT $NAME\n",
		"if set -qg KEPT; set -q NAME; or set -gx NAME $KEPT; set -eg KEPT; end\n"},
	"powershell": {`$Env:%s="%s"`, QuotePowerShell, eachOf("Remove-Item Env:%s -ErrorAction SilentlyContinue\n"),
		"%s env --shell powershell … | Out-String | Invoke-Expression",
		"$global:KEPT=$Env:NAME\n",
		"if (Test-Path Variable:global:KEPT) { if (-not (Test-Path Env:NAME)) { $Env:NAME=$global:KEPT }; Remove-Variable -Name KEPT -Scope Global }\n"},
	"cmd": {`set "%s=%s"`, quoteCmdWord, eachOf("set \"%s=\"\n"),
		`for /f "delims=" %%i in ('%s env --shell cmd …') do @%%i`, "", ""},
}

// Quoted returns a value as it stands in Line, or an error if the shell cannot
// hold it.
func (s Shell) Quoted(value string) (string, error) {
	if strings.ContainsFunc(value, func(r rune) bool { return r == utf8.RuneError || !printable.Is(r) }) {
		return "", unwritable("there is a character in it that is not printable")
	}
	return s.quote(value)
}

func unsetShell(names []string) string {
	if names == nil {
		return ""
	}
	return "unset " + strings.Join(names, " ") + "\n"
}

// unsetFish leaves universal variables, which are those of all shells and of
// the next login, and says so: a global one cannot hide them from programs.
func unsetFish(names []string) string {
	return "begin\n  set -l name\n  for name in " + strings.Join(names, " ") + `
    set -qg $name; and set -eg $name
    set -qUx $name; and echo "$name is a universal variable of fish, and may override these credentials. To remove it: set -eU $name" >&2
  end
  true
end
`
}

func eachOf(line string) func([]string) string {
	return func(names []string) string {
		var text strings.Builder
		for _, name := range names {
			fmt.Fprintf(&text, line, name)
		}
		return text.String()
	}
}

// unwritable is a value that a format cannot hold.
type unwritable string

func (e unwritable) Error() string { return string(e) }

// CheckPrintable refuses what no credentials have, and no shell is sure to
// read as it is: anything but the printable characters of ASCII.
func CheckPrintable(value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return unwritable("there is a character in it that is not printable ASCII")
	}
	return nil
}

// IsPlain reports whether no shell changes the value.
func IsPlain(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return !isPlainLetter(r) })
}

// QuoteSh leaves plain values as they are. zsh makes a path of what follows
// a leading "=".
func QuoteSh(value string) (string, error) {
	if IsPlain(value) && !strings.HasPrefix(value, "=") {
		return value, nil
	}
	return inSingleQuotes(value), nil
}

// QuoteFish quotes for the inside of double quotes of fish.
func QuoteFish(value string) (string, error) {
	return strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`).Replace(value), nil
}

// QuotePowerShell writes what is not ASCII by its number: a pipe into PowerShell
// may have another encoding, and PowerShell knows quotes that are not ASCII.
func QuotePowerShell(value string) (string, error) {
	var out strings.Builder
	for _, r := range value {
		switch {
		case strings.ContainsRune("`$\"", r):
			out.WriteString("`" + string(r))
		case r < utf8.RuneSelf:
			out.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, "$([char]0x%04X)", unit)
			}
		}
	}
	return out.String(), nil
}

// QuoteCmd refuses what cmd.exe would change: it cannot quote.
func QuoteCmd(value string) (string, error) {
	if strings.ContainsAny(value, `%^&|<>"!`) {
		return "", unwritable("cmd.exe has no way to quote one of its characters")
	}
	return value, nil
}

// quoteCmdWord is for a value inside quotes, where all is literal but what it
// refuses: a percent sign is doubled in a batch file and not on a command line,
// and ! is one of both where delayed expansion is on.
func quoteCmdWord(value string) (string, error) {
	if strings.ContainsAny(value, `%!"`) {
		return "", unwritable("cmd.exe has no way to quote one of its characters")
	}
	return value, CheckPrintable(value)
}

// QuoteDotenv refuses what the programs that read such files disagree on.
func QuoteDotenv(value string) (string, error) {
	if !IsPlain(value) {
		return "", unwritable("the programs that read such files do not agree on how to quote it")
	}
	return value, nil
}
