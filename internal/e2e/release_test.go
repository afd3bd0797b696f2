//go:build release

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// These tests judge what scripts/release has made; it runs them.

var (
	dist       = flag.String("release.dist", "", "the directory with the release")
	version    = flag.String("release.version", "", "its version")
	before     = flag.String("release.before", "", "the program of the release before, or of the commit before")
	releaseKey = flag.String("release.key", "", "the public key that it is signed with")
)

// licenses are those that the product may contain. BSD-Source-Code is what
// cyclonedx-gomod takes the BSD-3-Clause text of the Go authors for.
var licenses = []string{"MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD-Source-Code", "Apache-2.0"}

// unpack returns the files of an archive, by their names below its directory.
func unpack(t *testing.T, name string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	add := func(name string, r io.Reader) {
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ = strings.Cut(name, "/")
		files[name] = text
	}
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.OpenReader(name)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			add(f.Name, r)
		}
		return files
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if head.Typeflag == tar.TypeReg {
			add(head.Name, r)
		}
	}
}

// archives returns the names of the archives with programs, by target.
func archives(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.tar.gz", "*.zip"} {
		names, _ := filepath.Glob(filepath.Join(*dist, "credproc_"+*version+"_"+pattern))
		for _, name := range names {
			target := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "credproc_"+*version+"_"), ".tar.gz"), ".zip")
			if target != "source" {
				found[target] = name
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no archives in %s", *dist)
	}
	return found
}

// contents are what an archive holds beside the program.
var contents = []string{"LICENSE", "NOTICES", "README.md", "man/credproc.1", "man/credproc-login.1",
	"completions/credproc.bash", "completions/_credproc", "completions/credproc.fish", "completions/credproc.ps1"}

func TestAReleaseIsWhatItSays(t *testing.T) {
	for target, name := range archives(t) {
		files := unpack(t, name)
		program := files["credproc"]
		if strings.HasPrefix(target, "windows") {
			program = files["credproc.exe"]
		}
		info, err := buildinfo.Read(bytes.NewReader(program))
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		bill, err := os.ReadFile(filepath.Join(*dist, "credproc_"+*version+"_"+target+".cdx.json"))
		if err != nil {
			t.Error(err)
		}
		complaints := slices.Concat(judgeBuild(info, target), judgeNotices(info.Deps, files["NOTICES"]), judgeBill(info.Deps, bill))
		if megabytes := len(program) >> 20; megabytes >= 15 {
			complaints = append(complaints, fmt.Sprintf("the program has %d MB", megabytes))
		}
		for _, want := range contents {
			if len(files[want]) == 0 {
				complaints = append(complaints, "no "+want+" in the archive")
			}
		}
		for _, c := range complaints {
			t.Errorf("%s: %s", target, c)
		}
		judgeTheJudges(t, info, target, files["NOTICES"], bill)
	}
}

// judgeTheJudges shows that each fault is found.
func judgeTheJudges(t *testing.T, info *buildinfo.BuildInfo, target string, notices, bill []byte) {
	t.Helper()
	more := append(slices.Clone(info.Deps), &debug.Module{Path: "example.com/more", Version: "v1.0.0"})
	if len(judgeNotices(more, notices)) == 0 || len(judgeBill(more, bill)) == 0 {
		t.Errorf("%s: one more module was not noticed", target)
	}
	if len(judgeBill(info.Deps, bytes.Replace(bill, []byte(`"MIT"`), []byte(`"AGPL-3.0"`), 1))) == 0 {
		t.Errorf("%s: an unknown license was not noticed", target)
	}
	for _, wrong := range []debug.BuildSetting{{Key: "CGO_ENABLED", Value: "1"}, {Key: "GOARCH", Value: "riscv64"}, {Key: "vcs.modified", Value: "true"}} {
		other := *info
		other.Settings = append(slices.Clone(info.Settings), wrong)
		if len(judgeBuild(&other, target)) == 0 {
			t.Errorf("%s: %s=%s was not noticed", target, wrong.Key, wrong.Value)
		}
	}
	other := *info
	if other.Main.Version = "(devel)"; len(judgeBuild(&other, target)) == 0 {
		t.Errorf("%s: a version that is none was not noticed", target)
	}
}

