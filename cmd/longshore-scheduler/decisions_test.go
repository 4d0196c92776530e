package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/scheduler/journal"
)

// TestDecisionsAreExplained asks two schedulers, one after the other, about a binding: the one that placed it tells how it did, the next one how
// it would now. Bindings that are unknown or another scheduler's have a reason instead, and nothing of this writes anything.
func TestDecisionsAreExplained(t *testing.T) {
	config := localtest.ControlPlane(t)
	kubeconfig, c := kubeconfigOf(t, config), newClient(t, config)
	createMember(t, c, "explained", 10)
	b := newBinding("default", "explained", "explaining", "explained")
	b.Spec.Resource.APIVersion, b.Spec.Resource.Kind, b.Spec.Replicas = "apps/v1", "Deployment", 2
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{}
	b.Spec.Placement.ReplicaScheduling = &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Aggregated,
	}
	if err := c.Create(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	other := createBinding(t, c, "foreign", "another", "explained")
	start := func() (port int, stop func()) {
		port = freePort(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--scheduler-name", "explaining", fmt.Sprintf("--secure-port=%d", port)}, io.Discard)
		}()
		return port, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("run: %v", err)
			}
		}
	}
	about := func(port int, binding string) (*journal.Report, error) {
		return reportOf(t, port, journal.ReportPath+"?"+journal.ReportParameter+"="+binding, journal.DecodeReport)
	}

	port, stop := start()
	eventually(t, b.Name+" is scheduled", scheduledIn(c, b))
	report, err := about(port, "default/"+b.Name)
	if err != nil || len(report.Decisions) != 1 {
		t.Fatalf("report %+v, error %v", report, err)
	}
	const want = "Placed: {explained:2}\n  filters: 1/"
	if d := report.Decisions[0]; d.Time == nil || d.Profile != "explaining" || !strings.HasPrefix(d.Explanation, want) {
		t.Errorf("decision is %+v, want one that was made and begins with %q", d, want)
	}
	for _, binding := range []string{"default/" + other.Name, "default/nothing", "nothing"} {
		if report, err := about(port, binding); err != nil || len(report.Decisions) != 0 || !strings.HasPrefix(report.Missing, "this scheduler knows no such binding: ") {
			t.Errorf("%s: report %+v, error %v", binding, report, err)
		}
	}
	all, err := reportOf(t, port, journal.ReportPath, journal.DecodeReport)
	if err != nil || len(all.Decisions) != 1 || all.Decisions[0].Explanation != "" {
		t.Errorf("all decisions: %+v, error %v", all, err)
	}
	stop()

	written := b.ResourceVersion
	port, stop = start()
	eventually(t, "the next scheduler knows the binding", func(context.Context) (bool, error) {
		report, err = about(port, "default/"+b.Name)
		return err == nil && len(report.Decisions) == 1, nil
	})
	if d := report.Decisions[0]; d.Time != nil || !strings.HasPrefix(d.Explanation, want) {
		t.Errorf("decision is %+v, want one that would be made and begins with %q", d, want)
	}
	eventually(t, b.Name+" is there", scheduledIn(c, b))
	if b.ResourceVersion != written {
		t.Errorf("the explanation wrote: version %s became %s", written, b.ResourceVersion)
	}
	stop()
}
