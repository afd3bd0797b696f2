package doctor

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"testing/fstest"
)

func TestTheRoleOfAnInstanceIsAWarning(t *testing.T) {
	var asked atomic.Int32
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodPut || r.URL.Path != "/latest/api/token" || r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" {
			http.NotFound(w, r)
		}
	}))
	defer metadata.Close()
	another := httptest.NewServer(http.NotFoundHandler()) // as other clouds answer
	defer another.Close()
	here := onEC2(os.DirFS("/sys"))
	for _, tt := range []struct {
		endpoint, disabled string
		offline            bool
		warns, asks        bool
	}{
		{metadata.URL + "/", "", false, true, true},
		{metadata.URL + "/", "false", false, true, true},
		{metadata.URL + "/", "True", false, false, false},
		{metadata.URL + "/", "", true, here, false},
		{another.URL, "", false, here, false},
	} {
		d := &Checks{Machine: Machine{Getenv: func(name string) string {
			return map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": tt.endpoint, "AWS_EC2_METADATA_DISABLED": tt.disabled}[name]
		}}}
		before := asked.Load()
		d.Instance(t.Context(), tt.offline)
		if (len(d.Found) == 1) != tt.warns || (asked.Load() > before) != (tt.asks && !here) {
			t.Errorf("%+v: asked %d times: %+v", tt, asked.Load()-before, d.Found)
		}
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
