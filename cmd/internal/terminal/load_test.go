package terminal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatComesLaterIsShownAndMovesNoCursor(t *testing.T) {
	p := newPicker(Menu{Choices: accountsToPick(30), Query: "team", Load: func(context.Context, func(News)) {}})
	p.plain, p.width, p.height = true, 60, 10
	pressAll(p, "pgdown", "down", "down", "down")
	was := shown(p)
	row := slices.IndexFunc(was, func(line string) bool { return strings.HasPrefix(line, "> ") })
	p.inbox.put(News{Choices: []Choice{{"a team", "1"}}, Note: "1 of 3 accounts"})
	p.inbox.put(News{Choices: []Choice{{"team b", "2"}}, Note: "2 of 3 accounts, 1s left"})
	p.receive()
	p.receive() // the news are taken once
	got := shown(p)
	if got[row] != was[row] || got[1] != "  32 of 32, 2 of 3 accounts, 1s left" {
		t.Errorf("shown are\n%s\nbefore\n%s", strings.Join(got, "\n"), strings.Join(was, "\n"))
	}
	pressAll(p, "ctrl-u", "b", " ", "2")
	if names := takenBy(p); names[0] != "team b" {
		t.Errorf("taken is %q", names)
	}
	p.inbox.end()
	p.receive()
	if got := p.summary(); !strings.Contains(string(got), "accounts") || !p.loaded {
		t.Errorf("at the end: %q, loaded %v", got, p.loaded)
	}
}

func TestACursorThatWasNotMovedIsOnTheBestMatch(t *testing.T) {
	p := newPicker(Menu{Choices: []Choice{{"a 0b1", ""}}, Query: "01", Load: func(context.Context, func(News)) {}})
	p.inbox.put(News{Choices: []Choice{{"b 01", ""}}})
	p.receive()
	if got := takenBy(p); got[0] != "b 01" {
		t.Errorf("the cursor is on %q", got)
	}
	p.press("down")
	p.inbox.put(News{Choices: []Choice{{"01", ""}}})
	p.receive()
	p.inbox.put(News{Choices: []Choice{{"01 01", ""}}})
	p.receive()
	if got := takenBy(p); got[0] != "a 0b1" {
		t.Errorf("after it was moved, the cursor is on %q", got)
	}
}

func TestWhatIsMarkedStaysMarkedWhenMoreComes(t *testing.T) {
	p := newPicker(Menu{Choices: accountsToPick(3), Many: true, Load: func(context.Context, func(News)) {}})
	pressAll(p, "down", "tab")
	p.inbox.put(News{Choices: accountsToPick(2)})
	p.receive()
	if got := takenBy(p); !slices.Equal(got, []string{"team-1-prod"}) || len(p.matches) != 5 {
		t.Errorf("marked are %q of %d", got, len(p.matches))
	}
}

func TestAnEmptyListSaysThatMoreMayCome(t *testing.T) {
	p := newPicker(Menu{Load: func(context.Context, func(News)) {}})
	p.plain = true
	if got := shown(p); got[2] != "  No match yet." || p.press("enter") != goOn {
		t.Errorf("shown are %q", got)
	}
}

func TestTheEndOfAMenuEndsItsLoading(t *testing.T) {
	p := newPicker(Menu{Load: func(ctx context.Context, add func(News)) {
		for i := range 1000 {
			add(News{Choices: []Choice{{Name: fmt.Sprint(i)}}})
		}
		<-ctx.Done()
	}})
	stop := p.load()
	stop()
	p.receive()
	if len(p.Choices) != 1000 || !p.loaded {
		t.Errorf("%d choices, loaded %v", len(p.Choices), p.loaded)
	}
}

func TestTheTimeLeftGoesByTheSlowerRate(t *testing.T) {
	now := time.Now()
	var p Pace
	for _, test := range []struct {
		done, all int
		rate      float64
		after     time.Duration
		want      string
	}{
		{0, 500, 20, 0, "0:25 left"},
		{100, 500, 20, 5 * time.Second, "0:20 left"},
		{100, 500, 20, time.Minute, "4:00 left"}, // as slow as so far
		{100, 500, 0, time.Minute, "4:00 left"},
		{400, 500, 1, time.Minute, "1:40 left"},
		{500, 500, 20, time.Hour, ""},
		{0, 0, 0, 0, ""},
	} {
		if got := Remaining(p.Left(test.done, test.all, test.rate, now.Add(test.after))); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
