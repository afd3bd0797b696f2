package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Environment checks the variables that change what AWS programs do.
func (d *Checks) Environment() {
	const check = "environment"
	for _, v := range []struct{ name, beside, seen string }{
		{"AWS_ACCESS_KEY_ID", " AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN", "credentials in the environment come before every profile, and are not renewed"},
		{"AWS_SECURITY_TOKEN", "", "boto3 and the AWS CLI prefer this session token to AWS_SESSION_TOKEN"},
		{"AWS_WEB_IDENTITY_TOKEN_FILE", "", "it may come before the profile"},
	} {
		if d.Getenv(v.name) != "" && !(d.Active != nil && v.name == "AWS_ACCESS_KEY_ID") {
			d.warn(check, "unset "+v.name+v.beside, "%s is set: %s", v.name, v.seen)
		}
	}
	for _, pair := range [][2]string{{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}, {"AWS_REGION", "AWS_DEFAULT_REGION"}} {
		a, b := d.Getenv(pair[0]), d.Getenv(pair[1])
		if a != "" && b != "" && a != b {
			d.warn(check, "unset "+pair[1]+", or give both the same value", "%s is %q and %s is %q: programs differ in which one they use", pair[0], a, pair[1], b)
		}
	}
	d.named(check)
	d.proxy(check)
	d.bundle(check)
	d.endpoints(check)
	if d.Active != nil {
		d.given(check)
	} else if !d.Bad(check) {
		d.OK(check, "nothing in it overrides profiles")
	}
}

func (d *Checks) endpoints(check string) {
	var custom []string
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL_STS"} {
		if d.Getenv(name) != "" {
			custom = append(custom, name)
		}
	}
	if custom != nil {
		d.Note(check, "", "%s in force: a login made with them works only with them", strings.Join(custom, ", "))
	}
}

// given are what exec, env or use has put into the environment.
func (d *Checks) given(check string) {
	label := d.Getenv(d.variable("ACTIVE_PROFILE"))
	end, err := time.Parse(time.RFC3339, d.Getenv("AWS_CREDENTIAL_EXPIRATION"))
	switch {
	case d.Active.Profile() != "":
		d.OK(check, "profile %s, from %s use", label, d.Program)
	case d.Active.Key == "":
		d.OK(check, "credentials of %s, renewed by %s exec --server", label, d.Program)
	case err == nil && time.Now().After(end):
		d.warn(check, "leave this shell, or run "+d.Program+" env in it again", "the credentials of %s expired %s, and nothing renews those of exec and env", label, terminal.Ago(end, time.Now()))
	default:
		d.OK(check, "credentials of %s, from %s exec or env", label, d.Program)
	}
}

// named are files and profiles that the environment names.
func (d *Checks) named(check string) {
	for variable, path := range map[string]string{"AWS_CONFIG_FILE": d.Config, "AWS_SHARED_CREDENTIALS_FILE": d.Credentials} {
		if _, err := os.Stat(path); d.Getenv(variable) != "" && errors.Is(err, fs.ErrNotExist) {
			d.fault(check, "unset "+variable+", or set it to the file", "%s names %s, and there is no such file", variable, d.Short(path))
		} else if strings.HasPrefix(d.Getenv(variable), "~") {
			d.warn(check, "write "+path+" there", "%s starts with ~, which no shell has replaced: programs in Go and JavaScript do not find the file", variable)
		}
	}
	for _, variable := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		name := d.Getenv(variable)
		if name != "" && d.Files != nil && d.Files.Profiles[name] == nil {
			d.fault(check, "unset "+variable, "%s is %q, and there is no such profile: SDKs fail, even with credentials in the environment", variable, name)
		}
	}
}

func (d *Checks) proxy(check string) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := d.Getenv(name)
		if value == "" {
			continue
		}
		u, err := url.Parse(value)
		if err == nil && u.Host == "" { // "proxy:3128" is taken for one too
			u, err = url.Parse("http://" + value)
		}
		if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
			d.fault(check, "write it as http://HOST:PORT", "%s is not the URL of a proxy", name) // there may be a password in it
		}
	}
}

