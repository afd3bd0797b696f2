package startpage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/starturl"
)

const (
	// resolveTime bounds each look at a start URL.
	resolveTime = 10 * time.Second
	// maxPortal is more than the page of any access portal.
	maxPortal = 1 << 20
)

// ProblemError is a start URL, or a page, with which no sign-in can work.
type ProblemError struct {
	URL     string // "" if it cannot be shown
	Problem string
}

// Error says what went wrong.
func (e *ProblemError) Error() string { return fmt.Sprintf("%q %s", e.URL, e.Problem) }

// LookError is a page that could not be read.
type LookError struct {
	StatusCode int // HTTP; 0 if there was no answer
	Err        error
}

// Error says what went wrong.
func (e *LookError) Error() string { return "ResolveStartURL: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *LookError) Unwrap() error { return e.Err }

// Follow returns where the start URL's one redirect leads, normalized, or ""
// where there is none. It must be Identity Center's own.
func Follow(ctx context.Context, client *http.Client, start string) (string, error) {
	answer, err := look(ctx, client, http.MethodHead, start)
	if err == nil && (answer.StatusCode == http.StatusMethodNotAllowed || answer.StatusCode == http.StatusNotImplemented) {
		answer, err = look(ctx, client, http.MethodGet, start)
	}
	if err != nil {
		return "", err
	}
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return "", nil
	}
	to, err := answer.Location()
	if err != nil {
		return "", &ProblemError{start, "redirects to nowhere"}
	}
	portal, _, _ := starturl.Normalize(to.String())
	if u := parse(portal); u == nil || !Own(u.Hostname()) {
		return "", &ProblemError{start, fmt.Sprintf("leads to %s://%s, which is not Identity Center's", to.Scheme, to.Host)}
	}
	return portal, nil
}

// look asks for a page without following where it leads. The body is in
// memory, and short.
func look(ctx context.Context, client *http.Client, method, page string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, page, nil)
	if err != nil {
		return nil, &ProblemError{"", "not a URL"}
	}
	answer, err := awsapi.HTTPClient(client).Do(request)
	if err != nil {
		return nil, &LookError{Err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxPortal))
	if err != nil {
		return nil, &LookError{StatusCode: answer.StatusCode, Err: err}
	}
	answer.Body = io.NopCloser(strings.NewReader(string(text)))
	return answer, nil
}

// said are the places where a portal's page names the region it works with. Nothing
// else tells it for most start URLs, and few people know it: a wrong answer costs
// a question, and tokens go only to the service's hosts.
var said = [...]string{
	`<meta\s+name="region"\s+content="([a-z]{2,4}(?:-[a-z]+)+-\d+)"`,
	`\b(?:portal\.sso|oidc)\.([a-z]{2,4}(?:-[a-z]+)+-\d+)\.(?:amazonaws|api\.)`,
}

// Discover returns the region of a start URL's instance: by the host, by where it
// leads, or by what the portal's page says. "" means that none of them tells, and
// that the person has to be asked: no documentation promises that the page does.
//
// It takes at most half a minute. The error is a [*ProblemError], a [*LookError]
// or the context's.
func Discover(ctx context.Context, client *http.Client, start string) (string, error) {
	start, shown, problem := starturl.Normalize(start)
	if problem != "" {
		return "", &ProblemError{shown, problem}
	}
	if region := Region(start); region != "" {
		return region, nil
	}
	if u := parse(start); u == nil || Reserved(u.Hostname()) {
		return "", nil
	} else if !Own(u.Hostname()) {
		portal, err := Follow(ctx, client, start)
		if err != nil {
			return "", err
		}
		if region := Region(portal); region != "" {
			return region, nil
		}
		if portal != "" {
			start = portal
		}
	}
	return askPortal(ctx, client, start)
}

// askPortal reads the portal's page, and where it leads by one redirect.
func askPortal(ctx context.Context, client *http.Client, start string) (string, error) {
	answer, err := look(ctx, client, http.MethodGet, start)
	if err != nil {
		return "", err
	}
	if to, err := answer.Location(); err == nil {
		if region := Region(to.String()); region != "" {
			return region, nil
		}
	}
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	text := string(page) + "\n" + strings.Join(answer.Header.Values("Content-Security-Policy"), "\n")
	for _, pattern := range said {
		var regions []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			regions = append(regions, m[1])
		}
		slices.Sort(regions)
		if regions = slices.Compact(regions); len(regions) == 1 {
			return regions[0], nil
		}
	}
	return "", nil
}
