// Package serving is what programs answer about themselves, and the TLS of whatever they serve.
package serving

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health serves /healthz, /readyz and /metrics over TLS, to everybody who reaches the address.
type Health struct {
	// Address is host:port.
	Address string
	// Certificates of the server.
	Certificates *Certificates
	// Ready is asked by /readyz.
	Ready func() bool
	// Metrics are served beside those of the process.
	Metrics prometheus.Collector
	// More is served, too, by pattern of http.ServeMux.
	More map[string]http.Handler
	// Profiling serves /debug/pprof, too.
	Profiling bool
}

// Serve returns when ctx ends, or says why it cannot serve.
func (h *Health) Serve(ctx context.Context) error {
	listener, err := h.Listen()
	if err != nil {
		return err
	}
	return h.ServeOn(ctx, listener)
}

// Listen opens the address. The error says what to change.
func (h *Health) Listen() (net.Listener, error) {
	listener, err := tls.Listen("tcp", h.Address, h.Certificates.HealthConfig("h2", "http/1.1"))
	if err != nil {
		return nil, fmt.Errorf("serving health and metrics: %w; choose another --secure-port or --bind-address", err)
	}
	return listener, nil
}

// ServeOn is Serve on what Listen returned.
func (h *Health) ServeOn(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: h.handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving health and metrics: %w", err)
	}
	return nil
}

func (h *Health) handler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(h.Metrics, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", answer(func() bool { return true }))
	mux.HandleFunc("/readyz", answer(h.Ready))
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for pattern, handler := range h.More {
		mux.Handle(pattern, handler)
	}
	if h.Profiling {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	}
	return mux
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
