package credproc

import (
	"context"
	"sync"
	"testing"

	"github.com/credproc/credproc/internal/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// warmProvider has credentials that are stored, as a program finds them that
// keeps its provider and puts no cache of its own before it.
func warmProvider(b *testing.B) *Provider {
	server := idctest.New()
	server.AutoApprove = true
	session := &tokencache.Session{
		Name:    "corp",
		Config:  oidc.Config{StartURL: server.StartURL, Region: server.Region, HTTPClient: server.Client()},
		Keyring: new(tokencache.Memory), StateDir: b.TempDir(), CacheDir: b.TempDir(),
	}
	err := session.SignIn(b.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
	})
	if err != nil {
		b.Fatal(err)
	}
	p := &Provider{Session: session, AccountID: "111111111111", RoleName: "Admin"}
	if _, err := p.Retrieve(b.Context()); err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkRetrieveWarm(b *testing.B) {
	p := warmProvider(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Retrieve(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRetrieveWarmByThousand has a thousand goroutines ask at once: the
// figure is for all of them.
func BenchmarkRetrieveWarmByThousand(b *testing.B) {
	p := warmProvider(b)
	for b.Loop() {
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if _, err := p.Retrieve(b.Context()); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
}
