package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// A devcontainer is what stands in for one: the files of this machine, a
// /usr/local/bin of its own, and what is mounted.
type devcontainer struct {
	*machine
	bin    string // its /usr/local/bin
	mounts []string
}

// archived is where the archive of a release is in a devcontainer, with its sum.
const archived = "/run/archive"

func newDevcontainer(t *testing.T, m *machine) *devcontainer {
	t.Helper()
	feature, err := filepath.Abs("../../examples/containers/credproc")
	if err != nil {
		t.Fatal(err)
	}
	d := &devcontainer{machine: m, bin: m.dir("container/bin")}
	d.mounts = []string{"--ro-bind", feature, "/run/feature", "--ro-bind", m.dir("archive"), archived}
	return d
}

// command is one in the container, with nothing but this in its environment.
func (d *devcontainer) command(env map[string]string, args ...string) []string {
	all := append([]string{"bwrap", "--unshare-pid", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
		"--tmpfs", "/tmp", "--tmpfs", "/run", "--bind", d.bin, "/usr/local/bin"}, d.mounts...)
	all = append(all, "--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--setenv", "HOME", "/tmp")
	for name, value := range env {
		all = append(all, "--setenv", name, value)
	}
	return append(append(all, "--"), args...)
}

// install runs install.sh as a build of an image does: options are variables.
func (d *devcontainer) install(options map[string]string) result {
	env := map[string]string{}
	for name, value := range options {
		env[strings.ToUpper(name)] = value
	}
	all := d.command(env, "/run/feature/install.sh")
	return d.run(all[0], all[1:]...)
}

