package status_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

// TestBurstCostsTheSame creates many Deployments at once and counts writes: caches that lag behind must not cost any.
func TestBurstCostsTheSame(t *testing.T) {
	const n = 40
	env := start(t, "bu1", "bu2")
	env.MustCreate(&policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace, Name: "all"},
		Spec:       policyv1alpha1.PropagationSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment"}}},
	})
	for i := range n {
		env.MustCreate(templatetest.Deployment(env.Namespace, fmt.Sprintf("web-%d", i), 2))
	}
	scheduled := map[string]bool{}
	env.Await("all bindings are made and scheduled", func() error {
		var list workv1alpha2.ResourceBindingList
		if err := env.List(t.Context(), &list, client.InNamespace(env.Namespace)); err != nil {
			return err
		}
		for i := range list.Items {
			b := &list.Items[i]
			if scheduled[b.Name] {
				continue
			}
			before := b.DeepCopy()
			b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "bu1", Replicas: 1}, {Name: "bu2", Replicas: 1}}
			if err := env.Patch(t.Context(), b, client.MergeFrom(before)); err != nil {
				return err
			}
			scheduled[b.Name] = true
		}
		if len(scheduled) < n {
			return fmt.Errorf("%d of %d", len(scheduled), n)
		}
		return nil
	})
	env.Await("all Works are made", func() error {
		var list workv1alpha1.WorkList
		if err := env.List(t.Context(), &list); err != nil {
			return err
		}
		made := slices.DeleteFunc(list.Items, func(w workv1alpha1.Work) bool {
			return w.Annotations[workv1alpha2.BindingNamespaceAnnotation] != env.Namespace
		})
		if len(made) != 2*n {
			return fmt.Errorf("%d of %d", len(made), 2*n)
		}
		return nil
	})
	env.AwaitQuiet(500 * time.Millisecond)
	for part, want := range map[string]int{
		"PATCH /apis/apps/v1/namespaces/" + env.Namespace + "/deployments/":                           n,
		"POST /apis/work.karmada.io/v1alpha2/namespaces/" + env.Namespace + "/resourcebindings":       n,
		"PATCH /apis/work.karmada.io/v1alpha2/namespaces/" + env.Namespace + "/resourcebindings/":     0,
		"POST /apis/work.karmada.io/v1alpha1/namespaces/" + workv1alpha1.ExecutionNamespace("bu"):     2 * n,
		"PATCH /apis/work.karmada.io/v1alpha1/namespaces/" + workv1alpha1.ExecutionNamespace("bu"):    0,
		"PATCH /apis/policy.karmada.io/v1alpha1/namespaces/" + env.Namespace + "/propagationpolicies": 1,
	} {
		writes := slices.DeleteFunc(env.Writes.Containing(part), func(w string) bool { return strings.HasSuffix(w, "/status") })
		if len(writes) != want {
			t.Errorf("%d writes %q, want %d", len(writes), part, want)
		}
	}
	if events := env.Writes.Events(); len(events) > n {
		t.Errorf("%d events for %d Deployments", len(events), n)
	}
}
