package cmd

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/cmd/internal/status"
)

func TestASlowKeychainIsAskedOnceForAll(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.want(0, "", "login", "corp")
		d.keyCache = "" // where the first to read the key leaves it for the others
		defer d.want(0, "", "logout", "--all")
		reads := d.crowd(40)
		// The key, and the tokens.
		if reads > 2 {
			d.Errorf("%d reads of the keychain", reads)
		}
		if status.KernelWorks() {
			d.want(0, "", "keyring", "lock")
			if reads = d.crowd(40); reads != 1 { // the key, to open what is stored
				d.Errorf("%d reads of the keychain", reads)
			}
		}
		counts := d.idc.Counts()
		if counts["GetRoleCredentials"] != 1 || counts["StartDeviceAuthorization"] != 1 {
			d.Errorf("%v", counts)
		}
	})
}

// crowd runs n processes at once before a slow keychain, and counts its reads.
func (d *desk) crowd(n int) (reads int32) {
	d.keyring.be(20*time.Second, nil)
	defer func() { d.keyring.be(0, nil) }()
	before := d.keyring.gets.Load()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			var stdout, stderr bytes.Buffer
			if status := d.runInto(&stdout, &stderr, "process", "--profile", "modern"); status != 0 || stdout.Len() == 0 {
				d.Errorf("exit status %d\n%s", status, &stderr)
			}
		})
	}
	<-time.After(10 * time.Second)
	// Meanwhile status waits for no keychain, and says who does.
	var stdout, stderr bytes.Buffer
	asked, gets := time.Now(), d.keyring.gets.Load()
	if status := d.runInto(&stdout, &stderr, "status", "corp"); status != 0 || stderr.Len() > 0 || d.keyring.gets.Load() != gets || time.Since(asked) > time.Second ||
		!strings.Contains(stdout.String(), "signed in, ") || strings.Contains(stdout.String(), "failure") {
		d.Errorf("status: exit status %d after %v, %d reads\n%s%s", status, time.Since(asked), d.keyring.gets.Load()-gets, &stdout, &stderr)
	}
	all.Wait()
	return d.keyring.gets.Load() - before
}
