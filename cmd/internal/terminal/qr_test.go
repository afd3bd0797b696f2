package terminal

import (
	"strings"
	"testing"

	"rsc.io/qr"
)

// TestTheQRCodeIsDrawnAsItIs reads the drawing back, module by module.
func TestTheQRCodeIsDrawnAsItIs(t *testing.T) {
	const page = "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH"
	code, err := qr.Encode(page, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	for _, colors := range []bool{true, false} {
		shown, size, err := qrCode(page, colors)
		if err != nil || size != code.Size+2*margin {
			t.Fatalf("%d, %v", size, err)
		}
		drawn := strings.NewReplacer("\x1b[38;2;0;0;0;48;2;255;255;255m", "", "\x1b[0m", "").Replace(string(shown))
		for row, line := range strings.Split(strings.TrimSuffix(drawn, "\n"), "\n") {
			for column, r := range []rune(line) {
				upper, lower := r == '█' || r == '▀', r == '█' || r == '▄'
				if !colors {
					upper, lower = !upper, !lower
				}
				x, y := column-margin, 2*row-margin
				if upper != code.Black(x, y) || lower != code.Black(x, y+1) {
					t.Fatalf("with colors %v: module %d,%d is wrong", colors, x, y)
				}
			}
		}
	}
	if _, _, err := qrCode(strings.Repeat("x", 5000), true); err == nil {
		t.Error("an address without end is drawn")
	}
}
