package main

import (
	"net/http"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// servingOptions serve /metrics, to those who may read it in the control plane, and /healthz and /readyz, to everybody, over TLS.
func servingOptions(o *options) metricsserver.Options {
	health := &healthz.Handler{}
	return metricsserver.Options{
		BindAddress:    o.serveAddress(),
		SecureServing:  true,
		FilterProvider: guardMetrics,
		ExtraHandlers: map[string]http.Handler{
			"/healthz": http.StripPrefix("/healthz", health),
			"/readyz":  http.StripPrefix("/readyz", health),
		},
	}
}

// guardMetrics asks the control plane who may read metrics, and nobody about health: probes have no credentials.
func guardMetrics(config *rest.Config, client *http.Client) (metricsserver.Filter, error) {
	guard, err := filters.WithAuthenticationAndAuthorization(config, client)
	if err != nil {
		return nil, err
	}
	return func(log logr.Logger, handler http.Handler) (http.Handler, error) {
		guarded, err := guard(log, handler)
		if err != nil {
			return nil, err
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
				handler.ServeHTTP(w, r)
				return
			}
			guarded.ServeHTTP(w, r)
		}), nil
	}, nil
}
