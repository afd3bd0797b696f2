package tokencache

import (
	"context"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/tokencache/keyring"
)

// osRing is a keyring whose sealing key the kernel keeps for an hour.
type osRing struct{ keyring.Memory }

func (*osRing) Name() string { return "os" }

func TestUnderTheKeysLockNobodyQueuesForTheKey(t *testing.T) {
	c := newCupboard(t)
	c.keyring = new(osRing)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	under, release, err := c.holdKey(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	defer c.forgetKey()
	if err := c.writeIndex(&index{Keyring: "os", StartURL: "https://idc.example/start", Key: c.keys.Load().ID()}); err != nil {
		t.Fatal(err)
	}
	// The first in the queue waits for the key's lock.
	_, leave, err := flight.Lock(ctx, c.locks(), flight.KeyQueue(), "read the sealing key")
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	c.forgetKey() // as after a record that another key has sealed
	if _, err := c.sealingKey(under, false); err != nil {
		t.Error(err)
	}
}
