package environ

import (
	"slices"
	"testing"
)

func TestTheEnvironmentOfMacOSIsAfterTheArguments(t *testing.T) {
	for text, want := range map[string][]string{
		"\x02\x00\x00\x00/bin/sh\x00\x00\x00\x00sh\x00-c\x00HOME=/\x00A=\x00\x00stack=\x00": {"HOME=/", "A="},
		"\x03\x00\x00\x00/bin/sh\x00sh\x00\x00x\x00A=1\x00":                                 {"A=1"}, // an argument is empty
		"\x01\x00\x00\x00/bin/sh\x00sh\x00A=1":                                              {"A=1"}, // cut off
		"\x00\x00\x00\x00/bin/sh\x00\x00A=1\x00":                                            {"A=1"},
		"\x01\x00\x00\x00/bin/sh\x00sh\x00\x00":                                             nil, // it is not told
		"\xff\xff\xff\x7f/bin/sh\x00sh\x00A=1\x00":                                          nil,
		"\xff\xff\xff\xff": nil,
		"\x01\x00":         nil,
		"":                 nil,
	} {
		if got := afterArguments([]byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
