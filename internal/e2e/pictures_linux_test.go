package e2e

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// The pictures in docs/images are made here, from screens and from a table: by
// scripts/pictures, which sets CREDPROC_PICTURES. Without it the tests only look
// whether the pictures are current.

// A theme is how things are colored: what GitHub calls light and dark.
type theme struct{ name, back, text, faint, red, green, yellow, blue, cyan string }

var themes = []theme{
	{"light", "#f6f8fa", "#1f2328", "#59636e", "#cf222e", "#116329", "#9a6700", "#0550ae", "#1b6a7a"},
	{"dark", "#151b23", "#e6edf3", "#9198a1", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#76e3ea"},
}

// color is that of an escape sequence.
func (th theme) color(code string) string {
	switch code {
	case "":
		return th.text
	case "31":
		return th.red
	case "32":
		return th.green
	case "33":
		return th.yellow
	case "34":
		return th.blue
	case "36":
		return th.cyan
	case "38;2;0;0;0", "48;2;0;0;0":
		return "#000000"
	case "38;2;255;255;255", "48;2;255;255;255":
		return "#ffffff"
	}
	return code // which is none: no picture has it, and the XML shows it
}

const (
	cellWidth, cellHeight = 8.4, 18.0
	margin                = 14.0
)

// A drawing is an SVG image under way.
type drawing struct {
	strings.Builder
	theme
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// length is a number without needless digits.
func length(f float64) string { return strconv.FormatFloat(f, 'f', -1, 32) }

func (d *drawing) start(width, height float64, title string) {
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" role="img">`, length(width), length(height))
	d.add("<title>%s</title>", escaped(title))
	d.add(`<rect width="100%%" height="100%%" rx="8" fill="%s"/>`, d.back)
}

func escaped(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text))
	return b.String()
}

// drawScreen draws the lines of a terminal.
func drawScreen(th theme, title string, lines [][]cell) string {
	d := &drawing{theme: th}
	width := 0
	for _, line := range lines {
		width = max(width, len(trimmed(line)))
	}
	d.start(max(60, float64(width))*cellWidth+2*margin, float64(len(lines))*cellHeight+2*margin, title)
	d.add(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" fill="%s">`, th.text)
	for row, line := range lines {
		line = trimmed(line)
		for from := 0; from < len(line); {
			to := from + 1
			for to < len(line) && line[to].style == line[from].style && isBlock(line[to].letter) == isBlock(line[from].letter) {
				to++
			}
			d.run(from, row, line[from:to])
			from = to
		}
	}
	d.WriteString("</g>\n</svg>\n")
	return d.String()
}

func isBlock(r rune) bool { return strings.ContainsRune("█▀▄", r) }

func trimmed(line []cell) []cell {
	for len(line) > 0 && (line[len(line)-1].letter == 0 || line[len(line)-1].letter == ' ') && line[len(line)-1].back == "" {
		line = line[:len(line)-1]
	}
	return line
}

// run draws cells of one style.
func (d *drawing) run(column, row int, cells []cell) {
	x, y := margin+float64(column)*cellWidth, margin+float64(row)*cellHeight
	s := cells[0].style
	if s.back != "" {
		d.rect(x, y, float64(len(cells))*cellWidth, cellHeight, d.color(s.back))
	}
	var text strings.Builder
	for i, c := range cells {
		switch {
		case isBlock(c.letter) && i > 0 && cells[i-1].letter == c.letter:
		case isBlock(c.letter):
			same := 1
			for i+same < len(cells) && cells[i+same].letter == c.letter {
				same++
			}
			top, height := y, cellHeight/2
			if c.letter == '█' {
				height = cellHeight
			} else if c.letter == '▄' {
				top += height
			}
			d.rect(x+float64(i)*cellWidth, top, float64(same)*cellWidth, height, d.color(s.color))
		case c.letter == 0:
			text.WriteRune(' ')
		default:
			text.WriteRune(c.letter)
		}
	}
	said := strings.TrimLeft(text.String(), " ")
	indent := text.Len() - len(said)
	said = strings.TrimRight(said, " ")
	if said == "" {
		return
	}
	attributes := ""
	if s.faint {
		attributes += fmt.Sprintf(` fill="%s"`, d.faint)
	} else if s.color != "" {
		attributes += fmt.Sprintf(` fill="%s"`, d.color(s.color))
	}
	if s.bold {
		attributes += ` font-weight="bold"`
	}
	if s.underline {
		attributes += ` text-decoration="underline"`
	}
	d.add(`<text x="%s" y="%s" textLength="%s"%s>%s</text>`, length(x+float64(indent)*cellWidth), length(y+13), length(float64(utf8.RuneCountInString(said))*cellWidth), attributes,
		strings.ReplaceAll(escaped(said), " ", "\u00a0")) // or browsers would join spaces
}

func (d *drawing) rect(x, y, width, height float64, fill string) {
	d.add(`<rect x="%s" y="%s" width="%s" height="%s" fill="%s" shape-rendering="crispEdges"/>`, length(x), length(y), length(width), length(height), fill)
}

// textOf is what an image says, line by line; "" if it is not XML.
func textOf(image string) string {
	var said strings.Builder
	decoder := xml.NewDecoder(strings.NewReader(image))
	line, inText := "", false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return said.String()
		} else if err != nil {
			return ""
		}
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
			for _, a := range token.Attr {
				if inText && a.Name.Local == "y" && a.Value != line {
					line = a.Value
					said.WriteString("\n")
				}
			}
		case xml.CharData:
			if inText {
				said.WriteString(strings.ReplaceAll(string(token), "\u00a0", " ") + " ")
			}
		}
	}
}