// judgeBuild complains of a program that is not a release of this version.
func judgeBuild(info *buildinfo.BuildInfo, target string) (complaints []string) {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	os, arch, _ := strings.Cut(target, "_")
	for key, want := range map[string]string{"GOOS": os, "GOARCH": arch, "CGO_ENABLED": "0", "vcs.modified": "false", "-trimpath": "true", "-tags": "nethttpomithttp2"} {
		if settings[key] != want {
			complaints = append(complaints, fmt.Sprintf("built with %s=%s, want %s", key, settings[key], want))
		}
	}
	if info.Main.Version != "v"+*version {
		complaints = append(complaints, "built from "+info.Main.Version)
	}
	return complaints
}

// judgeNotices expects a heading for each module, for Go, and for nothing else.
func judgeNotices(modules []*debug.Module, notices []byte) []string {
	var named []string
	for line := range strings.Lines(string(notices)) {
		if name, ok := strings.CutPrefix(line, "== "); ok && !strings.Contains(name, "Go standard library") {
			named = append(named, strings.TrimSpace(name))
		}
	}
	return judgeNames("the notices are", modules, named)
}

func judgeNames(what string, modules []*debug.Module, named []string) []string {
	var linked []string
	for _, m := range modules {
		linked = append(linked, m.Path+" "+m.Version)
	}
	slices.Sort(linked)
	if slices.Sort(named); !slices.Equal(named, linked) {
		return []string{fmt.Sprintf("%s of %q, the program has %q", what, named, linked)}
	}
	return nil
}

