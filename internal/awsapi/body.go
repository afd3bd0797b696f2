package awsapi

import (
	"context"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// plainBody hides that the body of a request can write itself. The SDK closes it
// as soon as the answer starts, while net/http may still look for its end. A
// body that is read then says that it has ended; one that writes itself fails
// (smithy-go 1.28), so that net/http closes the connection under the answer: a
// refresh token would be spent, and the next one lost.
type plainBody struct{}

func (plainBody) ID() string { return "CredprocPlainBody" }

func (plainBody) HandleBuild(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	if request, ok := in.Request.(*smithyhttp.Request); ok {
		if body, ok := request.GetStream().(io.ReadSeeker); ok {
			plain, err := request.SetStream(struct{ io.ReadSeeker }{body})
			if err != nil {
				return middleware.BuildOutput{}, middleware.Metadata{}, err
			}
			in.Request = plain
		}
	}
	return next.HandleBuild(ctx, in)
}
