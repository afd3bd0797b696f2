package manual

import "testing"

func TestAManualPageDoesWhatItsTextSays(t *testing.T) {
	var m page
	m.text(`.so /etc/passwd 'x \n a-b ~/.aws`)
	if got, want := m.String(), `\&.so /etc/passwd \(aqx \en a\-b \(ti/.aws`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
