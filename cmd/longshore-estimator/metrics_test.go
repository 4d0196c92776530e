package main

import (
	"testing"
	"time"

	"github.com/longshore-project/longshore/cmd/internal/metricstest"
	"github.com/longshore-project/longshore/estimator/server"
)

func TestMetricsAreDocumented(t *testing.T) {
	metricstest.Check(t, "estimator", server.NewMetrics(server.NewMembers(time.Minute)))
}
