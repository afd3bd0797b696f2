package doctor

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
)

// Syntax goes through both files line by line, as the SDKs read them: they refuse
// more than credproc does.
func (d *Checks) Syntax() {
	const check = "config syntax"
	lines := d.file(check, d.Config, false) + d.file(check, d.Credentials, true)
	if !d.Bad(check) && lines > 0 {
		d.OK(check, "every AWS SDK reads the %d lines alike", lines)
	}
}

// file checks one of the AWS files, and counts its lines.
func (d *Checks) file(check, path string, credentials bool) (lines int) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && path != os.DevNull {
		d.Note(check, "", "%s is not a regular file: its lines are not looked at, and a pipe can be read only once", d.Short(path))
		return 0
	}
	data, err := safedir.ReadFile(path)
	if path == "" || err != nil {
		d.unread(check, path, credentials, err)
		return 0
	}
	for _, o := range awsconfig.Lint(d.Short(path), data, credentials) {
		d.oddity(check, path, o)
	}
	d.fileMode(path, credentials && strings.Contains(string(data), "aws_secret_access_key"))
	return strings.Count(string(data), "\n")
}

// unread says why a file is not read, if that is wrong.
func (d *Checks) unread(check, path string, credentials bool, err error) {
	_, linkErr := os.Readlink(path)
	switch {
	case path != "" && errors.Is(err, fs.ErrNotExist) && linkErr == nil:
		d.fault(check, "bring back what it leads to, or remove the link", "%s is a link to a file that is not there", d.Short(path))
	case path == "" || errors.Is(err, fs.ErrNotExist):
		if !credentials && path != "" && d.Getenv("AWS_CONFIG_FILE") == "" {
			d.Note(check, "write one with an [sso-session] section in it", "there is no %s", d.Short(path))
		}
	case errors.Is(err, fs.ErrPermission):
		fix := "make it yours: sudo chown $(id -u) " + shell.Word(path)
		if runtime.GOOS == "windows" {
			fix = "let your account read it"
		} else if info, err := os.Stat(path); err == nil && isOwn(info) {
			fix = "chmod u+r " + shell.Word(path)
		}
		d.fault(check, fix, "%s cannot be read", d.Short(path))
	default:
		d.fault(check, "put a file there that can be read", "%s cannot be read: %v", d.Short(path), errors.Unwrap(err))
	}
}

// An oddity in words: who chokes on it, how bad that is, and how to fix it.
type oddityWords struct{ verdict, seen, fix string }

var oddities = map[awsconfig.OddityKind]oddityWords{
	awsconfig.ByteOrderMark:     {Fault, "the file starts with a byte order mark: the AWS CLI and boto3 refuse the whole file, and Go programs do not see its first section", "save it as UTF-8 without BOM"},
	awsconfig.OldLineEnds:       {Fault, "the lines end in CR alone: programs in Go, this one too, see one long line", "end them in LF"},
	awsconfig.OtherEncoding:     {Fault, "the file is NAME: no AWS SDK reads it", "save it as UTF-8 without a byte order mark"},
	awsconfig.NotUTF8:           {Fault, "a byte that is not UTF-8: the AWS CLI and boto3 refuse the whole file", "save the file as UTF-8"},
	awsconfig.RepeatedSection:   {Fault, "the section NAME is there twice: boto3 and the AWS CLI refuse the whole file", "merge the two sections"},
	awsconfig.RepeatedKey:       {Fault, "the key NAME is in this section twice: boto3 and the AWS CLI refuse the whole file", "remove one of the two lines"},
	awsconfig.Homeless:          {Fault, "a line before the first section: most SDKs refuse the whole file", "move it below a section header, or remove it"},
	awsconfig.NoEquals:          {Fault, "a line with no key and equals sign: most SDKs refuse the whole file", "write it as \"key = value\", or put a # before it"},
	awsconfig.OpenHeader:        {Fault, "a section header that does not end with ]: the AWS CLI and boto3 refuse the whole file, and Go ignores the section", "end it with ]"},
	awsconfig.TrailingComment:   {Fault, "a comment after the value of NAME: the AWS CLI and boto3 treat it as part of the value", "put the comment on a line of its own"},
	awsconfig.QuotedValue:       {Warning, "the value of NAME is in quotes, which Go programs take off and the others keep", "remove the quotes"},
	awsconfig.QuotedName:        {Warning, "the name in NAME is in quotes: Go programs treat them as part of it, and programs in JavaScript and Rust ignore the section", "choose a name without spaces and quotes"},
	awsconfig.OddName:           {Warning, "the name in NAME has characters that only the AWS CLI, boto3 and Go accept: programs in JavaScript, Rust and Java ignore the section", "use only letters, digits and any of - _ . / @ : + %"},
	awsconfig.PaddedHeader:      {Fault, "extra spaces in NAME: the AWS CLI, boto3 or JavaScript ignore the section", "write it with one space in the middle, and none at the ends"},
	awsconfig.UnknownSection:    {Fault, "every SDK ignores the section NAME", "write [profile …] or [sso-session …]"},
	awsconfig.ProfilePrefix:     {Fault, "every SDK ignores NAME in this file", "write the name alone in the brackets, or move the section to the config file"},
	awsconfig.LeakingDefaults:   {Fault, "boto3 and the AWS CLI put the keys of [DEFAULT] into every profile", "write [default]"},
	awsconfig.TwoDefaults:       {Fault, "[default] and [profile default] are both there: the SDKs ignore one of them", "merge the two into [default]"},
	awsconfig.IndentedKey:       {Fault, "NAME is indented: the AWS CLI, boto3 and Rust treat the line as part of the value above", "remove the spaces before it"},
	awsconfig.ColonKey:          {Fault, "a colon after NAME: JavaScript ignores the line, and Rust and Java refuse the whole file", "write an equals sign"},
	awsconfig.KeyInUpperCase:    {Warning, "NAME has capitals, and JavaScript does not find it", "write it in lowercase"},
	awsconfig.ContinuedHeadless: {Fault, "an indented line below the header NAME: Rust and Java refuse the whole file", "remove the spaces before it"},
}

// unixFixes go on with a command that does so. Windows has none of these.
var unixFixes = map[awsconfig.OddityKind]string{
	awsconfig.ByteOrderMark: `: sed -i '1s/^\xEF\xBB\xBF//' FILE`,
	awsconfig.OldLineEnds:   `: perl -pi -e 's/\r/\n/g' FILE`,
	awsconfig.OtherEncoding: " (iconv -f NAME -t UTF-8 converts it)",
}

func (d *Checks) oddity(check, path string, o awsconfig.Oddity) {
	words := oddities[o.Kind]
	if runtime.GOOS != "windows" {
		words.fix += unixFixes[o.Kind]
	}
	fix := strings.NewReplacer("FILE", shell.Word(path), "NAME", o.Name).Replace(words.fix)
	d.add(check, words.verdict, fix, "%s: %s", o.Location, strings.ReplaceAll(words.seen, "NAME", o.Name))
}
