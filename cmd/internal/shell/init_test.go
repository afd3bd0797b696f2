package shell

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/child"
)

// What no shell here reads is held to the rules by which PowerShell reads it: nothing
// of a name is in the script but a function's own, and the rest is as it is written.
func TestTheFunctionForPowerShellHandsOnEverything(t *testing.T) {
	script, ok := InitScript("powershell", "acme aws", "acme-aws")
	if !ok {
		t.Fatal("there is none")
	}
	for _, want := range []string{
		"# One line in $PROFILE: acme aws shell-init powershell --function acme-aws | Out-String | Invoke-Expression\n",
		"function global:acme-aws {\n",
		"Get-Command -Name acme -CommandType Application -ErrorAction Stop | Select-Object -First 1\n",
		"$lines = @(& $program aws use --shell powershell $words)\n",
		"if ($LASTEXITCODE -ne 0) { return }\n",
		"-ceq '# acme aws use') { Invoke-Expression ",
		"{ $input_ | & $program aws $words } else { & $program aws $words }\n",
		"if ($element.Extent.Text -ceq '--') {\n",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("there is no %q in\n%s", want, script)
		}
	}
	for _, pair := range []string{"{}", "()", "[]"} {
		if strings.Count(script, pair[:1]) != strings.Count(script, pair[1:]) {
			t.Errorf("%s do not match", pair)
		}
	}
	if strings.Count(script, "'")%2 != 0 || strings.Contains(script, "COMMAND") || strings.Contains(script, "FUNCTION") {
		t.Error(script)
	}
}

func TestShellsReadTheFunction(t *testing.T) {
	for shell, check := range map[string]string{"bash": "-n", "zsh": "-n", "fish": "-n"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s here", shell)
			continue
		}
		for _, command := range []string{"credproc", "acme aws"} {
			script, ok := InitScript(shell, command, "a-name")
			c := exec.Command(path, check, "/dev/stdin")
			c.Stdin = strings.NewReader(script)
			if out, err := c.CombinedOutput(); err != nil || !ok || len(out) > 0 {
				t.Errorf("%s: %v, %s", shell, err, out)
			}
		}
	}
	if _, ok := InitScript("tcsh", "credproc", "credproc"); ok {
		t.Error("there is a function for tcsh")
	}
}

func TestNoFunctionIsCalledAsAShellsOwnWord(t *testing.T) {
	for name, want := range map[string]bool{
		"role": true, "acme-aws": true, "_x9": true,
		"": false, "9x": false, "-x": false, "a b": false, "a;b": false, "a$b": false, "größe": false, "command": false, "EVAL": false, "if": false, "\n": false, "a\n": false,
	} {
		if IsFunctionName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// A secret leaves the environment, and comes back, by the rules of each shell.
func TestASecretIsKeptInTheShell(t *testing.T) {
	k := child.Kept{Name: "N", In: "K"}
	for name, want := range map[string][2]string{
		"powershell": {"$global:K=$Env:N\n", "if (Test-Path Variable:global:K) { if (-not (Test-Path Env:N)) { $Env:N=$global:K }; Remove-Variable -Name K -Scope Global }\n"},
		"cmd":        {"", ""},
	} {
		if got := [2]string{withNames(Shells[name].keep, k), withNames(Shells[name].restore, k)}; got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for program, name := range map[string]string{"sh": "sh", "bash": "sh", "zsh": "sh", "fish": "fish"} {
		path, err := exec.LookPath(program)
		if err != nil {
			continue
		}
		sh := Shells[name]
		remove := map[string]string{"sh": "unset N\n", "fish": "set -eg N\n"}[name]
		show := "printf '%s|' \"$N\" \"$K\"; env | grep -c '^K=' || true\n"
		restore := withNames(sh.restore, k)
		script := withNames(sh.keep, k) + remove + show + restore + show + restore
		c := exec.Command(path, "-c", script)
		c.Env = []string{"N=it's $x \\ \"y\"", "PATH=/usr/bin:/bin", "HOME=" + t.TempDir()}
		out, err := c.CombinedOutput()
		if want := fmt.Sprintf("|%s|0\n%[1]s||0\n", `it's $x \ "y"`); err != nil || string(out) != want {
			t.Errorf("%s: %v, %q, want %q", program, err, out, want)
		}
	}
}
