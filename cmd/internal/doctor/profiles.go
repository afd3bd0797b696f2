package doctor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
)

// Profiles resolves every profile.
func (d *Checks) Profiles() {
	const check = "profiles"
	if d.Files == nil {
		return
	}
	command := d.Command
	served := 0
	for _, name := range slices.Sorted(maps.Keys(d.Files.Profiles)) {
		p, err := d.Files.Profile(name, command)
		if err != nil {
			d.Failed(check, err)
		} else if p.Kind == awsconfig.Ours || p.Kind == awsconfig.SSO || p.Kind == awsconfig.LegacySSO || p.Kind == awsconfig.Chain {
			served++
			if err := p.CheckChain(); err != nil {
				d.Failed(check, err)
			}
		}
		d.contradictions(check, d.Files.Profiles[name])
	}
	d.regions(check)
	if !d.Bad(check) {
		d.OK(check, "%d, %d of them from Identity Center", len(d.Files.Profiles), served)
	}
}

// Void is about lines that look like settings and have no effect. limits are the lines
// that may be misspelled rules about agents: no agent gets anything until they are put right.
func (d *Checks) Void(limits, others []error) {
	const check = "profiles"
	for _, err := range limits {
		seen, _, _ := d.Explain(err)
		d.fault(check, "correct the line, or remove it: until then agents get nothing", "%s", seen)
	}
	for _, err := range others {
		seen, _, _ := d.Explain(err)
		d.warn(check, "correct the line, or remove it", "%s", seen)
	}
}

// regions are those of the profiles with our line. Without one a program works
// only where the environment has it.
func (d *Checks) regions(check string) {
	if d.Getenv("AWS_REGION") != "" || d.Getenv("AWS_DEFAULT_REGION") != "" {
		return
	}
	var without []string
	for _, name := range slices.Sorted(maps.Keys(d.Files.Profiles)) {
		s := d.Files.Profiles[name]
		line, _ := s.Get("credential_process")
		if _, ok := s.Get("region"); !ok && awsconfig.IsOurs(line, d.Command) {
			without = append(without, name)
		}
	}
	if without != nil {
		d.Note(check, "add region = … to each", "%s: no region, and none in the environment; most services need one", terminal.Some(without, mostNamed))
	}
}

// contradictions are keys that do not go together: each SDK has an order of its
// own.
func (d *Checks) contradictions(check string, s *awsconfig.Section) {
	_, line := s.Get("credential_process")
	_, keys := s.Get("aws_access_key_id")
	session, hasSession := s.Get("sso_session")
	var sso, direct []string
	for _, key := range []string{"sso_session", "sso_account_id", "sso_role_name", "sso_start_url", "sso_region"} {
		if _, ok := s.Get(key); ok {
			sso = append(sso, key)
			if key == "sso_start_url" || key == "sso_region" {
				direct = append(direct, key)
			}
		}
	}
	switch {
	case line && len(sso) > 0:
		d.fault(check, fmt.Sprintf("remove %s from %s", strings.Join(sso, ", "), s.Header),
			"%s: sso_ keys beside credential_process: most SDKs use the keys and never run the line", d.at(s, "credential_process"))
	case hasSession && len(direct) > 0:
		d.warn(check, fmt.Sprintf("remove %s from %s: [sso-session %s] has it", strings.Join(direct, ", "), s.Header, session),
			"%s: %s beside sso_session: programs in Rust refuse the profile", d.at(s, direct[0]), strings.Join(direct, ", "))
	}
	if _, login := s.Get("login_session"); login && line {
		d.fault(check, "remove login_session from "+s.Header+", or the line",
			"%s: login_session beside credential_process: the AWS CLI and Go use the login and never run the line", d.at(s, "login_session"))
	}
	if (line || len(sso) > 0) && keys {
		d.fault(check, fmt.Sprintf("remove aws_access_key_id and aws_secret_access_key of %s", s.Name),
			"%s: static keys beside another source of credentials: some SDKs use the keys", d.at(s, "aws_access_key_id"))
	}
}

// at is the place of a key, for people.
func (d *Checks) at(s *awsconfig.Section, key string) string {
	at := s.Where(key)
	at.File = d.Short(at.File)
	return at.String()
}

// fixOf says what to write instead of a setting that is wrong; "" if that is
// not known.
func fixOf(err error) string {
	if e, ok := errors.AsType[*awsconfig.UnknownSessionError](err); ok {
		return fmt.Sprintf("add [sso-session %s], or name an existing one%s", e.Name, list(e.Known))
	}
	if e, ok := errors.AsType[*awsconfig.UnknownProfileError](err); ok {
		return fmt.Sprintf("name an existing profile%s", list(e.Known))
	}
	if e, ok := errors.AsType[*awsconfig.MissingError](err); ok {
		return fmt.Sprintf("add %s to %s", strings.Join(e.Keys, " and "), e.Section)
	}
	if e, ok := errors.AsType[*awsconfig.MismatchError](err); ok {
		return fmt.Sprintf("remove %s from %s", e.Profile.Key, e.Profile.Section)
	}
	if e, ok := errors.AsType[*awsconfig.ReservedRoleError](err); ok {
		return "write the permission set's name instead: " + e.PermissionSet
	}
	if e, ok := errors.AsType[*awsconfig.ValueError](err); ok {
		if strings.HasPrefix(e.Problem, "th") { // "there is …", "that profile …"
			return fmt.Sprintf("change %s: %s", e.Key, e.Problem)
		}
		return fmt.Sprintf("change %s: it %s", e.Key, e.Problem)
	}
	if e, ok := errors.AsType[*awsapi.SettingError](err); ok {
		return fmt.Sprintf("change %s: it %s", e.Setting, e.Problem)
	}
	return ""
}

// mostNamed is how many names a finding lists.
const mostNamed = 5

func list(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": " + string(terminal.Some(names, mostNamed))
}
