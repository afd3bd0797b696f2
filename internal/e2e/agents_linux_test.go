package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// whoAsks is the command that all situations end in: it says who asks.
const whoAsks = `credproc process --profile dev`

// asNobody is that command of another user.
const asNobody = `-u nobody ` + nobodys

const nobodys = `env PATH=$PATH HOME=$HOME AWS_CONFIG_FILE=$HOME/.aws/config CREDPROC_DIR=$HOME/nobody CREDPROC_KEYRING=plaintext ` + whoAsks

// A situation is a row of the table "Who is an agent": scripts in which an agent asks
// and is seen, and some in which none is. NAME in them is each name in the row.
type situation struct {
	row        string // how it starts
	probe      string // a command that works where this can be tried
	seen, none []string
}

var situations = []situation{
	{"a command with one of these variables", "true", []string{`NAME=1 ` + whoAsks}, []string{`NAME= ` + whoAsks}},
	{"a command with `CREDPROC_AGENT`", "true", []string{`NAME=0 ` + whoAsks}, []string{`NAME= ` + whoAsks}},
	{"a process with one of these names", "true",
		[]string{`as NAME "sh -c '` + whoAsks + `; :'; :"`, `as claude "level 30; :"`}, []string{`as claude "level 31; :"`, `as robot "` + whoAsks + `; :"`}},
	{"a program that `credproc_agent_programs`", "true",
		[]string{`as our-agent "` + whoAsks + `; :"`, `as our-very-long-agent-name "` + whoAsks + `; :"`}, []string{`as our-agen "` + whoAsks + `; :"`}},
	{"an agent that empties", "true", []string{`as claude "env -i HOME=$HOME PATH=$PATH ` + whoAsks + `; :"`}, nil},
	{"a wrapper script", "true", []string{`codex`}, nil},
	{"a copy of credproc", "true", []string{`as claude "other process --profile dev; :"`, `GEMINI_CLI=1 other process --profile dev`}, []string{`other process --profile dev`}},
	{"`sudo`", `test "$(id -u)" = 0 && sudo -n -u nobody true`,
		[]string{`as claude "sudo -n ` + asNobody + `; :"`, `CLAUDECODE=1 sudo -n -E ` + asNobody}, []string{`CLAUDECODE=1 sudo -n ` + asNobody}},
	{"a process of another user", "unshare -m mount -t proc -o hidepid=invisible proc /proc", nil,
		[]string{`as claude "unshare -m sh -c 'mount -t proc -o hidepid=invisible proc /proc; exec setpriv --reuid=65534 --regid=65534 --clear-groups ` + nobodys + `'; :"`}},
	{"a tmux that the agent starts", "tmux -V", []string{`CLAUDECODE=1 as claude "in-tmux one"`}, []string{`as claude "in-tmux two"`}},
	{"a tmux that was there before", "tmux -V", nil, []string{`in-tmux three; CLAUDECODE=1 as claude "in-tmux three"`}},
	{"a command that outlives", "setsid true", []string{`CLAUDECODE=1 as claude 'setsid later $$ &'; cat over`}, []string{`as claude 'setsid later $$ &'; cat over`}},
	{"a container, and a sandbox", contained + "true", []string{`CODEX_CI=1 as claude "` + contained + whoAsks + `; :"`}, []string{`as claude "` + contained + whoAsks + `; :"`}},
	{"an agent inside", "true", []string{`AI_AGENT=1 as NAME "` + whoAsks + `; :"`}, []string{`as NAME "` + whoAsks + `; :"`}},
}

const contained = "bwrap --bind / / --dev /dev --proc /proc --unshare-pid "

// as runs a command in a shell that is called something else.
const as = `as() { cp -n /bin/bash "named/$1"; "named/$1" -c "$2"; }; `