// current compares an image with the one in docs/images, or writes it there if it is
// asked to. Codes and times do not count.
func current(t *testing.T, name, image string, same func(a, b string) bool) {
	t.Helper()
	dir := filepath.Join("..", "..", "docs", "images")
	if os.Getenv("CREDPROC_PICTURES") == "1" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(image), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if !same(string(old), image) {
		t.Errorf("docs/images/%s is not current: run scripts/pictures. It says\n%s\nand the screen is\n%s", name, textOf(string(old)), textOf(image))
	}
}

func saySame(a, b string) bool {
	lines := func(image string) (all []string) {
		for line := range strings.Lines(textOf(image)) {
			all = append(all, steady(regexp.MustCompile(`\d+`).ReplaceAllString(steady(line), "0")))
		}
		slices.Sort(all) // roles that fit a query alike have no order
		return all
	}
	return slices.Equal(lines(a), lines(b))
}

// A scene is a screen that is shown in the docs.
type scene struct {
	name, title   string
	width, height int
	setting       func(m *machine) *machine // nil: as it is
	keys          [][2]string               // as in typed
	until         string                    // what is shown when all is there
}

var scenes = []scene{
	{"first-run", "credproc configure, aws, credproc status", 120, 26, newcomer, [][2]string{
		{"$", "credproc configure\r"},
		{"Start URL", "https://d-1234567890.awsapps.com/start\r"},
		{"region", "eu-west-1\r"},
		{"Name of the session", "corp\r"},
		{"Tab to mark", "\x01\r"},
		{"[Y/n", "y\r"},
		{"--profile Billing/Admin\n$", "aws sts get-caller-identity --profile Production/Admin --query Arn --output text\r"},
		{"user@idc.example\n$", "credproc status\r"},
	}, "until"},
	{"picker", "The list of roles of credproc use", 80, 12, func(m *machine) *machine {
		m.must(binary, "list", "corp") // or the order would be that in which they come
		return m
	}, [][2]string{
		{"$", "clear; credproc use\r"}, {"of 14", "adm 33"},
	}, "Which role? adm 33"},
	{"status", "credproc status", 80, 30, func(m *machine) *machine {
		m.must(binary, "process", "--profile", "dev")
		m.must(binary, "process", "--profile", "lake-admin")
		return m
	}, [][2]string{{"$", "credproc status\r"}}, "lab   not signed in"},
	{"doctor", "credproc doctor", 100, 60, func(m *machine) *machine {
		m.must(binary, "logout", "--all")
		m.write(".aws/config", m.session("corp")+"\n[profile dev]\ncredential_process = credproc process --sso-session corp --account-id "+account+
			" --role-name Admin\nsso_session = corp\nsso_account_id = "+account+"\nsso_role_name = Admin\nregion = eu-west-1\n")
		for _, name := range []string{"AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL_STS"} {
			delete(m.env, name) // or it would say something about each
		}
		m.program("firefox", "exit 0")
		// With the tools of the machine that tests in PATH it would speak of them.
		return m.with("AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=none", "PATH="+filepath.Join(m.home, "bin"))
	}, [][2]string{{"$", "credproc doctor --offline\r"}}, "1 warning."},
	{"sign-in-code", "credproc login with a code", 90, 40, func(m *machine) *machine {
		m.must(binary, "logout", "--all")
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = false })
		return m
	}, [][2]string{{"$", "credproc login corp --qr\r"}}, "Ctrl-C gives up."},
}

