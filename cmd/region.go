package cmd

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/credproc/credproc/cmd/internal/elsewhere"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

const regionWanted = "--sso-start-url needs --sso-region: the region of the Identity Center instance"

// knownRegion returns the region of a start URL by its host, by a session of the
// config file, or by a login, or "".
func (r *run) knownRegion(startURL string) string {
	if region := startpage.Region(startURL); region != "" {
		return region
	}
	found := map[string]bool{}
	names := r.files.SessionNames()
	for _, name := range names {
		if s, err := r.config.Session(name); err == nil && elsewhere.SameURL(startURL, s.Config.StartURL) {
			found[s.Config.Region] = true
		}
	}
	logins, _ := tokencache.Logins(r.config.StateDir, r.ID)
	for _, l := range logins {
		if elsewhere.SameURL(startURL, l.StartURL) {
			found[l.Region] = true
		}
	}
	regions := slices.Collect(maps.Keys(found))
	if len(regions) != 1 { // an instance can be in several regions
		return ""
	}
	return regions[0]
}

// findRegion is knownRegion for a sign-in: it also asks the portal,
// and then, if ask is true, the person.
func (r *run) findRegion(ctx context.Context, startURL string, ask bool) (string, error) {
	if _, err := oidc.NormalizeStartURL(startURL); err != nil {
		return "", err
	}
	if region := r.knownRegion(startURL); region != "" {
		return region, nil
	}
	region, err := r.portalRegion(ctx, startURL)
	switch {
	case err != nil:
		return "", err
	case region != "":
		r.Say("The portal is in region %s.", region)
		return region, nil
	case !ask || !r.Interactive():
		return "", &usageError{problem: regionWanted, more: "Neither the URL nor the portal's page says it. The administrator knows it; the AWS console shows it under IAM Identity Center, Settings."}
	}
	return r.askRegion(startpage.Name(startURL))
}

// portalRegion is what the start page says, or "".
func (r *run) portalRegion(ctx context.Context, startURL string) (string, error) {
	// The region is not looked at; what counts are the proxy and the CA.
	s, err := r.config.SessionAt(startURL, "us-east-1")
	if err != nil {
		return "", err
	}
	region, err := startpage.Discover(ctx, s.Config.HTTPClient, startURL)
	if refused, ok := errors.AsType[*startpage.ProblemError](err); ok {
		return "", &oidc.ConfigError{Field: "StartURL", Value: refused.URL, Problem: refused.Problem}
	}
	if ctx.Err() != nil {
		return "", err
	}
	return region, nil // or nothing is known
}

func (r *run) askRegion(name string) (string, error) {
	region, err := r.Ask(terminal.Prosef("In which region is the Identity Center of %s (such as eu-west-1)?", name), "")
	if err != nil {
		return "", err
	}
	if region == "" {
		return "", &usageError{problem: regionWanted}
	}
	return region, awsapi.CheckRegion(region)
}
