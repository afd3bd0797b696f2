// Command sdk asks AWS who it is, with the credentials of a profile:
//
//	go run ./examples/sdk -profile dev
//
// It is a program with aws-sdk-go-v2 that needs neither the AWS CLI nor a
// credential_process: the library shares logins and credentials with the
// program credproc, and with every other process of the machine.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/oidc"
)

func main() {
	profile := flag.String("profile", "", "profile of ~/.aws/config (default: AWS_PROFILE, or default)")
	count := flag.Bool("metrics", false, "count what the library did, on stderr")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var m metrics
	err := run(ctx, os.Stdout, *profile, &m)
	if *count {
		m.print(os.Stderr)
	}
	if err != nil {
		report(os.Stderr, *profile, err)
		os.Exit(1)
	}
}

func report(w io.Writer, profile string, err error) {
	// %q: an error may hold what a server, a proxy or a certificate says, and a
	// terminal would obey the control characters in it.
	fmt.Fprintf(w, "sdk: %q\n", err.Error())
	if errors.Is(err, oidc.ErrSignInRequired) {
		fmt.Fprintf(w, "hint: run %q\n", strings.TrimSpace("credproc login "+profile))
	}
}

func run(ctx context.Context, out io.Writer, profile string, m *metrics) error {
	config := credproc.Config{Logger: slog.New(m)}
	defer end(&config)
	provider, err := config.Provider(profile)
	if err != nil {
		return err
	}
	client := sts.New(sts.Options{
		Region:       cmp.Or(os.Getenv("AWS_REGION"), "us-east-1"),
		BaseEndpoint: endpoint(),
		// The cache asks the provider again before the credentials expire.
		Credentials: aws.NewCredentialsCache(provider),
	})
	identity, err := client.GetCallerIdentity(ctx, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "account %s\n%s\n", aws.ToString(identity.Account), aws.ToString(identity.Arn))
	return nil
}

// end waits for a renewal that is under way, also after an interrupt: its answer
// has to reach the keychain, or the login is lost.
func end(config *credproc.Config) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	config.Close(ctx)
}

// endpoint is a custom one of STS. nil leaves it to the SDK.
func endpoint() *string {
	if url := os.Getenv("AWS_ENDPOINT_URL_STS"); url != "" {
		return &url
	}
	return nil
}
