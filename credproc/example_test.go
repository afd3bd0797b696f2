package credproc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

func ExampleProvider_Retrieve() {
	provider := &credproc.Provider{
		Session: &tokencache.Session{
			Name:   "corp",
			Config: oidc.Config{StartURL: "https://d-1234567890.awsapps.com/start", Region: "eu-west-1"},
		},
		AccountID: "111111111111",
		RoleName:  "ReadOnly",
	}
	credentials, err := provider.Retrieve(context.Background())
	var none *credproc.NoAccessError
	switch {
	case errors.Is(err, oidc.ErrSignInRequired):
		log.Fatal("Sign in first.")
	case errors.As(err, &none):
		log.Fatalf("You do not have that role, but %q.", none.Held)
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println("good until", credentials.Expires)
}

func ExampleConfig_Provider() {
	var config credproc.Config
	provider, err := config.Provider("dev")
	if err != nil {
		log.Fatal(err)
	}
	client := sts.New(sts.Options{Region: "eu-west-1", Credentials: aws.NewCredentialsCache(provider)})
	out, err := client.GetCallerIdentity(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(aws.ToString(out.Arn))
}

// A program that exits while a token is renewed can lose the login: Close waits
// for what has to reach the keychain, and lets nothing of the kind start.
func ExampleConfig_Close() {
	config := new(credproc.Config)
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := config.Close(ctx); err != nil {
			log.Print(err)
		}
	}()
	provider, err := config.Provider("dev")
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(provider.AccountID, provider.RoleName)
}

// What to do about an error is a question of its kind, wherever it comes from.
func ExampleKindOf() {
	_, err := new(credproc.Provider).Retrieve(context.Background())
	switch credproc.KindOf(err) {
	case credproc.SignInRequired:
		fmt.Println("sign in first")
	case credproc.Unavailable:
		fmt.Println("try again later")
	case credproc.KeyringFailed:
		fmt.Println("unlock the keychain")
	default:
		fmt.Println(err)
	}
	// Output: there is no session: it is nil
}

func ExampleWrite() {
	err := credproc.Write(os.Stdout, aws.Credentials{
		AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret", SessionToken: "token",
		CanExpire: true, Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), AccountID: "111111111111",
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"Version":1,"AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"secret","SessionToken":"token","Expiration":"2030-01-02T03:04:05Z","AccountId":"111111111111"}
}

func ExampleListing() {
	var config credproc.Config
	session, err := config.Session("corp")
	if err != nil {
		log.Fatal(err)
	}
	list := credproc.Listing{
		Session: session, MaxAge: time.Hour,
		Progress: func(p credproc.Progress) { fmt.Fprintf(os.Stderr, "\r%d of %d", p.Done, p.Total) },
	}
	accounts, made, err := list.Accounts(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("as of", made)
	for _, a := range accounts {
		fmt.Println(a.ID, a.Name, a.Roles)
	}
}
