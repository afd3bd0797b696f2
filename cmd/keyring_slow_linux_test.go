package cmd

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

func TestASlowKeychainIsAskedOnceForAll(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.want(0, "", "login", "corp")
		d.keyCache = "" // where the first to read the key leaves it for the others
		defer d.want(0, "", "logout", "--all")
		d.keyring.delay = 20 * time.Second
		before := d.keyring.gets.Load()
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				var stdout, stderr bytes.Buffer
				if status := d.runInto(&stdout, &stderr, "process", "--profile", "modern"); status != 0 || stdout.Len() == 0 {
					d.Errorf("exit status %d\n%s", status, &stderr)
				}
			})
		}
		all.Wait()
		d.keyring.delay = 0
		// The key, and the tokens.
		if gets := d.keyring.gets.Load() - before; gets > 2 {
			d.Errorf("%d reads of the keychain", gets)
		}
		counts := d.idc.Counts()
		if counts["GetRoleCredentials"] != 1 || counts["StartDeviceAuthorization"] != 1 {
			d.Errorf("%v", counts)
		}
	})
}
