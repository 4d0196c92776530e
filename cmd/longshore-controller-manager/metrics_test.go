package main

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/longshore-project/longshore/cmd/internal/metricstest"
)

// Only the descheduler counts something of its own, when it runs; what controller-runtime registers is named by how it begins.
func TestMetricsAreDocumented(t *testing.T) {
	metricstest.CheckPrefixes(t, ctrlmetrics.Registry.(prometheus.Collector))
	own := prometheus.NewRegistry()
	own.MustRegister(newDeschedulerMetrics().collectors()...)
	metricstest.Check(t, "descheduler", own)
}
