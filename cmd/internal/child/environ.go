package child

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A trait of a variable.
type trait int

const (
	given  trait = 1 << iota // credproc sets it for a role, so --unset removes it
	secret                   // its value before is not kept: that would be one more place for a secret
	wins                     // an SDK may prefer it to the keys, or mix it with them
	kept                     // stays as it is unless another value is given
	label                    // describes the role of another tool, for prompts
)

func (t trait) has(u trait) bool { return t&u != 0 }

// deciding are the variables that say which credentials an SDK uses, and with
// which region. exec and env remove them all, but for those they set: any other
// would override the role asked for, or be mixed with it.
//
// The JavaScript SDK ignores keys where a profile is set, and Go's fails where
// that profile does not exist. botocore prefers AWS_SECURITY_TOKEN to the session
// token. Ruby's SDK, and JavaScript's of before 2020, also look for AMAZON_.
var deciding = []struct {
	name string
	trait
}{
	{"AWS_ACCESS_KEY_ID", given | secret}, {"AWS_SECRET_ACCESS_KEY", given | secret}, {"AWS_SESSION_TOKEN", given | secret},
	{"AWS_CREDENTIAL_EXPIRATION", given | secret}, {"AWS_ACCOUNT_ID", given | wins},
	{"AWS_REGION", given | wins}, {"AWS_DEFAULT_REGION", given | wins}, {NoMetadata, given},
	{EndpointURL, given}, {endpointToken, given | secret},
	{"AWS_CONFIG_FILE", given | kept}, {"AWS_SHARED_CREDENTIALS_FILE", given | kept},

	{profileVariable, wins}, {"AWS_DEFAULT_PROFILE", wins},
	{"AWS_SECURITY_TOKEN", secret | wins}, {"AWS_CREDENTIAL_SCOPE", wins},
	{"AWS_ACCESS_KEY", secret}, {"AWS_SECRET_KEY", secret}, {"AWS_CREDENTIAL_FILE", 0},
	{"AMAZON_ACCESS_KEY_ID", secret}, {"AMAZON_SECRET_ACCESS_KEY", secret}, {"AMAZON_SESSION_TOKEN", secret},
	{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", 0}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", 0},
	{"AWS_WEB_IDENTITY_TOKEN_FILE", 0}, {"AWS_ROLE_ARN", 0}, {"AWS_ROLE_SESSION_NAME", 0},

	{"AWS_SESSION_EXPIRATION", label}, {"AWS_VAULT", label},
	{"GRANTED_SSO", label}, {"GRANTED_SSO_START_URL", label}, {"GRANTED_SSO_REGION", label},
	{"GRANTED_SSO_ACCOUNT_ID", label}, {"GRANTED_SSO_ROLE_NAME", label},
	{"AWS_SSO", label}, {"AWS_SSO_PROFILE", label}, {"AWS_SSO_ACCOUNT_ID", label}, {"AWS_SSO_ROLE_NAME", label},
	{"AWS_SSO_ROLE_ARN", label}, {"AWS_SSO_SESSION_EXPIRATION", label}, {"AWS_SSO_DEFAULT_REGION", label},
}

// The variables that say where credentials come from.
const (
	NoMetadata    = "AWS_EC2_METADATA_DISABLED"
	EndpointURL   = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	endpointToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN"

	profileVariable = "AWS_PROFILE"
)

// IsSecret reports whether a variable is one of credentials.
func IsSecret(name string) bool {
	for _, v := range deciding {
		if v.name == name {
			return v.has(secret)
		}
	}
	return false
}

// An Environment is what a command gets, as [os.Environ] has it.
type Environment []string

// Remove removes variables.
func (e *Environment) Remove(names ...string) {
	*e = slices.DeleteFunc(*e, func(setting string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return isNamed(setting, name) })
	})
}

// RemoveCredentials removes keys, tokens, and the address of an endpoint that
// gives them.
func (e *Environment) RemoveCredentials() {
	e.Remove(EndpointURL)
	for _, v := range deciding {
		if v.has(secret) {
			e.Remove(v.name)
		}
	}
}

// isNamed reports whether "NAME=value" is of that name.
func isNamed(setting, name string) bool {
	if len(setting) <= len(name) || setting[len(name)] != '=' {
		return false
	}
	return setting[:len(name)] == name || runtime.GOOS == "windows" && strings.EqualFold(setting[:len(name)], name)
}

// Get returns the value of a variable, or "".
func (e Environment) Get(name string) string {
	value, _ := e.lookup(name)
	return value
}

func (e Environment) has(name string) bool {
	_, ok := e.lookup(name)
	return ok
}

// lookup tells a variable that is empty from one that is not there.
func (e Environment) lookup(name string) (value string, ok bool) {
	for _, setting := range e {
		if isNamed(setting, name) {
			return setting[len(name)+1:], true
		}
	}
	return "", false
}

// set leaves out what has no value.
func (e *Environment) set(name, value string) {
	e.Remove(name)
	if value != "" {
		*e = append(*e, name+"="+value)
	}
}

// A Setting is a variable with its value. "" removes it, unless Empty is true.
type Setting struct {
	Name, Value string
	Empty       bool
}

// Variables are credentials as the SDKs read them, in the order of the AWS CLI.
// zone is how UTC is written. JavaScript's SDK wants "Z".
func Variables(c aws.Credentials, zone string) []Setting {
	all := []Setting{
		{Name: "AWS_ACCESS_KEY_ID", Value: c.AccessKeyID}, {Name: "AWS_SECRET_ACCESS_KEY", Value: c.SecretAccessKey},
	}
	if c.SessionToken != "" {
		all = append(all, Setting{Name: "AWS_SESSION_TOKEN", Value: c.SessionToken})
	}
	if c.CanExpire {
		all = append(all, Setting{Name: "AWS_CREDENTIAL_EXPIRATION", Value: Expiration(c.Expires, zone)})
	}
	return all
}

// Expiration writes a time as the SDKs read it. zone is how UTC is written.
func Expiration(t time.Time, zone string) string {
	return t.UTC().Format("2006-01-02T15:04:05" + zone)
}
