package estimate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/estimator/client"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// servers are the flags that say which estimators are asked.
type servers struct {
	addresses []string
	tls       schedulerv1alpha1.EstimatorTLS
}

func (s *servers) bind(fs *pflag.FlagSet) {
	fs.StringArrayVar(&s.addresses, "estimator", []string{fmt.Sprintf("127.0.0.1:%d", schedulerv1alpha1.DefaultEstimatorPort)},
		"address of an estimator: host:port or unix:///path; may be repeated")
	fs.StringVar(&s.tls.CAFile, "certificate-authority", "", "CA of the estimators' certificates; without TLS flags there is no TLS, on this machine only")
	fs.StringVar(&s.tls.CertFile, "client-certificate", "", "certificate to show to the estimators")
	fs.StringVar(&s.tls.KeyFile, "client-key", "", "key of the certificate")
	fs.StringVar(&s.tls.ServerName, "tls-server-name", "", "name in the estimators' certificates; default: the host of the address")
	fs.BoolVar(&s.tls.InsecureSkipVerify, "insecure-skip-tls-verify", false, "accept any certificate")
}

// estimator is one that is asked.
type estimator struct {
	address string
	conn    *grpc.ClientConn
	service estimatorv1.EstimatorClient
}

// estimators are all that are asked. A member about which several know is told of by the first of them.
type estimators []*estimator

// connect opens the connections, without waiting for the network.
func (s *servers) connect() (estimators, error) {
	secure := s.tls != schedulerv1alpha1.EstimatorTLS{}
	switch {
	case (s.tls.CertFile == "") != (s.tls.KeyFile == ""):
		return nil, errors.New("--client-certificate and --client-key go together: give both or neither")
	case secure && (s.tls.CAFile == "") != s.tls.InsecureSkipVerify:
		return nil, errors.New("name the CA with --certificate-authority or, to trust any estimator, give --insecure-skip-tls-verify: either, not both")
	}
	var out estimators
	for _, address := range s.addresses {
		e, err := s.dial(address, secure)
		if err != nil {
			out.close()
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *servers) dial(address string, secure bool) (*estimator, error) {
	target := address
	if !strings.HasPrefix(address, "unix:") {
		target = "dns:///" + strings.TrimPrefix(address, "dns:///")
		host, _, err := net.SplitHostPort(strings.TrimPrefix(target, "dns:///"))
		if err != nil {
			return nil, fmt.Errorf("--estimator %q is no address: write host:port or unix:///path", address)
		}
		if !secure && host != "localhost" && !net.ParseIP(host).IsLoopback() {
			return nil, fmt.Errorf("estimator %s is not on this machine: name its CA with --certificate-authority", address)
		}
	}
	var tls *schedulerv1alpha1.EstimatorTLS
	if secure {
		tls = &s.tls
	}
	conns, err := client.Dial(tls, target)
	if err != nil {
		return nil, err
	}
	return &estimator{address: address, conn: conns[0], service: estimatorv1.NewEstimatorClient(conns[0])}, nil
}

func (e estimators) close() {
	for _, one := range e {
		_ = one.conn.Close()
	}
}

// explain adds the cure.
func (e *estimator) explain(err error) error {
	text := "asking the estimator at " + e.address + ": "
	switch s := status.Convert(err); s.Code() {
	case codes.Unavailable:
		return fmt.Errorf("%s%s; does it run there, and with the TLS of these flags?", text, s.Message())
	case codes.DeadlineExceeded:
		return fmt.Errorf("%sno answer in time; --timeout says how long to wait", text)
	case codes.Unimplemented:
		return fmt.Errorf("%sit does not speak Longshore's protocol", text)
	default:
		return fmt.Errorf("%s%s", text, s.Message())
	}
}

// ask asks all, and returns what those said that answered, by member, beside what is wrong with the others.
func (e estimators) ask(ctx context.Context, request *estimatorv1.EstimateRequest, timeout time.Duration) ([]*estimatorv1.MemberAnswers, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	responses, errs := make([]*estimatorv1.EstimateResponse, len(e)), make([]error, len(e))
	var asking errgroup.Group
	for i, one := range e {
		asking.Go(func() error {
			var err error
			if responses[i], err = one.service.Estimate(ctx, request); err != nil {
				errs[i] = one.explain(err)
			}
			return nil
		})
	}
	_ = asking.Wait() // Each failure is its own estimator's.
	return merge(responses), errors.Join(errs...)
}

// merge returns one answer for each member: the first of an estimator that observes it.
func merge(responses []*estimatorv1.EstimateResponse) []*estimatorv1.MemberAnswers {
	best := map[string]*estimatorv1.MemberAnswers{}
	for _, response := range responses {
		for _, m := range response.GetMembers() {
			name := m.GetState().GetMember()
			if had := best[name]; had == nil || had.GetState().GetUnknown() == estimatorv1.Reason_REASON_NOT_SERVED {
				best[name] = m
			}
		}
	}
	out := make([]*estimatorv1.MemberAnswers, 0, len(best))
	for _, m := range best {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *estimatorv1.MemberAnswers) int {
		return cmp.Compare(a.GetState().GetMember(), b.GetState().GetMember())
	})
	return out
}

// printJSON prints the answers as the protocol has them.
func (e estimators) printJSON(ctx context.Context, out io.Writer, request *estimatorv1.EstimateRequest, timeout time.Duration) error {
	answers, err := e.ask(ctx, request, timeout)
	if len(answers) == 0 {
		return err
	}
	text, encoding := protojson.Marshal(&estimatorv1.EstimateResponse{Members: answers})
	if encoding != nil {
		return errors.Join(err, encoding)
	}
	fmt.Fprintf(out, "%s\n", text)
	return err
}

// watch prints the answers and again those that change, until ctx ends or an estimator does.
func (e estimators) watch(ctx context.Context, t *table, request *estimatorv1.EstimateRequest, timeout time.Duration) error {
	t.timed = true
	watching, stop := context.WithCancel(ctx)
	defer stop()
	changes, ends := make(chan struct{}, 1), make(chan error, len(e))
	for _, one := range e {
		go func() { ends <- one.follow(watching, request.GetMembers(), changes) }()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ends:
			if ctx.Err() != nil {
				return nil
			}
			return err
		case <-changes:
			answers, err := e.ask(ctx, request, timeout)
			if err != nil && ctx.Err() == nil {
				return err
			}
			t.printChanged(answers)
		}
	}
}

// follow puts a token into changes whenever something changed, until ctx or the stream ends.
func (e *estimator) follow(ctx context.Context, members []string, changes chan<- struct{}) error {
	stream, err := e.service.Watch(ctx, &estimatorv1.WatchRequest{Members: members})
	if err != nil {
		return e.explain(err)
	}
	for {
		if _, err := stream.Recv(); err != nil {
			return e.explain(err)
		}
		select {
		case changes <- struct{}{}:
		default: // There is one that was not taken yet.
		}
	}
}
