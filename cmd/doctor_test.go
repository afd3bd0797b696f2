package cmd

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/doctor"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
)

// A patient is a machine that the doctor sees: healthy, until a test does
// something to it.
type patient struct {
	*testing.T
	home   string
	env    map[string]string
	config []string // lines
	idc    *idctest.Server
	date   func() time.Time // of the service; nil: none of its own
	stdin  string
	letGo  func() // of the lock
}

const healthyConfig = `[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1

[profile dev]
credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin
region = eu-west-1

[profile chain]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = dev`

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{T: t, home: t.TempDir(), idc: idctest.New(), config: strings.Split(healthyConfig, "\n")}
	p.idc.AutoApprove = true
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.env = map[string]string{
		"HOME": p.home, "CREDPROC_DIR": filepath.Join(p.home, "own"), "CREDPROC_KEYRING": "plaintext", "BROWSER": "credproc",
		"AWS_ENDPOINT_URL_SSO": server.URL, "AWS_ENDPOINT_URL_SSO_OIDC": server.URL,
		"AWS_EC2_METADATA_DISABLED": "true", // wherever the tests run
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The program on PATH: "credproc" is this test, as it is in the scripts.
	p.link(self, "bin/credproc"+exe())
	t.Setenv("PATH", filepath.Join(p.home, "bin"))
	p.save()
	return p
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

func (p *patient) serve(w http.ResponseWriter, r *http.Request) {
	if p.date != nil {
		w.Header().Set("Date", p.date().UTC().Format(http.TimeFormat))
	}
	p.idc.ServeHTTP(w, r)
}

func (p *patient) link(to, name string) {
	p.Helper()
	path := filepath.Join(p.home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Link(to, path)); err != nil {
		if err := os.Symlink(to, path); err != nil { // another file system
			p.Fatal(err)
		}
	}
}

func (p *patient) write(name, text string) string {
	p.Helper()
	path := filepath.Join(p.home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		p.Fatal(err)
	}
	return path
}

func (p *patient) remove(name string) {
	p.Helper()
	if err := os.RemoveAll(filepath.Join(p.home, name)); err != nil {
		p.Fatal(err)
	}
}

func (p *patient) chmod(name string, mode os.FileMode) {
	p.Helper()
	if err := os.Chmod(filepath.Join(p.home, name), mode); err != nil {
		p.Fatal(err)
	}
}

func (p *patient) save() { p.write(".aws/config", strings.Join(p.config, "\n")+"\n") }

// add puts lines at the end of the config file.
func (p *patient) add(lines ...string) {
	p.config = append(p.config, lines...)
	p.save()
}

// replace replaces text in the config file.
func (p *patient) replace(old, text string) {
	p.Helper()
	all := strings.Join(p.config, "\n")
	if !strings.Contains(all, old) {
		p.Fatalf("there is no %q in the config file", old)
	}
	p.config = strings.Split(strings.Replace(all, old, text, 1), "\n")
	p.save()
}

func (p *patient) app(out *bytes.Buffer) *App {
	return &App{Stdin: strings.NewReader(p.stdin), Stdout: out, Stderr: out, Getenv: func(name string) string { return p.env[name] }}
}

// sees runs the doctor, and returns what is bad and the whole of its words.
func (p *patient) sees(args ...string) (bad []doctor.Finding, words string) {
	p.Helper()
	var out bytes.Buffer
	status := p.app(&out).Run(p.Context(), append([]string{"doctor", "--json"}, args...))
	words = out.String()
	var found []doctor.Finding
	if err := errors.Join(json.Unmarshal(out.Bytes(), &found), described("doctor", words)); err != nil {
		p.Fatalf("%v: %s", err, words)
	}
	for _, f := range found {
		if f.Bad() {
			bad = append(bad, f)
			if f.Fix == "" {
				p.Errorf("no fix for %+v", f)
			}
		}
	}
	if want := min(len(bad), 1); status != want {
		p.Errorf("exit status %d, want %d", status, want)
	}
	return bad, words
}

// A setUp is one that somebody has had: what was done to a healthy machine, what
// the doctor says, and doing so.
type setUp struct {
	name   string // where there is one, a report of somebody who had it
	breaks func(p *patient)
	seen   string // regular expression
	fix    string // likewise
	heals  func(p *patient)
}

const ourLine = "credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin"

// edit breaks a config file by adding lines, which heal removes again, or
// replaces by what is right.
func edit(name, seen, fix string, broken ...string) setUp {
	return setUp{name, func(p *patient) { p.add(broken...) }, seen, fix, func(p *patient) {
		p.config = p.config[:len(p.config)-len(broken)]
		p.save()
	}}
}

// variable breaks a machine by an environment variable.
func variable(name, variable, value, seen, fix string) setUp {
	return setUp{name, func(p *patient) { p.env[variable] = value }, seen, fix, func(p *patient) { delete(p.env, variable) }}
}

var setUps = []setUp{
	{"a byte order mark, by an editor on Windows", func(p *patient) { p.config[0] = "\ufeff" + p.config[0]; p.save() },
		`config:1: .*byte order mark`, `^save it as UTF-8 without BOM`, func(p *patient) { p.config[0] = p.config[0][3:]; p.save() }},
	edit("a byte of Latin-1", `config:13: a byte that is not UTF-8`, `UTF-8`, "[profile x]", "output = caf\xe9"),
	{"UTF-16, by PowerShell", func(p *patient) {
		p.write(".aws/config", wide(strings.Join(p.config, "\n"), binary.LittleEndian, true))
	},
		`config:1: the file is UTF-16`, `^save it as UTF-8 without a byte order mark \(iconv -f UTF-16`, (*patient).save},
	{"line ends of old Macs", func(p *patient) { p.write(".aws/config", strings.Join(p.config, "\r")) },
		`config:1: the lines end in CR alone`, `^end them in LF: perl`, (*patient).save},
	edit("a login of the AWS CLI's beside the line", `config:14: login_session beside credential_process: the AWS CLI and Go use the login`, `^remove login_session from \[profile x\]`,
		"[profile x]", ourLine, "login_session = arn:aws:iam::111111111111:user/ann", "region = x"),
	edit("a name in another script", `config:12: the name in \[profile 本番\] has characters that only the AWS CLI, boto3 and Go accept`, `letters, digits`, "[profile 本番]"),
	edit("a section twice", `config:12: the section \[profile dev\] is there twice`, `merge the two sections`, "[profile dev]"),
	edit("a key twice", `config:14: the key region is in this section twice`, `remove one`, "[profile x]", "region = a", "region = b"),
	{"a line before the first section", func(p *patient) { p.replace("[sso-session", "region = x\n[sso-session") },
		`config:1: a line before the first section`, `section header`, func(p *patient) { p.replace("region = x\n", "") }},
	edit("a line without an equals sign", `config:13: a line with no key`, `key = value`, "[profile x]", "region"),
	edit("a header that does not end", `config:12: a section header that does not end with \]: the AWS CLI and boto3 refuse the whole file`, `end it with \]`, "[profile x"),
	edit("a comment after a value", `config:13: a comment after the value of region`, `line of its own`, "[profile x]", "region = eu-west-1 # Ireland"),
	edit("a value in quotes", `config:13: the value of credential_process is in quotes`, `remove the quotes`, "[profile x]", `credential_process = "credproc version"`),
	edit("a name in quotes", `config:12: the name in \[profile "my dev"\] is in quotes`, `without spaces`, `[profile "my dev"]`),
	edit("a name with spaces", `config:12: the name in \[profile my dev\] has characters`, `letters, digits`, "[profile my dev]"),
	edit("an indented line below a header", `config:13: an indented line below the header \[profile x\]`, `remove the spaces`, "[profile x]", "  "+"b", "region = x"),
	edit("a section without profile before its name", `config:12: every SDK ignores the section \[x\]`, `\[profile …\]`, "[x]"),
	edit("spaces in a header", `config:12: extra spaces in \[ profile x \]`, `one space`, "[ profile x ]"),
	edit("a section DEFAULT", `config:12: .*\[DEFAULT\] into every profile`, `\[default\]`, "[DEFAULT]", "region = x"),
	edit("default twice", `config:13: \[default\] and \[profile default\] are both there`, `merge the two`, "[default]", "[profile default]"),
	edit("an indented key", `config:14: region is indented`, `remove the spaces`, "[profile x]", "output = json", "  region = x"),
	edit("a colon for an equals sign", `config:13: a colon after region`, `equals sign`, "[profile x]", "region: x"),
	edit("a key in capitals", `config:13: Region has capitals`, `lowercase`, "[profile x]", "Region = x"),
	{"the prefix in the credentials file", func(p *patient) { p.write(".aws/credentials", "[profile x]\n") },
		`credentials:1: every SDK ignores \[profile x\]`, `name alone`, func(p *patient) { p.write(".aws/credentials", "[x]\n") }},
	{"sso_ keys beside the line: https://github.com/aws/aws-cli/issues/7656", func(p *patient) {
		p.replace(ourLine, ourLine+"\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin")
	}, `sso_ keys beside credential_process`, `remove sso_session, sso_account_id, sso_role_name from \[profile dev\]`, func(p *patient) {
		p.replace("\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin", "")
	}},
	{"the session's keys in the profile too", func(p *patient) {
		p.add("[profile x]", "sso_session = corp", "sso_account_id = 111111111111", "sso_role_name = Admin", "sso_region = us-east-1")
	}, `config:16: sso_region beside sso_session`, `remove sso_region from \[profile x\]`, func(p *patient) { p.config = p.config[:len(p.config)-1]; p.save() }},
	{"static keys beside the line", func(p *patient) {
		p.write(".aws/credentials", "[dev]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
	}, `credentials:2: static keys beside`, `remove aws_access_key_id`, func(p *patient) { p.remove(".aws/credentials") }},
	{"unencrypted static keys: https://github.com/aws/aws-cli/issues/547", func(p *patient) {
		p.write(".aws/credentials", "[old]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
	}, `unencrypted static keys for.* old`, `role of Identity Center`, func(p *patient) { p.remove(".aws/credentials") }},
	edit("a session that is not there", `config:13: no sso-session "crop"`, `add \[sso-session crop\], or name an existing one: corp`,
		"[profile x]", "sso_session = crop", "sso_account_id = 111111111111", "sso_role_name = Admin"),
	edit("half a session", `config:12: \[sso-session x\] lacks sso_region`, `add sso_region to \[sso-session x\]`, "[sso-session x]", "sso_start_url = https://idc.example/start"),
	edit("half a profile", `config:12: \[profile x\] lacks sso_role_name`, `add sso_role_name to \[profile x\]`, "[profile x]", "sso_session = corp", "sso_account_id = 111111111111"),
	edit("the role that IAM made", `AWSReservedSSO_Admin_0123456789abcdef`, `: Admin$`,
		"[profile x]", "sso_session = corp", "sso_account_id = 111111111111", "sso_role_name = AWSReservedSSO_Admin_0123456789abcdef"),
	edit("an account of eleven digits", `sso_account_id "11111111111": must be 12 digits`, `change sso_account_id`,
		"[profile x]", "sso_session = corp", "sso_account_id = 11111111111", "sso_role_name = Admin"),
	edit("a role that leads back to itself", `leads back to itself`, `change source_profile`, "[profile x]", "role_arn = arn:aws:iam::111111111111:role/x", "source_profile = x"),
	edit("a source that is not there", `no profile "y"`, `name an existing profile`, "[profile x]", "role_arn = arn:aws:iam::111111111111:role/x", "source_profile = y"),
	{"the region of the account for that of the instance: https://github.com/aws/aws-cli/issues/5058", func(p *patient) {
		p.replace("https://idc.example/start", "https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com")
	}, `the start URL is of region eu-west-1, and sso_region is us-east-1`, `write sso_region = eu-west-1 in \[sso-session corp\]`, func(p *patient) { p.replace("sso_region = us-east-1", "sso_region = eu-west-1") }},
	{"a region of another partition: https://github.com/aws/aws-cli/issues/10464", func(p *patient) {
		p.replace("https://idc.example/start", "https://start.home.awsapps.cn/directory/acme")
	}, `partition aws-cn, and sso_region, us-east-1, is not`, `region of the instance`, func(p *patient) {
		p.replace("sso_region = us-east-1", "sso_region = cn-north-1")
		p.replace("arn:aws:iam::333333333333", "arn:aws-cn:iam::333333333333")
	}},
	{"the console for the access portal", func(p *patient) {
		p.replace("https://idc.example/start", "https://111111111111.signin.aws.amazon.com/console")
	}, `sso_start_url is where IAM users sign in`, `URL of the access portal`, func(p *patient) {
		p.replace("https://111111111111.signin.aws.amazon.com/console", "https://idc.example/start")
	}},
	{"a profile's line in a session", func(p *patient) { p.replace("sso_region = us-east-1", "sso_region = us-east-1\n"+ourLine) },
		`config:4: credential_process in \[sso-session corp\], where it is not read`, `^move it to a \[profile`, func(p *patient) {
			p.replace("sso_region = us-east-1\n"+ourLine, "sso_region = us-east-1")
		}},
	{"scopes of something else: https://github.com/ByteNess/aws-vault/issues/445", func(p *patient) {
		p.replace("sso_region = us-east-1", "sso_region = us-east-1\nsso_registration_scopes = codewhisperer:completions")
	}, `config:4: sso_registration_scopes without sso:account:access`, `add sso:account:access there.* credproc login --force corp$`, func(p *patient) {
		p.replace("codewhisperer:completions", "codewhisperer:completions, sso:account:access")
	}},
	{"the page of a guest network in the place of the service", func(p *patient) {
		hotel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "<!DOCTYPE html><title>Welcome to our hotel</title>")
		}))
		p.Cleanup(hotel.Close)
		p.env["AWS_ENDPOINT_URL_SSO"] = hotel.URL
	}, `a web page answers instead of the service`, `sign in to the network`, func(p *patient) { p.env["AWS_ENDPOINT_URL_SSO"] = p.env["AWS_ENDPOINT_URL_SSO_OIDC"] }},
	{"an endpoint without TLS", func(p *patient) { p.env["AWS_ENDPOINT_URL_SSO"] = "http://sso.example" },
		`AWS_ENDPOINT_URL_SSO.*must start with https`, `change AWS_ENDPOINT_URL_SSO`, func(p *patient) { p.env["AWS_ENDPOINT_URL_SSO"] = p.env["AWS_ENDPOINT_URL_SSO_OIDC"] }},
	variable("a profile that is gone", "AWS_PROFILE", "gone", `AWS_PROFILE is "gone", and there is no such profile`, `^unset AWS_PROFILE$`),
	variable("keys in the environment", "AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", `come before every profile`, `^unset AWS_ACCESS_KEY_ID`),
	{"two regions", func(p *patient) { p.env["AWS_REGION"], p.env["AWS_DEFAULT_REGION"] = "a", "b" },
		`AWS_REGION is "a" and AWS_DEFAULT_REGION is "b"`, `^unset AWS_DEFAULT_REGION`, func(p *patient) { delete(p.env, "AWS_DEFAULT_REGION") }},
	variable("a config file that is not there", "AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", `there is no such file`, `^unset AWS_SHARED_CREDENTIALS_FILE`),
	variable("a tilde that no shell has seen", "AWS_CONFIG_FILE", "~/.aws/config", `AWS_CONFIG_FILE starts with ~`, `^write .*config there$`),
	variable("a CA bundle that is not there: https://github.com/aws/aws-cli/issues/8292", "AWS_CA_BUNDLE", "/nonexistent/ca.pem", `AWS_CA_BUNDLE`, `AWS_CA_BUNDLE`),
	{"a CA bundle without a certificate", func(p *patient) { p.env["AWS_CA_BUNDLE"] = p.write("ca.pem", "no certificate\n") },
		`has no certificate in it`, `certificates in PEM`, func(p *patient) { delete(p.env, "AWS_CA_BUNDLE") }},
	variable("a proxy that is no URL", "HTTPS_PROXY", "ftp://proxy.example:21", `HTTPS_PROXY is not the URL of a proxy`, `http://HOST:PORT`),
	edit("a program that is not there", `config:13: there is no program /nonexistent/helper`, `path of the program`, "[profile x]", "credential_process = /nonexistent/helper --x"),
	edit("a program by a tilde: https://github.com/boto/botocore/issues/1348", `no shell runs the line`, `write .*bin.credproc there`, "[profile x]", "credential_process = ~/bin/credproc process -p dev"),
	edit("a quote that is not closed", `a quote is not closed`, `close its quotes`, "[profile x]", `credential_process = helper "x`),
	edit("a pipe in the line", `config:13: this program does not accept the line: unexpected argument \|`, `no shell syntax`, "[profile x]", ourLine+" | jq ."),
	edit("a flag of another tool", `config:13: this program does not accept the line: unknown flag --json`, `credproc process --help`, "[profile x]", ourLine+" --json"),
	edit("a command that is misspelled", `config:13: this program does not accept the line: unknown command "proces"`, `credproc process --help`, "[profile x]", "credential_process = credproc proces -p dev"),
	edit("a role's name for its ARN", `config:13: \[profile x\]: role_arn "Deploy": must be the ARN of a role`, `arn:aws:iam::ACCOUNT:role/NAME`, "[profile x]", "role_arn = Deploy", "source_profile = dev"),
	edit("a chain that is to last longer than one can", `config:15: \[profile x\]: duration_seconds "43200": must be from 900 to 3600`, `^change duration_seconds: it must be from 900 to 3600`, "[profile x]", "role_arn = arn:aws:iam::333333333333:role/x", "source_profile = dev", "duration_seconds = 43200"),
	edit("a role in another partition", `config:13: \[profile x\]: role_arn "arn:aws-cn:iam::333333333333:role/x": must be in the partition of the session, aws`, `^change role_arn`, "[profile x]", "role_arn = arn:aws-cn:iam::333333333333:role/x", "source_profile = dev"),
	edit("two sources", `there is a credential_source too`, `^change source_profile: there is a credential_source too$`, "[profile x]", "role_arn = arn:aws:iam::333333333333:role/x", "source_profile = dev", "credential_source = Environment"),
	{"another credproc than this one", func(p *patient) {
		p.write("old/credproc"+exe(), "#!/bin/sh\n")
		p.chmod("old/credproc"+exe(), 0o700)
		p.replace("= credproc process", "= "+filepath.Join(p.home, "old", "credproc")+" process")
	}, `is another program than this one`, `write .*bin.credproc there`, func(p *patient) {
		p.replace(filepath.Join(p.home, "old", "credproc"), filepath.Join(p.home, "bin", "credproc"))
	}},
	ofOneVersion("Cellar/credproc/1.0/bin/credproc"),
	ofOneVersion("mise/installs/credproc/1.0.2/credproc"),
	{"this program under another name", func(p *patient) {
		self, _ := os.Executable()
		p.link(self, "bin/cp-aws"+exe())
		p.replace("= credproc process", "= cp-aws process")
		p.config = p.config[:7] // a chain needs a source that is understood
		p.save()
	}, `under another name`, `write .*bin.credproc there`, func(p *patient) { p.replace("cp-aws", filepath.Join(p.home, "bin", "credproc")) }},
	{"a clock that is an hour behind", func(p *patient) { p.date = func() time.Time { return time.Now().Add(time.Hour) } },
		`1h behind|59m behind`, `set the clock`, func(p *patient) { p.date = nil }},
	{"a clock that is two minutes ahead", func(p *patient) { p.date = func() time.Time { return time.Now().Add(-2 * time.Minute) } },
		`2m ahead|1m ahead`, `set the clock`, func(p *patient) { p.date = nil }},
	{"nobody at the other end", func(p *patient) { p.env["AWS_ENDPOINT_URL_SSO"] = "http://127.0.0.1:1" },
		`127.0.0.1:1: .*refused`, `network`, func(p *patient) { p.env["AWS_ENDPOINT_URL_SSO"] = p.env["AWS_ENDPOINT_URL_SSO_OIDC"] }},
	{"TLS that is inspected: https://github.com/aws/aws-cli/issues/8292", func(p *patient) {
		server := httptest.NewTLSServer(p.idc)
		server.Config.ErrorLog = quiet
		p.Cleanup(server.Close)
		p.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
		p.env["AWS_ENDPOINT_URL_SSO"] = server.URL
	}, `its certificate is not trusted`, `^set AWS_CA_BUNDLE to`, func(p *patient) { p.env["AWS_CA_BUNDLE"] = filepath.Join(p.home, "ca.pem") }},
	{"a setting of ours that is wrong", func(p *patient) { p.env["CREDPROC_KEYRING"] = "none" },
		`CREDPROC_KEYRING is "none": it must be`, `^correct it`, func(p *patient) { p.env["CREDPROC_KEYRING"] = "plaintext" }},
	edit("a duration that is none", `credproc_session_duration "soon": must be a time such as 12h`, `^change .*credproc_session_duration`, "[sso-session x]", "sso_start_url = https://idc.example/start", "sso_region = us-east-1", "credproc_session_duration = soon"),
	{"a file where the directory should be", func(p *patient) { p.write("own", "") }, `cannot be made`, `set CREDPROC_DIR`, func(p *patient) { p.remove("own") }},
	{"a browser that is not there", func(p *patient) { p.env["BROWSER"] = "netscape" }, `BROWSER is "netscape"`, `unset BROWSER, or set it to`, func(p *patient) { p.env["BROWSER"] = "credproc" }},
	{"unencrypted tokens of the AWS CLI: https://github.com/aws/aws-cli/issues/6502", func(p *patient) {
		p.write(".aws/sso/cache/0123.json", `{"startUrl":"x","accessToken":"secret"}`)
	}, `1 file has tokens of the AWS CLI unencrypted|1 file with tokens`, `aws sso logout`, func(p *patient) { p.remove(".aws/sso/cache/0123.json") }},
	{"unencrypted role credentials of the AWS CLI", func(p *patient) {
		p.write(".aws/cli/cache/0123.json", `{"Credentials":{"SecretAccessKey":"secret"}}`)
	}, `role credentials`, `^rm `, func(p *patient) { p.remove(".aws/cli/cache/0123.json") }},
	{"a session that the service has ended: https://github.com/99designs/aws-vault/issues/854", func(p *patient) {
		p.idc.Set(func(s *idctest.Server) { s.AccessTokenLife = time.Second })
		p.signIn()
		p.idc.EndSessions()
		for range soonest(nil) {
			if p.run("process", "-p", "dev") == advice.SignInRequired {
				break
			}
		}
	}, `corp: the service has ended the session`, `^credproc login corp$`, func(p *patient) {
		p.idc.Set(func(s *idctest.Server) { s.AccessTokenLife = time.Hour })
		p.signIn()
	}},
	{"a lock that is held for long: https://github.com/synfinatic/aws-sso-cli/issues/1379", func(p *patient) {
		p.signIn()
		p.holdLock(time.Now().Add(-time.Hour))
	}, `process \d+ has held a lock for 1h`, `^end it: kill \d+$`, func(p *patient) { p.letGo() }},
}

