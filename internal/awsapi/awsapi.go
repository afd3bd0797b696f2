// Package awsapi is how this module calls AWS: what the packages that use a
// service client of the AWS SDK have in common. It knows no service.
//
// A client is made from an [Endpoint] by the service's own NewFromConfig; a call
// is bounded by [Bounded]; a failed call is read with [AnswerTo] and [Cause], and
// reported as an [Error].
package awsapi

import (
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

const module = "github.com/credproc/credproc"

// HTTPClient returns a client that sends as c does and follows no redirect: a
// 307 or 308 would carry the bearer token header, or a body full of secrets,
// to a host that another party chose. It is a shallow copy; c is left as it
// was. nil stands for a client on [http.DefaultTransport], whose connections
// are shared by all calls of the process.
//
// (aws-sdk-go-v2's own default client follows 307 and 308, and makes a
// connection pool for each service client.)
func HTTPClient(c *http.Client) *http.Client {
	if c == nil {
		c = &http.Client{}
	}
	stay := *c
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &stay
}

// NewRetryer returns the SDK's standard retryer for one operation: two
// attempts, at most two seconds between them, since the next caller
// retries a failure, too. (X-Amz-Retry-After may add five seconds to that.) It retries every 429 too,
// whatever the body says, and the sign-in service's SlowDownException, which
// the SDK does not know as throttling.
func NewRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 2
		o.MaxBackoff = 2 * time.Second
		// The SDK's bucket limits retries across calls: forty role fetches
		// behind a quota would empty it, and then fail for no other reason.
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables,
			retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusTooManyRequests: {}}},
			retry.RetryableErrorCode{Codes: map[string]struct{}{"SlowDownException": {}}})
	})
}

// Middleware is what each of credproc's service clients adds to its stack: our name
// in the User-Agent ("lib/credproc#VERSION"), bounded answers that [AnswerTo]
// can read, the log of [WithLogger], and the body of [plainBody].
func Middleware() []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{
		awsmiddleware.AddSDKAgentKeyValue(awsmiddleware.FrameworkMetadata, "credproc", Version()),
		func(stack *middleware.Stack) error {
			return errors.Join(stack.Deserialize.Add(boundAnswer{}, middleware.After), stack.Initialize.Add(logCall{}, middleware.After),
				stack.Build.Add(plainBody{}, middleware.Before))
		},
	}
}

// Version is this module's version by the build information, be it the main
// module or a dependency: "v1.2.3", or "devel" if that is not known.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	return versionIn(info)
}

func versionIn(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module && m.Version != "" && m.Version != "(devel)" {
			return m.Version
		}
	}
	return "devel"
}
