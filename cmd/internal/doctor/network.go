package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/inside"
)

// How far the local clock may be off: AWS refuses signatures from five minutes
// on.
const (
	clockNear = time.Minute
	clockFar  = 4 * time.Minute
)

// contact is what came of a visit to a service.
type contact struct {
	base string
	err  error
	skew time.Duration // of the local clock
	date bool          // skew is known
	page bool          // what answered has pages for people
}

// Network visits the services that the sessions need. That asks them for nothing:
// their answer to a page that does not exist is good enough.
func (d *Checks) Network(ctx context.Context) {
	const check = "network"
	if len(d.Sessions) == 0 {
		return
	}
	contacts := d.visitAll(ctx)
	for _, c := range contacts {
		if c.err != nil {
			d.unreachable(check, c)
		} else if c.page {
			d.warn(check, "sign in to the network with a browser, or ask its administrator to allow the host",
				"%s: a web page answers instead of the service, perhaps that of a guest network or a filter", host(c.base))
		}
	}
	if !d.Bad(check) {
		d.OK(check, "%s", strings.Join(hosts(contacts), ", "))
	}
	d.clock(contacts)
}

func (d *Checks) visitAll(ctx context.Context) []contact {
	var mu sync.Mutex
	var all []contact
	var visits sync.WaitGroup
	for base, client := range d.clients() {
		visits.Go(func() {
			c := visit(ctx, base, client)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, c)
		})
	}
	visits.Wait()
	sort.Slice(all, func(i, j int) bool { return all[i].base < all[j].base })
	return all
}

// clients are those of the sessions, by the endpoint that they ask.
func (d *Checks) clients() map[string]*http.Client {
	clients := make(map[string]*http.Client)
	for _, s := range d.Sessions {
		var bases []string
		in, err := inside.Of[inside.Session](s)
		if err == nil {
			bases, err = in.Endpoints()
		}
		if err != nil {
			d.Failed("network", err)
			continue
		}
		for _, base := range bases {
			clients[base] = s.Config.HTTPClient
		}
	}
	return clients
}

func visit(ctx context.Context, base string, client *http.Client) contact {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
	if err != nil {
		return contact{base: base, err: err}
	}
	sent := time.Now()
	response, err := awsapi.HTTPClient(client).Do(request)
	if err != nil {
		return contact{base: base, err: err}
	}
	response.Body.Close()
	local := sent.Add(time.Since(sent) / 2)
	date, err := http.ParseTime(response.Header.Get("Date"))
	page := response.StatusCode == http.StatusOK && strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") &&
		response.Header.Get("X-Amzn-Requestid") == ""
	return contact{base: base, page: page, date: err == nil, skew: local.Sub(date.Add(500 * time.Millisecond))}
}

func hosts(contacts []contact) (names []string) {
	for _, c := range contacts {
		names = append(names, host(c.base))
	}
	return names
}

func host(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Host
}

func (d *Checks) unreachable(check string, c contact) {
	dns, isDNS := errors.AsType[*net.DNSError](c.err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](c.err)
	_, isTLS := errors.AsType[*tls.CertificateVerificationError](c.err)
	op, _ := errors.AsType[*net.OpError](c.err)
	proxied := op != nil && (op.Op == "proxyconnect" || op.Op == "socks connect")
	switch {
	case proxied:
		d.fault(check, "correct HTTPS_PROXY, or name the host in NO_PROXY", "%s: the proxy does not answer: %v", host(c.base), op.Err)
	case strings.HasSuffix(awsapi.Plain(c.err).Error(), http.StatusText(http.StatusProxyAuthRequired)):
		d.fault(check, "write HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT", "%s: the proxy wants a name and a password", host(c.base))
	case isDNS:
		d.fault(check, "check sso_region, the network and its DNS (a VPN?)", "%s: no such host, by the DNS of this machine (%s)", host(c.base), dns.Err)
	case isUnknown, isTLS:
		d.fault(check, "set AWS_CA_BUNDLE to a file with the certificate of the proxy that inspects TLS here", "%s: its certificate is not trusted: %v", host(c.base), awsapi.Plain(c.err))
	default:
		d.fault(check, "check the network, its firewall, and HTTPS_PROXY", "%s: %v", host(c.base), awsapi.Plain(c.err))
	}
}

// clock goes by what the services say. A service that answers from a cache, or
// a proxy in its place, may say anything, so the nearest counts.
func (d *Checks) clock(contacts []contact) {
	const check = "clock"
	contacts = slices.DeleteFunc(contacts, func(c contact) bool { return !c.date })
	if len(contacts) == 0 {
		return
	}
	nearest := slices.MinFunc(contacts, func(a, b contact) int { return int(a.skew.Abs() - b.skew.Abs()) })
	way := "behind"
	if nearest.skew > 0 {
		way = "ahead"
	}
	seen := fmt.Sprintf("%s %s of %s", terminal.Short(nearest.skew.Abs()), way, host(nearest.base))
	switch off := nearest.skew.Abs(); {
	case off >= clockFar:
		d.fault(check, "set the clock, by NTP: timedatectl set-ntp true", "%s: AWS refuses requests that are signed with it", seen)
	case off >= clockNear:
		d.warn(check, "set the clock, by NTP: timedatectl set-ntp true", "%s", seen)
	default:
		d.OK(check, "within a minute of %s", host(nearest.base))
	}
}
