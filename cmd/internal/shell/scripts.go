package shell

import "strings"

// CompletionScript returns the script for a shell to complete a program that is
// run as command. Where that is more than one word the program has words of its
// own, which are completed as they were before the script.
func CompletionScript(shell, command string) (script string, ok bool) {
	scripts, ok := map[string]struct{ alone, beside string }{
		"bash":       {bashCompletion + bashAlone, bashCompletion + bashBeside},
		"zsh":        {zshIndex + zshCompletion + zshAlone, zshCompletion + zshBeside},
		"fish":       {fishCompletion, fishCompletion},
		"powershell": {powershellCompletion, powershellBeside + powershellCompletion},
	}[shell]
	script = scripts.alone
	program, _, several := strings.Cut(command, " ")
	if several {
		script = scripts.beside
	}
	function := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, command)
	return strings.NewReplacer("COMMAND", command, "PROGRAM", program, "FUNCTION", function).Replace(script), ok
}

// Where the program fails, the words are for another command of the tool.
const bashCompletion = `# One line in ~/.bashrc: eval "$(COMMAND completion bash)"
_FUNCTION_complete() {
	local line lines
	COMPREPLY=()
	lines=$(COMMAND complete-line bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null) || return 1
	compopt +o nospace +o default +o bashdefault +o filenames +o dirnames +o plusdirs 2>/dev/null
	while IFS= read -r line; do
		if [ "$line" = :files ]; then
			compopt -o default 2>/dev/null
			break
		fi
		[ -z "$line" ] || COMPREPLY+=("$line")
	done <<<"$lines"
	return 0
}
`

const bashAlone = `complete -F _FUNCTION_complete PROGRAM
`

// A function that returns 124 has loaded another, and wants to be asked again.
// What "complete -C" names is run as bash would run it.
//
// https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html
const bashBeside = `# Other words are completed as they were before, so put it after PROGRAM's own.
_FUNCTION_wrapper() {
	local line status=0
	_FUNCTION_complete && return
	if [ -n "$_FUNCTION_function" ]; then
		"$_FUNCTION_function" "$@" || status=$?
		[ $status -ne 124 ] || _FUNCTION_wrap
	fi
	while IFS= read -r line; do
		[ -z "$line" ] || COMPREPLY+=("$line")
	done < <(
		[ -z "$_FUNCTION_command" ] || {
			export COMP_LINE COMP_POINT COMP_KEY COMP_TYPE
			eval "$_FUNCTION_command \"\$@\"" 2>/dev/null
		}
		[ ${#_FUNCTION_rest[@]} -eq 0 ] || compgen "${_FUNCTION_rest[@]}" -- "$2"
	)
	return $status
}
_FUNCTION_wrap() {
	local options=() other
	if ! complete -p PROGRAM >/dev/null 2>&1; then # bash-completion loads it when it is needed
		_comp_load PROGRAM || _completion_loader PROGRAM
	fi >/dev/null 2>&1
	other=$(complete -p PROGRAM 2>/dev/null) || other="complete -o bashdefault -o default PROGRAM"
	case $other in *" -F _FUNCTION_wrapper "*) return ;; esac
	_FUNCTION_function='' _FUNCTION_command='' _FUNCTION_rest=()
	eval "set -- $other"
	shift
	while [ $# -gt 1 ]; do
		case $1 in
		-o) options+=(-o "$2") && shift ;;
		-F) _FUNCTION_function=$2 && shift ;;
		-C) _FUNCTION_command=$2 && shift ;;
		*) _FUNCTION_rest+=("$1") ;;
		esac
		shift
	done
	complete "${options[@]}" -F _FUNCTION_wrapper PROGRAM
}
_FUNCTION_wrap
`

// A package installs this as _credproc in a directory of $fpath, where compinit
// reads the first line and zsh runs the file as the function.
const zshIndex = `#compdef PROGRAM
`

