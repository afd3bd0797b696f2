package credproc

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// warmProvider has credentials that are stored, as a program finds them that
// keeps its provider and puts no cache of its own before it.
func warmProvider(b testing.TB) *Provider {
	server := idctest.New()
	server.AutoApprove = true
	session := &tokencache.Session{
		Name:    "corp",
		Config:  oidc.Config{StartURL: server.StartURL, Region: server.Region, HTTPClient: server.Client()},
		Keyring: new(keyring.Memory), StateDir: b.TempDir(), CacheDir: b.TempDir(),
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
	age(b, session.CacheDir)
	return p
}

// age makes all files below dir a minute old.
func age(t testing.TB, dir string) {
	t.Helper()
	then := time.Now().Add(-time.Minute)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			err = os.Chtimes(path, then, then)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A program that asks before each of its calls must not feel it. The figure is
// that of the second call: it looks at the file that the first one has read.
func TestAWarmRetrieveAllocatesLittle(t *testing.T) {
	p := warmProvider(t)
	got := testing.AllocsPerRun(100, func() {
		if _, err := p.Retrieve(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%v allocations", got)
	if got > 38 {
		t.Errorf("%v allocations, want at most 38", got)
	}
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

// BenchmarkRetrieveWarmByThousand has a thousand goroutines ask at once. With no
// lock that all of them take, an answer takes no longer than to one alone, and
// half as long on two CPUs.
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
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/answer")
}
