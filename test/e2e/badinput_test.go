package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

func TestPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "refused-policies")
	tests := []struct {
		name   string
		policy string
		want   string
	}{
		{
			name:   "unknown value",
			policy: policy("bad", selectDeployment("web"), "{replicaScheduling: {replicaSchedulingType: Scattered}}"),
			want:   `Unsupported value: "Scattered"`,
		},
		{
			name:   "min above max",
			policy: policy("bad", selectDeployment("web"), "{spreadConstraints: [{spreadByField: region, minGroups: 3, maxGroups: 2}]}"),
			want:   "minGroups must not exceed maxGroups",
		},
		{
			name:   "empty selector",
			policy: policy("bad", "[]", "{}"),
			want:   "spec.resourceSelectors",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := demo.refused(t, tt.policy, "-n", ns, "apply", "-f", "-")
			if !strings.Contains(said, tt.want) {
				t.Errorf("kubectl said %q, want it to name %q", said, tt.want)
			}
		})
	}
}

func TestBadPolicyChangeTouchesNothing(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "bad-change")
	demo.apply(t, ns, deployment("web", 2), policy("web", selectDeployment("web"), copies("member1")))
	demo.eventually(t, "the member has it", demo.runs(ns, "web", map[string]int32{"member1": 2}))

	// Valid for the API server, but no cluster has this label: the binding says so.
	demo.apply(t, ns, deployment("lost", 1), policy("lost", selectDeployment("lost"), "{clusterAffinity: {labelSelector: {matchLabels: {no-such: label}}}}"))
	demo.eventually(t, "the binding names the reason", demo.condition("resourcebinding", ns, "lost-deployment", workv1alpha2.ConditionScheduled,
		"False", workv1alpha2.ReasonNoClusterFit, "0/3 clusters are available"))
	if err := demo.runs(ns, "web", map[string]int32{"member1": 2})(t.Context()); err != nil {
		t.Error(err)
	}
}

// condition reports nil once the binding's condition has the status, the reason, and a message that holds part.
func (f *fleet) condition(resource, namespace, name, kind, status, reason, part string) func(context.Context) error {
	return func(ctx context.Context) error {
		got, _, err := read[workv1alpha2.ResourceBinding](ctx, f, controlPlane, namespace, resource, name)
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(got.Status.Conditions, kind)
		if c == nil || string(c.Status) != status || c.Reason != reason || !strings.Contains(c.Message, part) {
			return fmt.Errorf("condition %s is %+v, want %s %s with %q", kind, c, status, reason, part)
		}
		return nil
	}
}

// TestManifestRefusedByOneMember overrides the manifest of one member with something that its API server refuses.
func TestManifestRefusedByOneMember(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "refused-manifest")
	demo.apply(t, ns, `
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: break-member3}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]
  overrideRules:
  - targetCluster: {clusterNames: [member3]}
    overriders:
      plaintext: [{path: /spec/template/spec/restartPolicy, operator: replace, value: Sometimes}]`,
		deployment("web", 2), policy("web", selectDeployment("web"), copies("member1", "member3")))

	demo.eventually(t, "the healthy member runs it", func(ctx context.Context) error { return demo.runsIn(ctx, "member1", ns, "web", 2) })
	demo.eventually(t, "the Work names the cause", func(ctx context.Context) error {
		name := workv1alpha1.WorkName(ns, "web", "Deployment")
		work, _, err := read[workv1alpha1.Work](ctx, demo, controlPlane, workv1alpha1.ExecutionNamespace("member3"), "work", name)
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.ConditionApplied)
		if c == nil || c.Status != "False" || c.Reason != workv1alpha1.ReasonAppliedFailed || !strings.Contains(c.Message, "restartPolicy") {
			return fmt.Errorf("condition Applied is %+v", c)
		}
		return nil
	})
	demo.eventually(t, "the binding is not fully applied", demo.condition("resourcebinding", ns, "web-deployment",
		workv1alpha2.ConditionFullyApplied, "False", workv1alpha2.ReasonFullyAppliedFailed, ""))
	demo.eventually(t, "an event names the cause", func(ctx context.Context) error {
		out, err := demo.kubectl(ctx, controlPlane, "", "-n", workv1alpha1.ExecutionNamespace("member3"), "get", "events")
		if err != nil {
			return err
		}
		return mentions(out, "restartPolicy", true)
	})
}

func TestJoinSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(broken, []byte("clusters: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{name: "kubeconfig that does not parse", args: []string{"member9", "--cluster-kubeconfig", broken}, want: broken},
		{name: "kubeconfig that is not there", args: []string{"member9", "--cluster-kubeconfig", broken + "-not"}, want: broken + "-not"},
		{name: "joined before", args: []string{"member9", "--cluster-kubeconfig", demo.kubeconfig("member1")}, want: "member1"},
		{name: "bad name", args: []string{"Member_9", "--cluster-kubeconfig", demo.kubeconfig("member1")}, want: "Member_9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"join", "--kubeconfig", demo.kubeconfig(controlPlane)}, tt.args...)
			_, err := demo.command(t.Context(), "", filepath.Join(demo.bin, "longshore"), args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("join said %v, want it to name %q", err, tt.want)
			}
		})
	}
}
