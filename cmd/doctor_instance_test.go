package cmd

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
)

func TestTheDoctorWarnsOfAnInstancesRole(t *testing.T) {
	p := newPatient(t)
	var asked atomic.Int32
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodPut || r.URL.Path != "/latest/api/token" || r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" {
			http.NotFound(w, r)
		}
	}))
	defer metadata.Close()
	p.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.URL + "/"
	for value, want := range map[string]bool{"": true, "false": true, "True": false} {
		p.env["AWS_EC2_METADATA_DISABLED"] = value
		before := asked.Load()
		if _, words := p.sees(); strings.Contains(words, "silently use the instance's role") != want || (asked.Load() > before) != (want && !onEC2(os.DirFS("/sys"))) {
			t.Errorf("%q: asked %d times: %s", value, asked.Load()-before, words)
		}
	}
	elsewhere := httptest.NewServer(http.NotFoundHandler()) // as other clouds answer
	defer elsewhere.Close()
	p.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], p.env["AWS_EC2_METADATA_DISABLED"] = elsewhere.URL, ""
	if _, words := p.sees(); strings.Contains(words, "instance role") && !onEC2(os.DirFS("/sys")) {
		t.Errorf("elsewhere: %s", words)
	}
	p.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1"
	if _, words := p.sees("--offline"); strings.Contains(words, "instance role") && !onEC2(os.DirFS("/sys")) {
		t.Errorf("offline: %s", words)
	}
}

func TestAnInstanceIsKnownByItsFirmware(t *testing.T) {
	for name, tt := range map[string]struct {
		file, text string
		want       bool
	}{
		"Nitro":         {"class/dmi/id/sys_vendor", "Amazon EC2\n", true},
		"bare metal":    {"class/dmi/id/board_vendor", "Amazon EC2\n", true},
		"Xen":           {"hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef\n", true},
		"another cloud": {"class/dmi/id/sys_vendor", "Google\n", false},
		"another Xen":   {"hypervisor/uuid", "45e12aec-dcd1-b213-94ed-012345abcdef\n", false},
		"nothing":       {"x", "", false},
	} {
		if got := onEC2(fstest.MapFS{tt.file: {Data: []byte(tt.text)}}); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