// moreAccounts makes the pictures look like a company.
func moreAccounts(s *idctest.Server) {
	for i, name := range []string{"Billing", "Logs", "Network", "Staging"} {
		s.Accounts = append(s.Accounts, idctest.Account{ID: fmt.Sprintf("44444444%04d", 330+i), Name: name, Email: strings.ToLower(name) + "@idc.example", Roles: []string{"Admin", "ReadOnly"}})
	}
}

// newcomer has configured nothing yet.
func newcomer(m *machine) *machine {
	m.must(binary, "logout", "--all")
	nothing(m)
	delete(m.env, "CI")
	return m.with("CREDPROC_FLOW=device")
}

func TestThePicturesShowWhatTheProgramShows(t *testing.T) {
	t.Parallel()
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m := readerOf(t, "")
			if m.chain == nil {
				notRun(t, "the pictures", "there is no keychain, which they show")
				return
			}
			m.server.Set(moreAccounts)
			if s.setting != nil {
				m = s.setting(m)
			}
			m.write(".bashrc", "PS1='$ '\nunset HISTFILE\neval \"$(credproc shell-init bash)\"\n")
			c := m.onConsole(s.width, s.height, "bash", "--noprofile", "--rcfile", filepath.Join(m.home, ".bashrc"), "-i")
			c.short = strings.NewReplacer(binary, "/usr/local/bin/credproc", m.home, "~", m.url, "https://d-1234567890.awsapps.com")
			for _, k := range s.keys {
				c.types(k[0], k[1])
			}
			c.types(s.until, "")
			lines := c.cells()
			c.command.Process.Kill()
			for _, th := range themes {
				current(t, s.name+"-"+th.name+".svg", drawScreen(th, s.title, lines), saySame)
			}
		})
	}
}

// cells are what is shown, without the prompt that waits, and with short names.
func (c *console) cells() (lines [][]cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		lines = append(lines, c.shortened(slices.Clone(line)))
	}
	for len(lines) > 0 {
		last := trimmed(lines[len(lines)-1])
		if len(last) > 1 || len(last) == 1 && last[0].letter != '$' {
			break
		}
		lines = lines[:len(lines)-1]
	}
	return lines
}

// shortened puts what short says in place of names that are of this test alone. What
// comes in the place has the style of what was there.
func (c *console) shortened(line []cell) []cell {
	var text strings.Builder
	for _, cell := range line {
		if cell.letter == 0 {
			cell.letter = ' '
		}
		text.WriteRune(cell.letter)
	}
	was, is := []rune(text.String()), []rune(c.short.Replace(text.String()))
	if string(was) == string(is) {
		return line
	}
	same := 0
	for same < len(is) && same < len(was) && was[same] == is[same] {
		same++
	}
	short := slices.Clone(line[:same])
	for _, r := range is[same:] {
		short = append(short, cell{r, line[same].style})
	}
	return short
}

// A tally is what a tool did in the table: the least and the most of several runs.
type tally struct {
	tool, then                         string
	refreshes, fetches, failed, signIn [2]int
	words                              []string
}