// ofOneVersion is a line with a path that is gone after the next update.
func ofOneVersion(path string) setUp {
	return setUp{"a path of one version: " + path, func(p *patient) {
		self, _ := os.Executable()
		p.link(self, path+exe())
		p.replace("= credproc process", "= "+filepath.Join(p.home, path)+" process")
	}, `gone after the next update`, `write .*bin.credproc there`, func(p *patient) {
		p.replace(filepath.Join(p.home, path), filepath.Join(p.home, "bin", "credproc"))
	}}
}

func (p *patient) run(args ...string) int {
	var out bytes.Buffer
	return p.app(&out).Run(p.Context(), args)
}

func (p *patient) signIn() {
	p.Helper()
	var out bytes.Buffer
	a := p.app(&out)
	a.Browser = ConfirmAtOnce
	if status := a.Run(p.Context(), []string{"login", "corp", "--flow", "pkce"}); status != 0 {
		p.Fatalf("login: exit status %d\n%s", status, &out)
	}
}

func (p *patient) runs(want int, args ...string) (said string) {
	p.Helper()
	var out bytes.Buffer
	if got := p.app(&out).Run(p.Context(), args); got != want {
		p.Fatalf("%q: exit status %d, want %d\n%s", args, got, want, &out)
	}
	return out.String()
}

