package assume

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// The limits of AssumeRole, in characters.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const (
	mostPolicyARNs = 10
	mostPolicy     = 2048 // of an inline policy, and of an ARN
	mostTags       = 50
	mostTagKey     = 128
	mostTagValue   = 256
)

// Scope narrows down a session of a role, and says whose it is. The zero Scope
// does neither.
type Scope struct {
	PolicyARNs     []string // managed policies
	Policy         string   // JSON
	Tags           []Tag
	TransitiveTags []string // keys of those tags that go on to the next role
	SourceIdentity string
}

// Tag is a session tag.
type Tag struct{ Key, Value string }

// Apply puts the scope into a request.
func (s *Scope) Apply(in *sts.AssumeRoleInput) {
	for _, arn := range s.PolicyARNs {
		in.PolicyArns = append(in.PolicyArns, types.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	for _, tag := range s.Tags {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(tag.Key), Value: aws.String(tag.Value)})
	}
	in.TransitiveTagKeys = s.TransitiveTags
	if s.Policy != "" {
		in.Policy = aws.String(s.Policy)
	}
	if s.SourceIdentity != "" {
		in.SourceIdentity = aws.String(s.SourceIdentity)
	}
}

// Identity tells one scope from all others. It is "" for the zero Scope.
func (s *Scope) Identity() string {
	if len(s.PolicyARNs)+len(s.Tags)+len(s.Policy)+len(s.SourceIdentity) == 0 {
		return ""
	}
	return fmt.Sprintf("%q", []any{s.PolicyARNs, s.Policy, s.Tags, s.TransitiveTags, s.SourceIdentity})
}

// String says what the scope is, for people: "policy ReadOnlyAccess, an inline
// policy, tags team=blue, source identity ann".
func (s *Scope) String() string {
	var words []string
	for _, arn := range s.PolicyARNs {
		_, name, _ := strings.Cut(arn, ":policy/")
		words = append(words, "policy "+name)
	}
	if s.Policy != "" {
		words = append(words, "an inline policy")
	}
	for _, tag := range s.Tags {
		words = append(words, "tag "+tag.Key+"="+tag.Value)
	}
	if s.SourceIdentity != "" {
		words = append(words, "source identity "+s.SourceIdentity)
	}
	return strings.Join(words, ", ")
}

// ParsePolicyARNs reads a list of managed policies for a role in that partition
// and account. They are AWS's own, or that account's.
func ParsePolicyARNs(text, partition, account string) ([]string, error) {
	arns := list(text)
	if len(arns) > mostPolicyARNs {
		return nil, fmt.Errorf("has %d ARNs: AssumeRole takes %d", len(arns), mostPolicyARNs)
	}
	for i, arn := range arns {
		in, owner, ok := ownerOf(arn)
		switch {
		case !ok:
			return nil, fmt.Errorf("must be ARNs of managed policies, with commas between them, such as arn:%s:iam::aws:policy/ReadOnlyAccess", partition)
		case in != partition:
			return nil, fmt.Errorf("has a policy in the partition %s, and the role is in %s", in, partition)
		case owner != "aws" && owner != account:
			return nil, fmt.Errorf("has a policy of the account %s: it must be AWS's own, or one of the role's account, %s", owner, account)
		case slices.Contains(arns[:i], arn):
			return nil, fmt.Errorf("has %s twice", arn)
		}
	}
	return arns, nil
}

// ownerOf returns the partition of a managed policy, and the account or "aws".
func ownerOf(arn string) (partition, owner string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || len(arn) > mostPolicy || strings.ContainsFunc(arn, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", "", false
	}
	name, isPolicy := strings.CutPrefix(parts[5], "policy/")
	return parts[1], parts[4], parts[0] == "arn" && parts[2] == "iam" && parts[3] == "" && isPolicy && name != ""
}

// ParsePolicy reads an inline policy, and takes the spaces out of it, which
// count.
func ParsePolicy(text string) (string, error) {
	var policy struct{ Statement json.RawMessage }
	var short bytes.Buffer
	if err := json.Compact(&short, []byte(text)); err != nil {
		return "", errors.New("must be a policy in JSON")
	}
	if json.Unmarshal(short.Bytes(), &policy) != nil || policy.Statement == nil {
		return "", errors.New("must be a policy in JSON: an object with a Statement")
	}
	if n := utf8.RuneCount(short.Bytes()); n > mostPolicy {
		return "", fmt.Errorf("has %d characters without spaces: AssumeRole takes %d", n, mostPolicy)
	}
	if bytes.ContainsFunc(short.Bytes(), func(r rune) bool { return r > 0xff }) {
		return "", errors.New(`has characters that AssumeRole does not take: write those after U+00FF as \u escapes`)
	}
	return short.String(), nil
}

// ParseTags reads a list "key=value, key=value".
func ParseTags(text string) (tags []Tag, err error) {
	for _, pair := range list(text) {
		key, value, ok := strings.Cut(pair, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !ok || key == "":
			return nil, errors.New("must be KEY=VALUE, with commas between them")
		case utf8.RuneCountInString(key) > mostTagKey || utf8.RuneCountInString(value) > mostTagValue:
			return nil, fmt.Errorf("has a tag that is too long: a key has at most %d characters, a value %d", mostTagKey, mostTagValue)
		case strings.ContainsFunc(key+value, notInTags):
			return nil, errors.New("has a character that tags cannot have: letters, digits, spaces and _.:/=+-@ are allowed")
		case isReserved(key):
			return nil, errors.New("has a key that starts with aws: which AWS keeps for itself")
		case hasKey(tags, key):
			return nil, fmt.Errorf("has the key %s twice; letters of either case are the same", key)
		}
		tags = append(tags, Tag{key, value})
	}
	if len(tags) > mostTags {
		return nil, fmt.Errorf("has %d tags: AssumeRole takes %d", len(tags), mostTags)
	}
	return tags, nil
}

// ParseTransitive reads a list of keys of tags.
func ParseTransitive(text string, tags []Tag) ([]string, error) {
	keys := list(text)
	for i, key := range keys {
		switch {
		case !slices.ContainsFunc(tags, func(t Tag) bool { return t.Key == key }):
			return nil, fmt.Errorf("has the key %s, which is not among the session tags", key)
		case slices.Contains(keys[:i], key):
			return nil, fmt.Errorf("has the key %s twice", key)
		}
	}
	return keys, nil
}

// CheckSourceIdentity returns an error for what cannot be one.
func CheckSourceIdentity(text string) error {
	switch {
	case len(text) < 2 || len(text) > 64 || strings.ContainsFunc(text, notInNames):
		return errors.New("must be 2 to 64 letters, digits and _+=,.@-")
	case isReserved(text):
		return errors.New("must not start with aws: which AWS keeps for itself")
	}
	return nil
}

func hasKey(tags []Tag, key string) bool {
	return slices.ContainsFunc(tags, func(t Tag) bool { return strings.EqualFold(t.Key, key) })
}

func isReserved(text string) bool { return len(text) >= 4 && strings.EqualFold(text[:4], "aws:") }

func notInNames(r rune) bool {
	letter := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	return !letter && !strings.ContainsRune("_+=,.@-", r)
}

func notInTags(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.N, unicode.Z) && !strings.ContainsRune("_.:/=+-@", r) || r == utf8.RuneError
}

// list splits at commas; empty members are left out.
func list(text string) (members []string) {
	for member := range strings.SplitSeq(text, ",") {
		if member = strings.TrimSpace(member); member != "" {
			members = append(members, member)
		}
	}
	return members
}
