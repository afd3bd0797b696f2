package audit

import "context"

// Client is who an endpoint gives an answer to. The zero Client is none: the answer is
// for the process itself.
type Client struct {
	Name    string // by its token; "" if the endpoint has only one
	PID     int    // 0: the system does not tell
	Program string // what runs as PID; "": unknown
	// Agent is the coding agent that the client was seen to be, and Seen by what. ""
	// leaves to the line what was seen of the process itself.
	Agent, Seen string
}

type clientKey struct{}

// For is ctx for what a client of an endpoint has asked for: the trail names the
// client.
func For(ctx context.Context, client Client) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

// ClientOf returns the client that something is done for.
func ClientOf(ctx context.Context) Client {
	client, _ := ctx.Value(clientKey{}).(Client)
	return client
}

// For fills in the client that a line is about.
func (l *Line) For(c Client) {
	l.Client, l.ClientPID, l.ClientProgram = c.Name, c.PID, c.Program
	if c.Agent != "" {
		l.Agent, l.AgentSeen = c.Agent, c.Seen
	}
}