const zshCompletion = `# One line in ~/.zshrc: source <(COMMAND completion zsh)
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_FUNCTION_complete() {
	local line lines tab=$'\t'
	local -a values shown any
	lines=$(COMMAND complete-line zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null) || return 2
	for line in "${(@f)lines}"; do
		[[ -n $line ]] || continue
		if [[ $line == :files ]]; then
			_files
			return
		fi
		values+=("${line%%$tab*}")
		shown+=("${line/$tab/  -- }")
	done
	(( $#values )) || return 1
	if [[ ${values[1]} != "${(Q)words[CURRENT]}"* ]]; then # a part of each: zsh would drop them
		any=(-U)
		(( $#values == 1 )) || compstate[insert]= compstate[list]='list force'
	fi
	if [[ $shown == *'  -- '* ]]; then
		compadd $any -l -d shown -a values
	else
		compadd $any -a values
	fi
}
`

const zshAlone = `if [[ ${funcstack[1]} == _PROGRAM ]]; then
	_FUNCTION_complete
else
	compdef _FUNCTION_complete PROGRAM
fi
`

// The function of the program's own file registers itself when it is loaded.
const zshBeside = `# Other words are completed as they were before, so put it after PROGRAM's own.
_FUNCTION_wrapper() {
	_FUNCTION_complete
	local result=$?
	(( result == 2 )) || return result
	eval "${_FUNCTION_other:-_default}"
	result=$?
	_FUNCTION_wrap
	return result
}
_FUNCTION_wrap() {
	[[ ${_comps[PROGRAM]-} == _FUNCTION_wrapper ]] || typeset -g _FUNCTION_other=${_comps[PROGRAM]-}
	compdef _FUNCTION_wrapper PROGRAM
}
_FUNCTION_wrap
`

// fish asks everybody who completes a program, so the words of the program's own
// are left alone by a condition.
const fishCompletion = `# One line in ~/.config/fish/config.fish: COMMAND completion fish | source
function __FUNCTION_asked
	set -l words (commandline -opc)
	set -e words[1]
	set -l current (commandline -ct)
	set -g __FUNCTION_lines (COMMAND complete-line fish $words "$current" 2>/dev/null)
end
function __FUNCTION_complete
	if test "$__FUNCTION_lines[1]" = :files
		__fish_complete_path (commandline -ct)
		return
	end
	printf '%s\n' $__FUNCTION_lines
end
complete -c PROGRAM -n __FUNCTION_asked -f -a '(__FUNCTION_complete)'
`

// There is no command that shows what is registered: without it, PowerShell
// completes files for other words.
//
// https://github.com/PowerShell/PowerShell/blob/master/src/System.Management.Automation/engine/CommandCompletion/ExtensibleCompletion.cs
const powershellBeside = `# Other words are completed as they were before, so put it after PROGRAM's own.
try {
	$context = [PowerShell].Assembly.GetType('System.Management.Automation.Runspaces.LocalPipeline').GetMethod(
		'GetExecutionContextFromTLS', [System.Reflection.BindingFlags]'Static,NonPublic').Invoke($null, $null)
	$other = $context.GetType().GetProperty(
		'NativeArgumentCompleters', [System.Reflection.BindingFlags]'Instance,NonPublic').GetValue($context)['PROGRAM']
	if ("$other" -notlike '*COMMAND complete-line*') { $global:_FUNCTION_other = $other }
} catch { }
`

// The last word has a letter before it, as old versions of PowerShell drop
// arguments that are empty.
const powershellCompletion = `# One line in $PROFILE: COMMAND completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName PROGRAM -ScriptBlock {
	param($wordToComplete, $commandAst, $cursorPosition)
	$words = @($commandAst.CommandElements | Select-Object -Skip 1 |
		Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { if ($_.Value -is [string]) { $_.Value } else { $_.Extent.Text } })
	$lines = @(COMMAND complete-line powershell @words "+$wordToComplete" 2>$null)
	if ($LASTEXITCODE -ne 0) {
		if ($global:_FUNCTION_other) { & $global:_FUNCTION_other $wordToComplete $commandAst $cursorPosition }
		return
	}
	$lines | Where-Object { $_ -ne ':files' } | ForEach-Object {
		$text, $value, $help = $_ -split [char]9, 3
		if (-not $help) { $help = $value }
		[System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
	}
}
`
