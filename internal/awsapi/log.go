package awsapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/credproc/credproc/internal/printable"
)

type loggerKey struct{}

// WithLogger returns a context whose calls, by clients with [Middleware], are
// logged at debug level, each as one line when it is over: service, operation,
// HTTP status, request ID and duration. There is nothing in it that was sent,
// and of the answer nothing else. A nil logger logs nothing.
func WithLogger(ctx context.Context, logger *slog.Logger) context.Context {
	if logger == nil {
		return ctx
	}
	return context.WithValue(ctx, loggerKey{}, logger)
}

// logCall sees an operation as a whole, with its retries.
type logCall struct{}

func (logCall) ID() string { return "CredprocLogCall" }

func (logCall) HandleInitialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	logger, ok := ctx.Value(loggerKey{}).(*slog.Logger)
	if !ok {
		return next.HandleInitialize(ctx, in)
	}
	began := time.Now()
	out, metadata, err := next.HandleInitialize(ctx, in)
	args := []any{"service", awsmiddleware.GetServiceID(ctx), "operation", awsmiddleware.GetOperationName(ctx), "took", time.Since(began)}
	logger.DebugContext(ctx, "call", append(args, outcome(ctx, metadata, err)...)...)
	return out, metadata, err
}

func outcome(ctx context.Context, metadata middleware.Metadata, err error) []any {
	answer, ok := AnswerTo(err)
	switch {
	case err == nil:
		id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
		return []any{"status", http.StatusOK, "request_id", printable.Line(id)}
	case ok:
		return []any{"status", answer.StatusCode, "request_id", answer.RequestID, "code", answer.Type}
	}
	return []any{"status", 0, "error", Cause(ctx, err)}
}

// RequestID returns AWS's ID of the call that an error comes from, "" if that
// is not known.
func RequestID(err error) string {
	known, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err)
	if !ok {
		return ""
	}
	return known.ServiceRequestID()
}
