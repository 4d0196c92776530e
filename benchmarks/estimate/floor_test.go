package estimate

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// echoes are what a call of gRPC with mutual TLS costs when nothing is asked: the floor under an estimator's answer.
var echoes = grpc.ServiceDesc{
	ServiceName: "longshore.benchmark.Echo", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Once", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		message := &estimatorv1.EstimateRequest{}
		return message, decode(message)
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Many", ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
		for {
			message := &estimatorv1.EstimateRequest{}
			if err := s.RecvMsg(message); err != nil {
				return err
			}
			if err := s.SendMsg(message); err != nil {
				return err
			}
		}
	}}},
}

// echoOnce echoes the bytes of a question in a call of its own.
func echoOnce(tb testing.TB, s subject) (again, check func()) {
	question, back := request(1, 500), &estimatorv1.EstimateRequest{}
	again = func() {
		if err := s.conn.Invoke(tb.Context(), "/longshore.benchmark.Echo/Once", question, back); err != nil {
			tb.Fatal(err)
		}
	}
	return again, func() { same(tb, back, question) }
}

// echoOnStream echoes them over a stream that stays open.
func echoOnStream(tb testing.TB, s subject) (again, check func()) {
	stream, err := s.conn.NewStream(tb.Context(), &echoes.Streams[0], "/longshore.benchmark.Echo/Many")
	if err != nil {
		tb.Fatal(err)
	}
	question, back := request(1, 500), &estimatorv1.EstimateRequest{}
	again = func() {
		if err := stream.SendMsg(question); err != nil {
			tb.Fatal(err)
		}
		if err := stream.RecvMsg(back); err != nil {
			tb.Fatal(err)
		}
	}
	return again, func() { same(tb, back, question) }
}

func same(tb testing.TB, got, want proto.Message) {
	tb.Helper()
	if !proto.Equal(got, want) {
		tb.Fatalf("what comes back is %v, want %v", got, want)
	}
}
