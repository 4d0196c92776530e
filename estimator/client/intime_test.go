package client

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A server that ends a call with a deadline did so because of the deadline, unless the caller cancelled.
func TestServersDeadlineIsTheClients(t *testing.T) {
	reset := status.Error(codes.Canceled, "stream terminated by RST_STREAM with error code: CANCEL")
	limited, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	cancelled, cancel := context.WithTimeout(t.Context(), time.Hour)
	cancel()
	passed, end := context.WithDeadline(t.Context(), time.Now())
	defer end()
	lateReset := status.Error(codes.DeadlineExceeded, "stream terminated by RST_STREAM with error code: CANCEL")
	late := status.Error(codes.DeadlineExceeded, "listing nodes: context deadline exceeded")
	other := status.Error(codes.Unavailable, "gone")
	for _, tt := range []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"ended by the server", limited, reset, "rpc error: code = DeadlineExceeded desc = context deadline exceeded"},
		{"ended by the server, then by the client", passed, reset, "rpc error: code = DeadlineExceeded desc = context deadline exceeded"},
		{"ended by both at once", passed, lateReset, "rpc error: code = DeadlineExceeded desc = context deadline exceeded"},
		{"late by a deadline of the server's own", limited, late, late.Error()},
		{"without a deadline", t.Context(), reset, reset.Error()},
		{"cancelled by the caller", cancelled, reset, reset.Error()},
		{"another error", limited, other, other.Error()},
	} {
		invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return tt.err }
		if err := inTime(tt.ctx, "", nil, nil, nil, invoke); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error is %v, want %s", tt.name, err, tt.want)
		}
	}
	fine := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	if err := inTime(limited, "", nil, nil, nil, fine); err != nil {
		t.Errorf("an answer becomes the error %v", err)
	}
}
