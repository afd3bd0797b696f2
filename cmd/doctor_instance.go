package cmd

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/internal/awsapi"
)

// instance warns where the role of an EC2 instance can take the place of a
// profile's.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
func (d *doctor) instance() {
	if strings.EqualFold(d.getenv(child.NoMetadata), "true") {
		return
	}
	if onEC2(os.DirFS("/sys")) || !d.offline && d.metadataAnswers() {
		d.warn("instance role", "set "+child.NoMetadata+"=true, as exec does for its command",
			"this is an EC2 instance: when credentials fail or end, the SDKs for JavaScript and C++ silently use the instance's role")
	}
}

// onEC2 reports whether the firmware, or the hypervisor of older instances, says
// so.
//
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
func onEC2(sys fs.FS) bool {
	for name, starts := range map[string]string{"class/dmi/id/sys_vendor": "amazon ec2", "class/dmi/id/board_vendor": "amazon ec2", "hypervisor/uuid": "ec2"} {
		text, err := fs.ReadFile(sys, name)
		if err == nil && bytes.HasPrefix(bytes.ToLower(text), []byte(starts)) {
			return true
		}
	}
	return false
}

// metadataAnswers asks the instance metadata service for a session token, as
// every SDK does first. Nothing else is there on other machines, or something
// that knows no such request.
func (d *doctor) metadataAnswers() bool {
	base := "http://169.254.169.254"
	if custom := d.getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"); custom != "" {
		base = strings.TrimRight(custom, "/")
	}
	ctx, cancel := d.within(time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, base+"/latest/api/token", nil)
	if err != nil {
		return false
	}
	request.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "1")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	if d.HTTPClient != nil {
		client = awsapi.HTTPClient(d.HTTPClient)
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
