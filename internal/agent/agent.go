// Package agent tells whether a coding agent asks for credentials, and what rules
// allow it. It sees what an agent does not hide: its variables, and the names of the
// processes above. That stops mistakes, not attacks.
//
// A warm answer uses this package if there are rules, so it must import nothing that
// starts slowly.
package agent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/credproc/credproc/internal/lineage"
)

// Asker is the agent that asks. The zero Asker is a person, or a program that passes
// for one.
type Asker struct {
	Name string // "claude"; "an agent" if there is no name
	Why  string // "CLAUDECODE is set"
}

// IsAgent reports whether it is an agent.
func (a Asker) IsAgent() bool { return a.Name != "" }

// variables are what agents set for the commands that they run, and their names.
// The AWS CLI goes by some of these for its User-Agent. AI_AGENT is one that several
// agents set beside their own. A variable that editors set for the terminals of
// people, such as CURSOR_TRACE_ID, is none.
//
// https://github.com/aws/aws-cli/blob/v2/awscli/botocore/useragent.py
// https://github.com/vercel/vercel/tree/main/packages/detect-agent
var variables = [...][2]string{
	{"CLAUDECODE", "claude"}, {"GEMINI_CLI", "gemini"}, {"CODEX_THREAD_ID", "codex"}, {"CODEX_SANDBOX", "codex"}, {"CODEX_CI", "codex"},
	{"KIRO_SESSION_ID", "kiro"}, {"OPENCODE", "opencode"}, {"ANTIGRAVITY_AGENT", "antigravity"}, {"AMP_CURRENT_THREAD_ID", "amp"},
	{"PI_CODING_AGENT", "pi"}, {"COPILOT_CLI", "copilot"}, {"COPILOT_AGENT", "copilot"}, {"CURSOR_AGENT", "cursor-agent"},
	{"AUGMENT_AGENT", "auggie"}, {"CLINE_ACTIVE", "cline"}, {"CRUSH", "crush"}, {"GOOSE_TERMINAL", "goose"}, {"QWEN_CODE", "qwen"},
	{"AI_AGENT", "an agent"},
}

// programs are agents by the name of their process. An editor, a terminal or an
// interpreter is none: people work in them too.
const programs = " aider amp auggie claude codex copilot crush cursor-agent droid gemini goose kiro-cli opencode pi qwen "

// ByVariables tells an agent by its environment. own is the variable that adds
// suspicion, for agents that are not known here: CREDPROC_AGENT.
func ByVariables(getenv func(string) string, own string) Asker {
	for _, v := range variables {
		if getenv(v[0]) != "" {
			return Asker{v[1], v[0] + " is set"}
		}
	}
	if getenv(own) != "" {
		return Asker{"an agent", own + " is set"}
	}
	return Asker{}
}

// ByProcess tells an agent by a process and those above it: by the names of known
// agents, and of more. It fails if this process cannot look: what may be an agent is
// not taken for a person.
func ByProcess(pid int, more []string) (Asker, error) {
	for p, err := range lineage.Above(pid) {
		if err != nil {
			return Asker{}, fmt.Errorf("find out whether an agent asks: %w", err)
		}
		if name := strings.ToLower(p.Name); IsProgram(name, more) {
			return Asker{name, "process " + strconv.Itoa(p.PID) + " is " + name}, nil
		}
	}
	return Asker{}, nil
}

// IsProgram reports whether a name, in small letters, is that of a known agent or
// of one of more. Linux has the first 15 bytes of a process's name: proc_pid_comm(5).
func IsProgram(name string, more []string) bool {
	return name != "" && !strings.Contains(name, " ") && strings.Contains(programs, " "+name+" ") ||
		slices.ContainsFunc(more, func(other string) bool {
			other = strings.ToLower(other)
			return name == other || len(name) == 15 && strings.HasPrefix(other, name)
		})
}
