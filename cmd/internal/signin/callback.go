package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/shell"
)

// pasteTime is more than the service takes to exchange a code.
const pasteTime = 20 * time.Second

// callbackOf returns the address that the page of a sign-in leads back to.
func callbackOf(page string) (*url.URL, error) {
	asked, err := url.Parse(page)
	if err != nil {
		return nil, err
	}
	return url.Parse(asked.Query().Get("redirect_uri"))
}

// deliver requests the address that the person pasted, if it is that of the
// callback: their browser could not reach this process. The sign-in checks it as
// it checks the request of a browser.
func deliver(ctx context.Context, page, pasted string) error {
	callback, err := callbackOf(page)
	if err != nil {
		return err
	}
	u, err := url.Parse(pasted)
	if err != nil || u.Scheme != callback.Scheme || u.Host != callback.Host || u.Path != callback.Path || u.RawQuery == "" {
		return errors.New("it does not start with " + callback.String() + "?")
	}
	ctx, cancel := context.WithTimeout(ctx, pasteTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return errors.New("it is not an address")
	}
	// A proxy cannot reach this process, and must not see the code.
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return errors.New("the sign-in is not waiting for it any more")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("it is not the answer to this sign-in")
	}
	return nil
}

// tunnel is the command that connects a browser on the other end of an SSH
// connection with this process; "" if there is no such connection.
func tunnel(getenv func(string) string, page string) string {
	connection := strings.Fields(getenv("SSH_CONNECTION")) // client, port, server, port
	callback, err := callbackOf(page)
	if err != nil || len(connection) != 4 {
		return ""
	}
	to := connection[2]
	if user := cmp.Or(getenv("USER"), getenv("LOGNAME")); user != "" {
		to = user + "@" + to
	}
	line := fmt.Sprintf("ssh -N -L %s:%s %s", callback.Port(), net.JoinHostPort("127.0.0.1", callback.Port()), shell.Word(to))
	if connection[3] != "22" {
		line += " -p " + shell.Word(connection[3])
	}
	return line
}
