package awsapi

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
)

// An answer that starts while net/http is still looking for the end of the
// request is read to its end, and the request is sent once.
func TestAnAnswerThatComesInPiecesIsReadAndNotAskedForAgain(t *testing.T) {
	sent := 0
	client := ssooidc.New(ssooidc.Options{
		Region: "us-east-1", Credentials: aws.AnonymousCredentials{}, Retryer: NewRetryer(), APIOptions: Middleware(),
		HTTPClient: &http.Client{Transport: transport(func(request *http.Request) (*http.Response, error) {
			sent++
			if _, err := io.CopyN(io.Discard, request.Body, request.ContentLength); err != nil {
				return nil, err
			}
			body := &afterRequest{Reader: strings.NewReader(`{"accessToken":"a","refreshToken":"r","expiresIn":60}`), request: request.Body}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body}, nil
		})},
	})
	out, err := client.CreateToken(t.Context(), &ssooidc.CreateTokenInput{ClientId: aws.String("c"), ClientSecret: aws.String("s"), GrantType: aws.String("g")})
	if err != nil || aws.ToString(out.RefreshToken) != "r" {
		t.Errorf("%v, %v", out, err)
	}
	if sent != 1 {
		t.Errorf("sent %d times", sent)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) { return t(request) }

// afterRequest is a body that is there once the request has been looked at to
// its end, as net/http does: an error there closes the connection.
type afterRequest struct {
	io.Reader
	request io.Reader
}

func (a *afterRequest) Read(p []byte) (int, error) {
	if _, err := io.Copy(io.Discard, a.request); err != nil {
		return 0, errors.Join(errors.New("connection closed"), err)
	}
	return a.Reader.Read(p)
}

func (*afterRequest) Close() error { return nil }