// judgeBill expects a component for each module, each with a license that is
// known.
func judgeBill(modules []*debug.Module, text []byte) (complaints []string) {
	var bill struct {
		Metadata struct {
			Component struct{ Version string } `json:"component"`
		} `json:"metadata"`
		Components []struct {
			Name, Version string
			Evidence      struct {
				Licenses []struct {
					License struct{ ID string } `json:"license"`
				} `json:"licenses"`
			} `json:"evidence"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		return []string{"the bill of materials: " + err.Error()}
	}
	if bill.Metadata.Component.Version != "v"+*version {
		complaints = append(complaints, "the bill of materials is of "+bill.Metadata.Component.Version)
	}
	var named []string
	for _, c := range bill.Components {
		named = append(named, c.Name+" "+c.Version)
		if len(c.Evidence.Licenses) == 0 {
			complaints = append(complaints, c.Name+" has no license")
		}
		for _, l := range c.Evidence.Licenses {
			if !slices.Contains(licenses, l.License.ID) {
				complaints = append(complaints, fmt.Sprintf("%s has the license %q, which is none of %q", c.Name, l.License.ID, licenses))
			}
		}
	}
	return append(complaints, judgeNames("the bill of materials is", modules, named)...)
}

func TestAReleasesRPMHasTheSameFiles(t *testing.T) {
	out, err := exec.Command("rpm", "-qlp", "--nosignature", filepath.Join(*dist, "credproc_"+*version+"_linux_amd64.rpm")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/usr/bin/credproc", "/usr/share/man/man1/credproc-login.1", "/usr/share/bash-completion/completions/credproc",
		"/usr/share/zsh/site-functions/_credproc", "/usr/share/fish/vendor_completions.d/credproc.fish", "/usr/share/doc/credproc/NOTICES"} {
		if !slices.Contains(strings.Fields(string(out)), want) {
			t.Errorf("no %s in the rpm:\n%s", want, out)
		}
	}
}

// installPage returns the code below a heading of docs/install.md.
func installPage(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	_, code, fenced := strings.Cut(section, "```sh\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !fenced || !closed {
		t.Fatalf("no code below %q", heading)
	}
	return code
}

func TestAReleaseThatWasTamperedWithIsNoticed(t *testing.T) {
	code := installPage(t, "Verify a download")
	if n := strings.Count(strings.TrimSpace(code), "\n") + 1; n != 4 {
		t.Errorf("it takes %d lines, want 4:\n%s", n, code)
	}
	code = strings.ReplaceAll(code, "0.1.0", *version)
	verify := func(tamper func(dir string)) error {
		dir := t.TempDir()
		os.CopyFS(filepath.Join(dir, "web"), os.DirFS(*dist))
		key, err := os.ReadFile(*releaseKey)
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(dir, "web", "allowed_signers"), append([]byte("release@credproc "), key...), 0o600)
		// It brings the last part of each URL from the release.
		os.WriteFile(filepath.Join(dir, "curl"), []byte("#!/bin/sh\nfor url; do case $url in *://*) cp \"web/${url##*/}\" . ;; esac; done\n"), 0o755)
		tamper(filepath.Join(dir, "web"))
		sh := exec.Command("sh", "-e", "-c", code)
		sh.Dir, sh.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := sh.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	if err := verify(func(string) {}); err != nil {
		t.Fatalf("the release itself: %v", err)
	}
	archive := "credproc_" + *version + "_linux_amd64.tar.gz"
	for _, name := range []string{archive, "SHA256SUMS", "SHA256SUMS.sig"} {
		if verify(func(dir string) { flip(t, filepath.Join(dir, name)) }) == nil {
			t.Errorf("a byte of %s was changed, and nothing said so", name)
		}
	}
}

// flip changes one byte in the middle of a file.
func flip(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		text[len(text)/2] ^= 1
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAReleaseIsWhatTheDevcontainerFeatureInstalls(t *testing.T) {
	d := newDevcontainer(t, newMachine(t))
	name := "credproc_" + *version + "_linux_" + runtime.GOARCH + ".tar.gz"
	sums, err := os.ReadFile(filepath.Join(*dist, "SHA256SUMS"))
	if err == nil {
		err = os.Link(filepath.Join(*dist, name), filepath.Join(d.dir("archive"), name))
	}
	if err != nil {
		t.Fatal(err)
	}
	sum := ""
	for line := range strings.Lines(string(sums)) {
		if words := strings.Fields(line); words[1] == name {
			sum = words[0]
		}
	}
	if r := d.install(map[string]string{"version": *version, "sha256": sum, "url": "https://host/profile/dev", "from": archived}); r.status != 0 {
		t.Errorf("status %d: %s", r.status, r.stderr)
	}
	command := d.command(nil, "credproc", "version")
	if said := d.must(command[0], command[1:]...); !strings.Contains(said, *version) {
		t.Errorf("it installs %s", said)
	}
}

// TestAReleaseRunsFromItsPackageAlone installs the deb into an empty directory,
// without even a libc, and lives there: it takes root.
func TestAReleaseRunsFromItsPackageAlone(t *testing.T) {
	m := newMachine(t)
	root := m.dir("root")
	for _, dir := range []string{"root/var/lib/dpkg/info", "root/var/lib/dpkg/updates", "root/home/.aws", "root/etc"} {
		m.dir(dir)
	}
	for name, text := range map[string]string{
		"var/lib/dpkg/status": "", "etc/passwd": "root:x:0:0::/home:/bin/sh\n",
		"home/.aws/config": m.session("corp") + "\n[profile dev]\ncredential_process = credproc " + ourLine + "\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(*dist, "credproc_"+*version+"_linux_amd64.deb")
	m.must("dpkg", "--root="+root, "--force-not-root", "--force-depends", "-i", deb)
	inside := m.with("HOME=/home", "TMPDIR=/home", "XDG_RUNTIME_DIR=", "CREDPROC_KEYRING=plaintext", "CREDPROC_LOG=", "CREDPROC_LOG_FILE=")
	credproc := func(args ...string) string {
		return inside.must("chroot", append([]string{root, "/usr/bin/credproc"}, args...)...)
	}
	if said := credproc("version"); !strings.HasPrefix(said, "credproc v"+*version+" ") {
		t.Errorf("version: %s", said)
	}
	credproc("login", "corp", "--flow", "device", "--no-browser")
	m.serves(inside.run("chroot", root, "/usr/bin/credproc", "process", "--profile", "dev"))
	if said := credproc("status"); !strings.Contains(said, "signed in") {
		t.Errorf("status: %s", said)
	}
	for _, file := range []string{"usr/share/man/man1/credproc.1", "usr/share/man/man1/credproc-login.1", "usr/share/bash-completion/completions/credproc",
		"usr/share/zsh/vendor-completions/_credproc", "usr/share/fish/vendor_completions.d/credproc.fish", "usr/share/doc/credproc/copyright", "usr/share/doc/credproc/NOTICES"} {
		if info, err := os.Stat(filepath.Join(root, file)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	m.must("dpkg", "--root="+root, "--force-not-root", "--force-depends", "--purge", "credproc")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/credproc")); err == nil {
		t.Error("the package is gone, and the program is still there")
	}
	if logins, _ := filepath.Glob(filepath.Join(root, "home/.local/state/credproc/*/*")); len(logins) == 0 {
		t.Error("with the package, the login went")
	}
}

func TestAReleasesCompletionsAndManualPagesAreRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range unpack(t, archives(t)["linux_amd64"]) {
		if strings.HasPrefix(name, "man/") || strings.HasPrefix(name, "completions/") {
			os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	pages, _ := filepath.Glob(filepath.Join(dir, "man", "*.1"))
	for _, line := range [][]string{
		append([]string{"mandoc", "-T", "lint", "-W", "style"}, pages...),
		{"bash", "--norc", "-c", `. "$1" && complete -p credproc`, "-", dir + "/completions/credproc.bash"},
		{"fish", "-N", "-c", `source $argv[1]; complete -c credproc | string match -q '*credproc*'`, dir + "/completions/credproc.fish"},
		{"zsh", "-fc", `fpath=($1 $fpath); autoload -Uz compinit; compinit -u -d $1/dump; [[ $_comps[credproc] == _credproc ]]`, "-", dir + "/completions"},
	} {
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line[0], err, out)
		}
	}
}

func TestAReleasesManifestsNameWhatIsInIt(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join(*dist, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		file    string
		targets []string
		check   []string
	}{
		{"credproc.rb", []string{"darwin_arm64.tar.gz", "darwin_amd64.tar.gz", "linux_arm64.tar.gz", "linux_amd64.tar.gz"}, nil},
		{"credproc.json", []string{"windows_amd64.zip", "windows_arm64.zip"}, []string{"python3", "-m", "json.tool"}},
		{"PKGBUILD", []string{"linux_amd64.tar.gz", "linux_arm64.tar.gz"}, []string{"bash", "-n"}},
	} {
		path := filepath.Join(*dist, m.file)
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) && len(archives(t)) == 1 {
			continue // of one target there are no manifests
		}
		if err != nil {
			t.Error(err)
			continue
		}
		for _, target := range m.targets {
			sum := ""
			for line := range strings.Lines(string(sums)) {
				if s, ok := strings.CutSuffix(strings.TrimSpace(line), "  credproc_"+*version+"_"+target); ok {
					sum = s
				}
			}
			if sum == "" || !strings.Contains(string(text), sum) {
				t.Errorf("%s does not have the sum of %s, %q", m.file, target, sum)
			}
		}
		if strings.Contains(string(text), "@SUM") || strings.Contains(string(text), "@VERSION") {
			t.Errorf("%s has a place that was not filled in:\n%s", m.file, text)
		}
		if m.check == nil {
			continue
		}
		if out, err := exec.Command(m.check[0], append(m.check[1:], path)...).CombinedOutput(); err != nil {
			t.Error(fmt.Errorf("%s: %w\n%s", m.file, err, out))
		}
	}
}

func TestAReleaseSharesALoginWithTheOneBefore(t *testing.T) {
	const each = 20
	for _, first := range []string{*before, binary} {
		m := newMachine(t)
		m.server.Set(func(*idctest.Server) { m.server.AccessTokenLife, m.server.RoleLife = 2*time.Second, 2*time.Second })
		m.must(first, "login", "corp", "--flow", "device", "--no-browser")
		m.must(first, strings.Fields(ourLine)...)
		over := time.Now().Add(3 * time.Second)
		m.server.Set(func(*idctest.Server) { m.server.AccessTokenLife, m.server.RoleLife = time.Hour, time.Hour })
		await(t, "both have ended", func() bool { return time.Now().After(over) })
		refreshes, fetches := m.server.Count("CreateToken:refresh_token"), m.server.Count("GetRoleCredentials")
		atOnce(2*each, func(i int) {
			program := binary
			if i%2 == 0 {
				program = *before
			}
			m.serves(m.quiet().run(program, strings.Fields(ourLine)...))
		})
		m.counted(map[string]int{"RegisterClient": 1, "CreateToken:refresh_token": refreshes + 1, "GetRoleCredentials": fetches + 1})
	}
}
