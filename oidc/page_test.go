package oidc

import (
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/printable"
)

func TestAPageShowsNothingThatABrowserHides(t *testing.T) {
	var text strings.Builder
	p := page{program: "p\u202e", title: "<t>\u2066\x1b\u009b", detail: "d\u200e\x00", text: "x\u2028", good: true}
	if err := p.write(&text); err != nil {
		t.Fatal(err)
	}
	for _, r := range text.String() {
		if r != '\n' && !printable.Is(r) {
			t.Errorf("there is %q in it", r)
		}
	}
	if !strings.Contains(text.String(), "<title>&lt;t&gt;</title>") {
		t.Errorf("the title is in\n%.600s", text.String())
	}
}
