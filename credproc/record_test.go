package credproc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/layout"
)

var noon = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

func stored(t *testing.T, now, date time.Time, c aws.Credentials) []byte {
	t.Helper()
	data, _, err := format(issued{c, now, date}, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func ending(at time.Time) aws.Credentials {
	return aws.Credentials{
		AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "a/b+c<d>&e", SessionToken: "to/ken", AccountID: "111111111111",
		CanExpire: true, Expires: at, Source: "credproc",
	}
}

func TestARecordGivesBackWhatWasPutIn(t *testing.T) {
	for _, want := range []aws.Credentials{
		ending(noon.Add(time.Hour)),
		{AccessKeyID: "ASIA", SecretAccessKey: "secret", CanExpire: true, Expires: noon.Add(time.Second), Source: "credproc"},
	} {
		data := stored(t, noon, noon, want)
		got, _, err := open(data)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		times, text, err := layout.SplitRecord(data)
		if err != nil || !times.Fetched.Equal(noon) || !times.End.Equal(want.Expires) {
			t.Errorf("times %v, error %v", times, err)
		}
		// What is served without more is the document itself.
		var w calls
		if err := Write(&w, want); err != nil || string(text) != w.got[0] {
			t.Errorf("document %q, want %q", text, w.got)
		}
	}
}

func TestCredentialsWithoutAnEndNeverExpire(t *testing.T) {
	got, _, err := open([]byte(`1 2 3` + "\n" + `{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"secret"}`))
	if err != nil || got.CanExpire || !got.Expires.IsZero() {
		t.Errorf("credentials %+v, error %v", got, err)
	}
}

func TestStaleIsAQuarterOfAnHourOrHalfOfALife(t *testing.T) {
	for _, tt := range []struct{ life, early time.Duration }{
		{12 * time.Hour, 15 * time.Minute},
		{time.Hour, 15 * time.Minute},
		{30 * time.Minute, 15 * time.Minute},
		{20 * time.Minute, 10 * time.Minute},
		{10 * time.Second, 5 * time.Second},
	} {
		times, _, err := layout.SplitRecord(stored(t, noon, noon, ending(noon.Add(tt.life))))
		if err != nil {
			t.Fatal(err)
		}
		if early := times.End.Sub(times.Stale); early != tt.early || !times.End.Equal(noon.Add(tt.life)) {
			t.Errorf("a life of %v is stale %v before its end, want %v", tt.life, early, tt.early)
		}
	}
}

func TestAWrongClockChangesNoLife(t *testing.T) {
	for _, wrong := range []time.Duration{-time.Hour, 0, time.Hour} {
		now := noon.Add(wrong) // by our clock; the service says noon
		data := stored(t, now, noon, ending(noon.Add(time.Hour)))
		times, _, err := layout.SplitRecord(data)
		if err != nil {
			t.Fatal(err)
		}
		if !times.Fetched.Equal(now) || !times.Stale.Equal(now.Add(45*time.Minute)) || !times.End.Equal(now.Add(time.Hour)) {
			t.Errorf("%v off: %v", wrong, times)
		}
		c, document, err := open(data)
		if left := c.Expires.Sub(now); err != nil || left > time.Hour || left < time.Hour-time.Second {
			t.Errorf("%v off: the credentials end in %v (error %v)", wrong, left, err)
		}
		if !strings.Contains(string(document), `"2030-06-01T13:00:00Z"`) {
			t.Errorf("%v off: the document is %s, want the service's time", wrong, document)
		}
	}
	// A Date that no service sends says nothing of how long credentials live.
	for _, tt := range []struct {
		date, now time.Time
		life      time.Duration
	}{
		{time.Unix(0, 0), noon, time.Hour},
		{time.Time{}.AddDate(-1, 0, 0), noon, time.Hour}, // Sub cannot tell
		{noon.Add(-24 * time.Hour), noon.Add(50 * time.Minute), 10 * time.Minute},
		{time.Unix(0, 0), noon.Add(2 * time.Hour), briefly}, // our clock is wrong, too
		{time.Unix(0, 0), time.Unix(0, 0), longest},
	} {
		times, _, err := layout.SplitRecord(stored(t, tt.now, tt.date, ending(noon.Add(time.Hour))))
		if err != nil || times.End.Sub(tt.now) != tt.life {
			t.Errorf("at %v, with the date %v: %v, error %v", tt.now, tt.date, times, err)
		}
	}
	// A service that does not tell its time is taken to have ours.
	times, _, err := layout.SplitRecord(stored(t, noon, time.Time{}, ending(noon.Add(time.Hour))))
	if err != nil || !times.End.Equal(noon.Add(time.Hour)) {
		t.Errorf("without a date: %v, error %v", times, err)
	}
}

func TestNoRecordIsMadeOfWhatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]aws.Credentials{
		"no keys":          {CanExpire: true, Expires: noon.Add(time.Hour)},
		"over already":     ending(noon.Add(-time.Second)),
		"over this moment": ending(noon),
		"no end":           {AccessKeyID: "ASIA", SecretAccessKey: "a/b+c<d>&e"},
	} {
		data, _, err := format(issued{c, noon, noon}, noon, nil)
		if err == nil || data != nil {
			t.Errorf("%s: data %q", name, data)
		} else if strings.Contains(err.Error(), "a/b") {
			t.Errorf("%s: the error has the key in it: %v", name, err)
		}
	}
}