// archive makes one of a release for this machine, of the given parts, and returns its sum.
func (d *devcontainer) archive(version string, parts ...*tar.Header) (sum string) {
	d.t.Helper()
	program, err := os.ReadFile(binary)
	if err != nil {
		d.t.Fatal(err)
	}
	var text bytes.Buffer
	z, _ := gzip.NewWriterLevel(&text, gzip.BestSpeed)
	w := tar.NewWriter(z)
	name := "credproc_" + version + "_linux_" + runtime.GOARCH
	for _, part := range parts {
		part.Name = name + "/" + part.Name
		if part.Typeflag == tar.TypeReg {
			part.Size = int64(len(program))
		}
		if err = w.WriteHeader(part); err == nil && part.Typeflag == tar.TypeReg {
			_, err = w.Write(program)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
	w.Close()
	z.Close()
	if err := os.WriteFile(filepath.Join(d.dir("archive"), name+".tar.gz"), text.Bytes(), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text.Bytes()))
}

// program is what an archive holds.
func program() *tar.Header {
	return &tar.Header{Name: "credproc", Typeflag: tar.TypeReg, Mode: 0o755}
}

// printed is what serve --print devcontainer prints, as tools read it.
type printed struct {
	RunArgs, Mounts []string
	ContainerEnv    map[string]string
	Customizations  struct {
		VSCode struct {
			Settings struct {
				Profiles map[string]struct {
					Path string
					Args []string
				} `json:"terminal.integrated.profiles.linux"`
				Default string `json:"terminal.integrated.defaultProfile.linux"`
			}
		}
	}
}

// prints runs an endpoint on the bridge, and returns what it prints after its address.
func (b *bridged) prints(command string) (port, text string) {
	b.t.Helper()
	_, port, _ = net.SplitHostPort(freePort(b.t))
	words := strings.Fields(strings.NewReplacer("172.17.0.1:9911", b.host+":"+port, "~", b.home).Replace(command))
	b.background(append([]string{"sh", "-c", `exec "$0" "$@" >` + port + ".out 2>" + port + ".log", binary}, words[1:]...)...)
	await(b.t, "it serves", func() bool {
		log, err := os.ReadFile(filepath.Join(b.home, port+".log"))
		return err == nil && bytes.Contains(log, []byte(`"msg":"serving"`))
	})
	out, err := os.ReadFile(filepath.Join(b.home, port+".out"))
	if err != nil {
		b.t.Fatal(err)
	}
	address, text, _ := strings.Cut(string(out), "\n")
	if want := "https://host.docker.internal:" + port; address != want {
		b.t.Errorf("it serves %s, want %s", address, want)
	}
	return port, text
}

// mount gives the container what its devcontainer.json says.
func (d *devcontainer) mount(p printed, gateway string) {
	d.t.Helper()
	for _, mount := range p.Mounts {
		words := strings.Split(mount, ",")
		source, _ := strings.CutPrefix(words[1], "source=")
		target, _ := strings.CutPrefix(words[2], "target=")
		if len(words) != 4 || words[0] != "type=bind" || words[3] != "readonly" {
			d.t.Errorf("it mounts %s", mount)
		}
		d.mounts = append(d.mounts, "--ro-bind", source, target)
	}
	d.hosts(strings.TrimPrefix(p.RunArgs[0], "--add-host="), gateway)
}

// hosts gives the container a name for the host, as Docker does.
func (d *devcontainer) hosts(name, gateway string) {
	d.write("hosts", strings.Replace(name, "host.docker.internal:host-gateway", gateway+" host.docker.internal\n", 1))
	d.mounts = append(d.mounts, "--ro-bind", filepath.Join(d.home, "hosts"), "/etc/hosts")
}

func TestADevcontainerHasTheRoleOfAnEndpointOnTheHost(t *testing.T) {
	t.Parallel()
	b := bridge(t, 4)
	if b == nil {
		return
	}
	blocks := recipe(t, "A devcontainer")
	b.write(".aws/clients", blocks[0])
	port, text := b.prints(blocks[1])
	var p printed
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	var config struct{ Features map[string]map[string]string }
	if err := json.Unmarshal([]byte(blocks[2]), &config); err != nil {
		t.Fatal(err)
	}
	d, options := newDevcontainer(t, b.machine), config.Features["./credproc"]
	options["sha256"] = strings.Replace(options["sha256"], "SUM_OF_AMD64 SUM_OF_ARM64", strings.Repeat("0", 64)+" "+d.archive(options["version"], program()), 1)
	options["from"], options["url"] = archived, strings.Replace(options["url"], "9911", port, 1)
	if r := d.install(options); r.status != 0 || r.stdout+r.stderr != "" {
		t.Fatalf("status %d: %s%s", r.status, r.stdout, r.stderr)
	}
	d.mount(p, b.host)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d.mounts = append(d.mounts, "--ro-bind", self, "/run/caller")
	terminal := p.Customizations.VSCode.Settings.Profiles[p.Customizations.VSCode.Settings.Default]
	env := map[string]string{"CALLER_AT": b.sts, "SHELL": "/run/caller"}
	maps.Copy(env, p.ContainerEnv)
	for _, args := range [][]string{
		append(append([]string{terminal.Path}, terminal.Args...), "-c", "/run/caller"),
		{"credproc-forward", "/run/caller"}, {"credproc-forward", "--", "/run/caller"}, {"credproc-forward"},
	} {
		if r := b.there.run("ip", b.inside(d.command(env, args...)...)...); r.status != 0 || !strings.HasPrefix(r.stdout, assumed) {
			t.Errorf("%q: status %d: %s%s", args, r.status, r.stdout, r.stderr)
		}
	}
	if r := b.there.run("ip", b.inside(d.command(env, "credproc-forward", "sh", "-c", "exit 7")...)...); r.status != 7 {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
}

// twoClients starts an endpoint for app and ro, and returns what each has to get of what it
// prints, by that client's role.
func twoClients(b *bridged, format string) (text string, roles map[string]string) {
	config, err := os.ReadFile(filepath.Join(b.home, ".aws/config"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(".aws/config", string(config)+"[profile ro]\nregion = eu-west-1\ncredential_process = "+binary+" "+strings.Replace(ourLine, "Admin", "ReadOnly", 1)+"\n")
	b.write(".aws/clients", "[app]\ntoken_file = app.token\nallow = dev\n[ro]\ntoken_file = ro.token\nallow = ro\n")
	_, text = b.prints("credproc serve --tls --listen 172.17.0.1:9911 --host host.docker.internal --clients ~/.aws/clients --print " + format)
	return text, map[string]string{"app": assumed, "ro": strings.Replace(assumed, "Admin", "ReadOnly", 1)}
}

func TestTheComposeFileThatServePrintsIsUsedAsItStands(t *testing.T) {
	t.Parallel()
	b := bridge(t, 5)
	if b == nil {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, roles := twoClients(b, "compose")
	services, found := strings.CutPrefix(text, "services:\n")
	if !found || strings.Count(text, "services:") != 1 {
		t.Errorf("%s", text)
	}
	for name, role := range roles {
		_, service, _ := strings.Cut("\n"+services, "\n  \""+name+"\":\n")
		d, command := newDevcontainer(t, b.machine), []string{}
		env := map[string]string{"CALLER_AT": b.sts}
		d.mounts = append(d.mounts, "--ro-bind", binary, "/run/credproc/credproc", "--ro-bind", self, "/run/caller")
		for line := range strings.Lines(service) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			var err error
			switch {
			case !strings.HasPrefix(line, "    "):
				line = "" // the next service
			case key == "command":
				err = json.Unmarshal([]byte(value), &command)
			case key == "environment":
				err = json.Unmarshal([]byte(value), &env)
			case key == "extra_hosts":
				d.hosts(strings.Trim(value, `[]"`), b.host)
			case strings.HasPrefix(key, "- "):
				var m struct{ Source, Target string }
				err = json.Unmarshal([]byte(strings.TrimSpace(line)[2:]), &m)
				d.mounts = append(d.mounts, "--ro-bind", m.Source, m.Target)
			}
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if line == "" {
				break
			}
		}
		if len(command) == 0 || command[len(command)-1] != "my-agent" {
			t.Errorf("%s: %q", name, command)
			continue
		}
		command[0], command[len(command)-1] = "/run/credproc/credproc", "/run/caller"
		if r := b.there.run("ip", b.inside(d.command(env, command...)...)...); r.status != 0 || !strings.HasPrefix(r.stdout, role) || env["AWS_REGION"] == "" {
			t.Errorf("%s: status %d: %s%s", name, r.status, r.stdout, r.stderr)
		}
	}
}

func TestTheExportsThatServePrintsAreUsedAsTheyStand(t *testing.T) {
	t.Parallel()
	b := bridge(t, 6)
	if b == nil {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, roles := twoClients(b, "exports")
	d := newDevcontainer(t, b.machine)
	d.hosts("host.docker.internal:host-gateway", b.host)
	d.mounts = append(d.mounts, "--bind", b.root, b.root, "--ro-bind", filepath.Dir(binary), filepath.Dir(binary), "--ro-bind", self, "/run/my-agent")
	env := map[string]string{"CALLER_AT": b.sts, "PATH": "/run:" + filepath.Dir(binary) + ":/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}
	for name, role := range roles {
		_, section, _ := strings.Cut(text, "# Client "+name+":\n")
		section, _, _ = strings.Cut(section, "# Client ")
		_, line, _ := strings.Cut(section, "# For any SDK: ")
		line, _, _ = strings.Cut(line, "\n")
		for _, script := range []string{section + "my-agent", line} {
			if r := b.there.run("ip", b.inside(d.command(env, "sh", "-c", script)...)...); r.status != 0 || !strings.HasPrefix(r.stdout, role) {
				t.Errorf("%s: status %d: %s%s", script, r.status, r.stdout, r.stderr)
			}
		}
	}
}

func TestTheFeatureInstallsWhatItWasToldOrNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	d := newDevcontainer(t, m)
	if out, err := exec.Command("bwrap", "--ro-bind", "/", "/", "true").CombinedOutput(); err != nil || os.Geteuid() != 0 {
		notRun(t, "the devcontainer feature", fmt.Sprintf("not as root, or without bubblewrap: %v %s", err, out))
		return
	}
	sum := d.archive("1.0.0", program())
	bad := d.archive("1.0.1", &tar.Header{Name: "README.md", Typeflag: tar.TypeReg, Mode: 0o644})
	link := d.archive("1.0.2", &tar.Header{Name: "credproc", Typeflag: tar.TypeSymlink, Linkname: "/bin/sh"})
	good := map[string]string{"version": "1.0.0", "sha256": sum, "url": "https://[fd00::1]:9911/role/111111111111/Read_Only", "from": archived, "region": "eu-west-1"}
	with := func(changes ...string) map[string]string {
		options := map[string]string{}
		maps.Copy(options, good)
		for i := 0; i < len(changes); i += 2 {
			options[changes[i]] = changes[i+1]
		}
		return options
	}
	for says, options := range map[string]map[string]string{
		"which the option sha256 does not have":    with("sha256", strings.Repeat("0", 64)),
		"the option sha256 is missing":             with("sha256", ""),
		"sums of 64 hexadecimal digits":            with("sha256", "sha256:"+sum),
		`the option version is ""`:                 with("version", ""),
		`the option version is "../1"`:             with("version", "../1"),
		"has a character that no URL":              with("url", "https://host/profile/dev';id;'"),
		"must be https://HOST:PORT/profile/NAME":   with("url", "http://host/profile/dev"),
		"or https://HOST:PORT/role/ACCOUNT/ROLE":   with("url", "https://host:9911"),
		"the option region is not an AWS region":   with("region", "eu-west-1 --to x"),
		"https:// address or a directory":          with("from", "http://mirror.example"),
		archived + " has no credproc_1.0.9_linux_": with("version", "1.0.9"),
		"cannot get https://127.0.0.1:1/credproc":  with("from", "https://127.0.0.1:1"),
		"Not found in archive":                     with("version", "1.0.1", "sha256", bad),
		"is no program":                            with("version", "1.0.2", "sha256", link),
	} {
		r := d.install(options)
		left, err := os.ReadDir(d.bin)
		if r.status == 0 || !strings.Contains(r.stderr, says) || err != nil || len(left) > 0 {
			t.Errorf("%q: status %d, %d files, %v: %s", options, r.status, len(left), err, r.stderr)
		}
	}
	for range 2 { // a second time, over the first
		if r := d.install(good); r.status != 0 {
			t.Fatalf("status %d: %s", r.status, r.stderr)
		}
	}
	if left, err := os.ReadDir(d.bin); err != nil || len(left) != 2 {
		t.Errorf("%v: %v", err, left)
	}
	wrapper, err := os.ReadFile(filepath.Join(d.bin, "credproc-forward"))
	if want := "forward --to '" + good["url"] + "' --token-file /run/credproc/token --region eu-west-1 \"$@\"\n"; err != nil || !strings.HasSuffix(string(wrapper), want) {
		t.Errorf("%v: %s", err, wrapper)
	}
}

// The name of its directory is its ID, and it says which options there are.
//
// https://containers.dev/implementors/features/#devcontainer-feature-json-properties
func TestTheFeatureSaysWhichOptionsItReads(t *testing.T) {
	script, err := os.ReadFile("../../examples/containers/credproc/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../examples/containers/credproc/devcontainer-feature.json")
	if err != nil {
		t.Fatal(err)
	}
	var feature struct {
		ID, Version string
		Options     map[string]struct{ Type, Description string }
	}
	if err := json.Unmarshal(text, &feature); err != nil || feature.ID != "credproc" || feature.Version == "" {
		t.Errorf("%v: %+v", err, feature)
	}
	read := map[string]bool{}
	for _, match := range regexp.MustCompile(`\$\{([A-Z0-9]+):`).FindAllSubmatch(script, -1) {
		read[strings.ToLower(string(match[1]))] = true
	}
	for name, o := range feature.Options {
		if !read[name] || o.Type != "string" || o.Description == "" {
			t.Errorf("option %s: %+v, read: %t", name, o, read[name])
		}
	}
	if len(read) != len(feature.Options) {
		t.Errorf("it reads %v", read)
	}
}

// With nothing else in its PATH, by curl and by wget.
func TestTheFeatureDownloadsWithWhatAnImageHas(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		notRun(t, "a download of the devcontainer feature", "not as root")
		return
	}
	m := newMachine(t)
	d := newDevcontainer(t, m)
	sum := d.archive("1.0.0", program())
	web := httptest.NewTLSServer(http.FileServer(http.Dir(d.dir("archive"))))
	t.Cleanup(web.Close)
	m.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})))
	m.write("wgetrc", "ca_certificate = /run/tools/ca.pem\n")
	for _, loader := range []string{"curl", "wget"} {
		if _, err := exec.LookPath(loader); err != nil {
			notRun(t, "a download of the devcontainer feature with "+loader, err.Error())
			continue
		}
		tools := m.dir(loader)
		for name := range strings.FieldsSeq("sh cat chmod cp dirname gzip id mkdir mktemp mv rm sha256sum tar tr uname " + loader) {
			path, err := exec.LookPath(name)
			if err == nil {
				err = os.Symlink(path, filepath.Join(tools, name))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		d.mounts = append(d.mounts, "--ro-bind", tools, "/run/"+loader, "--ro-bind", m.home, "/run/tools")
		all := d.command(map[string]string{"PATH": "/run/" + loader, "CURL_CA_BUNDLE": "/run/tools/ca.pem", "WGETRC": "/run/tools/wgetrc",
			"VERSION": "1.0.0", "SHA256": sum, "URL": "https://host/profile/dev", "FROM": web.URL}, "/run/feature/install.sh")
		if r := d.run(all[0], all[1:]...); r.status != 0 {
			t.Errorf("%s: status %d: %s", loader, r.status, r.stderr)
		}
		if err := os.Remove(filepath.Join(d.bin, "credproc")); err != nil {
			t.Errorf("%s: %v", loader, err)
		}
	}
}
