package terminal

import "rsc.io/qr"

// margin is the border that a QR code needs (ISO/IEC 18004): readers do with less
// than its four modules, terminals have no room for them.
const margin = 2

// qrCode draws text with half blocks, two modules to a character: black on
// white where colors are to be had, and else as a dark terminal shows it.
func qrCode(text string, colors bool) (Prose, int, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", 0, err
	}
	var drawn []Prose
	for y := -margin; y < code.Size+margin; y += 2 {
		if colors {
			drawn = append(drawn, "\x1b[38;2;0;0;0;48;2;255;255;255m")
		}
		for x := -margin; x < code.Size+margin; x++ {
			// Outside of the code all is white.
			upper, lower := code.Black(x, y), code.Black(x, y+1)
			if !colors {
				upper, lower = !upper, !lower
			}
			drawn = append(drawn, halfBlock(upper, lower))
		}
		if colors {
			drawn = append(drawn, "\x1b[0m")
		}
		drawn = append(drawn, "\n")
	}
	return Join(drawn, ""), code.Size + 2*margin, nil
}

func halfBlock(upper, lower bool) Prose {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}

// ShowQR draws a page's address: where it is asked for, and by itself for
// a person on another machine whose terminal has room for it.
func (t *Terminal) ShowQR(page string, asked, remote bool) {
	terminal := Is(t.err)
	if !asked && !(remote && terminal) {
		return
	}
	drawn, size, err := qrCode(page, terminal && t.env("NO_COLOR") == "" && t.env("TERM") != "dumb")
	if err != nil {
		if asked {
			t.Say("No QR code: the address is too long for one.")
		}
		return
	}
	if width, height := t.Size(); !asked && (width < size || height < size/2+10) {
		return
	}
	t.Say("\n%s", drawn)
}

// Size is zero where stderr is no terminal.
func (t *Terminal) Size() (width, height int) { return t.screen().size() }
