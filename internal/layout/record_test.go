package layout_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/layout"
)

const document = `{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"a/b+c<d>&e","SessionToken":"to/ken==","Expiration":"2030-06-01T12:00:00Z","AccountId":"111111111111"}` + "\n"

func TestARecordGivesBackWhatWasPutIn(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	want := layout.Times{Fetched: at(1767225600), Stale: at(1767228300), End: at(1767229200), Life: 2 * time.Hour}
	data := layout.JoinRecord(want, []byte(document))
	if string(data) != "1767225600 1767228300 1767229200 7200\n"+document {
		t.Errorf("%q", data)
	}
	times, got, err := layout.SplitRecord(data)
	if err != nil || times != want || string(got) != document {
		t.Errorf("%v and %q, %v", times, got, err)
	}
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	for _, data := range []string{"", "\n", "1 2", "1 2\n", "1 2 3 4 5\n", "1  2 3\n", " 1 2 3\n", "1 2 3 \n", "x 2 3\n", "1 2 3x\n", "99999999999999999999 2 3\n"} {
		if times, _, err := layout.SplitRecord([]byte(data)); err == nil {
			t.Errorf("%q is a record of %v", data, times)
		}
	}
}

func TestARecordWithoutALifeIsRead(t *testing.T) {
	times, got, err := layout.SplitRecord([]byte("1767225600 1767228300 1767229200\n" + document))
	if err != nil || times.Life != time.Hour || string(got) != document {
		t.Errorf("%v and %q, %v", times, got, err)
	}
}

func TestARecordIsJudgedByItsTimes(t *testing.T) {
	noon := time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)
	times := layout.Times{Fetched: noon, Stale: noon.Add(45 * time.Minute), End: noon.Add(time.Hour)}
	for _, tt := range []struct {
		name        string
		now, since  time.Duration // after noon
		minValidity time.Duration
		want        layout.Freshness
	}{
		{"new", 0, 0, 0, layout.Fresh},
		{"not yet stale", 45*time.Minute - 1, 45*time.Minute - 1, 0, layout.Fresh},
		{"stale", 45 * time.Minute, 45 * time.Minute, 0, layout.Stale},
		{"stale, fetched while I waited", 46 * time.Minute, 0, 0, layout.Fresh},
		{"fetched in the second I came", 46 * time.Minute, time.Second - 1, 0, layout.Fresh},
		{"to the end", time.Hour - 1, time.Hour - 1, 0, layout.Stale},
		{"ended", time.Hour, time.Hour, 0, layout.Useless},
		{"ended while I waited", time.Hour, 0, 0, layout.Useless},
		{"the clock was set back", -time.Second, -time.Second, 0, layout.Useless},
		{"more wanted than there is", 31 * time.Second, 31 * time.Second, time.Hour, layout.Stale},
		{"more wanted, but just fetched", 30*time.Second - 1, 30*time.Second - 1, 2 * time.Hour, layout.Fresh},
		{"less wanted", 50 * time.Minute, 50 * time.Minute, 9 * time.Minute, layout.Fresh},
	} {
		if got := times.Judge(noon.Add(tt.now), noon.Add(tt.since), tt.minValidity); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPrintedKnowsOurDocumentAndNoOther(t *testing.T) {
	for _, text := range []string{
		document,
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S"}` + "\n",
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","AccountId":"1"}` + "\n",
	} {
		if !isPrinted(text) {
			t.Errorf("not known: %s", text)
		}
	}
	for _, text := range []string{
		"", "{}\n", `{"Version":2,"AccessKeyId":"A","SecretAccessKey":"S"}` + "\n",
		`{"Version":1,"AccessKeyId":"","SecretAccessKey":"S"}` + "\n",
		`{"Version":1,"AccessKeyId":"A"}` + "\n",
		`{"Version":1,"SecretAccessKey":"S","AccessKeyId":"A"}` + "\n",
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S"}`,
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S"}` + "\n\n",
		`{"Version":1, "AccessKeyId":"A","SecretAccessKey":"S"}` + "\n",
		`{"Version":1,"AccessKeyId":"A\u0041","SecretAccessKey":"S"}` + "\n",
		`{"Version":1,"AccessKeyId":"Ä","SecretAccessKey":"S"}` + "\n",
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"2030-06-01T12:00:00.5Z"}` + "\n",
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"2030-06-01T12:00:00+01:00"}` + "\n",
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"soon"}` + "\n",
		`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Region":"x"}` + "\n",
		`{"Version":1,"AccessKeyId":"A`, `{"Version":1,"AccessKeyId":"`,
	} {
		if isPrinted(text) {
			t.Errorf("known: %s", text)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("1767225600 1767228300 1767229200\n" + document))
	f.Add([]byte("1767225600 1767228300 1767229200 7200\n" + document))
	f.Add([]byte("1 2 3"))
	f.Add([]byte("-1 +2 03\n"))
	f.Add([]byte("0 0 0 20000000000\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		times, text, err := layout.SplitRecord(data)
		if err != nil {
			return
		}
		if times.Life < 0 {
			t.Errorf("a life of %v", times.Life)
		}
		times2, text2, err := layout.SplitRecord(layout.JoinRecord(times, text))
		if err != nil || times2 != times || !bytes.Equal(text2, text) {
			t.Errorf("%v and %q became %v and %q, %v", times, text, times2, text2, err)
		}
	})
}

func isPrinted(document string) bool {
	_, ok := layout.ReadDocument([]byte(document))
	return ok
}
