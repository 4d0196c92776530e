package e2e

import (
	"context"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

func TestScaling(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "scaling")
	demo.apply(t, ns, deployment("web", 4), policy("web", selectDeployment("web"), weights("member1=1", "member2=2", "member3=1")))
	demo.eventually(t, "4 replicas are divided 1:2:1", demo.runs(ns, "web", map[string]int32{"member1": 1, "member2": 2, "member3": 1}))

	demo.must(t, controlPlane, "", "-n", ns, "scale", "deployment", "web", "--replicas=8")
	demo.eventually(t, "8 replicas are divided 1:2:1", demo.runs(ns, "web", map[string]int32{"member1": 2, "member2": 4, "member3": 2}))

	demo.must(t, controlPlane, "", "-n", ns, "scale", "deployment", "web", "--replicas=1")
	demo.eventually(t, "1 replica is left where the weight is greatest", demo.runs(ns, "web", map[string]int32{"member2": 1}))
}

func TestPolicyChangeMovesTheWorkload(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "policy-change")
	demo.apply(t, ns, deployment("web", 2), policy("web", selectDeployment("web"), copies("member1", "member2")))
	demo.eventually(t, "two members have a copy", demo.runs(ns, "web", map[string]int32{"member1": 2, "member2": 2}))

	demo.apply(t, ns, policy("web", selectDeployment("web"), copies("member2", "member3")))
	demo.eventually(t, "the copy of member1 moved to member3", demo.runs(ns, "web", map[string]int32{"member2": 2, "member3": 2}))

	demo.must(t, controlPlane, "", "-n", ns, "delete", "propagationpolicy", "web")
	demo.eventually(t, "the claim is gone and the copies stay", func(ctx context.Context) error {
		if out, err := demo.kubectl(ctx, controlPlane, "", "-n", ns, "get", "propagationpolicy", "web", "--ignore-not-found", "-o", "name"); err != nil || out != "" {
			return fmt.Errorf("policy is still there: %q, %w", out, err)
		}
		return demo.runsIn(ctx, "member3", ns, "web", 2)
	})
}

func TestTemplateDeletionRemovesEverything(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "template-deletion")
	demo.apply(t, ns, deployment("web", 3), policy("web", selectDeployment("web"), weights("member1=1", "member2=1", "member3=1")))
	demo.eventually(t, "each member has one", demo.runs(ns, "web", map[string]int32{"member1": 1, "member2": 1, "member3": 1}))

	demo.must(t, controlPlane, "", "-n", ns, "delete", "deployment", "web")
	demo.eventually(t, "no member has the Deployment", demo.absent(ns, "deployment", "web", members...))
	demo.eventually(t, "the binding and its Works are gone", func(ctx context.Context) error {
		if out, err := demo.kubectl(ctx, controlPlane, "", "-n", ns, "get", "resourcebindings", "-o", "name"); err != nil || out != "" {
			return fmt.Errorf("bindings are left: %q, %w", out, err)
		}
		out, err := demo.kubectl(ctx, controlPlane, "", "get", "works", "-A", "-o", "name")
		if err != nil {
			return err
		}
		return mentions(out, "/"+workv1alpha1.WorkName(ns, "web", "Deployment")+"\n", false)
	})
}

func TestDriftIsReverted(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "drift")
	demo.apply(t, ns, deployment("web", 2), policy("web", selectDeployment("web"), copies("member1", "member3")))
	want := map[string]int32{"member1": 2, "member3": 2}
	demo.eventually(t, "two members have a copy", demo.runs(ns, "web", want))

	before := uid(t, "member1", ns, "web")
	demo.must(t, "member1", "", "-n", ns, "delete", "deployment", "web")
	demo.eventually(t, "what was deleted by hand is back", func(ctx context.Context) error {
		if now := uid(t, "member1", ns, "web"); now == before || now == "" {
			return fmt.Errorf("uid is %q, as before", now)
		}
		return demo.runs(ns, "web", want)(ctx)
	})

	demo.must(t, "member3", "", "-n", ns, "set", "image", "deployment/web", "app=other")
	demo.eventually(t, "what was edited by hand is as the template says", func(ctx context.Context) error {
		got, _, err := read[appsv1.Deployment](ctx, demo, "member3", ns, "deployment", "web")
		if err != nil {
			return err
		}
		if image := got.Spec.Template.Spec.Containers[0].Image; image != "nginx" || got.Generation < 3 {
			return fmt.Errorf("image is %q at generation %d", image, got.Generation)
		}
		return nil
	})
}

func uid(t *testing.T, cluster, namespace, deployment string) string {
	t.Helper()
	got, _, err := read[appsv1.Deployment](t.Context(), demo, cluster, namespace, "deployment", deployment)
	if err != nil {
		t.Fatal(err)
	}
	return string(got.UID)
}
