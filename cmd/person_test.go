package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// person is a browser and the person at it: it opens a page, presses a button
// there ("allow", or what BUTTON says), goes where that leads, and keeps what it
// saw last in the file SAW. With OPENED the person only copies the page's
// address, to that file.
func person(args []string) int {
	fmt.Println("not to be seen")
	page := args[len(args)-1]
	if name := os.Getenv("OPENED"); name != "" {
		if err := os.WriteFile(name, []byte(page), 0o600); err != nil {
			return 1
		}
		return 0
	}
	button := os.Getenv("BUTTON")
	if button == "" {
		button = "allow"
	}
	answer, err := http.PostForm(page, url.Values{"action": {button}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || os.WriteFile(os.Getenv("SAW"), text, 0o600) != nil {
		return 1
	}
	return 0
}

// ConfirmAtOnce is the browser of a user who confirms every sign-in, where the
// service needs no button pressed. A code would have to wait for the first poll.
func ConfirmAtOnce(page string) error {
	answer, err := http.Get(page)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// caller is a program that asks its endpoint, and then STS whose credentials it got. With
// HIDE it does not show what it has open, as what runs below sudo does not.
func caller() int {
	if os.Getenv("HIDE") != "" {
		harden()
	}
	r, err := http.NewRequest(http.MethodGet, os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), nil)
	if err != nil {
		return 2
	}
	r.Header.Set("Authorization", os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
	answer, err := (&http.Client{Transport: new(http.Transport)}).Do(r)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer answer.Body.Close()
	var c struct{ AccessKeyID, SecretAccessKey, Token, Code, Message string }
	if err := json.NewDecoder(answer.Body).Decode(&c); err != nil || c.Code != "" {
		fmt.Println(answer.StatusCode, c.Code, c.Message, err)
		return 0
	}
	who, err := sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_STS")), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.Token),
	}).GetCallerIdentity(r.Context(), nil)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(*who.Arn)
	return 0
}
