package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A row of the page says which test runs it, or that none does.
func TestThePageOfProgramsNamesTestsThatAreThere(t *testing.T) {
	page, err := os.ReadFile("../../docs/works-with.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 3 || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| program ") {
			continue
		}
		rows++
		if len(cells) != 9 {
			t.Errorf("%d cells: %s", len(cells)-2, line)
			continue
		}
		by := strings.TrimSpace(cells[7])
		names := regexp.MustCompile(`Test\w+`).FindAllString(by, -1)
		if len(names) == 0 && by != "once" && by != "not run" {
			t.Errorf("nothing says how it is known: %s", line)
		}
		for _, name := range names {
			if !strings.Contains(all.String(), "\nfunc "+name+"(t *testing.T)") {
				t.Errorf("there is no %s", name)
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows", rows)
	}
}
