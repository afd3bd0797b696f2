package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// theAgents are the rows of the recipes: the program, its variable ("": none), and what
// it needs of the home directory.
func theAgents(t *testing.T) (all [][]string) {
	_, table, _ := strings.Cut(pages(t)["docs/agents.md"], "\n| agent | program |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(row, "|")
		files := strings.NewReplacer("`", "", ",", "").Replace(cells[4])
		all = append(all, append([]string{strings.Trim(cells[2], " `"), strings.Trim(cells[3], " `")}, strings.Fields(files)...))
	}
	if len(all) < 5 {
		t.Fatalf("the page has %d agents", len(all))
	}
	return all
}

// asksEndpoint prints the access key ID that an endpoint gives.
const asksEndpoint = `import json, os, urllib.request as u
e = os.environ
r = u.Request(e["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": e["AWS_CONTAINER_AUTHORIZATION_TOKEN"]})
print("key", json.load(u.urlopen(r))["AccessKeyId"])`

// TestEachAgentOfThePageIsHeldByTheRulesAndRunsInTheSandbox starts what has the name and
// the variable of each agent, without and within the sandbox, where it finds its files
// and no login.
func TestEachAgentOfThePageIsHeldByTheRulesAndRunsInTheSandbox(t *testing.T) {
	t.Parallel()
	sandbox := sandboxes(t)
	m := newMachine(t).quiet().with("CREDPROC_KEYRING=plaintext", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere")
	m = m.with("ASK=" + asksEndpoint)
	m = m.with("PATH=" + filepath.Join(m.home, "bin") + ":" + filepath.Dir(binary) + ":" + os.Getenv("PATH"))
	m.write(".aws/config", m.session("corp")+"[profile dev]\nsso_session = corp\nsso_account_id = "+account+"\nsso_role_name = Admin\ncredproc_agent_profile = less\n"+
		"[profile less]\nsso_session = corp\nsso_account_id = "+account+"\nsso_role_name = ReadOnly\n")
	m.write("project/main.tf", "")
	agents := theAgents(t)
	for _, a := range agents {
		name, variable := a[0], a[1]
		if variable == "" {
			variable = "NOTHING"
		}
		var text strings.Builder
		text.WriteString("export " + variable + "=1\ncd ~\n")
		for _, file := range a[2:] {
			m.write(file+"/settings", "")
			text.WriteString("[ -e " + file + "/settings ] && >" + file + "/seen && echo has " + file + "\n")
		}
		m.program(name, text.String()+`if [ -n "$AWS_CONTAINER_CREDENTIALS_FULL_URI" ]; then python3 -c "$ASK"; ls ~/.local/state/credproc ~/.cache/credproc ~/.aws | grep -v :
else credproc env dev --format json | grep -q AccessKeyId; credproc status; fi; :`)
	}
	m.give()
	if r := m.unprivileged(binary + " login corp --flow device --no-browser"); r.status != 0 {
		t.Fatal(r.stderr)
	}
	for _, a := range agents {
		r := m.unprivileged("rm -rf ~/.cache/credproc; " + a[0])
		if said := strings.Join(strings.Fields(r.stdout), " "); !strings.Contains(said, account+" ReadOnly, profile less for ") || !strings.Contains(said, " in place of dev") {
			t.Errorf("%s: status %d\n%s%s", a[0], r.status, r.stdout, r.stderr)
		}
		if !sandbox {
			continue
		}
		var binds strings.Builder
		for _, file := range a[2:] {
			binds.WriteString(` --bind ~/` + file + ` ~/` + file)
		}
		recipe := strings.ReplaceAll(recipe(t, "A coding agent in a sandbox")[0], "my-agent", a[0])
		r = m.unprivileged("cd ~/project && " + strings.Replace(recipe, ` --remount-ro`, binds.String()+` --remount-ro`, 1))
		_, key, _ := strings.Cut(r.stdout, "key ")
		key, _, _ = strings.Cut(key, "\n")
		if role := m.server.RoleOf(key); r.status != 0 || role != account+"/ReadOnly" || strings.Count(strings.TrimSpace(r.stdout), "\n") != len(a)-2 {
			t.Errorf("%s in the sandbox gets %q: status %d\n%s%s", a[0], role, r.status, r.stdout, r.stderr)
		}
		for _, file := range a[2:] {
			if !strings.Contains(r.stdout, "has "+file) {
				t.Errorf("%s in the sandbox has no %s:\n%s", a[0], file, r.stdout)
			}
		}
	}
}

func TestTheSettingsOfAgentsOnThePageAreJSONAndSaySo(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(pages(t)["docs/agents.md"], -1)
	if len(blocks) < 2 {
		t.Errorf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		var settings map[string]any
		if err := json.Unmarshal([]byte(b[1]), &settings); err != nil || !strings.Contains(b[1], `"CREDPROC_AGENT": "1"`) {
			t.Errorf("%s: %v", b[1], err)
		}
	}
}
