package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/profile"
)

func TestEstimatorFlags(t *testing.T) {
	o, err := parse([]string{"--enable-scheduler-estimator", "--scheduler-estimator-port=1234", "--scheduler-estimator-timeout=1s"}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	registry := profile.NewRegistry(builtin.Profile(), builtin.Optional()...)
	c, err := o.configuration(registry)
	if err != nil {
		t.Fatal(err)
	}
	want := []schedulerv1alpha1.EstimatorServer{{
		Service:  &schedulerv1alpha1.EstimatorService{Prefix: "karmada-scheduler-estimator", Namespace: "karmada-system", Port: 1234},
		Protocol: schedulerv1alpha1.ProtocolKarmada, TLS: &schedulerv1alpha1.EstimatorTLS{InsecureSkipVerify: true},
	}}
	got := c.Profiles[0].Estimators
	if diff := cmp.Diff(want, got.Servers); diff != "" || got.Merge != schedulerv1alpha1.MergeMin || got.Deadline.Duration != time.Second {
		t.Errorf("merge %s, deadline %v, servers (-want +got):\n%s", got.Merge, got.Deadline, diff)
	}
	var out bytes.Buffer
	o.printProfile = true
	if err := o.answer(c, registry, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "AccurateEstimate") || strings.Contains(out.String(), "ResourceSummary") {
		t.Errorf("the profile does not show that it asks estimators:\n%s", out.String())
	}
	if _, err := parse([]string{"--enable-scheduler-estimator", "--config=x"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "exclude each other") {
		t.Errorf("with a file the error is %v", err)
	}
}
