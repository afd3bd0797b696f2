package endpoint

import (
	"bytes"
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/layout"
)

// A Setup is what a client on another machine, or in a container, needs.
type Setup struct {
	Client            string // its name; "" where there is only one
	Program           string // as people type it
	ID                string // what its directories are named after
	URL               string // of one role
	CAFile, TokenFile string // on this machine; CAFile is "" where clients know the CA already
	Region            string // "": none is set
}

// there is where a container has a file of a setup.
func (s *Setup) there(file string) string { return "/run/" + layout.Service(s.ID) + "/" + file }

// Setups is what each client needs, as "exports" for a shell, as "compose" for a compose
// file, or as "devcontainer" for a devcontainer.json. Where there are several clients, a
// comment says which is which, but for compose, which has a service for each.
func Setups(format string, all []*Setup) string {
	var b strings.Builder
	if format == "compose" {
		b.WriteString("services:\n")
	}
	for i, s := range all {
		switch format {
		case "compose":
			b.WriteString(s.compose(i))
			continue
		case "devcontainer":
			b.WriteString(s.heading("//", len(all)) + s.devcontainer())
		default:
			b.WriteString(s.heading("#", len(all)) + s.exports())
		}
	}
	return b.String()
}

func (s *Setup) heading(comment string, clients int) string {
	if clients == 1 {
		return ""
	}
	return comment + " Client " + s.Client + ":\n"
}

// service is the client's name as compose takes it for a service.
func (s *Setup) service(number int) string {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}
	if strings.ContainsFunc(s.Client, other) || strings.HasPrefix(s.Client, "app-") {
		return "app-" + strconv.Itoa(number+1)
	}
	return cmp.Or(s.Client, "app")
}

// exports are for programs that see the files of this machine. The SDKs for Go and
// JavaScript add a CA to those that they know; botocore takes none for this.
func (s *Setup) exports() string {
	var b strings.Builder
	if strings.HasPrefix(s.URL, "https:") { // else any SDK asks it, on this machine
		words := s.forward(s.CAFile, s.TokenFile, "my-agent")
		if s.Region != "" { // which the variables below do not set for this line
			words = slices.Insert(words, len(words)-2, "--region", s.Region)
		}
		b.WriteString("# For any SDK: " + strings.Join(shell.Words(words), " ") + "\n")
		b.WriteString("# The SDKs for Go and JavaScript can do without it:\n")
	}
	set := func(name, value string) {
		if value != "" {
			b.WriteString("export " + name + "=" + shell.Word(value) + "\n")
		}
	}
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", s.URL)
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", s.TokenFile)
	if s.CAFile != "" {
		set("NODE_EXTRA_CA_CERTS", s.CAFile)
		set("SSL_CERT_DIR", "/etc/ssl/certs:"+filepath.Dir(s.CAFile))
	}
	set("AWS_REGION", s.Region)
	set("AWS_DEFAULT_REGION", s.Region)
	return b.String()
}

func (s *Setup) forward(ca, token, command string) []string {
	words := append(strings.Fields(s.Program), "forward", "--to", s.URL)
	if s.CAFile != "" {
		words = append(words, "--ca", ca)
	}
	return append(words, "--token-file", token, "--", command)
}

// host is what Docker calls the machine that it runs on.
const host = "host.docker.internal"

// compose is a service of a compose file, which replaces variables in all values.
func (s *Setup) compose(number int) string {
	var b strings.Builder
	b.WriteString("  " + inJSON(s.service(number)) + ":\n    image: my-image # with " + s.Program + " in it\n")
	b.WriteString("    command: " + inJSON(s.forward(s.there("ca.pem"), s.there("token"), "my-agent")) + "\n")
	b.WriteString("    extra_hosts: " + inJSON([]string{host + ":host-gateway"}) + "\n")
	if s.Region != "" {
		b.WriteString("    environment: " + inJSON(s.regions()) + "\n")
	}
	b.WriteString("    volumes:\n")
	for _, m := range s.mounts() {
		b.WriteString("      - " + inJSON(m) + "\n")
	}
	return strings.ReplaceAll(b.String(), "$", "$$")
}

// A mount shows a file of this machine in a container.
type mount struct {
	Type     string `json:"type"`
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only"`
}

func (s *Setup) mounts() (all []mount) {
	if s.CAFile != "" {
		all = append(all, mount{"bind", s.CAFile, s.there("ca.pem"), true})
	}
	return append(all, mount{"bind", s.TokenFile, s.there("token"), true})
}

func (s *Setup) regions() map[string]string {
	if s.Region == "" {
		return map[string]string{}
	}
	return map[string]string{"AWS_REGION": s.Region, "AWS_DEFAULT_REGION": s.Region}
}

// devcontainer makes the editor's terminals, and what is started in them, have the
// role.
func (s *Setup) devcontainer() string {
	var mounts []string
	for _, m := range s.mounts() {
		mounts = append(mounts, "type=bind,source="+m.Source+",target="+m.Target+",readonly")
	}
	words := s.forward(s.there("ca.pem"), s.there("token"), "bash")
	settings := map[string]any{
		"terminal.integrated.profiles.linux":       map[string]any{"aws": map[string]any{"path": words[0], "args": words[1:]}},
		"terminal.integrated.defaultProfile.linux": "aws",
	}
	text, _ := terminal.EncodeJSON(struct {
		RunArgs        []string          `json:"runArgs"`
		Mounts         []string          `json:"mounts"`
		ContainerEnv   map[string]string `json:"containerEnv"`
		Customizations map[string]any    `json:"customizations"`
	}{[]string{"--add-host=" + host + ":host-gateway"}, mounts, s.regions(), map[string]any{"vscode": map[string]any{"settings": settings}}}, "  ")
	return string(text)
}

// inJSON is a value on one line, which is YAML too.
func inJSON(value any) string {
	text, _ := terminal.EncodeJSON(value, "")
	return string(bytes.TrimSpace(text))
}
