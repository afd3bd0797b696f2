package awsapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sso"

	"github.com/credproc/credproc/internal/awsapi"
)

// A call, from the settings to the reading of a refusal.
func Example() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-RequestId", "8b1c")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"__type":"UnauthorizedException","message":"Session token not found or invalid"}`)
	}))
	defer service.Close()
	config, err := awsapi.Endpoint{Region: "eu-west-1", URL: service.URL}.Config(nil, awsapi.NewRetryer())
	if err != nil {
		fmt.Println(err)
		return
	}
	client := sso.NewFromConfig(config)
	ctx, cancel := awsapi.Bounded(context.Background())
	defer cancel()
	_, err = client.Logout(ctx, &sso.LogoutInput{AccessToken: aws.String("…")})
	if answer, ok := awsapi.AnswerTo(err); ok {
		fmt.Println(answer.StatusCode, answer.Type, answer.FromService())
	} else {
		fmt.Println(awsapi.Cause(ctx, err))
	}
	// Output: 401 UnauthorizedException true
}

func ExampleCheckEndpoint() {
	fmt.Println(awsapi.CheckEndpoint("http://127.0.0.1:8080"))
	fmt.Println(awsapi.CheckEndpoint("http://oidc.example"))
	// Output:
	// <nil>
	// endpoint "http://oidc.example": must be https, or http to this machine
}
