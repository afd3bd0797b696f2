package audit

import "context"

type clientKey struct{}

// For is ctx for what a client of an endpoint has asked for: the trail names the
// client.
func For(ctx context.Context, client string) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

// ClientOf returns the client that something is done for, or "".
func ClientOf(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}
