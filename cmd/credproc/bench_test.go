package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// The storms as figures, for scripts/bench. Each iteration signs in again and
// waits until the access token has expired, which is not counted.

func BenchmarkStorm200(b *testing.B) {
	const latency = 150 * time.Millisecond
	m := newMachine(b, "plaintext")
	m.idc.Rotation = idctest.Strict
	var over time.Duration
	for range b.N {
		m.set(func(s *idctest.Server) { s.Latency = 0 })
		m.expired()
		m.set(func(s *idctest.Server) { s.Latency = latency })
		over += m.took(times(200, process(admin))) - 2*latency // a refresh and a fetch
	}
	b.ReportMetric(over.Seconds()/float64(b.N), "s-over-upstream")
	b.ReportMetric(0, "ns/op")
}

// Of the same crowd, after a refusal and after another a moment later.
func BenchmarkASecondRefusal(b *testing.B) {
	m := newMachine(b, "plaintext")
	m.env = []string{unqueued}
	var took [2]time.Duration
	for i := range b.N {
		m.signIn(0)
		for j := range took {
			var all [][]string
			for k := range 10 {
				all = append(all, times(10, process(m.roles(20 * b.N)[20*i+10*j+k]))...)
			}
			m.idc.RevokeAccessTokens()
			took[j] += m.took(all)
		}
	}
	b.ReportMetric(took[0].Seconds()/float64(b.N), "s-first")
	b.ReportMetric(took[1].Seconds()/float64(b.N), "s-second")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkFortyRolesBehindTwentyPerSecond(b *testing.B) {
	m := newMachine(b, "plaintext")
	var all [][]string
	for _, role := range m.roles(40) {
		all = append(all, process(role))
	}
	var took time.Duration
	for range b.N {
		m.set(func(s *idctest.Server) { s.RateLimit = 0 })
		m.expired()
		m.set(func(s *idctest.Server) { s.RateLimit = 20 })
		took += m.took(all)
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s")
	b.ReportMetric(0, "ns/op")
}

// 500 accounts of three roles behind the service's quota, each page of roles a
// request: 506 of them.
func BenchmarkList500(b *testing.B) {
	m := newMachine(b, "plaintext")
	var accounts []idctest.Account
	for i := range 500 {
		accounts = append(accounts, idctest.Account{ID: fmt.Sprintf("%012d", i+1), Name: fmt.Sprintf("Account %d", i), Roles: []string{"Admin", "Billing", "ReadOnly"}})
	}
	m.set(func(s *idctest.Server) { s.Accounts = accounts })
	m.signIn(0)
	m.set(func(s *idctest.Server) { s.RateLimit = 20 })
	for b.Loop() {
		if o := m.run("list", "corp", "--refresh"); o.status != 0 || strings.Count(o.stdout, "\n") != 1501 {
			b.Fatalf("%d: %s", o.status, o.stderr)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	b.ReportMetric(0, "ns/op")
}

// What a shell waits for when somebody presses Tab, with 2,000 profiles.
func BenchmarkCompletion(b *testing.B) {
	m := newMachine(b, "plaintext")
	var config strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&config, "[profile account-%04d/Admin]\ncredential_process = credproc process --sso-session corp --account-id %012d --role-name Admin\nregion = eu-west-1\n\n", i, i)
	}
	m.write(".aws/config", config.String())
	for b.Loop() {
		if o := m.run("complete-line", "zsh", "process", "--profile", "account-199"); o.status != 0 || strings.Count(o.stdout, "\n") != 10 {
			b.Fatal(o)
		}
	}
}

// took runs processes at once, and returns how long the last one took.
func (m *machine) took(all [][]string) time.Duration {
	m.Helper()
	began := time.Now()
	outcomes := m.together(all...)
	took := time.Since(began)
	m.answered(outcomes)
	return took
}
