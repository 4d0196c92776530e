package estimate

import (
	"context"
	"testing"

	"google.golang.org/grpc"

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

// floor echoes the bytes of a question, in a call of its own and over a stream that stays open.
func floor(b *testing.B, conn *grpc.ClientConn) {
	question := request(1, 500)
	b.Run("by=grpc/question=echo", func(b *testing.B) {
		back := &estimatorv1.EstimateRequest{}
		for b.Loop() {
			if err := conn.Invoke(b.Context(), "/longshore.benchmark.Echo/Once", question, back); err != nil {
				b.Fatal(err)
			}
		}
		check(b, back.GetQuestions()[0].GetComponents()[0].GetShape().GetRequests()["cpu"], 500)
	})
	b.Run("by=grpc/question=echo-on-a-stream", func(b *testing.B) {
		stream, err := conn.NewStream(b.Context(), &echoes.Streams[0], "/longshore.benchmark.Echo/Many")
		if err != nil {
			b.Fatal(err)
		}
		back := &estimatorv1.EstimateRequest{}
		for b.Loop() {
			if err := stream.SendMsg(question); err != nil {
				b.Fatal(err)
			}
			if err := stream.RecvMsg(back); err != nil {
				b.Fatal(err)
			}
		}
		check(b, back.GetQuestions()[0].GetComponents()[0].GetShape().GetRequests()["cpu"], 500)
	})
}
