package oidc

import (
	"html"
	"io"
	"strings"

	"github.com/credproc/credproc/internal/printable"
)

// page is what a browser shows at the end. It has no script, and loads nothing.
type page struct {
	program string // who speaks
	title   string
	detail  string // what went wrong; may be ""
	text    string // what to do
	good    bool
}

func (p page) write(w io.Writer) error {
	mark, class := "!", "bad"
	if p.good {
		mark, class = "✓", "good"
	}
	detail := ""
	if p.detail != "" {
		detail = `<p class="detail">` + escaped(p.detail) + "</p>\n"
	}
	_, err := strings.NewReplacer(
		"{title}", escaped(p.title), "{program}", escaped(p.program), "{detail}", detail,
		"{text}", escaped(p.text), "{mark}", mark, "{class}", class,
	).WriteString(w, pageText)
	return err
}

// escaped is text for the page, which may come from elsewhere.
func escaped(text string) string { return html.EscapeString(printable.Line(text)) }

const pageText = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {
  color-scheme: light dark;
  --paper: #fbfbf9; --ink: #1d1f23; --soft: #5b6068; --line: #e1e2de; --good: #1a7f4b; --bad: #b3411e;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --ink: #eceef0; --soft: #a4abb4; --line: #2c3036; --good: #54c58a; --bad: #f08c68; }
}
* { box-sizing: border-box; margin: 0 }
body {
  min-height: 100vh; padding: 2rem; background: var(--paper); color: var(--ink);
  display: grid; grid-template-rows: 2fr auto 3fr; justify-items: center;
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
main { grid-row: 2; width: 100%; max-width: 34rem; display: grid; grid-template-columns: auto 1fr; column-gap: 1.25rem }
.mark {
  width: 2.75rem; height: 2.75rem; border-radius: 50%; border: 2px solid currentColor;
  display: grid; place-content: center; font-size: 1.375rem; font-weight: 600; line-height: 1;
}
.good { color: var(--good) }
.bad { color: var(--bad) }
h1 { font-size: 1.625rem; font-weight: 600; line-height: 1.3; letter-spacing: -0.01em; padding-top: 0.2rem; overflow-wrap: anywhere }
p { margin-top: 0.75rem; overflow-wrap: anywhere }
.detail { border-left: 3px solid var(--bad); padding-left: 0.875rem }
footer { margin-top: 1.75rem; padding-top: 0.875rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.875rem }
</style>
</head>
<body>
<main>
<div class="mark {class}" aria-hidden="true">{mark}</div>
<div>
<h1>{title}</h1>
{detail}<p>{text}</p>
<footer>{program}, on this computer</footer>
</div>
</main>
</body>
</html>
`
