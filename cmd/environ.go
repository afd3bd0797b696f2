package cmd

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// deciding are the variables that say which credentials an SDK takes. A command
// gets none of them but those that it is given: any other may win over them, or
// be mixed with them.
//
// JavaScript's SDK ignores keys where a profile is set, and Go's fails where that
// profile is not there; botocore prefers AWS_SECURITY_TOKEN to the session token.
var deciding = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_ACCOUNT_ID",
	"AWS_SECURITY_TOKEN", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_CREDENTIAL_FILE",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SDK_LOAD_CONFIG",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
}

// private are our own variables that hold secrets, without their prefix.
var private = []string{"PASSPHRASE", "SERVE_TOKEN"}

// An environment is what a command gets, as [os.Environ] has it.
type environment []string

// takeSecret returns one of these, and takes it out of the environment of this
// process: what go-keyring starts inherits that.
func (a *App) takeSecret(name string) string {
	secret, taken := a.secrets[name]
	if taken {
		return secret
	}
	if a.secrets == nil {
		a.secrets = make(map[string]string)
	}
	a.secrets[name] = a.setting(name)
	if a.Getenv == nil {
		os.Unsetenv(a.variable(name))
	}
	return a.secrets[name]
}

// inherited is what every process that we start may see of our environment.
func (a *App) inherited() environment {
	from := a.Environ
	if from == nil {
		from = os.Environ
	}
	e := environment(slices.Clone(from()))
	for _, name := range private {
		e.remove(a.variable(name))
	}
	return e
}

// environ returns what a command of the user may see of our environment.
func (a *App) environ() environment {
	e := a.inherited()
	e.remove(deciding...)
	e.remove(a.variable("ACTIVE_PROFILE")) // of the command that we are run by
	return e
}

func (e *environment) remove(names ...string) {
	*e = slices.DeleteFunc(*e, func(setting string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return isNamed(setting, name) })
	})
}

// isNamed reports whether "NAME=value" is of that name.
func isNamed(setting, name string) bool {
	if len(setting) <= len(name) || setting[len(name)] != '=' {
		return false
	}
	return setting[:len(name)] == name || runtime.GOOS == "windows" && strings.EqualFold(setting[:len(name)], name)
}

func (e environment) get(name string) string {
	for _, setting := range e {
		if isNamed(setting, name) {
			return setting[len(name)+1:]
		}
	}
	return ""
}

// set leaves out what has no value.
func (e *environment) set(name, value string) {
	e.remove(name)
	if value != "" {
		*e = append(*e, name+"="+value)
	}
}

// setRegion sets both variables or neither: boto3 reads one, all other SDKs
// read the other.
func (e *environment) setRegion(region string) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = e.get(name)
		}
	}
	e.set("AWS_REGION", region)
	e.set("AWS_DEFAULT_REGION", region)
}

// setMetadata keeps the command from the instance's role unless it may use it:
// when the credentials fail or end, some SDKs go on to that role and do not say
// so. A value that the user has set stays.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
func (e *environment) setMetadata(allowed bool) {
	const disabled = "AWS_EC2_METADATA_DISABLED"
	switch {
	case allowed:
		e.remove(disabled)
	case e.get(disabled) == "":
		e.set(disabled, "true")
	}
}

// setCredentials sets the variables of credentials that are not renewed.
func (e *environment) setCredentials(c aws.Credentials) {
	for _, v := range variables(c, "Z07:00") {
		e.set(v.name, v.value)
	}
	e.set("AWS_ACCOUNT_ID", c.AccountID)
}

// setEndpoint sets the variables of credentials that are asked for.
func (e *environment) setEndpoint(url, token string) {
	e.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
	e.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
}

type setting struct{ name, value string }

// variables are credentials as the SDKs read them, in the order of the AWS CLI.
// zone is how UTC is written. JavaScript's SDK wants "Z".
func variables(c aws.Credentials, zone string) []setting {
	all := []setting{
		{"AWS_ACCESS_KEY_ID", c.AccessKeyID}, {"AWS_SECRET_ACCESS_KEY", c.SecretAccessKey},
	}
	if c.SessionToken != "" {
		all = append(all, setting{"AWS_SESSION_TOKEN", c.SessionToken})
	}
	if c.CanExpire {
		all = append(all, setting{"AWS_CREDENTIAL_EXPIRATION", expiration(c.Expires, zone)})
	}
	return all
}

func expiration(t time.Time, zone string) string {
	return t.UTC().Format("2006-01-02T15:04:05" + zone)
}
