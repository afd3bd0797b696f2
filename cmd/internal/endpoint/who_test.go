package endpoint

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/loopback"
)

// told is an endpoint on a real port whose credentials say for whom they are.
func told(t *testing.T, who func(pid int) (agent.Asker, error)) (ask func(c *http.Client) string) {
	t.Helper()
	listener, err := Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	source := &Source{Name: "x", Retrieve: func(ctx context.Context) (aws.Credentials, error) {
		c := audit.ClientOf(ctx)
		if c.PID != 0 && c.Program == "" {
			t.Error("the client is known, and its program is not")
		}
		return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "SECRET", SessionToken: "agent=" + c.Agent + " seen=" + c.Seen}, nil
	}}
	e := &Endpoint{Clients: OneClient(testToken, "", agent.Rule{All: true}), Who: who, Find: Only(source)}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- e.Serve(ctx, listener) }()
	t.Cleanup(func() { stop(); <-served })
	return func(c *http.Client) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", testToken)
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// known reports whether this system tells which process a client is.
func known(t *testing.T) bool {
	t.Helper()
	asked := false
	ask := told(t, func(int) (agent.Asker, error) { asked = true; return agent.Asker{}, nil })
	c := &http.Client{Transport: new(http.Transport)}
	defer c.CloseIdleConnections()
	ask(c)
	return asked
}

func TestAPersonAndAnAgentHaveEachItsOwnAnswerAndAreLookedUpOnceForAConnection(t *testing.T) {
	if !known(t) {
		return
	}
	var looks atomic.Int32
	ask := told(t, func(pid int) (agent.Asker, error) {
		if pid != os.Getpid() {
			t.Errorf("process %d asks, and not %d", pid, os.Getpid())
		}
		if looks.Add(1) == 2 {
			return agent.Asker{Name: "claude", Why: "CLAUDECODE is set"}, nil
		}
		return agent.Asker{}, nil
	})
	person, other := &http.Client{Transport: new(http.Transport)}, &http.Client{Transport: new(http.Transport)}
	defer person.CloseIdleConnections()
	defer other.CloseIdleConnections()
	for range 3 { // also within the time in which an answer is given again
		if got := ask(person); !strings.Contains(got, `"agent= seen="`) {
			t.Errorf("a person gets %s", got)
		}
		if got := ask(other); !strings.Contains(got, `"agent=claude seen=CLAUDECODE is set"`) {
			t.Errorf("an agent gets %s", got)
		}
	}
	if n := looks.Load(); n != 2 {
		t.Errorf("%d looks at two connections", n)
	}
}

func TestWhereNothingDependsOnItNoClientIsLookedUp(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*Endpoint{
		"no rules":                    {},
		"the system does not tell it": {Who: func(int) (agent.Asker, error) { t.Error("looked up"); return agent.Asker{}, nil }},
	} {
		if who, err := e.whoAsks(r, "laptop"); err != nil || who != (audit.Client{Name: "laptop"}) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// What sudo started below an agent does not show its connections, and a process that
// has ended is known no more.
func TestAClientThatIsNotShownIsAnAgentsIfAnAgentHasStartedSuchAProcess(t *testing.T) {
	e := &Endpoint{Who: func(pid int) (agent.Asker, error) {
		if pid == 2 {
			return agent.Asker{Name: "claude", Why: "process 7 is claude"}, nil
		}
		return agent.Asker{}, nil
	}}
	for _, tt := range []struct {
		h     loopback.Holders
		agent string
	}{
		{loopback.Holders{}, ""},
		{loopback.Holders{Closed: []int{1, 3}}, ""},
		{loopback.Holders{Closed: []int{1, 2}}, "claude"},
	} {
		if c, err := e.judge(tt.h); c.Agent != tt.agent || c.PID != 0 || err != nil || tt.agent != "" && !strings.HasPrefix(c.Seen, "process 7 is claude") {
			t.Errorf("%+v: %+v, %v", tt.h, c, err)
		}
	}
	if c, err := e.judge(loopback.Holders{PIDs: []int{1 << 30}}); runtime.GOOS == "linux" && (err == nil || c.PID != 0) {
		t.Errorf("a process that has ended is %+v", c)
	}
}

// TestAClientThatCannotBeToldForLackOfFilesAsksAgain: a client that may open many
// connections could hide behind them.
func TestAClientThatCannotBeToldForLackOfFilesAsksAgain(t *testing.T) {
	if !known(t) {
		return
	}
	looks := 0
	ask := told(t, func(int) (agent.Asker, error) {
		if looks++; looks == 1 {
			return agent.Asker{}, syscall.EMFILE
		}
		return agent.Asker{Name: "claude", Why: "CLAUDECODE is set"}, nil
	})
	c := &http.Client{Transport: new(http.Transport)}
	defer c.CloseIdleConnections()
	if got := ask(c); strings.Contains(got, "AKID") || !strings.Contains(got, "cannot tell which process asks") {
		t.Errorf("what cannot be told gets %s", got)
	}
	if got := ask(c); !strings.Contains(got, `"agent=claude`) {
		t.Errorf("then it gets %s", got)
	}
	e := &Endpoint{Who: func(int) (agent.Asker, error) { return agent.Asker{}, syscall.EMFILE }}
	if c, err := e.judge(loopback.Holders{Closed: []int{1}}); err == nil {
		t.Errorf("what does not show its connections is %+v", c)
	}
}

// A process can make those wait who read its environment.
func TestAClientThatCannotBeToldInTimeGetsNothingAndDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		e := &Endpoint{Who: func(pid int) (agent.Asker, error) {
			if pid == 1 {
				<-hang
			}
			return agent.Asker{}, nil
		}}
		for range mostJudges {
			go e.inTime(t.Context(), loopback.Holders{Closed: []int{1}})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), lookTime)
		defer cancel()
		if _, err := e.inTime(ctx, loopback.Holders{Closed: []int{2}}); err != context.DeadlineExceeded {
			t.Errorf("one more than there is room for: %v", err)
		}
		close(hang)
		if _, err := e.inTime(t.Context(), loopback.Holders{Closed: []int{2}}); err != nil {
			t.Error(err)
		}
	})
}