func (d *Checks) bundle(check string) {
	path := d.Getenv("AWS_CA_BUNDLE")
	if path == "" {
		return
	}
	path, _ = awsconfig.Expand(path, awsconfig.Home(d.Getenv))
	data, err := safedir.ReadFile(path)
	if err := safedir.Check(path); err != nil {
		d.warn(check, UnsafeFix(err), "the CA bundle decides which servers are trusted: %v", err)
	}
	switch {
	case err != nil:
		d.fault(check, "unset AWS_CA_BUNDLE, or set it to the file", "AWS_CA_BUNDLE names %s, which cannot be read", d.Short(path))
	case !x509.NewCertPool().AppendCertsFromPEM(data):
		d.fault(check, "set AWS_CA_BUNDLE to a file with certificates in PEM", "AWS_CA_BUNDLE names %s, which has no certificate in it", d.Short(path))
	}
}

// isOwn reports whether a file belongs to this user, as far as files have owners.
func isOwn(info fs.FileInfo) bool {
	uid, ok := safedir.Owner(info)
	return !ok || uid == os.Geteuid()
}

// fileMode is about who else can read or write a file of the AWS tools.
func (d *Checks) fileMode(path string, secret bool) {
	const check = "config files"
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return
	}
	e, _ := errors.AsType[*safedir.UnsafeError](safedir.Check(path))
	switch mode := info.Mode().Perm(); {
	case e != nil && e.Problem == safedir.Writable:
		d.warn(check, "chmod go-w "+shell.Word(e.Path), "%s can be written by others: what they write there runs as you", d.Short(e.Path))
	case e != nil && e.Dir:
		d.warn(check, UnsafeFix(e), "%s belongs to another user, who could replace %s: what they write there runs as you", d.Short(e.Path), d.Short(path))
	case secret && mode&0o077 != 0:
		d.warn(check, "chmod 600 "+shell.Word(path), "%s has secret keys in it, and others can read it", d.Short(path))
	}
	if !isOwn(info) {
		d.warn(check, "sudo chown $(id -u) "+shell.Word(path), "%s belongs to another user, perhaps because you used sudo", d.Short(path))
	}
}

// A Kernel is what is known of the kernel's keyring.
type Kernel struct {
	Works bool
	// Open says what is wrong with it if it is not persistent; "" if it is.
	Open string
}

// Keychain checks the keyrings that are in use. It asks them, but lets none of
// them prompt.
func (d *Checks) Keychain(ctx context.Context, inUse map[string]bool, kernel Kernel) {
	const check = "keychain"
	for _, name := range slices.Sorted(maps.Keys(inUse)) {
		switch {
		case name == "kernel" && !kernel.Works:
			d.fault(check, d.variable("KEYRING")+"=file, or =plaintext, and a new login", "the kernel forbids its keyring here")
		case name == "kernel" && kernel.Open != "":
			d.warn(check, d.variable("KEYRING")+"=file, and a new login", "kernel keyring: %s", kernel.Open)
		case name == "windows":
			d.windows(ctx, check)
		case name != "os" && name != "" && name != "auto":
			d.OK(check, "%s keyring", name)
		default:
			d.system(ctx, check, name != "os", kernel)
		}
	}
}

// asks asks a keyring for an item that it does not have.
func (d *Checks) asks(ctx context.Context, name string) error {
	k, err := keyring.New(name, keyring.Options{Service: d.ID})
	if err == nil {
		_, err = k.Get(ctx, "doctor")
	}
	return err
}

// windows asks Windows, from WSL.
func (d *Checks) windows(ctx context.Context, check string) {
	err := d.asks(ctx, "windows")
	if errors.Is(err, keyring.ErrNotFound) {
		d.OK(check, "the Windows Credential Manager answers")
		return
	}
	d.fault(check, "install credproc on Windows, or set "+d.variable("WINDOWS_PROGRAM")+" to its credproc.exe", "%v", err)
}

