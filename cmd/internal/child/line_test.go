package child

import (
	"strings"
	"testing"
)

// A command that prints without end is not to fill the memory until it is ended.
func TestOnlyTheBeginningOfAnOutputIsKept(t *testing.T) {
	var h head
	for range 100 {
		if n, err := h.Write([]byte(strings.Repeat("x", 9999))); n != 9999 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(h.text) != mostOfHead {
		t.Errorf("%d bytes", len(h.text))
	}
}
