package match

import (
	"fmt"
	"slices"
	"testing"
)

func TestAQueryFindsWhatHasAllOfItsWords(t *testing.T) {
	text := "Production/Admin  Admin  111111110003 Production  ops@corp.example"
	for query, want := range map[string]bool{
		"": true, "adm": true, "adm 0003": true, "0003 ADM": true, "ops@ prod": true, "11111111": true,
		"adm 0004": false, "nimda": false, "pn": false, // letters apart are for the picker
	} {
		if Words(query).In(text) != want {
			t.Errorf("%q: %v", query, !want)
		}
	}
	if !Words("ÖL", " größe").In("Größe des Öls") {
		t.Error("letters beyond ASCII have a case, too")
	}
}

func TestTheNearestHasTheFewestTypingErrors(t *testing.T) {
	texts := []string{
		"prod/Admin  Admin  111111110003 Production", "prod/ReadOnly  ReadOnly  111111110003 Production",
		"sandbox/Admin  Admin  222222220004 Sandbox", "dev  Developer  333333330005 Development", "本番  Admin  444444440006 Main",
	}
	for query, want := range map[string]int{
		"prdo/Admin":  0, // swapped
		"prod/Admn":   0, // missing
		"prod/RaedOn": 1,
		"sandboxx":    2, // one too many
		"sanbdox adm": 2,
		"220004":      2,
		"0007":        0, // the last digit of an ID, as good as any other
		"Devloper":    3,
		"本盤":          4,
		"":            0,
	} {
		if got := Words(query).Nearest(texts, 3); len(got) != 3 || got[0] != want {
			t.Errorf("%q: %v, want %v first", query, got, want)
		}
	}
	if got := Words("x").Nearest(texts[:1], 3); !slices.Equal(got, []int{0}) {
		t.Errorf("of one text: %v", got)
	}
	if got := Words("x").Nearest(nil, 3); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
}

func TestTheLastDigitsOfAnAccountCountMoreThanThoseInItsMiddle(t *testing.T) {
	rates := func(text string) int {
		score, ok := Words("0003").Rate(Fold(text))
		if !ok {
			t.Errorf("%q is not found", text)
		}
		return score
	}
	last := 1 << 20
	for _, text := range []string{"x 0003-Main", "Admin 111111110003 x", "Admin 111000311111", "Admin 110x0x0x3111"} {
		if now := rates(text); now >= last {
			t.Errorf("%q is rated %d, and the one before %d", text, now, last)
		} else {
			last = now
		}
	}
	if _, ok := Words("0003 x").Rate("111111110003"); ok {
		t.Error("one of the words is not there")
	}
}

func manyRoles() (texts []string) {
	for i := range 1700 {
		for _, role := range []string{"Admin", "ReadOnly", "PowerUserAccess"} {
			texts = append(texts, fmt.Sprintf("team-%04d/%s  %s  %012d team-%04d  team-%04d@corp.example", i, role, role, 100000000000+i, i, i))
		}
	}
	return texts
}

func BenchmarkFiveThousandRoles(b *testing.B) {
	texts := manyRoles()
	for name, find := range map[string]func(Query){
		"all":     func(q Query) { q.All(texts) },
		"nearest": func(q Query) { q.Nearest(texts, 3) },
		"rate": func(q Query) {
			for _, text := range texts {
				q.Rate(text)
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				find(Words("admn 0x03"))
			}
		})
	}
}
