package main

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"github.com/longshore-project/longshore/cmd/internal/serving"
	"github.com/longshore-project/longshore/plugins/host"
)

// server answers questions about the process. It is ready when it schedules, or waits for another process that does.
type server struct {
	health  *serving.Health // nil serves nothing
	leading atomic.Bool
}

// newServer returns a server that serves nothing if the port is 0. Plugins tells the state of external plugins.
func newServer(o *options, synced func() bool, metrics prometheus.Collector, plugins http.Handler) (*server, error) {
	s := &server{}
	if o.securePort == 0 {
		return s, nil
	}
	certificates, err := serving.LoadCertificates(serving.Files{Cert: o.certFile, Key: o.keyFile}, o.bindAddress, klog.Background())
	if err != nil {
		return nil, err
	}
	s.health = &serving.Health{
		Address: o.address(), Certificates: certificates, Metrics: metrics, Profiling: o.profiling,
		Ready: func() bool { return !s.leading.Load() || synced() },
		More:  map[string]http.Handler{"GET " + host.ReportPath: plugins},
	}
	return s, nil
}

// serve returns when ctx ends.
func (s *server) serve(ctx context.Context) error {
	if s.health == nil {
		return nil
	}
	return s.health.Serve(ctx)
}