func TestTheDoctorNamesTheFaultAndHowToFixIt(t *testing.T) {
	for _, s := range setUps {
		t.Run(s.name, func(t *testing.T) {
			p := newPatient(t)
			s.breaks(p)
			bad, _ := p.sees()
			found := false
			for _, f := range bad {
				found = found || regexp.MustCompile(s.seen).MatchString(f.Seen) && regexp.MustCompile(s.fix).MatchString(f.Fix)
			}
			if !found {
				t.Errorf("the doctor sees %+v\nwant %s, and to fix it, %s", bad, s.seen, s.fix)
			}
			s.heals(p)
			if bad, _ := p.sees(); len(bad) > 0 {
				t.Errorf("after that the doctor sees %+v", bad)
			}
		})
	}
	if len(setUps) < 30 {
		t.Errorf("only %d set-ups", len(setUps))
	}
}

// wide is text in UTF-16.
func wide(text string, order binary.AppendByteOrder, marked bool) string {
	var out []byte
	if marked {
		text = "\ufeff" + text
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// What else the doctor could say of the file would be of its zeros.
func TestOfAFileInUTF16TheDoctorSaysThatAlone(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, marked := range []bool{true, false} {
			for _, name := range []string{"config", "credentials"} {
				p := newPatient(t)
				text := map[string]string{"config": healthyConfig, "credentials": "[x]\nregion = eu-west-1\n"}[name]
				p.write(".aws/"+name, wide(text, order, marked))
				if bad, _ := p.sees(); len(bad) != 1 || !strings.Contains(bad[0].Seen, name+":1: the file is UTF-16") {
					t.Errorf("%s in %v, marked %v: the doctor sees %+v", name, order, marked, bad)
				}
				if said := p.runs(2, "process", "--profile", "dev"); !strings.Contains(said, name+":1: the file is UTF-16, and must be UTF-8") {
					t.Errorf("%s in %v, marked %v: process says %s", name, order, marked, said)
				}
			}
		}
	}
}

// Go programs go on past what they cannot read, and so does credproc: the
// doctor alone says what the others make of it, once.
func TestABrokenSectionStopsOnlyWhoUsesIt(t *testing.T) {
	p := newPatient(t)
	p.add("[profile other]", "sso_session", "region = x")
	p.signIn()
	p.runs(0, "process", "--profile", "dev")
	p.runs(0, "status")
	if said := p.runs(2, "process", "--profile", "other"); !strings.Contains(said, "config:13: expected an '=' sign") {
		t.Errorf("process of the broken one says %s", said)
	}
	if bad, _ := p.sees("--offline"); len(bad) != 1 || !strings.Contains(bad[0].Seen, "config:13: a line with no key") {
		t.Errorf("the doctor sees %+v", bad)
	}
}

func TestALineBehindEnvIsOurs(t *testing.T) {
	p := newPatient(t)
	p.replace("credproc process", "env FOO=1 credproc process")
	if bad, words := p.sees("--offline"); len(bad) > 0 || !strings.Contains(words, "1 of this program") {
		t.Errorf("the doctor sees %+v in %s", bad, words)
	}
	p.signIn()
	p.runs(0, "process", "--profile", "dev")
}

func TestOnAHealthyMachineTheDoctorFindsNothing(t *testing.T) {
	p := newPatient(t)
	if bad, words := p.sees(); len(bad) > 0 {
		t.Errorf("before the first login\n%s", words)
	}
	p.signIn()
	p.runs(0, "process", "-p", "dev")
	before := p.idc.Total()
	if bad, words := p.sees(); len(bad) > 0 {
		t.Errorf("it sees\n%s", words)
	}
	if p.idc.Total() != before {
		t.Error("an operation of the service was called")
	}
	var out bytes.Buffer
	if status := p.app(&out).Run(t.Context(), []string{"doctor"}); status != 0 || !strings.HasSuffix(out.String(), "\nNothing is wrong.\n") {
		t.Errorf("exit status %d\n%s", status, &out)
	}
	for line := range strings.Lines(out.String()) {
		if terminal.Width(strings.TrimSuffix(line, "\n")) > terminal.Columns && strings.Contains(strings.TrimSpace(line[20:]), " ") {
			t.Errorf("too long: %s", line)
		}
	}
}

func TestOfflineTheDoctorAsksNobody(t *testing.T) {
	p := newPatient(t)
	p.env["AWS_ENDPOINT_URL_SSO"], p.env["AWS_ENDPOINT_URL_SSO_OIDC"] = "http://127.0.0.1:1", "http://127.0.0.1:1"
	if bad, words := p.sees("--offline"); len(bad) > 0 {
		t.Errorf("it sees\n%s", words)
	}
}

func TestTheDoctorFixesItsOwnFilesAfterShowingIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // modes are not what guards files there
	}
	p := newPatient(t)
	p.signIn()
	p.chmod("own/state", 0o755)
	bad, words := p.sees()
	if len(bad) != 1 || !bad[0].Fixable || !strings.Contains(bad[0].Fix, "chmod -R go= ") {
		t.Fatalf("it sees\n%s", words)
	}
	p.runs(2, "doctor", "--fix") // nobody can be asked
	if bad, _ := p.sees(); len(bad) != 1 {
		t.Error("it was fixed without asking")
	}
	var out bytes.Buffer
	if status := p.app(&out).Run(t.Context(), []string{"doctor", "--fix", "--yes"}); status != 0 || !strings.HasPrefix(out.String(), "chmod -R go= ") {
		t.Errorf("exit status %d\n%s", status, &out)
	}
	if info, err := os.Stat(filepath.Join(p.home, "own/state")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	// What is not ours is left alone.
	p.chmod(".aws/config", 0o666)
	if bad, _ := p.sees(); len(bad) != 1 || bad[0].Fixable {
		t.Errorf("it sees %+v", bad)
	}
	p.runs(1, "doctor", "--fix", "--yes")
}

