package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"time"

	"github.com/credproc/credproc/oidc"
)

func ExampleConfig_SignInWithCode() {
	config := &oidc.Config{StartURL: "https://d-1234567890.awsapps.com/start", Region: "eu-west-1"}
	token, err := config.SignInWithCode(context.Background(), func(code oidc.DeviceCode) error {
		_, err := fmt.Fprintf(os.Stderr, "Open %s and check that it shows %s.\n", code.VerificationURIComplete, code.UserCode)
		return err
	})
	switch {
	case errors.Is(err, oidc.ErrDenied):
		log.Fatal("You said no.")
	case errors.Is(err, oidc.ErrExpired):
		log.Fatal("You did not answer in time.")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println("signed in until", token.Expiry)
}

// One program asks for the code, another waits for the person.
func ExampleConfig_SignInWithBrowser() {
	config := &oidc.Config{StartURL: "https://d-1234567890.awsapps.com/start", Region: "eu-west-1"}
	token, err := config.SignInWithBrowser(context.Background(), func(page string) error {
		return exec.Command("xdg-open", page).Start() // and does not wait
	})
	switch {
	case errors.Is(err, oidc.ErrNoCallback):
		log.Fatal("No browser can reach this process: sign in with a code instead.")
	case errors.Is(err, oidc.ErrDenied):
		log.Fatal("You refused the sign-in.")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(token) // its expiry, and no secret
}

func ExampleConfig_Redeem() {
	config := &oidc.Config{StartURL: "https://d-1234567890.awsapps.com/start", Region: "eu-west-1"}
	code, err := config.StartDeviceCode(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, code.VerificationURIComplete)

	// Here the code may be stored, as the secret it is, and read back.

	token, err := config.Redeem(context.Background(), code)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in until", token.Expiry)
}

func ExampleConfig_Refresh() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "InvalidGrantException")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Invalid refresh token provided"}`)
	}))
	defer service.Close()

	config := &oidc.Config{Region: "eu-west-1", Endpoint: service.URL}
	stored := &oidc.Token{RefreshToken: "…", Client: oidc.Client{ID: "…", Secret: "…"}}
	_, err := config.Refresh(context.Background(), stored)
	fmt.Println(err)
	fmt.Println("sign in again:", errors.Is(err, oidc.ErrSignInRequired))
	// Output:
	// CreateToken: invalid_grant: Invalid refresh token provided (HTTP 400)
	// sign in again: true
}

func ExampleError() {
	err := fmt.Errorf("renew: %w", &oidc.Error{Op: "CreateToken", Code: "invalid_request", Reason: "KMS_DisabledException", StatusCode: 400})
	if e, ok := errors.AsType[*oidc.Error](err); ok {
		fmt.Println(e.Code, e.Reason, e.Temporary())
	}
	// Output: invalid_request KMS_DisabledException false
}

func ExampleNormalizeStartURL() {
	start, err := oidc.NormalizeStartURL("https://D-1234567890.awsapps.com/start/#/")
	fmt.Println(start, err)
	_, err = oidc.NormalizeStartURL("d-1234567890.awsapps.com/start")
	fmt.Println(err)
	// Output:
	// https://d-1234567890.awsapps.com/start <nil>
	// StartURL "d-1234567890.awsapps.com/start": must start with https://
}

func ExampleToken() {
	token := oidc.Token{AccessToken: "a secret", Expiry: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	fmt.Printf("%+v\n", token)
	// Output: oidc.Token(expires 2030-01-02T03:04:05Z)
}
