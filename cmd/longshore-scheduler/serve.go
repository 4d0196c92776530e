package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"github.com/longshore-project/longshore/cmd/internal/serving"
)

// server answers questions about the process. It is ready when it schedules, or waits for another process that does.
type server struct {
	health  *serving.Health // nil serves nothing
	leading atomic.Bool
}

// newServer returns a server that serves nothing if the port is 0. Documents are served at their paths.
func newServer(o *options, synced func() bool, metrics prometheus.Collector, documents map[string]http.Handler) (*server, error) {
	s := &server{}
	if o.securePort == 0 {
		return s, nil
	}
	certificates, err := serving.LoadCertificates(serving.Files{Cert: o.certFile, Key: o.keyFile}, o.bindAddress, klog.Background())
	if err != nil {
		return nil, err
	}
	more := map[string]http.Handler{}
	for path, document := range documents {
		more["GET "+path] = document
	}
	s.health = &serving.Health{
		Address: o.address(), Certificates: certificates, Metrics: metrics, Profiling: o.profiling,
		Ready: func() bool { return !s.leading.Load() || synced() },
		More:  more,
	}
	return s, nil
}

// tell sends the document as JSON. Whoever went away meanwhile does not get it.
func tell(w http.ResponseWriter, r *http.Request, document any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		logr.FromContextOrDiscard(r.Context()).V(1).Info("Sending a document", "path", r.URL.Path, "to", r.RemoteAddr, "err", err.Error())
	}
}

// serve returns when ctx ends.
func (s *server) serve(ctx context.Context) error {
	if s.health == nil {
		return nil
	}
	return s.health.Serve(ctx)
}
