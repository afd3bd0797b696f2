package shell

import (
	"regexp"
	"slices"
	"strings"
)

// Mark is the first line of what the function evaluates: it prints everything else,
// such as a help text.
func Mark(command string) string { return "# " + command + " use\n" }

// InitScript returns the script that defines a function for the command use, which a
// program alone cannot have: it changes the environment of its shell. All other
// words go on to the program.
func InitScript(shell, command, function string) (script string, ok bool) {
	script, ok = map[string]string{"bash": posixInit, "zsh": posixInit, "fish": fishInit, "powershell": powershellInit}[shell]
	file, line := InitLine(shell, command, function)
	program, rest, _ := strings.Cut(command, " ")
	return strings.NewReplacer("FUNCTION", function, "COMMAND", command, "PROGRAM", program, "REST", rest, "FILE", file, "LINE", line).Replace(script), ok
}

// InitLine returns the line that makes a shell run the script, and the file for it.
func InitLine(shell, command, function string) (file, line string) {
	script := command + " shell-init " + shell
	if function != command {
		script += " --function " + function
	}
	switch shell {
	case "fish":
		return "~/.config/fish/config.fish", script + " | source"
	case "powershell":
		return "$PROFILE", script + " | Out-String | Invoke-Expression"
	}
	return "~/." + shell + "rc", `eval "$(` + script + `)"`
}

// IsFunctionName reports whether a function may be called so in all shells. What the
// script itself, or a shell's grammar, needs may not.
func IsFunctionName(name string) bool {
	reserved := []string{
		"begin", "break", "builtin", "case", "command", "continue", "do", "done", "elif", "else", "end", "esac",
		"eval", "exit", "export", "fi", "for", "foreach", "function", "if", "in", "let", "local", "not", "or",
		"and", "printf", "process", "repeat", "return", "select", "set", "shift", "source", "string", "switch",
		"test", "then", "time", "until", "unset", "use", "while",
	}
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`).MatchString(name) && !slices.Contains(reserved, strings.ToLower(name))
}

// An alias of the same name may stand in the way of "NAME() {", and may have the
// flag --debug in it.
const posixInit = `# One line in FILE: LINE
function FUNCTION {
	if [ "${1-}" = use ]; then
		shift
	elif [ "${1-}" = --debug ] && [ "${2-}" = use ]; then
		shift 2
		set -- --debug "$@"
	else
		\command COMMAND "$@"
		return
	fi
	local text
	text=$(\command COMMAND use --shell sh "$@") || return
	case $text in
	'# COMMAND use'*) \eval "$text" ;;
	*) \printf '%s\n' "$text" ;;
	esac
}
`

const fishInit = `# One line in FILE: LINE
function FUNCTION
	set -l words $argv
	if test "$words[1]" = use
		set -e words[1]
	else if test "$words[1]" = --debug -a "$words[2]" = use
		set -e words[2]
	else
		command COMMAND $words
		return
	end
	set -l lines (command COMMAND use --shell fish $words)
	or return
	if test "$lines[1]" = '# COMMAND use'
		string join \n -- $lines | source
	else
		printf '%s\n' $lines
	end
end
`

// PowerShell takes the first -- away from what a function is called with, but not
// from a program: it is put back where it stands in the line.
//
// https://github.com/PowerShell/PowerShell/issues/21208
const powershellInit = `# One line in FILE: LINE
function global:FUNCTION {
	$words = @($args)
	$call = $MyInvocation
	$input_ = @($input)
	$program = Get-Command -Name PROGRAM -CommandType Application -ErrorAction Stop | Select-Object -First 1
	if ($words.Count -gt 0 -and $words[0] -ceq 'use') {
		$words = @($words | Select-Object -Skip 1)
		$lines = @(& $program REST use --shell powershell $words)
		if ($LASTEXITCODE -ne 0) { return }
		if ($lines.Count -gt 0 -and $lines[0] -ceq '# COMMAND use') { Invoke-Expression ($lines -join [Environment]::NewLine) } else { $lines }
		return
	}
	if ($call.Line -and $call.OffsetInLine -gt 0) {
		$ast = [System.Management.Automation.Language.Parser]::ParseInput($call.Line.Substring($call.OffsetInLine - 1), [ref]$null, [ref]$null)
		$line = $ast.Find({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)
		$before = -1
		foreach ($element in $line.CommandElements) {
			if ($element.Extent.Text -ceq '--') {
				$words = @($words | Select-Object -First $before) + '--' + @($words | Select-Object -Skip $before)
				break
			}
			$before++
			if ($element.Argument) { $before++ }
		}
	}
	if ($call.ExpectingInput) { $input_ | & $program REST $words } else { & $program REST $words }
}
`
