package awsconfig

import (
	"strconv"
	"strings"
)

// The limits of AssumeRole. A role that is assumed with the credentials of
// another role lasts an hour at most, whatever the role allows.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const (
	shortestRole = 900
	longestRole  = 43200
	longestChain = 3600
)

// RoleARN is the ARN of an IAM role in its parts.
type RoleARN struct{ Partition, AccountID string }

// ParseRoleARN reads "arn:aws:iam::111111111111:role/path/Name".
func ParseRoleARN(arn string) (r RoleARN, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || len(arn) > 2048 || parts[0] != "arn" || parts[1] == "" || parts[2] != "iam" || parts[3] != "" {
		return RoleARN{}, false
	}
	path, isRole := strings.CutPrefix(parts[5], "role/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	plain := strings.IndexFunc(path, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
	if !isRole || !plain || !isLong(name, 1, 64, "_+=,.@-") || len(parts[4]) != 12 || !madeOf(parts[4], digits) {
		return RoleARN{}, false
	}
	return RoleARN{parts[1], parts[4]}, true
}

// Partition returns the partition of AWS that a region is in, by the beginnings
// of the SDK's own rules for regions: what no rule knows is commercial.
func Partition(region string) string {
	for _, p := range []struct{ prefix, name string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"}, {"us-iso-", "aws-iso"},
		{"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.name
		}
	}
	return "aws"
}

// CheckChain returns a [*ValueError] for what AssumeRole always refuses: the
// service would say so without the file and the line. A profile without a
// [Profile.Chain] is in order.
func (p *Profile) CheckChain() error {
	if p.Chain == nil {
		return nil
	}
	s := p.Settings.Section
	arn := s.setting("role_arn")
	role, ok := ParseRoleARN(p.Chain.RoleARN)
	if !ok {
		return &ValueError{arn, "must be the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME"}
	}
	if home := p.home(); home != "" && home != role.Partition {
		return &ValueError{arn, "must be in the partition of the session, " + home + ": no credentials of one partition work in another"}
	}
	for _, text := range []struct {
		key        string
		from, to   int
		characters string
		secret     bool
	}{
		{"role_session_name", 2, 64, "_+=,.@-", false},
		{"external_id", 2, 1224, "_+=,.@:/-", true}, // not to be spread
		{"mfa_serial", 9, 256, "_+=/:,.@-", false},
	} {
		value := s.setting(text.key)
		if value.Value == "" || isLong(value.Value, text.from, text.to, text.characters) {
			continue
		}
		if text.secret {
			value.Value = ""
		}
		return &ValueError{value, "must be " + strconv.Itoa(text.from) + " to " + strconv.Itoa(text.to) + " letters, digits and " + text.characters}
	}
	return p.checkDuration(s.setting("duration_seconds"))
}

func (p *Profile) checkDuration(d Setting) error {
	longest, why := longestRole, ""
	if from := p.Chain.Source; from != nil && (from.Role != nil || from.Chain != nil) {
		longest, why = longestChain, ", since the source is a role, too"
	}
	if seconds := p.Chain.DurationSeconds; seconds != 0 && (seconds < shortestRole || seconds > longest) {
		return &ValueError{d, "must be from " + strconv.Itoa(shortestRole) + " to " + strconv.Itoa(longest) + why}
	}
	return nil
}

// First returns the profile that a chain of roles starts from: p itself, where that is
// no chain.
func (p *Profile) First() *Profile {
	for p.Chain != nil && p.Chain.Source != nil {
		p = p.Chain.Source
	}
	return p
}

// home is the partition of the session that the profile ends in, or "".
func (p *Profile) home() string {
	first := p.First()
	if first.Role == nil {
		return ""
	}
	return Partition(first.Role.Session.Region)
}
