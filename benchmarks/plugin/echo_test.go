package plugin

import (
	"errors"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// echoMethod is the one method of the bare service.
const echoMethod = "/longshore.benchmark.Echo/Echo"

var echoStream = grpc.StreamDesc{StreamName: "Echo", ServerStreams: true, ClientStreams: true}

// rawCodec passes bytes through, so that no encoding is measured.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return "raw" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	into := v.(*[]byte)
	if n := data.Len(); cap(*into) < n {
		*into = make([]byte, n)
	} else {
		*into = (*into)[:n]
	}
	data.CopyTo(*into)
	return nil
}

// serveEcho answers on a unix socket: the first message of a stream is what every later one is answered with. Dir holds the certificates,
// empty for none.
func serveEcho(socket, dir string) error {
	opts := []grpc.ServerOption{grpc.ForceServerCodecV2(rawCodec{})}
	if dir != "" {
		config, err := serverTLS(dir)
		if err != nil {
			return err
		}
		opts = append(opts, grpc.Creds(credentials.NewTLS(config)))
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := grpc.NewServer(opts...)
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "longshore.benchmark.Echo", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: "Echo", Handler: echo, ServerStreams: true, ClientStreams: true}},
	}, struct{}{})
	return s.Serve(l)
}

func echo(_ any, stream grpc.ServerStream) error {
	var answer, question []byte
	if err := stream.RecvMsg(&answer); err != nil {
		return err
	}
	for {
		if err := stream.RecvMsg(&question); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&answer); err != nil {
			return err
		}
	}
}
