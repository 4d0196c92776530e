package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/util/cert"
)

// server answers questions about the process. It is ready when it schedules, or waits for another process that does.
type server struct {
	http    *http.Server
	listen  func() (net.Listener, error)
	leading atomic.Bool
}

// newServer returns a server that serves nothing if the port is 0. Documents are served at their paths.
func newServer(o *options, synced func() bool, metrics prometheus.Collector, documents map[string]http.Handler) (*server, error) {
	s := &server{}
	if o.securePort == 0 {
		return s, nil
	}
	certificate, err := certificateOf(o)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", answer(func() bool { return true }))
	mux.HandleFunc("/readyz", answer(func() bool { return !s.leading.Load() || synced() }))
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for path, document := range documents {
		mux.Handle("GET "+path, document)
	}
	if o.profiling {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	}
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.listen = func() (net.Listener, error) {
		return tls.Listen("tcp", o.address(), &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	}
	return s, nil
}

func certificateOf(o *options) (tls.Certificate, error) {
	if o.certFile != "" {
		pair, err := tls.LoadX509KeyPair(o.certFile, o.keyFile)
		if err != nil {
			return pair, fmt.Errorf("loading the serving certificate: %w", err)
		}
		return pair, nil
	}
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.ParseIP(o.bindAddress)}, nil)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a serving certificate: %w", err)
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

func answer(ok func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !ok() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "ok")
	}
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
	if s.http == nil {
		return nil
	}
	listener, err := s.listen()
	if err != nil {
		return fmt.Errorf("serving health and metrics: %w; choose another --secure-port or --bind-address", err)
	}
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	context.AfterFunc(ctx, func() { s.http.Close() })
	if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving health and metrics: %w", err)
	}
	return nil
}