// stage is a machine with rules, and the programs of the situations.
func stage(t *testing.T) *machine {
	m := newMachine(t).quiet().with("SHELL=/bin/sh", "CREDPROC_KEYRING=plaintext")
	m = m.with("PATH="+filepath.Join(m.home, "bin")+":"+filepath.Dir(binary)+":"+os.Getenv("PATH"), "TMUX_TMPDIR="+m.dir("tmux"))
	m.login()
	m.write(".aws/config", m.session("corp")+"credproc_agent_programs = our-agent, our-very-long-agent-name\n[profile dev]\nsso_session = corp\nsso_account_id = "+
		account+"\nsso_role_name = Admin\ncredproc_agents = none\n")
	m.program("level", `if [ "$1" -gt 0 ]; then level $(($1 - 1)); else `+whoAsks+`; fi; :`)
	m.program("codex", whoAsks+"\n:")
	m.program("later", `while kill -0 "$1"; do sleep 0.01; done 2>/dev/null; `+whoAsks+` >over 2>&1`)
	m.program("in-tmux", `tmux="tmux -L $1 -f /dev/null"
$tmux new-session -d "`+whoAsks+` >said 2>&1; $tmux wait-for -S over; cat"
$tmux display-message -p '#{pid}' >>servers
$tmux wait-for over
cat said`)
	for _, link := range [][2]string{{binary, "bin/credproc"}, {binary, "bin/other"}} {
		if err := os.Symlink(link[0], filepath.Join(m.home, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	m.must("sh", "-c", "mkdir named nobody; mkfifo over; chown nobody nobody; chmod 755 .. . .aws bin; chmod 644 .aws/config; chmod 755 "+filepath.Dir(binary))
	t.Cleanup(func() {
		text, _ := os.ReadFile(filepath.Join(m.home, "servers"))
		for pid := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil {
				syscall.Kill(n, syscall.SIGTERM)
			}
		}
	})
	return m
}

func TestWhoIsSeenAsAnAgentIsAsThePageSays(t *testing.T) {
	t.Parallel()
	m := stage(t)
	if r := m.run("sh", "-c", whoAsks); strings.Contains(r.stderr, "to an agent") {
		notRun(t, t.Name(), "the tests run below an agent: "+r.stderr)
		return
	}
	_, table, _ := strings.Cut(pages(t)["docs/agents.md"], "\n## Who is an agent\n")
	table, _, _ = strings.Cut(table, "\n\nA variable")
	rows := strings.Split(strings.TrimSpace(table), "\n")[2:]
	tried := 0
	for _, row := range rows {
		what := strings.Split(row, " | ")[0]
		i := slices.IndexFunc(situations, func(s situation) bool { return strings.HasPrefix(what, "| "+s.row) })
		if i < 0 {
			t.Errorf("no situation is that of the row %q", what)
			continue
		}
		tried++
		if err := exec.Command("sh", "-c", situations[i].probe).Run(); err != nil {
			notRun(t, t.Name()+": "+situations[i].row, err.Error())
			continue
		}
		m.plays(situations[i], what)
	}
	if tried != len(situations) {
		t.Errorf("%d situations for %d rows", len(situations), tried)
	}
}

// plays runs the scripts of a situation, whose row in the page is given.
func (m *machine) plays(s situation, row string) {
	m.t.Helper()
	names := regexp.MustCompile("`([A-Za-z0-9_-]+)`").FindAllStringSubmatch(row, -1)
	for seen, scripts := range map[bool][]string{true: s.seen, false: s.none} {
		for _, script := range scripts {
			all := []string{script}
			if strings.Contains(script, "NAME") {
				all = nil
				for _, name := range names {
					all = append(all, strings.ReplaceAll(script, "NAME", name[1]))
				}
			}
			for _, script := range all {
				r := m.run("bash", "-c", as+script)
				said := r.stdout + r.stderr
				refused := strings.Contains(said, "does not allow the role Admin") && strings.Contains(said, "to an agent (")
				if answered := strings.Contains(said, `"AccessKeyId"`) || strings.Contains(said, "not signed in"); refused != seen || answered == seen {
					m.t.Errorf("%s: seen as an agent: %v\n%s\n%s", s.row, refused, script, said)
				}
			}
		}
	}
}