// system asks the operating system's keychain. auto: another one can take its
// place.
func (d *Checks) system(ctx context.Context, check string, auto bool, kernel Kernel) {
	ctx, cancel := context.WithTimeout(ctx, status.LookTime)
	defer cancel()
	err := d.asks(ctx, "os")
	fail, _ := errors.AsType[*keyring.Error](err)
	none := fail != nil && fail.Reason == "absent" && auto // one that is mute is no reason to go elsewhere
	switch {
	case err == nil || errors.Is(err, keyring.ErrNotFound):
		d.OK(check, "the operating system's keychain answers")
	case ctx.Err() != nil:
		d.warn(check, "", "the operating system's did not answer within %v; process waits up to 25 seconds for it", status.LookTime)
	case none && slices.Contains(keyring.Names(), "windows") && errors.Is(d.asks(ctx, "windows"), keyring.ErrNotFound):
		d.OK(check, "there is none on Linux, so a new login goes to the Windows Credential Manager")
	case none && kernel.Works && kernel.Open != "":
		d.warn(check, d.variable("KEYRING")+"=file, or =kernel to accept it", "there is none, so a new login goes to the kernel's keyring, and %s", kernel.Open)
	case none && kernel.Works:
		d.Note(check, "", "there is none, so a new login goes to the kernel's keyring: %v", err)
	case none:
		d.Note(check, "choose where logins go: "+d.variable("KEYRING")+"=file, or =plaintext",
			"there is none, and the kernel forbids its keyring, so a new login has nowhere to go: %v", err)
	default:
		d.Failed(check, err)
	}
}

// Directories checks the directories of the program's own files.
func (d *Checks) Directories() {
	const check = "directories"
	if d.State == "" || d.Cache == "" {
		return // the settings say why it is not known where they are
	}
	seen := 0
	d.strict(check)
	for _, dir := range []string{d.State, d.Cache} {
		if d.isOwnDir(check, dir) {
			seen++
			d.writable(check, dir)
			d.modes(check, dir)
		}
	}
	if !d.Bad(check) && seen > 0 {
		d.OK(check, "%s, %s", d.Short(d.State), d.Short(d.Cache))
	} else if !d.Bad(check) {
		d.OK(check, "made by the first login")
	}
}

// strict is about who could replace our directories, or a key file.
func (d *Checks) strict(check string) {
	if d.Lax {
		d.Note(check, "unset "+d.variable("STRICT_MODES"), "%s=off: another user who can write in a directory above %s could replace it", d.variable("STRICT_MODES"), d.Short(d.State))
	}
	for _, dir := range []string{d.State, d.Cache} {
		if err := safedir.Check(dir); err != nil && !d.Lax {
			d.Failed(check, err)
			break // mostly for the same reason
		}
	}
	if d.KeyFile != "" {
		if _, err := safedir.ReadSecret(d.KeyFile, 1); err != nil {
			d.Failed(check, err)
		}
	}
}

func (d *Checks) takeBack(dir string) string {
	return "sudo chown -R $(id -u) " + shell.Word(filepath.Dir(dir)) + ", or " + d.elsewhere()
}

func (d *Checks) elsewhere() string {
	return fmt.Sprintf("set %s to a directory of your own", d.variable("DIR"))
}

// ancestor looks whether a directory can be made.
func (d *Checks) ancestor(check, dir string) {
	for parent := dir; parent != filepath.Dir(parent); parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		switch _, link := os.Readlink(parent); {
		case err != nil && link == nil:
			d.fault(check, d.elsewhere()+", or correct the link", "%s cannot be made: the link %s leads nowhere", d.Short(dir), d.Short(parent))
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
			continue
		case err != nil || !info.IsDir():
			d.fault(check, d.elsewhere()+", or move the file away", "%s cannot be made: %s is not a directory", d.Short(dir), d.Short(parent))
		default:
			d.writable(check, parent)
		}
		return
	}
}

// writable tries, for a mode says little about a file system.
func (d *Checks) writable(check, dir string) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err == nil {
		_, err = f.Write(make([]byte, 4096))
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	switch {
	case safedir.IsFull(err):
		d.fault(check, "make room on the disk, or "+d.elsewhere(), "%s: the disk is full", d.Short(dir))
	case err != nil:
		d.fault(check, "make it writable for you, or "+d.elsewhere(), "%s cannot be written: logins cannot be kept, nor shared", d.Short(dir))
	}
}

// Trail says where the audit trail goes, if there is one, and what is wrong with it.
func (d *Checks) Trail(t *audit.Trail) {
	const check = "audit trail"
	err, lost := t.Problem(), t.Lost()
	switch {
	case t == nil:
	case err != nil:
		d.fault(check, "make it possible to write there, or have the administrator change the policy", "no line can be written to %s: %v", d.Short(t.Place()), err)
	case lost != nil:
		d.warn(check, "", "a line could not be written at %s: %s", lost.Time.Local().Format(time.DateTime), lost.Problem)
	default:
		d.OK(check, "lines go to %s", d.Short(t.Place()))
	}
}

