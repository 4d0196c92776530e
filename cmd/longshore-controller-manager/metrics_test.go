package main

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/longshore-project/longshore/cmd/internal/metricstest"
)

// The controllers register nothing of their own with controller-runtime, and what that registers is named by how it begins.
func TestMetricsAreDocumented(t *testing.T) {
	metricstest.CheckPrefixes(t, ctrlmetrics.Registry.(prometheus.Collector))
}