func TestGarbageIsNoRecord(t *testing.T) {
	const secret = "SECRET"
	for _, data := range []string{
		"", "\n", "1 2\n{}", "a b c\n{}", "99999999999999999999 1 1\n{}",
		"1 2 3", "1 2 3\n", "1 2 3\n{}", "1 2 3\n[]", "1 2 3\nnull",
		`1 2 3` + "\n" + `{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"SECRET"`,
		`1 2 3` + "\n" + `{"Version":2,"AccessKeyId":"ASIA","SecretAccessKey":"SECRET"}`,
		`1 2 3` + "\n" + `{"Version":"1","AccessKeyId":"ASIA","SecretAccessKey":"SECRET"}`,
		`1 2 3` + "\n" + `{"Version":1,"AccessKeyId":"","SecretAccessKey":"SECRET"}`,
		`1 2 3` + "\n" + `{"Version":1,"AccessKeyId":"ASIA","SessionToken":"SECRET"}`,
		`1 2 3` + "\n" + `{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"SECRET","Expiration":"SECRET"}`,
	} {
		c, _, err := open([]byte(data))
		if err == nil || c != (aws.Credentials{}) {
			t.Errorf("%q: credentials, error %v", data, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error has the key in it: %v", data, err)
		}
	}
	for _, head := range []string{"", "1", "1 2", "x 2 3", "1 2 99999999999999999999"} {
		if f := new(want).Judge([]byte(head+"\n{}"), noon); f != layout.Useless {
			t.Errorf("%q is %v, want useless", head, f)
		}
	}
}

func FuzzRecord(f *testing.F) {
	data, _, err := format(issued{ending(time.Now().Add(time.Hour)), time.Now(), time.Now()}, time.Now(), nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(data), "", "\n", "1 2 3", "1 2 3\n{}", "-1 -2 -3\n{}", "9223372036854775807 9223372036854775807 9223372036854775807\n{}",
		"-9223372036854775808 0 9223372036854775807\n" + `{"Version":1,"AccessKeyId":"A","SecretAccessKey":"B","Expiration":"0000-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(seed), int64(0))
		f.Add([]byte(seed), int64(time.Hour))
	}
	f.Fuzz(func(t *testing.T, data []byte, minValidity int64) {
		how := (&want{minValidity: time.Duration(minValidity)}).Judge(data, time.Now())
		c, _, err := open(data)
		_, _, splitErr := layout.SplitRecord(data)
		switch {
		case splitErr != nil && (how != layout.Useless || err == nil):
			t.Errorf("a data that cannot be read is %v", how)
		case err == nil && !c.HasKeys():
			t.Errorf("credentials without keys")
		case err != nil && c != (aws.Credentials{}):
			t.Errorf("credentials and an error")
		}
		if err != nil {
			return
		}
		_, text, _ := layout.SplitRecord(data)
		if d, ok := printed(text); ok {
			var byJSON document
			if err := json.Unmarshal(text, &byJSON); err != nil || !reflect.DeepEqual(d, byJSON) {
				t.Errorf("read as %v, by JSON %v, error %v", d, byJSON, err)
			}
		}
		if text, err := encode(c); err == nil { // else a year that RFC 3339 has not
			again, _, err := open(append([]byte("1 2 3\n"), text...))
			if err != nil || again.AccessKeyID != c.AccessKeyID || again.SessionToken != c.SessionToken || again.CanExpire != c.CanExpire {
				t.Errorf("written and read again: error %v", err)
			}
		}
	})
}

func TestWhatIsStoredIsJudged(t *testing.T) {
	const useless, stale, fresh = layout.Useless, layout.Stale, layout.Fresh
	tests := []struct {
		name        string
		life        time.Duration
		age         time.Duration
		waiting     time.Duration // how long this caller has
		minValidity time.Duration
		want        layout.Freshness
	}{
		{"new", time.Hour, 0, 0, 0, fresh},
		{"a moment before it is stale", time.Hour, 45*time.Minute - 1, 0, 0, fresh},
		{"just stale", time.Hour, 45 * time.Minute, 0, 0, stale},
		{"a moment before its end", time.Hour, time.Hour - 1, 0, 0, stale},
		{"ended", time.Hour, time.Hour, 0, 0, useless},
		{"long ended", time.Hour, 48 * time.Hour, 0, 0, useless},

		{"short-lived, before half of its life", 10 * time.Minute, 5*time.Minute - 1, 0, 0, fresh},
		{"short-lived, half of its life", 10 * time.Minute, 5 * time.Minute, 0, 0, stale},

		{"the clock was set back by a second", time.Hour, -time.Second, 0, 0, useless},
		{"the clock was set back by a day", time.Hour, -24 * time.Hour, 0, 0, useless},
		{"within the second of the fetch", time.Hour, 0, 0, 2 * time.Hour, fresh},

		{"fetched while this caller waited, and stale", 2 * time.Minute, 90 * time.Second, 90 * time.Second, 0, fresh},
		{"fetched in the second when it began to wait", 2 * time.Minute, 90 * time.Second, 90*time.Second - 999*time.Millisecond, 0, fresh},
		{"fetched in the second before", 2 * time.Minute, 90 * time.Second, 89 * time.Second, 0, stale},
		{"fetched while this caller waited, and ended", time.Minute, time.Minute, 2 * time.Minute, 0, useless},

		{"stale, but not settled", 40 * time.Second, 30*time.Second - 1, 0, 0, fresh},
		{"stale and settled", 40 * time.Second, 30 * time.Second, 0, 0, stale},
		{"not settled, but ended", 10 * time.Second, 10 * time.Second, 0, 0, useless},

		{"more than is asked for", time.Hour, 30*time.Minute - 1, 0, 30 * time.Minute, fresh},
		{"what is asked for", time.Hour, 30 * time.Minute, 0, 30 * time.Minute, stale},
		{"less than usual is asked for", time.Hour, 55 * time.Minute, 0, time.Minute, fresh},
		{"more is asked for than a life", time.Hour, time.Minute, 0, 2 * time.Hour, stale},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := stored(t, noon, noon, ending(noon.Add(tt.life)))
			times, _, err := layout.SplitRecord(data)
			if err != nil {
				t.Fatal(err)
			}
			now := noon.Add(tt.age)
			if got := times.Judge(now, now.Add(-tt.waiting), tt.minValidity); got != tt.want {
				t.Errorf("is %v, want %v", name(got), name(tt.want))
			}
		})
	}
}

func name(f layout.Freshness) string {
	return map[layout.Freshness]string{layout.Useless: "useless", layout.Stale: "stale", layout.Fresh: "fresh"}[f] + fmt.Sprintf(" (%d)", f)
}
