package cmd

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// pasteTime is more than the service takes to exchange a code.
const pasteTime = 20 * time.Second

// takePasted lets the person paste the address that their browser ended at,
// where it could not reach us: it is then asked for from here. What they paste
// is checked where a browser's request is.
func (r *run) takePasted(ctx context.Context, w *waiting, page string) {
	f, ok := r.stdin().(*os.File)
	if !ok || !isTerminal(f) {
		return
	}
	var typed bytes.Buffer
	part := make([]byte, 4096)
	for awaitInput(ctx, f) {
		n, err := f.Read(part)
		if err != nil {
			return
		}
		typed.Write(part[:n])
		for bytes.Contains(typed.Bytes(), []byte("\n")) {
			line, _ := typed.ReadString('\n')
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if err := deliver(ctx, page, line); err != nil && ctx.Err() == nil {
				w.say("That cannot be used: %v. Paste the address of the page that the browser could not show.", err)
			}
		}
	}
}

// deliver asks for a pasted address, if it is that of our callback.
func deliver(ctx context.Context, page, pasted string) error {
	asked, err := url.Parse(page)
	if err != nil {
		return err
	}
	ours, err := url.Parse(asked.Query().Get("redirect_uri"))
	if err != nil {
		return err
	}
	u, err := url.Parse(pasted)
	if err != nil || u.Scheme != ours.Scheme || u.Host != ours.Host || u.Path != ours.Path || u.RawQuery == "" {
		return errors.New("it does not begin with " + ours.String() + "?")
	}
	ctx, cancel := context.WithTimeout(ctx, pasteTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return errors.New("it is no address")
	}
	// A proxy is no way to ourselves, and must not see the code.
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return errors.New("nobody is waiting for it any more")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("it is not the answer to this sign-in")
	}
	return nil
}
