package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// process is one run of the program.
type process struct {
	port  int
	stop  context.CancelFunc
	ended chan error
}

func launch(t *testing.T, kubeconfig, name string) *process {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &process{port: freePort(t), stop: stop, ended: make(chan error, 1)}
	go func() {
		p.ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--scheduler-name", name, fmt.Sprintf("--secure-port=%d", p.port)}, io.Discard)
	}()
	return p
}

func (p *process) end(t *testing.T) {
	t.Helper()
	p.stop()
	if err := <-p.ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

func (p *process) ready(t *testing.T) bool {
	t.Helper()
	status, _ := ask(t, p.port, "/readyz")
	return status == http.StatusOK
}

// TestStandby runs two processes. The second is ready and leaves everything to the first until that ends; then it takes over.
func TestStandby(t *testing.T) {
	config := localtest.ControlPlane(t)
	kubeconfig, c := kubeconfigOf(t, config), newClient(t, config)
	createMember(t, c, "standby-member", 10)
	holder := func(ctx context.Context) string {
		var lease coordinationv1.Lease
		if c.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "longshore-scheduler-standby"}, &lease) != nil {
			return ""
		}
		return ptr.Deref(lease.Spec.HolderIdentity, "")
	}
	leader := launch(t, kubeconfig, "standby")
	eventually(t, "the first leads", func(ctx context.Context) (bool, error) { return holder(ctx) != "", nil })
	first := holder(t.Context())
	second := launch(t, kubeconfig, "standby")
	eventually(t, "both are ready", func(context.Context) (bool, error) { return leader.ready(t) && second.ready(t), nil })
	eventually(t, "the first binding is scheduled", scheduledIn(c, createBinding(t, c, "one", "standby", "standby-member")))
	if got := holder(t.Context()); got != first {
		t.Errorf("the lease went from %s to %s although nobody ended", first, got)
	}
	leader.end(t)
	eventually(t, "the second binding is scheduled", scheduledIn(c, createBinding(t, c, "two", "standby", "standby-member")))
	if got := holder(t.Context()); got == first || got == "" {
		t.Errorf("the lease is held by %q, want the second process", got)
	}
	second.end(t)
}