// isOwnDir reports whether a directory is there and ours, and says what else it is.
func (d *Checks) isOwnDir(check, dir string) bool {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		d.ancestor(check, dir)
	case errors.Is(err, fs.ErrPermission):
		d.fault(check, d.takeBack(dir), "%s cannot be reached: it, or one above it, belongs to another user", d.Short(dir))
	case err != nil:
		d.fault(check, d.elsewhere(), "%s: %v", d.Short(dir), errors.Unwrap(err))
	case !info.IsDir():
		d.fault(check, d.elsewhere()+", or move the file away", "%s is a file", d.Short(dir))
	case !isOwn(info):
		d.fault(check, d.takeBack(dir), "%s belongs to another user, and is not written", d.Short(dir))
	default:
		return true
	}
	return false
}

// modes finds files that others can read, and can take that from them.
func (d *Checks) modes(check, dir string) {
	if runtime.GOOS == "windows" {
		return
	}
	var open []string
	filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil && (info.Mode().IsRegular() || info.IsDir()) && info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
		return nil
	})
	if open == nil {
		return
	}
	d.warn(check, "chmod -R go= "+shell.Word(dir), "%s: others can read or write %s", d.Short(dir), terminal.Count(len(open), "file"))
	d.fixable(func() (err error) {
		for _, path := range open {
			info, statErr := os.Lstat(path)
			if statErr == nil && info.Mode()&fs.ModeSymlink == 0 {
				err = errors.Join(err, os.Chmod(path, info.Mode().Perm()&0o700))
			}
		}
		return err
	})
}

// longHeld is longer than anything but a sign-in holds a lock.
const longHeld = 2 * time.Minute

// Locks looks for a process that holds one for long.
func (d *Checks) Locks() {
	const check = "locks"
	if d.State == "" {
		return
	}
	if err := flight.Works(safedir.Dir(d.State).Sub("locks")); err != nil {
		d.warn(check, d.elsewhere()+", on a local disk", "%s is on a file system without locks (%v): processes cannot wait for one another", d.Short(d.State), err)
	}
	for _, s := range d.Sessions {
		for _, h := range s.Holders() {
			if held := time.Since(h.Since); held > longHeld && !strings.HasPrefix(h.Op, "sign in") {
				d.warn(check, fmt.Sprintf("end it: kill %d", h.PID), "process %d has held a lock for %s, and others wait: %s", h.PID, terminal.Short(held), h.Op)
			}
		}
	}
	if !d.Bad(check) {
		d.OK(check, "none has been held for long")
	}
}

// Opens checks what a sign-in opens.
func (d *Checks) Opens() {
	const check = "browser"
	if d.Browser == nil {
		return
	}
	argv, err := d.Browser.Command("", "https://example.com")
	if err != nil {
		d.Note(check, "", "%v: login shows a code for any device instead", err)
		return
	}
	_, err = exec.LookPath(argv[0])
	switch {
	case err == nil:
		d.OK(check, "%s", argv[0])
	case d.Getenv("BROWSER") != "":
		d.warn(check, "unset BROWSER, or set it to a program", "BROWSER is %q, and there is no such program", argv[0])
	default:
		d.warn(check, "install xdg-utils, or set BROWSER", "there is no %s to open a page with", argv[0])
	}
}

// Leftovers are secrets that other tools have left unencrypted.
func (d *Checks) Leftovers() {
	const check = "plaintext"
	home := awsconfig.Home(d.Getenv)
	if home == "" {
		return // ".aws" alone is that of wherever we were started
	}
	for _, dir := range []struct{ path, holds, what string }{
		{filepath.Join(home, ".aws", "sso", "cache"), `"accessToken"`, "tokens"},
		{filepath.Join(home, ".aws", "cli", "cache"), `"SecretAccessKey"`, "role credentials"},
		{filepath.Join(home, ".aws", "boto", "cache"), `"SecretAccessKey"`, "role credentials"},
	} {
		if n := filesWith(dir.path, dir.holds); n > 0 {
			fix := shell.Remove(dir.path, ".json")
			if dir.what == "tokens" {
				fix = "aws sso logout, or: " + fix
			}
			d.warn(check, fix, "%s has %s of the AWS CLI unencrypted in %s", terminal.Count(n, "file"), dir.what, d.Short(dir.path))
		}
	}
	if d.Files != nil {
		d.static(check)
	}
	if !d.Bad(check) {
		d.OK(check, "no unencrypted tokens or keys in ~/.aws")
	}
}