func TestAnythingMayBeInTheFilesThatTheDoctorReads(t *testing.T) {
	for _, text := range []string{"", "\x00\xff\xfe", "[", "]", "=", "[profile]", "[profile a]\ncredential_process =", strings.Repeat("[profile a]\n", 1000), "\x1b[31m"} {
		p := newPatient(t)
		p.write(".aws/config", text)
		p.write(".aws/credentials", text)
		_, words := p.sees("--offline")
		if strings.Contains(words, "\x1b") || strings.Contains(words, `\u001b`) {
			t.Errorf("it writes to the terminal what a file says: %s", words)
		}
	}
}

func TestTheDoctorTellsNoSecret(t *testing.T) {
	p := newPatient(t)
	const secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
	p.write(".aws/credentials", "[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = "+secret+" # c\n"+secret+"\n "+secret+" = x\n["+"b]\naws_secret_access_key: \""+secret+"\"\n")
	p.write(".aws/sso/cache/0123.json", fmt.Sprintf(`{"accessToken":%q}`, secret))
	p.env["HTTPS_PROXY"] = "ftp://user:" + secret + "@proxy.example"
	p.env["AWS_ACCESS_KEY_ID"], p.env["AWS_SECRET_ACCESS_KEY"], p.env["AWS_SECURITY_TOKEN"] = "AKIAIOSFODNN7EXAMPLE", secret, secret
	_, words := p.sees("--offline")
	var out bytes.Buffer
	p.app(&out).Run(t.Context(), []string{"doctor", "--offline"})
	if strings.Contains(words+out.String(), secret) {
		t.Errorf("it says\n%s", words)
	}
}

// holdLock makes a process of ours hold a lock of the session, by its own word
// since then.
func (p *patient) holdLock(since time.Time) {
	p.Helper()
	dir := safedir.Dir(filepath.Join(p.home, "own", "state"))
	names, err := filepath.Glob(filepath.Join(string(dir), "*.json"))
	if err != nil || len(names) != 1 {
		p.Fatalf("%q, error %v", names, err)
	}
	name := flight.Session(strings.TrimSuffix(filepath.Base(names[0]), ".json"))
	_, release, err := flight.Lock(p.Context(), dir.Sub("locks"), name, "renew the session corp")
	if err != nil {
		p.Fatal(err)
	}
	p.letGo = release
	text, err := json.Marshal(flight.Holder{PID: os.Getpid(), Op: "renew the session corp", Since: since})
	if err == nil {
		err = os.WriteFile(dir.Sub("locks").Path(name.String()+".holder"), text, 0o600)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// quiet is for servers whose clients break off.
var quiet = log.New(io.Discard, "", 0)
