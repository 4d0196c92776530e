package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/karmadatest"
)

// election is a control plane in which two accounts may schedule under one lease, which the audit log tells apart.
type election struct{ *karmada }

// Room of the only member, and what bindings take of it. What the first three and the next six have leaves no room for the trap, but a scheduler
// that knows of the first three only, or of the next six only, would place it.
const (
	electionRoom  = 40
	electionShare = 4
	trapShare     = 8
)

func startElection(t *testing.T) *election {
	t.Helper()
	k := startKarmada(t)
	k.kubectl(t, "create", "rolebinding", otherAccount, "--namespace", "kube-system", "--role", ourAccount,
		"--serviceaccount", karmadatest.SystemNamespace+":"+otherAccount)
	createMember(t, k, "only", electionRoom)
	return &election{k}
}

// candidate runs a scheduler with short times.
func (e *election) candidate(t *testing.T, kubeconfig string) *program {
	t.Helper()
	return startProgram(t, "--kubeconfig", kubeconfig, "--secure-port=0", "--leader-elect-lease-duration=3s", "--leader-elect-renew-deadline=2s",
		"--leader-elect-retry-period=500ms")
}

func (e *election) lease(ctx context.Context) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{}
	err := e.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "longshore-scheduler"}, lease)
	return lease, client.IgnoreNotFound(err)
}

// leader waits until another process than that one holds the lease, and returns which.
func (e *election) leader(t *testing.T, than string) (holder string) {
	t.Helper()
	eventually(t, "somebody else leads", func(ctx context.Context) (bool, error) {
		lease, err := e.lease(ctx)
		holder = ptr.Deref(lease.Spec.HolderIdentity, "")
		return holder != "" && holder != than, err
	})
	return holder
}

// place creates bindings and waits until they are placed.
func (e *election) place(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		e.create(t, workload(name, electionShare))
	}
	for _, name := range names {
		e.placed(t, workload(name, electionShare))
	}
}

// patches returns the account's writes to bindings.
func (e *election) patches(t *testing.T, account string) int {
	t.Helper()
	return len(e.asked(t, account, func(r *karmadatest.Request) bool { return r.Writes() && r.Object.Resource == "resourcebindings" }))
}

// ends waits until the program has ended because it lost the lease.
func (p *program) losesLease(t *testing.T) {
	t.Helper()
	var exit *exec.ExitError
	if err := p.command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(p.output.String(), errLostLease.Error()) {
		t.Errorf("the former leader ended with %v and said\n%s\nwant status 1 and %q", err, &p.output, errLostLease)
	}
}

func (p *program) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// TestLostLease takes the lease away from a leader, which must not write anything from then on: what it knows is out of date. Another process
// takes over, places each binding once and knows what the former leader has reserved.
func TestLostLease(t *testing.T) {
	e := startElection(t)
	first := e.candidate(t, e.kubeconfig)
	holder := e.leader(t, "")
	e.place(t, "one", "two", "three")
	second := e.candidate(t, e.other)
	var trap *workv1alpha2.ResourceBinding

	t.Run("the leader is stopped and goes on later", func(t *testing.T) {
		first.signal(t, syscall.SIGSTOP)
		holder = e.leader(t, holder)
		e.place(t, "four", "five", "six", "seven", "eight", "nine")
		trap = e.create(t, workload("trap", trapShare))
		eventually(t, "the new leader finds no room for the trap", func(ctx context.Context) (bool, error) {
			err := e.Get(ctx, client.ObjectKeyFromObject(trap), trap)
			c := meta.FindStatusCondition(trap.Status.Conditions, workv1alpha2.ConditionScheduled)
			return c != nil && c.Reason == workv1alpha2.ReasonUnschedulable, err
		})
		before, version := e.patches(t, ourAccount), e.version(t, trap)
		first.signal(t, syscall.SIGCONT)
		first.losesLease(t)
		if after := e.patches(t, ourAccount); after != before {
			t.Errorf("the former leader made %d writes, want none", after-before)
		}
		if now := e.version(t, trap); now != version {
			t.Errorf("the trap was written: it runs on %q", placement(trap))
		}
	})
	t.Run("somebody takes the lease", func(t *testing.T) {
		third := e.candidate(t, e.kubeconfig)
		lease, err := e.lease(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		taken := lease.DeepCopy()
		taken.Spec.HolderIdentity, taken.Spec.RenewTime = ptr.To("thief"), ptr.To(metav1.NowMicro())
		if err := e.Patch(t.Context(), taken, client.MergeFrom(lease)); err != nil {
			t.Fatal(err)
		}
		second.losesLease(t)
		if lease, err := e.lease(t.Context()); err != nil || ptr.Deref(lease.Spec.HolderIdentity, "") != "thief" {
			t.Errorf("the lease is held by %v, %v; want the thief: the former leader gives nothing back that is not its own", lease.Spec.HolderIdentity, err)
		}
		before := e.patches(t, otherAccount)
		e.leader(t, "thief")
		e.place(t, "ten")
		if after := e.patches(t, otherAccount); after != before {
			t.Errorf("the former leader made %d writes, want none", after-before)
		}
		third.stop(t)
	})
	var all workv1alpha2.ResourceBindingList
	if err := e.List(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var taken int32
	for i := range all.Items {
		b := &all.Items[i]
		for _, target := range b.Spec.Clusters {
			taken += target.Replicas
		}
		if b.Name != trap.Name && b.Generation != 2 {
			t.Errorf("%s is at generation %d, want 2: placed once", b.Name, b.Generation)
		}
	}
	if taken != electionRoom {
		t.Errorf("%d replicas are placed, want %d: all but the trap, and no more than there is room for", taken, electionRoom)
	}
}