func (d *Checks) static(check string) {
	var static []string
	for _, name := range slices.Sorted(maps.Keys(d.Files.Profiles)) {
		if id, ok := d.Files.Profiles[name].Get("aws_access_key_id"); ok && id != "" {
			static = append(static, name)
		}
	}
	if static != nil {
		d.warn(check, "give these profiles a role of Identity Center, and delete the keys in IAM and here", "unencrypted static keys for %s", terminal.Some(static, mostNamed))
	}
}

// filesWith counts the JSON files of a directory that have text in them.
func filesWith(dir, text string) (n int) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil && bytes.Contains(data, []byte(text)) {
			n++
		}
	}
	return n
}

// Tools are programs on PATH that do not run a credential_process.
func (d *Checks) Tools() {
	const check = "other tools"
	for _, name := range []string{"s3cmd", "s3fs", "mount.s3fs"} {
		if path, err := exec.LookPath(name); err == nil {
			d.Note(check, d.Program+" exec PROFILE -- "+name, "%s ignores credential_process", d.Short(path))
		}
	}
}

// Instance warns where the role of an EC2 instance can take the place of a
// profile's.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
func (d *Checks) Instance(ctx context.Context, offline bool) {
	if strings.EqualFold(d.Getenv(child.NoMetadata), "true") {
		return
	}
	if onEC2(os.DirFS("/sys")) || !offline && d.metadataAnswers(ctx) {
		d.warn("instance role", "set "+child.NoMetadata+"=true, as exec does for its command; run restic and mc under exec, since minio-go ignores that",
			"this is an EC2 instance: when credentials fail or end, the SDKs for JavaScript and C++ and minio-go silently use the instance's role")
	}
}

// onEC2 reports whether the firmware, or the hypervisor of older instances, says
// so.
//
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
func onEC2(sys fs.FS) bool {
	for name, starts := range map[string]string{"class/dmi/id/sys_vendor": "amazon ec2", "class/dmi/id/board_vendor": "amazon ec2", "hypervisor/uuid": "ec2"} {
		text, err := fs.ReadFile(sys, name)
		if err == nil && bytes.HasPrefix(bytes.ToLower(text), []byte(starts)) {
			return true
		}
	}
	return false
}

// metadataAnswers asks the instance metadata service for a session token, as
// every SDK does first. Nothing else is there on other machines, or something
// that knows no such request.
func (d *Checks) metadataAnswers(ctx context.Context) bool {
	base := "http://169.254.169.254"
	if custom := d.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"); custom != "" {
		base = strings.TrimRight(custom, "/")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, base+"/latest/api/token", nil)
	if err != nil {
		return false
	}
	request.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "1")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	if d.Client != nil {
		client = awsapi.HTTPClient(d.Client)
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// UnsafeFix returns the command that makes safe what an [safedir.UnsafeError] is
// about; "" for any other error.
func UnsafeFix(err error) string {
	e, ok := errors.AsType[*safedir.UnsafeError](err)
	if !ok {
		return ""
	}
	path, sudo := shell.Word(e.Path), ""
	if e.Owner != os.Geteuid() {
		sudo = "sudo "
	}
	switch above := filepath.Dir(e.Path); {
	case e.Problem == safedir.Foreign && e.Dir && above == e.Path:
		return "" // in a user namespace: nothing makes it anybody's here
	case e.Problem == safedir.Foreign && e.Dir && filepath.Dir(above) == above:
		return "sudo chown root " + path // others are below, too
	case e.Problem == safedir.Foreign && e.Dir:
		return "sudo chown $(id -u) " + path
	case e.Problem == safedir.Foreign:
		return fmt.Sprintf("sudo chown $(id -u) %s && chmod 600 %[1]s", path)
	case e.Dir:
		return sudo + "chmod go-w " + path
	case sudo != "":
		return sudo + "chmod go-w " + path // root's may be read
	}
	return "chmod 600 " + path
}

// Policy says how the policy of the machine is.
func (d *Checks) Policy(rules *policy.Policy, err error) {
	const check = "policy"
	switch {
	case err != nil:
		d.Failed(check, err)
	case rules == nil:
		d.OK(check, "this machine has no policy")
	case policy.IsAboveIt():
		d.Note(check, "", "%s does not govern you: you are root, and can change it", rules.Files[0].Path)
	default:
		d.OK(check, "%s is obeyed", rules.Files[0].Path)
	}
}
