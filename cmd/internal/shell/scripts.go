package shell

import "strings"

// CompletionScript returns the script for a shell to complete a program that is
// run as command.
func CompletionScript(shell, command string) (script string, ok bool) {
	script, ok = map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion}[shell]
	program, _, _ := strings.Cut(command, " ")
	function := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, command)
	return strings.NewReplacer("COMMAND", command, "PROGRAM", program, "FUNCTION", function).Replace(script), ok
}

const bashCompletion = `# One line in ~/.bashrc: eval "$(COMMAND completion bash)"
_FUNCTION_complete() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		if [ "$line" = :files ]; then
			compopt -o default 2>/dev/null
			return
		fi
		COMPREPLY+=("$line")
	done < <(COMMAND complete-line bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _FUNCTION_complete PROGRAM
`

// A package installs this as _credproc in a directory of $fpath, where compinit
// reads the first line and zsh runs the file as the function.
const zshCompletion = `#compdef PROGRAM
# One line in ~/.zshrc: source <(COMMAND completion zsh)
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_FUNCTION_complete() {
	local line tab=$'\t'
	local -a values shown
	for line in "${(@f)$(COMMAND complete-line zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
		[[ -n $line ]] || continue
		if [[ $line == :files ]]; then
			_files
			return
		fi
		values+=("${line%%$tab*}")
		shown+=("${line/$tab/  -- }")
	done
	(( $#values )) || return 1
	if [[ $shown == *'  -- '* ]]; then
		compadd -l -d shown -a values
	else
		compadd -a values
	fi
}
if [[ ${funcstack[1]} == _PROGRAM ]]; then
	_FUNCTION_complete
else
	compdef _FUNCTION_complete PROGRAM
fi
`

const fishCompletion = `# One line in ~/.config/fish/config.fish: COMMAND completion fish | source
function __FUNCTION_complete
	set -l words (commandline -opc)
	set -e words[1]
	set -l current (commandline -ct)
	set -l lines (COMMAND complete-line fish $words "$current" 2>/dev/null)
	if test "$lines[1]" = :files
		__fish_complete_path "$current"
		return
	end
	printf '%s\n' $lines
end
complete -c PROGRAM -f -a '(__FUNCTION_complete)'
`

// The last word has a letter before it, as old versions of PowerShell drop
// arguments that are empty.
const powershellCompletion = `# One line in $PROFILE: COMMAND completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName PROGRAM -ScriptBlock {
	param($wordToComplete, $commandAst, $cursorPosition)
	$words = @($commandAst.CommandElements | Select-Object -Skip 1 |
		Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { if ($_.Value -is [string]) { $_.Value } else { $_.Extent.Text } })
	COMMAND complete-line powershell @words "+$wordToComplete" 2>$null | Where-Object { $_ -ne ':files' } | ForEach-Object {
		$text, $value, $help = $_ -split [char]9, 3
		if (-not $help) { $help = $value }
		[System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
	}
}
`
