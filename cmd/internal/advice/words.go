package advice

import (
	"cmp"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsapi"
)

// mostNames is how many names a message lists.
const mostNames = 5

// known lists the names in a file: those most like name, if there are many.
func known(what, name string, names []string) terminal.Prose {
	switch n := len(names); {
	case n == 0:
		return terminal.Prosef("There are no %s in it.", what)
	case n > mostNames:
		return terminal.Prosef("The nearest of its %d %s: %s.", n, what, terminal.Join(nearest(name, names), ", "))
	}
	return terminal.Prosef("Its %s: %s.", what, terminal.Join(names, ", "))
}

// held says what to do about a role that the person has not: it lists the roles of
// the account, those most like it if there are many, and reports whether it is one
// of these, misspelled.
func held(role string, roles []string) (more terminal.Prose, typo bool) {
	if len(roles) == 0 {
		return "A new assignment can take up to two hours; then sign in again.", false
	}
	near := nearest(role, roles)
	which := terminal.Prosef("Your roles there: %s.", terminal.Join(roles, ", "))
	if n := len(roles); n > mostNames {
		which = terminal.Prosef("The nearest of your %d roles there: %s.", n, terminal.Join(near, ", "))
	}
	if match.Words(role).Typos(near[0]) <= min(len(role)/3, mostTypos) {
		return terminal.Prosef("Did you mean %s? ", near[0]) + which, true
	}
	return which + " A new assignment may need a new login.", false
}

// mostTypos is how many letters of a long name may be wrong.
const mostTypos = 2

func nearest(name string, names []string) (near []string) {
	for _, i := range match.Words(name).Nearest(names, mostNames) {
		near = append(near, names[i])
	}
	return near
}

// unreachable says in plain words what kept a service from answering, and what to
// check.
func unreachable(t *awsapi.Trouble) (kind string, text, more terminal.Prose) {
	host := cmp.Or(t.Host, "the service")
	words, ok := troubles[t.Kind]
	if !ok {
		words = troubles[awsapi.NoConnection]
	}
	why := terminal.Line(cmp.Or(t.Text, "the connection failed"))
	if words.why != "" {
		why = words.why
	}
	if words.certificate {
		return words.kind, terminal.Prosef("the certificate of %s is %s", host, why), words.more
	}
	return words.kind, terminal.Prosef("cannot reach %s: %s", host, why), words.more
}

// aboutEndpoint is about an endpoint of another machine. There is no proxy on the way,
// and no login here.
func aboutEndpoint(e *endpoint.UnreachableError) Advice {
	say := Advice{Status: Unavailable, Text: terminal.ErrorText(e)}
	t := awsapi.TroubleOf(e.Err)
	if t == nil {
		return say
	}
	t.Host = e.Host
	var more terminal.Prose
	say.Kind, say.Text, more = unreachable(t)
	switch t.Kind {
	case awsapi.Untrusted:
		say.More = "Use --ca to name the certificate of the CA that issued it."
		if other, ok := errors.AsType[x509.HostnameError](e.Err); ok {
			names := strings.TrimPrefix(other.Error(), "x509: ")
			say.Text = terminal.Prosef("the certificate of %s is for other names: %s", e.Host, terminal.Line(names))
			say.More = "Use a name that it has, or add this one with --host of serve."
		}
	case awsapi.Untimely:
		say.More = more
	default:
		say.More = "Check the address, the network, and whether the endpoint is running."
	}
	return say
}

type wordsOfTrouble struct {
	kind        string
	why, more   terminal.Prose
	certificate bool
}

const checkNetwork = "Check the network, its firewall, and HTTPS_PROXY. No login is lost."

var troubles = map[string]wordsOfTrouble{
	awsapi.NoName:       {report.Offline, "the name does not resolve", "Check the network (a VPN?), and sso_region in the config file.", false},
	awsapi.NoProxy:      {report.Offline, "the proxy does not answer", "Correct HTTPS_PROXY, or list the host in NO_PROXY.", false},
	awsapi.ProxyLogin:   {report.Offline, "the proxy wants a password", "Write HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT.", false},
	awsapi.NoAnswer:     {report.Offline, "no answer in time", checkNetwork, false},
	awsapi.NoConnection: {report.Offline, "", checkNetwork, false},
	awsapi.Untimely:     {report.Clock, "not valid at this time", "Check the date and time of this machine: its clock may be wrong.", true},
	awsapi.Untrusted:    {report.Offline, "not trusted", "If a proxy inspects TLS here, set AWS_CA_BUNDLE to a file with its certificate.", true},
}
