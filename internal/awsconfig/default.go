package awsconfig

import (
	"slices"
	"strings"
)

// giving are the keys from which a profile gets credentials, or that are of no
// use without them.
var giving = []string{
	"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token",
	"role_arn", "source_profile", "credential_source", "external_id", "mfa_serial", "role_session_name", "duration_seconds",
	"web_identity_token_file", "credential_process", "login_session",
	"sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name",
}

// secretKeys returns those whose values are credentials themselves.
func secretKeys() []string { return giving[:4] }

// WithoutDefault returns the file with nothing in it from which the profile
// "default" gets credentials, and with no keys of any other profile, so that it
// can be kept as a copy. found reports whether default had any. All other lines
// are as they were.
//
// The file is a credentials file or else a config file, and must be one that
// [Load] takes.
func WithoutDefault(data []byte, credentials bool) (rest []byte, found bool) {
	var out strings.Builder
	p := parser{config: new(Config), credentials: credentials}
	inDefault, dropping := false, false
	for line := range strings.SplitAfterSeq(string(data), "\n") {
		text := trimRight(strings.TrimSuffix(strings.TrimPrefix(line, "\ufeff"), "\n"))
		bare := trimLeft(text)
		switch {
		case bare == "" || isComment(bare):
		case text[0] == '[':
			p.header(text)
			inDefault, dropping = p.section != nil && p.section.Name == "default" && p.inProfile(), false
		case len(bare) == len(text): // else it goes on with the value above
			key, _, problem := splitProperty(text)
			key = strings.ToLower(key)
			gives := inDefault && slices.Contains(giving, key)
			// What has no key may be half of a secret one.
			dropping = gives || problem != "" || slices.Contains(secretKeys(), key)
			found = found || gives
		}
		switch {
		case !dropping || bare == "" || isComment(bare):
			out.WriteString(line)
		case out.Len() == 0: // else the next line is the start, by which the encoding is told
			out.WriteString("#\n")
		}
	}
	return []byte(out.String()), found
}

// inProfile reports whether the section that a header started is one of a profile.
func (p *parser) inProfile() bool {
	return p.section == p.bareDefault || p.section == p.config.Profiles["default"]
}