// tallies reads the first table of docs/comparison.md.
func tallies(t *testing.T) (all []tally) {
	t.Helper()
	_, table, _ := strings.Cut(pages(t)["docs/comparison.md"], "| tool | refreshes | fetches | failed processes | sign-ins started | then |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if i == 0 {
			continue
		}
		words := strings.Split(strings.Trim(line, "| "), " | ")
		if len(words) != 6 {
			t.Fatalf("a line of the table: %q", line)
		}
		row := tally{tool: words[0], then: words[5], words: words}
		for i, into := range []*[2]int{&row.refreshes, &row.fetches, &row.failed, &row.signIn} {
			least, most, isRange := strings.Cut(words[i+1], "–")
			if !isRange {
				most = least
			}
			var err, err2 error
			into[0], err = strconv.Atoi(least)
			into[1], err2 = strconv.Atoi(most)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, row)
	}
	return all
}

// drawTallies draws a row of twenty processes for each tool.
func drawTallies(th theme, all []tally) string {
	const (
		rowHeight, top, left, size, gap = 40.0, 78.0, 210.0, 14.0, 4.0
		width                           = 890.0
	)
	d := &drawing{theme: th}
	d.start(width, top+rowHeight*float64(len(all))+44, "Twenty processes at once with each tool, as in the table of docs/comparison.md")
	d.add(`<g font-family="system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif" font-size="14" fill="%s">`, th.text)
	d.add(`<text x="%s" y="32" font-size="16" font-weight="bold">20 processes ask at once; the access token has just expired</text>`, length(margin))
	d.add(`<text x="%s" y="54" fill="%s">One square is one process. Refresh tokens that work once.</text>`, length(margin), th.faint)
	for i, row := range all {
		y := top + rowHeight*float64(i)
		weight := ""
		if i == 0 {
			weight = ` font-weight="bold"`
		}
		d.add(`<text x="%s" y="%s"%s>%s</text>`, length(margin), length(y+12), weight, escaped(row.tool))
		for n := range 20 {
			fill, opacity := th.green, 1.0
			switch {
			case n < row.failed[0]:
				fill = th.red
			case n < row.failed[1]:
				fill, opacity = th.red, 0.45
			case n < row.signIn[0]:
				fill = th.yellow
			}
			d.add(`<rect x="%s" y="%s" width="%s" height="%s" rx="2" fill="%s" fill-opacity="%s"/>`,
				length(left+float64(n)*(size+gap)), length(y), length(size), length(size), fill, length(opacity))
		}
		d.add(`<text x="%s" y="%s"%s>%s</text>`, length(left+20*(size+gap)+12), length(y+12), weight, escaped(inWords(row)))
	}
	y, x := top+rowHeight*float64(len(all))+18, margin
	for _, key := range []struct {
		fill, text string
		opacity    float64
	}{{th.green, "got credentials", 1}, {th.red, "failed", 1}, {th.red, "failed in some runs", 0.45}, {th.yellow, "started a sign-in of its own", 1}} {
		d.add(`<rect x="%s" y="%s" width="%s" height="%s" rx="2" fill="%s" fill-opacity="%s"/>`, length(x), length(y-12), length(size), length(size), key.fill, length(key.opacity))
		d.add(`<text x="%s" y="%s" fill="%s">%s</text>`, length(x+20), length(y), th.faint, key.text)
		x += 44 + 7.2*float64(utf8.RuneCountInString(key.text))
	}
	d.WriteString("</g>\n</svg>\n")
	return d.String()
}

// inWords is what a tool sent to the service, and what is left.
func inWords(row tally) string {
	count := func(n [2]int, words, one, many string) string {
		if n[1] == 1 {
			return words + " " + one
		}
		return words + " " + many
	}
	text := count(row.refreshes, row.words[1], "refresh", "refreshes") + ", " + count(row.fetches, row.words[2], "fetch", "fetches")
	if row.signIn[1] > 0 {
		text = count(row.signIn, row.words[4], "sign-in", "sign-ins") + ", " + count(row.fetches, row.words[2], "fetch", "fetches")
	}
	if row.then != "works" {
		text += "; " + row.then
	}
	return text
}

func TestTheChartIsThatOfTheTable(t *testing.T) {
	t.Parallel()
	all := tallies(t)
	if len(all) != 5 || all[1].failed != [2]int{10, 13} {
		t.Errorf("the table says %+v", all)
	}
	for _, th := range themes {
		current(t, "twenty-"+th.name+".svg", drawTallies(th, all), func(a, b string) bool { return a == b })
	}
}
