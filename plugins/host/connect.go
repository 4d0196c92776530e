package host

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
)

// Connection is a plugin that was started or dialed and nothing more: no Info, no Configure, no supervision. It serves tools that check what a
// plugin says on the wire.
type Connection struct {
	// Conn carries the calls.
	Conn grpc.ClientConnInterface
	t    *transport
}

// Connect starts or dials the plugin of the spec. What it writes goes to log.
func Connect(ctx context.Context, spec *Spec, log logr.Logger) (*Connection, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	var t *transport
	var err error
	if spec.Path != "" {
		t, err = launch(ctx, spec, newLines(log, time.Now, func(int) {}), nil)
	} else {
		t, err = dial(spec, nil, nil)
	}
	if err != nil {
		return nil, err
	}
	return &Connection{Conn: t.conn, t: t}, nil
}

// Close ends the connection, and the process if Connect started one.
func (c *Connection) Close() { c.t.close() }
